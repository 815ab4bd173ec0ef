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
    for (index, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        match decode(bytes, index) {
            None => return Err("the path holds a malformed percent sequence"),
            // A slash, backslash or dot in disguise means one thing here and another thing behind us.
            Some(b'/' | b'\\' | b'.') => return Err("the path must not contain %2e, %2f or %5c"),
            Some(byte) if byte < 0x20 || byte == 0x7f => {
                return Err("the path must not contain encoded control characters");
            }
            // `%252f`: the same in a double disguise.
            Some(b'%') if is_disguised(bytes.get(index + 3..index + 5)) => {
                return Err("the path must not be encoded twice");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn is_disguised(pair: Option<&[u8]>) -> bool {
    matches!(pair.and_then(hex_pair), Some(b'/' | b'\\' | b'.' | b'%'))
}

fn decode(bytes: &[u8], percent: usize) -> Option<u8> {
    hex_pair(bytes.get(percent + 1..percent + 3)?)
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
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
