//! URLs as Go's `net/url` reads them, with its words for what is wrong: an admin reads those words in the setting's
//! condition, and searches the web for them.

/// A URL that can be fetched, or nearly so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GoUrl {
    /// Lower case, or `""`.
    pub(super) scheme: String,
    /// Without brackets.
    pub(super) host: String,
    /// As written, or `""`.
    pub(super) port: String,
    /// Path and query as they are sent.
    pub(super) target: String,
    /// The whole, as Go prints it.
    pub(super) text: String,
}

impl GoUrl {
    /// Parses, or says why not in Go's words (without the `parse "…": ` in front).
    pub(super) fn parse(raw: &str) -> Result<GoUrl, String> {
        if raw.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let without_fragment = raw.split_once('#').map_or(raw, |(before, _)| before);
        let (scheme, rest) = split_scheme(without_fragment)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        if scheme.is_empty() && !rest.starts_with('/') {
            let first_segment = rest.split('/').next().unwrap_or("");
            if first_segment.contains(':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => match rest.find('/') {
                Some(index) => (Some(&rest[..index]), &rest[index..]),
                None => (Some(rest), ""),
            },
            None => (None, rest),
        };
        let (host, port) = authority.map_or(Ok((String::new(), String::new())), split_authority)?;
        check_escapes(path)?;
        let path = escape_path(path);
        let query = query.map(|query| format!("?{}", escape_query(query))).unwrap_or_default();
        let target = if path.is_empty() { format!("/{query}") } else { format!("{path}{query}") };
        let prefix = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
        let authority = authority.map(|authority| format!("//{authority}")).unwrap_or_default();
        let text = format!("{prefix}{authority}{path}{query}");
        Ok(GoUrl { scheme, host, port, target, text })
    }

    /// The port that is dialled.
    pub(super) fn dial_port(&self) -> u16 {
        self.port.parse().unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// The `Host` header.
    pub(super) fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port.is_empty() { host } else { format!("{host}:{}", self.port) }
    }

    /// Where a `Location` leads from here.
    pub(super) fn join(&self, location: &str) -> Result<GoUrl, String> {
        let origin = format!("{}://{}", self.scheme, self.host_header());
        if location.starts_with("//") {
            return GoUrl::parse(&format!("{}:{location}", self.scheme));
        }
        if location.starts_with('/') {
            return GoUrl::parse(&format!("{origin}{location}"));
        }
        if !split_scheme(location)?.0.is_empty() {
            return GoUrl::parse(location);
        }
        let path = self.target.split('?').next().unwrap_or("/");
        let folder = &path[..path.rfind('/').map_or(0, |index| index + 1)];
        GoUrl::parse(&format!("{origin}{folder}{location}"))
    }
}

/// Go's `%q`.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn split_scheme(raw: &str) -> Result<(String, &str), String> {
    for (index, character) in raw.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err("missing protocol scheme".into()),
            ':' => return Ok((raw[..index].to_lowercase(), &raw[index + 1..])),
            _ => break,
        }
    }
    Ok((String::new(), raw))
}

fn split_authority(authority: &str) -> Result<(String, String), String> {
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, rest) = match host_port.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("missing ']' in host")?,
        None => match host_port.rfind(':') {
            Some(index) => host_port.split_at(index),
            None => (host_port, ""),
        },
    };
    if let Some(port) = rest.strip_prefix(':') {
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("invalid port {} after host", quote(rest)));
        }
    } else if !rest.is_empty() {
        return Err(format!("invalid port {} after host", quote(rest)));
    }
    if let Some(bad) = host.chars().find(|character| " <>\"{}|\\^`".contains(*character)) {
        return Err(format!("invalid character {} in host name", quote(&bad.to_string())));
    }
    Ok((host.to_owned(), rest.trim_start_matches(':').to_owned()))
}

fn check_escapes(path: &str) -> Result<(), String> {
    let bytes = path.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if *byte != b'%' {
            continue;
        }
        let digits = bytes.get(index + 1..index + 3).unwrap_or_default();
        if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            let end = bytes.len().min(index + 3);
            let shown = String::from_utf8_lossy(&bytes[index..end]);
            return Err(format!("invalid URL escape {}", quote(&shown)));
        }
    }
    Ok(())
}

fn escape_path(path: &str) -> String {
    escape(path, b"-_.~!$&'()*+,;=:@/[]%")
}

fn escape_query(query: &str) -> String {
    // Go sends the query as it was written; what an HTTP request line cannot hold must be escaped all the same.
    escape(query, b"-_.~!$&'()*+,;=:@/[]%?{}|\\^`\"<>")
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_gos_words() {
        for (raw, expected) in [
            (r#"{"url":5}"#, "first path segment in URL cannot contain colon"),
            (":x", "missing protocol scheme"),
            ("http://a:b/", "invalid port \":b\" after host"),
            ("http://a b/", "invalid character \" \" in host name"),
            ("http://a/%zz", "invalid URL escape \"%zz\""),
            ("http://a/\n", "net/url: invalid control character in URL"),
        ] {
            assert_eq!(GoUrl::parse(raw).unwrap_err(), expected, "{raw}");
        }
    }

    #[test]
    fn parts_are_found_and_printed_as_go_prints_them() {
        for (raw, scheme, host, port, target, text) in [
            (
                "http://h:9080/a/b.yaml?x=1#f",
                "http",
                "h",
                9080,
                "/a/b.yaml?x=1",
                "http://h:9080/a/b.yaml?x=1",
            ),
            ("HTTPS://h", "https", "h", 443, "/", "https://h"),
            ("https://[::1]:7/x y", "https", "::1", 7, "/x%20y", "https://[::1]:7/x%20y"),
            ("not a url at all", "", "", 80, "not%20a%20url%20at%20all", "not%20a%20url%20at%20all"),
            ("ftp://x/y", "ftp", "x", 80, "/y", "ftp://x/y"),
            ("{bad json", "", "", 80, "%7Bbad%20json", "%7Bbad%20json"),
        ] {
            let url = GoUrl::parse(raw).unwrap();
            let found = (url.scheme.as_str(), url.host.as_str(), url.dial_port(), url.target.as_str());
            assert_eq!(found, (scheme, host, port, target), "{raw}");
            assert_eq!(url.text, text);
        }
    }

    #[test]
    fn locations_are_followed_from_where_one_is() {
        let base = GoUrl::parse("http://h:1/a/b?c").unwrap();
        for (location, expected) in [
            ("/x", "http://h:1/x"),
            ("x?y", "http://h:1/a/x?y"),
            ("//other/z", "http://other/z"),
            ("https://s/", "https://s/"),
        ] {
            assert_eq!(base.join(location).unwrap().text, expected);
        }
    }
}
