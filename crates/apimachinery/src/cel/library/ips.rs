//! IP addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Failure, Row, Value, unfit};
use crate::field_error::quote;

pub(super) const ROWS: &[Row] = &[
    ("ip(string): IP", |args, _| match args {
        [Value::String(text)] => parse_ip(text).map(Value::Ip),
        _ => unfit(),
    }),
    ("isIP(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(parse_ip(text).is_ok())),
        _ => unfit(),
    }),
    ("ip.isCanonical(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(parse_ip(text)?.to_string() == **text)),
        _ => unfit(),
    }),
    ("string(IP): string", |args, _| about(args, |ip| Value::text(ip.to_string()))),
    ("IP.family(): int", |args, _| about(args, |ip| Value::Int(if ip.is_ipv4() { 4 } else { 6 }))),
    ("IP.isUnspecified(): bool", |args, _| about(args, |ip| Value::Bool(ip.is_unspecified()))),
    ("IP.isLoopback(): bool", |args, _| about(args, |ip| Value::Bool(ip.is_loopback()))),
    ("IP.isLinkLocalMulticast(): bool", |args, _| about(args, |ip| Value::Bool(is_local_multicast(ip)))),
    ("IP.isLinkLocalUnicast(): bool", |args, _| about(args, |ip| Value::Bool(is_local_unicast(ip)))),
    ("IP.isGlobalUnicast(): bool", |args, _| about(args, |ip| Value::Bool(is_global_unicast(ip)))),
    ("cidr(string): CIDR", |args, _| match args {
        [Value::String(text)] => parse_cidr(text).map(Value::Cidr),
        _ => unfit(),
    }),
    ("isCIDR(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(parse_cidr(text).is_ok())),
        _ => unfit(),
    }),
    ("string(CIDR): string", |args, _| {
        within(args, |cidr| Value::text(format!("{}/{}", cidr.address, cidr.bits)))
    }),
    ("CIDR.ip(): IP", |args, _| within(args, |cidr| Value::Ip(cidr.address))),
    ("CIDR.prefixLength(): int", |args, _| within(args, |cidr| Value::Int(i64::from(cidr.bits)))),
    ("CIDR.masked(): CIDR", |args, _| {
        within(args, |cidr| Value::Cidr(Cidr { address: mask(cidr.address, cidr.bits), bits: cidr.bits }))
    }),
    ("CIDR.containsIP(IP): bool", |args, _| contains_ip(args)),
    ("CIDR.containsIP(string): bool", |args, _| contains_ip(args)),
    ("CIDR.containsCIDR(CIDR): bool", |args, _| contains_cidr(args)),
    ("CIDR.containsCIDR(string): bool", |args, _| contains_cidr(args)),
];

/// A network; its address may be any in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    bits: u8,
}

fn parse_ip(text: &str) -> Result<IpAddr, Failure> {
    let shown = quote(text);
    if text.contains(':') && text.contains('%') {
        return Err(Failure::error(format!("IP address {shown} with zone value is not allowed")));
    }
    let address: IpAddr = text.parse().map_err(|_| {
        let why = format!("ParseAddr({shown}): unable to parse IP");
        Failure::error(format!("IP Address {shown} parse error during conversion from string: {why}"))
    })?;
    plain(address, &shown)
}

/// An address that is not one of the other family in disguise.
fn plain(address: IpAddr, shown: &str) -> Result<IpAddr, Failure> {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Err(Failure::error(format!("IPv4-mapped IPv6 address {shown} is not allowed")))
        }
        address => Ok(address),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, Failure> {
    let shown = quote(text);
    // Kubernetes says it twice.
    let twice = "network address parse error during conversion from string";
    let wrong = |why: &str| Failure::error(format!("{twice}: {twice}: netip.ParsePrefix({shown}): {why}"));
    let (address, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
    let address: IpAddr = address.parse().map_err(|_| wrong("unable to parse IP"))?;
    let plain_number = bits == "0" || !bits.starts_with('0');
    let digits = plain_number && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits = bits.parse().ok().filter(|_| digits).ok_or_else(|| wrong("bad bits after slash"))?;
    if bits > if address.is_ipv4() { 32 } else { 128 } {
        return Err(wrong("prefix length out of range"));
    }
    let address = plain(address, &shown).map_err(|failure| match failure {
        Failure::Error(why) => Failure::error(format!("{twice}: {why}")),
        other => other,
    })?;
    Ok(Cidr { address, bits })
}

fn about<'a>(args: &[Value<'a>], what: fn(IpAddr) -> Value<'a>) -> Result<Value<'a>, Failure> {
    let [Value::Ip(ip)] = args else { return unfit() };
    Ok(what(*ip))
}

fn within<'a>(args: &[Value<'a>], what: fn(Cidr) -> Value<'a>) -> Result<Value<'a>, Failure> {
    let [Value::Cidr(cidr)] = args else { return unfit() };
    Ok(what(*cidr))
}

fn is_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => matches!(ip.octets(), [224, 0, 0, _]),
        IpAddr::V6(ip) => ip.octets()[0] == 0xff && ip.octets()[1] & 0xf == 2,
    }
}

fn is_local_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_global_unicast(ip: IpAddr) -> bool {
    let broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    !broadcast && !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !is_local_unicast(ip)
}

/// The network's own address.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let kept = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(ip) & kept))
        }
        IpAddr::V6(ip) => {
            let kept = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(ip) & kept))
        }
    }
}

fn holds(cidr: Cidr, address: IpAddr) -> bool {
    cidr.address.is_ipv4() == address.is_ipv4() && mask(address, cidr.bits) == mask(cidr.address, cidr.bits)
}

fn contains_ip<'a>(args: &[Value<'a>]) -> Result<Value<'a>, Failure> {
    let (cidr, address) = match args {
        [Value::Cidr(cidr), Value::Ip(address)] => (*cidr, *address),
        [Value::Cidr(cidr), Value::String(text)] => (*cidr, parse_ip(text)?),
        _ => return unfit(),
    };
    Ok(Value::Bool(holds(cidr, address)))
}

fn contains_cidr<'a>(args: &[Value<'a>]) -> Result<Value<'a>, Failure> {
    let (cidr, other) = match args {
        [Value::Cidr(cidr), Value::Cidr(other)] => (*cidr, *other),
        [Value::Cidr(cidr), Value::String(text)] => (*cidr, parse_cidr(text)?),
        _ => return unfit(),
    };
    Ok(Value::Bool(holds(cidr, other.address) && cidr.bits <= other.bits))
}
