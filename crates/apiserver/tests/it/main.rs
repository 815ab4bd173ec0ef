//! The server as its clients see it, through `Handle::call`: no sockets.
mod support;

mod crud;
