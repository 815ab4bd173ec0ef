//! The HTTP front.

pub mod proxy;

pub use grange_apiserver::Body;
