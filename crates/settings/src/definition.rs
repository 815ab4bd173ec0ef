//! Which settings there are, what they may be, who writes them.
use std::time::Duration;

use crate::ServerUrl;

/// The address people and clusters reach the server by.
pub const SERVER_URL: &str = "server-url";
/// The CA certificates that clients need, PEM.
pub const CA_CERTIFICATES: &str = "cacerts";
/// Whether nobody has chosen the administrator's password yet.
pub const FIRST_LOGIN: &str = "first-login";
/// The server's version.
pub const SERVER_VERSION: &str = "server-version";
/// How long a login lasts, minutes.
pub const SESSION_TTL: &str = "auth-user-session-ttl-minutes";
/// How long a login lasts that nobody uses, minutes.
pub const SESSION_IDLE_TTL: &str = "auth-user-session-idle-ttl-minutes";
/// The longest life of a token for scripts, minutes.
pub const TOKEN_MAX_TTL: &str = "auth-token-max-ttl-minutes";
/// How long the token of a kubeconfig lasts, minutes.
pub const KUBECONFIG_TTL: &str = "kubeconfig-default-token-ttl-minutes";

/// Longest value of any setting.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Longest time that can be set: ten years.
pub const MAX_MINUTES: u64 = 10 * 366 * 24 * 60;

/// Who writes a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Whoever may update Settings.
    Administrators,
    /// The server itself; everybody else only reads.
    Server,
}

/// One setting.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What holds while nothing is set; the server knows better for some.
    pub default: &'static str,
    /// Who writes it.
    pub writer: Writer,
    /// The value in its one form, or what is wrong with it. An empty value is never asked about: it means the default.
    pub check: fn(&str) -> Result<String, String>,
}

/// The table.
pub static DEFINITIONS: &[Definition] = &[
    definition(SERVER_URL, "", Writer::Administrators, server_url),
    definition(CA_CERTIFICATES, "", Writer::Server, text),
    definition(FIRST_LOGIN, "true", Writer::Server, text),
    definition(SERVER_VERSION, "", Writer::Server, text),
    definition(SESSION_TTL, "960", Writer::Administrators, minutes),
    definition(SESSION_IDLE_TTL, "960", Writer::Administrators, minutes),
    definition(TOKEN_MAX_TTL, "129600", Writer::Administrators, minutes),
    definition(KUBECONFIG_TTL, "43200", Writer::Administrators, minutes),
];

const fn definition(
    name: &'static str,
    default: &'static str,
    writer: Writer,
    check: fn(&str) -> Result<String, String>,
) -> Definition {
    Definition { name, default, writer, check }
}

/// The definition of a name. There may be other Settings: clients of Rancher keep theirs among them.
pub fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// A checked number of minutes.
pub(crate) fn duration(value: &str) -> Option<Duration> {
    let minutes: u64 = value.parse().ok()?;
    (1..=MAX_MINUTES).contains(&minutes).then(|| Duration::from_secs(minutes * 60))
}

fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

fn minutes(value: &str) -> Result<String, String> {
    duration(value.trim())
        .map(|duration| (duration.as_secs() / 60).to_string())
        .ok_or_else(|| format!("must be a number of minutes from 1 to {MAX_MINUTES}"))
}

fn server_url(value: &str) -> Result<String, String> {
    ServerUrl::parse(value.trim()).map(|url| url.as_str().to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_values_and_bad_values_say_what_is_wrong() {
        for definition in DEFINITIONS.iter().filter(|definition| !definition.default.is_empty()) {
            assert_eq!((definition.check)(definition.default).as_deref(), Ok(definition.default));
        }
        for (name, value, expected) in [
            (SESSION_TTL, " 60 ", Ok("60")),
            (SESSION_TTL, "0", Err("minutes")),
            (SESSION_TTL, "-1", Err("minutes")),
            (SESSION_TTL, "an hour", Err("minutes")),
            (SESSION_TTL, "99999999999", Err("minutes")),
            (SERVER_URL, "https://grange.example.org:8443/", Ok("https://grange.example.org:8443")),
            (SERVER_URL, "http://grange.example.org", Err("https://")),
            (SERVER_URL, "https://grange.example.org/dashboard", Err("https://")),
        ] {
            let checked = (find(name).expect("a definition").check)(value);
            match expected {
                Ok(form) => assert_eq!(checked.as_deref(), Ok(form), "{name} {value}"),
                Err(word) => assert!(checked.expect_err(value).contains(word), "{name} {value}"),
            }
        }
    }
}
