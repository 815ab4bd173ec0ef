//! `metav1.Time`: RFC 3339 in UTC with whole seconds.

/// Formats a timestamp as Kubernetes does.
pub fn rfc3339(timestamp: jiff::Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
/// Formats a timestamp as `metav1.MicroTime`: with six digits of a second.
pub fn rfc3339_micro(timestamp: jiff::Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
/// The present moment as Kubernetes writes it.
pub fn now() -> String {
    rfc3339(jiff::Timestamp::now())
}
/// Reads an RFC 3339 timestamp with any offset and any fraction of a second.
pub fn parse(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_whole_utc_seconds() {
        let time = parse("2024-02-29T23:59:59.999999+02:00").unwrap();
        assert_eq!(rfc3339(time), "2024-02-29T21:59:59Z");
        assert_eq!(parse(&rfc3339(time)).map(rfc3339), Some(rfc3339(time)));
        assert!(parse("2024-02-30T00:00:00Z").is_none());
        assert!(parse("yesterday").is_none());
    }
}
