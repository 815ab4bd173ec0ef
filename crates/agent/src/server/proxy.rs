//! The way to the server through an HTTP proxy, as `HTTPS_PROXY` and `NO_PROXY` say.

use std::{env, fmt, io, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
};

/// The longest answer of a proxy to CONNECT.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// Why nothing was reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("the name {host} cannot be looked up: {source}")]
    Lookup { host: String, source: io::Error },
    #[error("the proxy {proxy} does not lead there: {source}")]
    Proxy { proxy: String, source: io::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Which proxy to use for what. Cheap to clone.
#[derive(Clone, Default)]
pub struct ProxySettings {
    proxy: Option<Proxy>,
    exceptions: Vec<Exception>,
}

#[derive(Clone)]
struct Proxy {
    host: String,
    port: u16,
    authorization: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    Host(String),
    Below(String),
    Network(IpAddr, u8),
}

impl ProxySettings {
    /// What the environment says.
    pub fn from_environment() -> Self {
        let variable = |upper: &str, lower: &str| {
            env::var(upper).or_else(|_| env::var(lower)).ok().filter(|value| !value.trim().is_empty())
        };
        Self::new(
            variable("HTTPS_PROXY", "https_proxy").as_deref(),
            variable("NO_PROXY", "no_proxy").as_deref(),
        )
    }

    /// From the values of the two variables. A proxy whose URL cannot be used is reported and left out.
    pub fn new(proxy: Option<&str>, exceptions: Option<&str>) -> Self {
        let proxy = proxy.and_then(|url| {
            let parsed = parse_proxy(url);
            if parsed.is_none() {
                tracing::warn!("HTTPS_PROXY is not an http:// URL; dialling directly");
            }
            parsed
        });
        let exceptions = exceptions.unwrap_or_default().split(',').filter_map(parse_exception).collect();
        ProxySettings { proxy, exceptions }
    }

    /// Connects to `host`, through the proxy unless it is an exception.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ReachError> {
        let stream = match self.proxy.as_ref().filter(|_| !self.is_exception(host)) {
            None => {
                let addresses = lookup_host((host, port)).await.map(Iterator::collect::<Vec<_>>);
                let addresses =
                    addresses.map_err(|source| ReachError::Lookup { host: host.to_owned(), source })?;
                TcpStream::connect(&addresses[..]).await?
            }
            Some(proxy) => {
                let fail =
                    |source| ReachError::Proxy { proxy: format!("{}:{}", proxy.host, proxy.port), source };
                let mut stream = TcpStream::connect((proxy.host.as_str(), proxy.port)).await.map_err(fail)?;
                proxy.tunnel(&mut stream, host, port).await.map_err(fail)?;
                stream
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn is_exception(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.exceptions.iter().any(|exception| match exception {
            Exception::Everything => true,
            Exception::Host(name) => {
                *name == host || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            Exception::Below(suffix) => host.ends_with(suffix.as_str()),
            Exception::Network(network, bits) => {
                address.is_some_and(|address| within(address, *network, *bits))
            }
        })
    }
}

impl Proxy {
    async fn tunnel(&self, stream: &mut TcpStream, host: &str, port: u16) -> io::Result<()> {
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(authorization);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the empty line belongs to the server.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= MAX_ANSWER_BYTES {
                return Err(io::Error::other("the proxy's answer is too long"));
            }
            answer.push(stream.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default();
        match line.split(' ').nth(1) {
            Some(status) if line.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
            _ => Err(io::Error::other(format!("it answered {line:?}"))),
        }
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host, proxy.port));
        formatter.debug_struct("ProxySettings").field("proxy", &proxy).finish_non_exhaustive()
    }
}

fn parse_proxy(url: &str) -> Option<Proxy> {
    let url = if url.contains("://") { url.trim().to_owned() } else { format!("http://{}", url.trim()) };
    let uri: Uri = url.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let authority = uri.authority()?;
    let authorization =
        authority.as_str().rsplit_once('@').map(|(user, _)| STANDARD.encode(percent_decoded(user)));
    Some(Proxy {
        host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: authority.port_u16().unwrap_or(80),
        authorization,
    })
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let value = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    decoded
}

fn parse_exception(text: &str) -> Option<Exception> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if text == "*" {
        return Some(Exception::Everything);
    }
    if let Some((address, bits)) = text.split_once('/') {
        return Some(Exception::Network(address.parse().ok()?, bits.parse().ok()?));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Exception::Network(address, if address.is_ipv4() { 32 } else { 128 }));
    }
    let name = text.trim_start_matches('*');
    Some(if name.starts_with('.') {
        Exception::Below(name.to_owned())
    } else {
        Exception::Host(name.to_owned())
    })
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, length) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(address.to_bits()), network.to_bits().into(), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    bits <= length && (bits == 0 || (address ^ network) >> (length - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions() {
        let settings = ProxySettings::new(
            Some("http://proxy:3128"),
            Some(" .svc, example.com ,10.52.0.0/16,192.0.2.7,fd00::/8,*.lab"),
        );
        let check = |host: &str, expect: bool| assert_eq!(settings.is_exception(host), expect, "{host}");
        check("kubernetes.default.svc", true);
        check("svc", false);
        check("example.com", true);
        check("a.Example.com", true);
        check("badexample.com", false);
        check("10.52.3.4", true);
        check("10.53.3.4", false);
        check("192.0.2.7", true);
        check("192.0.2.8", false);
        check("fd12::1", true);
        check("fe80::1", false);
        check("x.lab", true);
        assert!(ProxySettings::new(Some("p:1"), Some("*")).is_exception("anything"));
    }

    #[test]
    fn proxies() {
        let proxy = parse_proxy("http://me:p%40ss@proxy.example:3128/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        assert_eq!(proxy.authorization.unwrap(), STANDARD.encode("me:p@ss"));
        assert_eq!(parse_proxy("proxy.example").unwrap().port, 80);
        assert!(parse_proxy("socks5://proxy.example").is_none());
        assert!(!format!("{:?}", ProxySettings::new(Some("http://me:hush@p"), None)).contains("hush"));
    }
}
