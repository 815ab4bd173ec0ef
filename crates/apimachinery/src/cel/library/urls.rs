//! URLs: absolute ones and absolute paths.

use std::{collections::BTreeMap, sync::Arc};

use super::{Failure, Row, Site, Value, operators, unfit};
use crate::{
    cel::value::{Key, Text},
    field_error::quote,
    schema::formats,
};

pub(super) const ROWS: &[Row] = &[
    ("url(string): URL", |args, _| match args {
        [Value::String(text)] => Url::parse(text).map(|url| Value::Url(Arc::new(url))),
        _ => unfit(),
    }),
    ("isURL(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(Url::parse(text).is_ok())),
        _ => unfit(),
    }),
    ("URL.getScheme(): string", |args, _| part(args, |url| url.scheme.clone())),
    ("URL.getHost(): string", |args, _| part(args, |url| url.host.clone())),
    ("URL.getHostname(): string", |args, _| part(args, |url| url.host_and_port().0.to_owned())),
    ("URL.getPort(): string", |args, _| part(args, |url| url.host_and_port().1.to_owned())),
    ("URL.getEscapedPath(): string", |args, _| part(args, |url| url.path.clone())),
    ("URL.getQuery(): map(string, list(string))", query),
];

/// A URL in parts.
#[derive(Debug)]
pub(crate) struct Url {
    text: String,
    scheme: String,
    /// With the port.
    host: String,
    path: String,
    query: String,
}

impl Url {
    fn parse(text: &str) -> Result<Url, Failure> {
        if !formats::fits(formats::Format::Uri, text) {
            let why = format!("parse {}: invalid URI for request", quote(text));
            return Err(Failure::error(format!("URL parse error during conversion from string: {why}")));
        }
        let plain = text.split('#').next().unwrap_or_default();
        let (plain, query) = plain.split_once('?').unwrap_or((plain, ""));
        let (scheme, rest) = match plain.split_once(':') {
            Some((scheme, rest)) if !plain.starts_with('/') => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), plain),
        };
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        // What is not a path is opaque.
        let path = if path.starts_with('/') { path } else { "" };
        Ok(Url {
            text: text.to_owned(),
            scheme,
            host: host.to_owned(),
            path: escaped(path),
            query: query.to_owned(),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn host_and_port(&self) -> (&str, &str) {
        let end = self.host.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match self.host[end..].rfind(':') {
            Some(at) => (&self.host[..end + at], &self.host[end + at + 1..]),
            None => (self.host.as_str(), ""),
        };
        (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
    }
}

/// A path with everything escaped that may not stand in one; what is escaped well already stays as it is.
fn escaped(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    if path.bytes().all(|byte| is_plain(byte) || b"%!'()*[]".contains(&byte)) {
        return path.to_owned();
    }
    let mut escaped = String::with_capacity(path.len());
    for byte in decoded(path, false).unwrap_or_default() {
        match is_plain(byte) {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A part of a query; `None` where its escapes are broken.
fn unescaped(text: &str) -> Option<String> {
    decoded(text, true).map(|plain| String::from_utf8_lossy(&plain).into_owned())
}

/// The bytes that a text with escapes stands for; in a query a plus is a space.
fn decoded(text: &str, is_query: bool) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' if is_query => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(plain)
}

fn part<'a>(args: &[Value<'a>], of: fn(&Url) -> String) -> Result<Value<'a>, Failure> {
    let [Value::Url(url)] = args else { return unfit() };
    Ok(Value::text(of(url)))
}

fn query<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Url(url)] = args else { return unfit() };
    site.meter.work(url.query.len() as u64 * operators::LIST_ITEM_WORK)?;
    let mut entries: BTreeMap<Key<'a>, Vec<Value<'a>>> = BTreeMap::new();
    for pair in url.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let (Some(key), Some(value)) = (unescaped(key), unescaped(value)) {
            entries.entry(Key::String(Text::Shared(key.into()))).or_default().push(Value::text(value));
        }
    }
    Ok(operators::made_map(entries.into_iter().map(|(key, values)| (key, Value::list(values))).collect()))
}
