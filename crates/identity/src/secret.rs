//! Secrets: made of Rancher's alphabet, shown only on purpose.

/// The symbols of generated names and secrets: no vowels, no look-alikes (as in Kubernetes' name generator).
pub const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Symbols of a token's secret, about 256 bits.
pub const TOKEN_SECRET_LENGTH: usize = 54;
/// Symbols of a generated password, about 95 bits.
pub const GENERATED_PASSWORD_LENGTH: usize = 20;

/// A clear secret. No `Debug`, no `Display`: whoever needs the text calls [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret that came from elsewhere.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }
    /// Makes a random secret of `length` symbols.
    pub fn generate(length: usize) -> Self {
        Secret(random_symbols(length))
    }
    /// The clear text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Random symbols of [`ALPHABET`] from the operating system seeded generator.
pub(crate) fn random_symbols(length: usize) -> String {
    (0..length).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_have_the_length_and_alphabet() {
        let secret = Secret::generate(TOKEN_SECRET_LENGTH);
        assert_eq!(secret.expose().len(), TOKEN_SECRET_LENGTH);
        assert!(secret.expose().bytes().all(|symbol| ALPHABET.contains(&symbol)));
        assert!(Secret::generate(TOKEN_SECRET_LENGTH) != secret);
    }
}
