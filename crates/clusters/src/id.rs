//! Random names in Rancher's alphabet: cluster ids and tokens.

/// The symbols of ids and tokens: no vowels, nothing that is easily mistaken for something else.
pub(crate) const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// How every id of a cluster that was created as a provisioning object begins.
pub(crate) const MANAGEMENT_PREFIX: &str = "c-m-";
/// Symbols of an id behind [`MANAGEMENT_PREFIX`].
const ID_SYMBOLS: usize = 8;
/// Symbols of a registration token: about 256 bits.
pub(crate) const TOKEN_SYMBOLS: usize = 54;
/// The longest name that a label, a namespace or an id may have.
const MAX_ID_BYTES: usize = 63;

/// `count` symbols from the system's secure generator, each equally likely.
pub(crate) fn random_symbols(count: usize) -> String {
    // The largest multiple of 27 in a byte; bytes above it would make some symbols likelier.
    const LIMIT: u8 = 243;
    let mut symbols = String::with_capacity(count);
    while symbols.len() < count {
        for byte in rand::random::<[u8; 32]>() {
            if byte < LIMIT && symbols.len() < count {
                symbols.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    symbols
}

/// A fresh management id, `c-m-` and 8 symbols.
pub(crate) fn management_id() -> String {
    format!("{MANAGEMENT_PREFIX}{}", random_symbols(ID_SYMBOLS))
}

/// A fresh registration token.
pub(crate) fn token() -> String {
    random_symbols(TOKEN_SYMBOLS)
}

/// Whether the text may be a cluster's id: it is a namespace, a label's value and a part of addresses.
pub(crate) fn is_cluster_id(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES
        && text.starts_with("c-")
        && text.len() > 2
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_tokens_have_their_form() {
        for _ in 0..100 {
            let id = management_id();
            assert_eq!(id.len(), 12);
            assert!(is_cluster_id(&id));
            assert!(id[4..].bytes().all(|byte| ALPHABET.contains(&byte)), "{id}");
            assert_eq!(token().len(), 54);
        }
        assert_ne!(token(), token());
    }

    #[test]
    fn every_symbol_occurs() {
        let text = random_symbols(20_000);
        for symbol in ALPHABET {
            let count = text.bytes().filter(|byte| byte == symbol).count();
            // Expected 741, standard deviation 27.
            assert!((550..950).contains(&count), "{} occurs {count} times", char::from(*symbol));
        }
    }

    #[test]
    fn ids_of_both_shapes_and_nothing_else() {
        for good in ["c-m-abcdefgh", "c-abcde", "c-harvester-1"] {
            assert!(is_cluster_id(good), "{good}");
        }
        for bad in
            ["", "c-", "local", "C-abcde", "c-../x", "c-a_b", "c-abc-", &format!("c-{}", "a".repeat(62))]
        {
            assert!(!is_cluster_id(bad), "{bad}");
        }
    }
}
