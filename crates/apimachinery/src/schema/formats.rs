//! The formats of strings and numbers that Kubernetes checks.

use std::{net::Ipv6Addr, str::FromStr, sync::LazyLock};

use regex::Regex;

/// A format that is checked; others are documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    BsonObjectId,
    Byte,
    Cidr,
    CreditCard,
    Date,
    DateTime,
    Double,
    Duration,
    Email,
    Float,
    HexColor,
    Hostname,
    Int32,
    Int64,
    Ipv4,
    Ipv6,
    Isbn,
    Isbn10,
    Isbn13,
    LongName,
    Mac,
    Password,
    RgbColor,
    ShortName,
    Ssn,
    Uri,
    Uuid,
    Uuid3,
    Uuid4,
    Uuid5,
}

/// Largest compiled pattern of a format, bytes; a host's name may be of all letters and symbols there are.
const MAX_PATTERN_SIZE_BYTES: usize = 10 * 1024 * 1024;

/// Formats with the names they are told by.
const NAMES: &[(&str, Format)] = &[
    ("bsonobjectid", Format::BsonObjectId),
    ("byte", Format::Byte),
    ("cidr", Format::Cidr),
    ("creditcard", Format::CreditCard),
    ("date", Format::Date),
    ("date-time", Format::DateTime),
    ("double", Format::Double),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("float", Format::Float),
    ("hexcolor", Format::HexColor),
    ("hostname", Format::Hostname),
    ("int32", Format::Int32),
    ("int64", Format::Int64),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("isbn", Format::Isbn),
    ("isbn10", Format::Isbn10),
    ("isbn13", Format::Isbn13),
    ("k8s-long-name", Format::LongName),
    ("mac", Format::Mac),
    ("password", Format::Password),
    ("rgbcolor", Format::RgbColor),
    ("k8s-short-name", Format::ShortName),
    ("ssn", Format::Ssn),
    ("uri", Format::Uri),
    ("uuid", Format::Uuid),
    ("uuid3", Format::Uuid3),
    ("uuid4", Format::Uuid4),
    ("uuid5", Format::Uuid5),
];

impl Format {
    /// The format of values of a type (`""` is any); `None` if nothing is checked. Dashes do not count.
    pub(crate) fn parse(kind: &str, name: &str) -> Option<Format> {
        let plain = |name: &str| name.replace('-', "");
        let format =
            NAMES.iter().find(|(known, _)| plain(known) == plain(name)).map(|(_, format)| *format)?;
        let wanted = match format {
            Format::Int32 | Format::Int64 => "integer",
            Format::Float | Format::Double => "number",
            _ => "string",
        };
        (kind == wanted || (kind.is_empty() && wanted == "string")).then_some(format)
    }
    /// The name it is told by.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

/// Whether a text has a format. Formats of numbers are not about texts.
pub(crate) fn fits(format: Format, text: &str) -> bool {
    match format {
        Format::Double | Format::Float | Format::Int32 | Format::Int64 | Format::Password => true,
        Format::BsonObjectId => text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        Format::Byte => is_base64(text),
        Format::Cidr => is_cidr(text),
        Format::CreditCard => is_credit_card(text),
        Format::Date => is_date(text),
        Format::DateTime => is_date_time(text),
        Format::Duration => is_duration(text),
        Format::Email => is_email(text),
        Format::HexColor => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        Format::Hostname => is_hostname(text),
        Format::Ipv4 => is_sloppy_ipv4(text) || (text.contains('.') && Ipv6Addr::from_str(text).is_ok()),
        Format::Ipv6 => Ipv6Addr::from_str(text).is_ok(),
        Format::Isbn => is_isbn10(text) || is_isbn13(text),
        Format::Isbn10 => is_isbn10(text),
        Format::Isbn13 => is_isbn13(text),
        Format::LongName => crate::name::dns1123_subdomain(text).is_ok(),
        Format::Mac => is_mac(text),
        Format::RgbColor => RGB_COLOR.is_match(text),
        Format::ShortName => crate::name::dns1123_label(text).is_ok(),
        Format::Ssn => SSN.is_match(text),
        Format::Uri => is_uri(text),
        Format::Uuid => is_uuid(text, None),
        Format::Uuid3 => is_uuid(text, Some('3')),
        Format::Uuid4 => is_uuid(text, Some('4')),
        Format::Uuid5 => is_uuid(text, Some('5')),
    }
}

fn regex(pattern: &str) -> Regex {
    crate::pattern::compile(pattern, MAX_PATTERN_SIZE_BYTES).expect("invariant: a constant pattern compiles")
}

static RGB_COLOR: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])";
    regex(&format!(r"^rgb\(\s*{part}\s*,\s*{part}\s*,\s*{part}\s*\)$"))
});
static SSN: LazyLock<Regex> = LazyLock::new(|| regex(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$"));
static CARD: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$",
    )
});
static TIME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|([+-]\d{2}:\d{2}))$"));
static HOSTNAME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$",
    )
});
static GO_DURATION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$"));
pub(super) static LONG_DURATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)(\d+)\s*(ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)")
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let atom = r"[^\s()<>\[\]:;@\\,.\x22\x00-\x20\x7f]+";
    let address =
        format!(r"({atom}(\.{atom})*|\x22([^\x22\\\r\n]|\\.)*\x22)@({atom}(\.{atom})*|\[[^\[\]\s]+\])");
    regex(&format!(r"^\s*({address}|[^<>@]*<{address}>)\s*$"))
});

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Leading zeros are taken, as Kubernetes always took them.
fn is_sloppy_ipv4(text: &str) -> bool {
    let mut parts = 0;
    text.split('.').all(|part| {
        parts += 1;
        !part.is_empty()
            && part.len() <= 16
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u64>().is_ok_and(|number| number <= 255)
    }) && parts == 4
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let longest = match address {
        address if is_sloppy_ipv4(address) => 32,
        address if Ipv6Addr::from_str(address).is_ok() => 128,
        _ => return false,
    };
    length.bytes().all(|byte| byte.is_ascii_digit())
        && length.parse::<u32>().is_ok_and(|length| length <= longest)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts = text.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    is_date(date)
        && TIME
            .captures(time)
            .is_some_and(|found| &found[1] <= "23" && &found[2] <= "59" && &found[3] <= "59")
}

