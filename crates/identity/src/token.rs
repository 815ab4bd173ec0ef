//! The wire form of tokens (`name:secret`) and the hash that is stored.
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secret;

/// Longest token name that is looked at.
pub const MAX_NAME_LENGTH: usize = 128;
/// Longest token secret that is looked at.
pub const MAX_SECRET_LENGTH: usize = 256;

const HASH_PREFIX: &str = "sha256:";

/// What a token is for; the value of label `authn.management.cattle.io/kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Made by a login.
    Session,
    /// Made for a kubeconfig.
    Kubeconfig,
    /// Made by a person for scripts.
    Api,
}

impl TokenKind {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Session => "session",
            TokenKind::Kubeconfig => "kubeconfig",
            TokenKind::Api => "api",
        }
    }
    /// Reads the label; anything unknown counts as an API token.
    pub fn from_label(label: Option<&str>) -> Self {
        match label {
            Some("session") => TokenKind::Session,
            Some("kubeconfig") => TokenKind::Kubeconfig,
            _ => TokenKind::Api,
        }
    }
}

/// A credential as a client presents it, split but not yet believed.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The token object's name.
    pub name: &'a str,
    /// The clear secret.
    pub secret: &'a str,
}

impl<'a> Presented<'a> {
    /// Splits `name:secret`; exactly one colon, both sides non-empty and short.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, secret) = text.split_once(':')?;
        let fits = !name.is_empty()
            && !secret.is_empty()
            && name.len() <= MAX_NAME_LENGTH
            && secret.len() <= MAX_SECRET_LENGTH
            && !secret.contains(':');
        fits.then_some(Presented { name, secret })
    }
}

/// The stored hash of a token. A plain SHA-256 is enough: the secret has 256 bits, so there is nothing to guess.
/// The name is hashed too, so that a hash copied onto another Token object opens nothing.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a name and secret.
    pub fn of(name: &str, secret: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(name.as_bytes());
        digest.update(b":");
        digest.update(secret.as_bytes());
        TokenHash(digest.finalize().into())
    }
    /// The form kept in the Token object's field `token`.
    pub fn to_stored(self) -> String {
        use std::fmt::Write;
        let mut text = String::with_capacity(HASH_PREFIX.len() + 64);
        text.push_str(HASH_PREFIX);
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
    /// Reads the stored form; `None` if it is anything else (then the token opens nothing).
    pub fn from_stored(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(HASH_PREFIX)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(TokenHash(bytes))
    }
    /// Compares in constant time.
    pub fn matches(&self, other: &TokenHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Joins the wire form.
pub fn wire_form(name: &str, secret: &Secret) -> Secret {
    Secret::new(format!("{name}:{}", secret.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presented_tokens_need_exactly_one_colon() {
        for (text, good) in [
            ("token-abcde:secret", true),
            ("token-abcde", false),
            (":secret", false),
            ("token-abcde:", false),
            ("token-abcde:a:b", false),
            ("", false),
        ] {
            assert_eq!(Presented::parse(text).is_some(), good, "{text}");
        }
        assert!(Presented::parse(&format!("t:{}", "x".repeat(MAX_SECRET_LENGTH + 1))).is_none());
    }

    #[test]
    fn stored_hashes_read_back_and_bind_the_name() {
        let hash = TokenHash::of("token-abcde", "secret");
        let read = TokenHash::from_stored(&hash.to_stored()).expect("own form reads back");
        assert!(read.matches(&hash));
        assert!(!read.matches(&TokenHash::of("token-other", "secret")));
        for bad in ["", "secret", "sha256:12", "sha256:zz", &format!("sha256:{}", "é".repeat(32))] {
            assert!(TokenHash::from_stored(bad).is_none(), "{bad}");
        }
    }
}
