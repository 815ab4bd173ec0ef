//! Values that prove their own wholeness.

/// A value that begins with its tag and length; every byte after follows from them.
pub(crate) fn make(tag: &str, size_bytes: usize) -> Vec<u8> {
    let mut value = format!("{tag} {size_bytes} ").into_bytes();
    let mut state = tag.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    value.extend((0..size_bytes).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    }));
    value
}

/// The tag of a value, if it is whole.
pub(crate) fn tag(value: &[u8]) -> Option<&str> {
    let mut parts = value.splitn(3, |byte| *byte == b' ');
    let tag = std::str::from_utf8(parts.next()?).ok()?;
    let size_bytes = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    (make(tag, size_bytes) == value).then_some(tag)
}