fn is_duration(text: &str) -> bool {
    GO_DURATION.is_match(text) || LONG_DURATION.is_match(text)
}

fn is_email(text: &str) -> bool {
    EMAIL.is_match(text)
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 255 && HOSTNAME.is_match(text) && text.split('.').all(|label| label.len() <= 63)
}

fn is_mac(text: &str) -> bool {
    let separated = |separator: char, width: usize, counts: &[usize]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len())
            && parts
                .iter()
                .all(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    separated(':', 2, &[6, 8, 20]) || separated('-', 2, &[6, 8, 20]) || separated('.', 4, &[3, 4, 10])
}

/// An absolute URI or an absolute path.
fn is_uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) || !escapes_are_whole(text) {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let authority =
        rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    is_scheme && authority.is_none_or(is_authority)
}

fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

fn is_authority(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) if Ipv6Addr::from_str(address).is_ok() => ("", port),
        Some(_) => return false,
        None => host.split_at(host.rfind(':').unwrap_or(host.len())),
    };
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    port_fits && !host.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '}', '|', ':'])
}

fn is_uuid(text: &str, version: Option<char>) -> bool {
    // Each of the four dashes may be there or not.
    let mut groups = [""; 5];
    let mut rest = text;
    for (group, length) in groups.iter_mut().zip([8, 4, 4, 4, 12]) {
        let Some((digits, behind)) = rest.split_at_checked(length) else { return false };
        *group = digits;
        rest = if length == 12 { behind } else { behind.strip_prefix('-').unwrap_or(behind) };
    }
    let is_variant = |group: &str| group.starts_with(['8', '9', 'a', 'b', 'A', 'B']);
    rest.is_empty()
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && version
            .is_none_or(|version| groups[2].starts_with(version) && (version == '3' || is_variant(groups[3])))
}

fn isbn_digits(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && *character != '-').collect()
}

fn is_isbn10(text: &str) -> bool {
    let text = isbn_digits(text);
    if text.len() != 10 || !text.is_ascii() {
        return false;
    }
    let mut sum = 0;
    for (at, character) in (1_u32..).zip(text.chars()) {
        match character.to_digit(10) {
            Some(digit) => sum += at * digit,
            None if at == 10 && matches!(character, 'X' | 'x') => sum += 10 * 10,
            None => return false,
        }
    }
    sum.is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let text = isbn_digits(text);
    if text.len() != 13 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let weighted = text.bytes().enumerate().map(|(at, byte)| {
        let weight = if at % 2 == 0 { 1 } else { 3 };
        weight * u32::from(byte - b'0')
    });
    weighted.sum::<u32>().is_multiple_of(10)
}

fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !CARD.is_match(&digits) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            match (at % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled >= 10 => doubled % 10 + 1,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        for (kind, name, good, bad) in [
            (
                "string",
                "bsonobjectid",
                &["5f0000000000000000000abc"][..],
                &["5f", "zz0000000000000000000abc"][..],
            ),
            ("string", "byte", &["YQ==", "YWI=", "YWJj"], &["", "a", "YQ=", "Y Q="]),
            (
                "string",
                "cidr",
                &["10.0.0.0/8", "fd00::/64", "010.0.0.0/08"],
                &["10.0.0.0", "10.0.0.0/33", "x/8"],
            ),
            ("string", "creditcard", &["4111 1111 1111 1111"], &["4111 1111 1111 1112", "12"]),
            ("string", "date", &["2024-02-29"], &["2023-02-29", "2024-2-29", "20240229"]),
            (
                "string",
                "date-time",
                &["2014-12-15T19:30:20.000Z", "2014-12-15t19:30:20+01:00"],
                &["2014-12-15", "2014-12-15T24:00:00Z", "2014-12-15T19:30:20", "now"],
            ),
            ("string", "datetime", &["2014-12-15T19:30:20Z"], &["x"]),
            ("string", "duration", &["1h30m", "22 ns", "3 days", "-1.5h", "0"], &["", "1", "fast"]),
            (
                "string",
                "email",
                &["a@b.c", "\"x y\"@b.c", "Me <a@b.c>"],
                &["a", "a@", "@b", "a b@c", "a@b@c"],
            ),
            ("string", "hexcolor", &["#fff", "A0b1C2"], &["#ff", "#ggg"]),
            ("string", "hostname", &["a", "a-b.example.com", "1.example.com"], &["", "-a", "a_b", "a..b"]),
            ("string", "ipv4", &["1.2.3.4", "001.2.3.4"], &["1.2.3", "1.2.3.256", "::1", "1.2.3.4.5"]),
            ("string", "ipv6", &["::1", "fe80::1", "::ffff:1.2.3.4"], &["1.2.3.4", ":::"]),
            ("string", "isbn", &["0321751043", "978-0321751041"], &["0321751044"]),
            ("string", "isbn10", &["0-321-75104-3", "080442957X"], &["978-0321751041"]),
            ("string", "isbn13", &["978-0321751041"], &["0321751043"]),
            ("string", "k8s-long-name", &["a.b-c"], &["A", "a..b"]),
            ("string", "k8s-short-name", &["a-b"], &["a.b", "-a"]),
            (
                "string",
                "mac",
                &["00:11:22:33:44:55", "0011.2233.4455", "00-11-22-33-44-55"],
                &["00:11", "001122334455"],
            ),
            ("string", "password", &["", "anything"], &[]),
            ("string", "rgbcolor", &["rgb(0, 255,7)"], &["rgb(256,0,0)", "rgb(1,2)"]),
            ("string", "ssn", &["123-45-6789", "123456789"], &["12-345-6789"]),
            (
                "string",
                "uri",
                &["http://a/b?c=%20", "/a b", "mailto:x", "http://[::1]:80/"],
                &["", "a", "http://a:b/", "/%zz"],
            ),
            (
                "string",
                "uuid",
                &["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
                &["123e4567", "123e4567-e89b-12d3-a456-42661417400g"],
            ),
            (
                "string",
                "uuid3",
                &["123e4567-e89b-32d3-0456-426614174000"],
                &["123e4567-e89b-42d3-a456-426614174000"],
            ),
            (
                "string",
                "uuid4",
                &["123e4567-e89b-42d3-a456-426614174000"],
                &["123e4567-e89b-42d3-0456-426614174000"],
            ),
            (
                "string",
                "uuid5",
                &["123e4567-e89b-52d3-b456-426614174000"],
                &["123e4567-e89b-42d3-a456-426614174000"],
            ),
        ] {
            let format = Format::parse(kind, name).unwrap();
            for text in good {
                assert!(fits(format, text), "{name} {text:?}");
            }
            for text in bad {
                assert!(!fits(format, text), "{name} {text:?}");
            }
        }
        assert_eq!(Format::parse("integer", "int32"), Some(Format::Int32));
        assert_eq!(Format::parse("string", "int32"), None);
        assert_eq!(Format::parse("integer", "date"), None);
        assert_eq!(Format::parse("string", "colour"), None);
    }
}
