//! Reaching and trusting the Grange server.

mod address;
mod connect;
mod proxy;
mod trust;

pub use address::{ServerUrl, ServerUrlError};
pub use connect::{ConnectError, Connector};
pub use proxy::ProxySettings;
pub(crate) use trust::hexadecimal;
