//! `metav1.Time`: RFC 3339 in UTC with whole seconds.

/// Formats a timestamp as Kubernetes does.
pub fn rfc3339(timestamp: jiff::Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
/// The present moment as Kubernetes writes it.
pub fn now() -> String {
    rfc3339(jiff::Timestamp::now())
}
