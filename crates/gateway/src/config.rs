//! What the gateway is told: addresses, certificates, limits.
use std::{net::SocketAddr, path::PathBuf, time::Duration};

use grange_settings::ServerUrl;

use crate::Console;

/// Where TLS certificates come from.
#[derive(Clone, Debug)]
pub enum TlsSource {
    /// A certificate authority and a server certificate of our own, made on first start and kept in this folder.
    SelfSigned {
        /// Where they are kept.
        folder: PathBuf,
    },
    /// Given files (PEM), read again when they change.
    Files {
        /// The certificate chain.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// Bounds of the front. Every one is a named constant by default; tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one address; loopback addresses are only bound by the total.
    pub connections_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's header may take, idle time before it included. Above the 90 s after which Go and Rust
    /// clients drop idle connections, so that it is they who close.
    pub header: Duration,
    /// Size of a request's header in all.
    pub header_bytes: usize,
    /// Streams open at once on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// How long running requests may take once the server is told to stop.
    pub shutdown: Duration,
}

/// See [`Limits::connections`]. Ten thousand clusters hold two each.
pub const MAX_CONNECTIONS: usize = 32_768;
/// See [`Limits::connections_per_address`].
pub const MAX_CONNECTIONS_PER_ADDRESS: usize = 4_096;
/// See [`Limits::handshake`].
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// See [`Limits::header`].
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(95);
/// See [`Limits::header_bytes`].
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// See [`Limits::streams_per_connection`].
pub const MAX_STREAMS_PER_CONNECTION: u32 = 250;
/// See [`Limits::shutdown`].
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: MAX_CONNECTIONS,
            connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            handshake: HANDSHAKE_TIMEOUT,
            header: HEADER_TIMEOUT,
            header_bytes: MAX_HEADER_BYTES,
            streams_per_connection: MAX_STREAMS_PER_CONNECTION,
            shutdown: SHUTDOWN_TIMEOUT,
        }
    }
}

/// What the gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 picks one.
    pub listen: SocketAddr,
    /// The address the server goes by when it starts: its certificate has this name from the first moment.
    pub server_url: ServerUrl,
    /// The certificates.
    pub tls: TlsSource,
    /// The version shown to people.
    pub version: String,
    /// The web console.
    pub console: Console,
    /// The bounds.
    pub limits: Limits,
}
