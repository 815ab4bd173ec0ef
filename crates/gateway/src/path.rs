//! Path tricks are refused before anything is routed: what is authorized must be what is forwarded.

/// Longest path with query that is looked at.
pub(crate) const MAX_TARGET_BYTES: usize = 16 * 1024;

/// Why a path is refused.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        return Err("the path must begin with a slash");
    }
    if path.contains("//") {
        return Err("the path must not contain an empty segment");
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err("the path must not contain . or .. segments");
    }
    let bytes = path.as_bytes();
    if bytes.iter().any(|byte| *byte < 0x21 || *byte == 0x7f || *byte == b'\\') {
        return Err("the path must not contain control characters, spaces or backslashes");
    }
    if !path.contains('%') {
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'%' {
            decoded.push(*first);
            rest = behind;
            continue;
        }
        match behind.get(..2).and_then(hex_pair) {
            None => return Err("the path holds a malformed percent sequence"),
            // A slash, backslash or dot in disguise means one thing here and another thing behind us.
            Some(b'/' | b'\\' | b'.') => return Err("the path must not contain %2e, %2f or %5c"),
            Some(byte) if byte < 0x20 || byte == 0x7f => {
                return Err("the path must not contain encoded control characters");
            }
            Some(byte) => decoded.push(byte),
        }
        rest = &behind[2..];
    }
    // `%252f`, `%25%32%66`: the same in a double disguise.
    if decoded.windows(3).any(|part| part[0] == b'%' && hex_pair(&part[1..]).is_some()) {
        return Err("the path must not be encoded twice");
    }
    Ok(())
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tricks_are_refused_and_names_pass() {
        for path in [
            "/",
            "/api/v1/namespaces/default/pods/a.b-c",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            "/k8s/clusters/c-m-abcdefgh/api/v1/namespaces/a/services/https:x:443/proxy/..data/f",
            "/v3/import/tok_c-m-abcdefgh.yaml",
            "/api/v1/x%25y",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "api",
            "*",
            "//api",
            "/api//v1",
            "/api/../x",
            "/api/./x",
            "/api/..",
            "/k8s/clusters/%2e%2e/api",
            "/k8s/clusters/a%2Fb/api",
            "/k8s/clusters/a%5cb/api",
            "/k8s/clusters/a\\b/api",
            "/api/%00",
            "/api/%0a",
            "/api/%zz",
            "/api/%2",
            "/api/%252f",
            "/api/%25252f",
            "/api/%25%32%66",
            "/api/%25%32e%25%32e/x",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }

    /// What a reader behind us may make of a path, however often it decodes.
    fn decoded(path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = path;
        while let Some((first, behind)) = rest.split_first() {
            match behind.get(..2).and_then(hex_pair).filter(|_| *first == b'%') {
                Some(byte) => {
                    out.push(byte);
                    rest = &behind[2..];
                }
                None => {
                    out.push(*first);
                    rest = behind;
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_passes_means_the_same_to_everybody_behind_us(
            path in "/?(%[0-9a-fA-F]{2}|%25|%2|[25efEF%]|\\.|/|[a-c]|\\\\|é){0,12}",
        ) {
            if check(&path).is_ok() {
                let segments = path.split('/').count();
                let mut seen = path.into_bytes();
                for _ in 0..3 {
                    seen = decoded(&seen);
                    let parts: Vec<&[u8]> = seen.split(|byte| *byte == b'/').collect();
                    prop_assert_eq!(parts.len(), segments);
                    prop_assert!(!parts.iter().any(|part| *part == b"." || *part == b".."));
                    prop_assert!(!seen.iter().any(|byte| *byte < 0x20 || *byte == b'\\'));
                }
            }
        }
    }
}
