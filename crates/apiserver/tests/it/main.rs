//! The server as its clients see it, through `Handle::call`: no sockets.
mod support;

mod access;
mod applying;
mod client;
mod crud;
mod definitions;
mod deletion;
mod discovery;
mod events;
mod extending;
mod namespaces;
mod quotas;
mod requests;
mod rules;
mod tokens;
mod watching;
