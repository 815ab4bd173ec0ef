//! The server's URL, taken apart once.

use std::fmt;

use http::Uri;
use rustls_pki_types::ServerName;

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Host and port as in the URL, for `Host`.
    pub authority: String,
    /// What stands before every path of the server; empty or `/something`.
    pub prefix: String,
    /// The name its certificate must carry.
    pub server_name: ServerName<'static>,
}

/// A URL that is no server's.
#[derive(Debug, thiserror::Error)]
#[error("the server's URL {url:?} cannot be used: {reason}")]
pub struct ServerUrlError {
    url: String,
    reason: String,
}

impl ServerUrl {
    /// Takes an `https://` URL apart.
    pub fn parse(url: &str) -> Result<Self, ServerUrlError> {
        let wrong = |reason: &str| ServerUrlError { url: url.to_owned(), reason: reason.to_owned() };
        let uri: Uri = url.trim().parse().map_err(|error| wrong(&format!("{error}")))?;
        if uri.scheme_str() != Some("https") {
            return Err(wrong("it does not begin with https://"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it contains a user name"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let server_name =
            ServerName::try_from(host.clone()).map_err(|_| wrong("its host is no name or address"))?;
        Ok(ServerUrl {
            port: authority.port_u16().unwrap_or(443),
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            host,
            server_name,
        })
    }

    /// A path of the server as it goes into a request.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let check = |url: &str, expect: Result<(&str, u16, &str), &str>| match (ServerUrl::parse(url), expect)
        {
            (Ok(read), Ok((host, port, prefix))) => {
                assert_eq!((read.host.as_str(), read.port, read.prefix.as_str()), (host, port, prefix));
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (read, expect) => panic!("{url}: {read:?}, expected {expect:?}"),
        };
        check("https://grange.example", Ok(("grange.example", 443, "")));
        check("https://grange.example:8443/", Ok(("grange.example", 8443, "")));
        check("https://[::1]:8443/below/", Ok(("::1", 8443, "/below")));
        check("http://grange.example", Err("https://"));
        check("https://user:word@grange.example", Err("user name"));
        check("https://grange.example/?a=b", Err("query"));
        check("nonsense", Err("https://"));
        assert_eq!(ServerUrl::parse("https://h/p/").unwrap().path("/v3/connect"), "/p/v3/connect");
    }
}
