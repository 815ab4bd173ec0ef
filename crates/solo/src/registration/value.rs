//! What a value of the setting asks for.

use serde_json::Value;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The value is empty: the agent goes.
    Nothing,
    /// The value is JSON without a URL: the same, but it counts as configured.
    NothingByJson,
    /// Fetch and apply.
    Manifest {
        /// Where from.
        url: String,
        /// Whether any certificate is good enough.
        insecure_skip_tls_verify: bool,
    },
}

impl Wanted {
    /// Reads JSON as Go does into a struct of these two fields; what is not such JSON is taken for the URL itself,
    /// and fetched without verification, as older Harvesters did.
    pub(super) fn of(value: &str) -> Wanted {
        if value.is_empty() {
            return Wanted::Nothing;
        }
        match read(value) {
            Some((url, _)) if url.is_empty() => Wanted::NothingByJson,
            Some((url, insecure_skip_tls_verify)) => Wanted::Manifest { url, insecure_skip_tls_verify },
            None => Wanted::Manifest { url: value.to_owned(), insecure_skip_tls_verify: true },
        }
    }
}

fn read(value: &str) -> Option<(String, bool)> {
    let map = match serde_json::from_str(value).ok()? {
        Value::Object(map) => map,
        Value::Null => return Some((String::new(), false)),
        _ => return None,
    };
    let (mut url, mut insecure) = (String::new(), false);
    // Go matches field names whatever their case, and null leaves a field as it is.
    for (name, field) in map {
        match (name.to_lowercase().as_str(), field) {
            ("url", Value::String(text)) => url = text,
            ("insecureskiptlsverify", Value::Bool(flag)) => insecure = flag,
            (_, Value::Null) => {}
            ("url" | "insecureskiptlsverify", _) => return None,
            _ => {}
        }
    }
    Some((url, insecure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_what_they_mean_to_a_harvester() {
        let manifest = |url: &str, insecure_skip_tls_verify| Wanted::Manifest {
            url: url.into(),
            insecure_skip_tls_verify,
        };
        for (value, wanted) in [
            ("", Wanted::Nothing),
            (r#"{"url":"","insecureSkipTLSVerify":false}"#, Wanted::NothingByJson),
            (r#"{"insecureSkipTLSVerify":true}"#, Wanted::NothingByJson),
            ("null", Wanted::NothingByJson),
            ("https://a/b.yaml", manifest("https://a/b.yaml", true)),
            (r#"{"url":"https://a","insecureSkipTLSVerify":true}"#, manifest("https://a", true)),
            (r#"{"URL":"https://a","other":[1]}"#, manifest("https://a", false)),
            (r#"{"url":5}"#, manifest(r#"{"url":5}"#, true)),
            ("{bad json", manifest("{bad json", true)),
            ("[]", manifest("[]", true)),
        ] {
            assert_eq!(Wanted::of(value), wanted, "{value}");
        }
    }
}
