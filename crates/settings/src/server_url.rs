//! The address people and clusters reach the server by, and who can be expected to reach it.
use std::net::IpAddr;

/// The address people and agents use, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(String);

/// Why a server URL cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an address like https://grange.example.org:8443, with nothing behind host and port")]
pub struct ServerUrlError(String);

/// From where an address can be reached, as far as it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing speaks against it.
    Elsewhere,
    /// Only from this machine.
    Loopback,
    /// From nowhere: it means "any address of this machine".
    Unspecified,
    /// Only from the same network segment.
    LinkLocal,
    /// Only where somebody completes the name with a domain.
    SingleLabel,
    /// Only from the same network segment, where names ending in `.local` are announced.
    MulticastName,
}

impl ServerUrl {
    /// Reads `https://host[:port]`; a path, query or other scheme is refused.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let refuse = || ServerUrlError(text.to_owned());
        let uri: http::Uri = text.parse().map_err(|_| refuse())?;
        let is_plain = uri.scheme_str() == Some("https")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
            && !text.contains(['@', '#']);
        let authority = uri.authority().filter(|_| is_plain).ok_or_else(refuse)?;
        // A port that is no number is taken for none, but would end up in addresses.
        let has_bad_port =
            authority.port().is_some_and(|port| port.as_u16() == 0) || authority.as_str().ends_with(':');
        if authority.host().trim_matches(['[', ']']).is_empty() || has_bad_port {
            return Err(refuse());
        }
        Ok(ServerUrl(format!("https://{}", authority.as_str().to_ascii_lowercase())))
    }
    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Host and port as they stand in the URL.
    pub fn authority(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or(&self.0)
    }
    /// The host alone, without brackets.
    pub fn host(&self) -> String {
        self.0
            .parse::<http::Uri>()
            .ok()
            .and_then(|uri| uri.host().map(|host| host.trim_matches(['[', ']']).to_owned()))
            .unwrap_or_default()
    }
    /// An address under the server.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
    /// From where it can be reached.
    pub fn reach(&self) -> Reach {
        let host = self.host();
        if let Ok(address) = host.parse::<IpAddr>() {
            return reach_of(address.to_canonical());
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        match last {
            "localhost" => Reach::Loopback,
            "local" if name.contains('.') => Reach::MulticastName,
            _ if !name.contains('.') => Reach::SingleLabel,
            _ => Reach::Elsewhere,
        }
    }
}

fn reach_of(address: IpAddr) -> Reach {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_loopback() {
        Reach::Loopback
    } else if address.is_unspecified() {
        Reach::Unspecified
    } else if is_link_local {
        Reach::LinkLocal
    } else {
        Reach::Elsewhere
    }
}

impl Reach {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Reach::Elsewhere => "elsewhere",
            Reach::Loopback => "loopback",
            Reach::Unspecified => "unspecified",
            Reach::LinkLocal => "link-local",
            Reach::SingleLabel => "single-label",
            Reach::MulticastName => "multicast-name",
        }
    }
    /// What a person should know before clusters elsewhere are told this address; `None` when nothing speaks against it.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Reach::Elsewhere => None,
            Reach::Loopback => {
                Some("Only this machine itself reaches this address; a cluster elsewhere would reach itself.")
            }
            Reach::Unspecified => {
                Some("This is no address that anybody can connect to; use the machine's own address or name.")
            }
            Reach::LinkLocal => Some("Only machines on the same network segment reach this address."),
            Reach::SingleLabel => Some(
                "This name has no domain; a cluster elsewhere cannot look it up. Use the full name or an address.",
            ),
            Reach::MulticastName => Some(
                "Names ending in .local are found only on the same network segment, and rarely by clusters.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_urls() {
        let good = ServerUrl::parse("https://grange.example.org:8443/").expect("a good URL");
        assert_eq!(good.as_str(), "https://grange.example.org:8443");
        assert_eq!(
            (good.host().as_str(), good.authority()),
            ("grange.example.org", "grange.example.org:8443")
        );
        assert_eq!(ServerUrl::parse("https://[::1]:8443").expect("IPv6").host(), "::1");
        assert_eq!(
            ServerUrl::parse("https://Grange.Example").expect("capitals").as_str(),
            "https://grange.example"
        );
        for bad in [
            "http://a",
            "a:8443",
            "",
            "https://",
            "https://a/path",
            "https://a?b",
            "https://u:p@a",
            "https://a:",
            "https://a:0",
            "https://a b",
            "https://[]",
        ] {
            assert!(ServerUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_that_clusters_elsewhere_cannot_reach_are_known() {
        for (url, reach) in [
            ("https://grange.example.org", Reach::Elsewhere),
            ("https://10.0.0.7:8443", Reach::Elsewhere),
            ("https://[2001:db8::1]", Reach::Elsewhere),
            ("https://localhost:8443", Reach::Loopback),
            ("https://gate.localhost", Reach::Loopback),
            ("https://127.8.8.8", Reach::Loopback),
            ("https://[::1]", Reach::Loopback),
            ("https://[::ffff:127.0.0.1]", Reach::Loopback),
            ("https://0.0.0.0:8443", Reach::Unspecified),
            ("https://[::]", Reach::Unspecified),
            ("https://169.254.1.1", Reach::LinkLocal),
            ("https://[fe80::1]", Reach::LinkLocal),
            ("https://grange:8443", Reach::SingleLabel),
            ("https://grange.local", Reach::MulticastName),
        ] {
            let found = ServerUrl::parse(url).expect(url).reach();
            assert_eq!(found, reach, "{url}");
            assert_eq!(found.warning().is_none(), reach == Reach::Elsewhere, "{url}");
        }
    }
}
