//! The web console as it was built: every file of `ui/dist`, compressed once, ready to be sent.
//!
//! A table and nothing else; the gateway decides who gets what, and how. `build.rs` makes the table. A build without
//! the console has an empty one.

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path below the console's root, such as `assets/index-D3kq9aXz.js`.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// Changes with the content; for `ETag`.
    pub digest: &'static str,
    /// The file itself.
    pub plain: &'static [u8],
    /// The same for `Content-Encoding: gzip`; absent where it would not be smaller.
    pub gzip: Option<&'static [u8]>,
    /// The same for `Content-Encoding: br`; absent where it would not be smaller.
    pub brotli: Option<&'static [u8]>,
}

/// Every file, sorted by path.
pub static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page that every view of the console begins with.
pub const INDEX: &str = "index.html";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_console_is_whole_and_small_on_the_wire() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
        for asset in ASSETS {
            assert!(!asset.digest.is_empty() && !asset.path.starts_with(['/', '.']), "{}", asset.path);
            for compressed in [asset.gzip, asset.brotli].into_iter().flatten() {
                assert!(compressed.len() < asset.plain.len(), "{}", asset.path);
            }
        }
        let is_built = ASSETS.iter().any(|asset| asset.path == INDEX);
        assert!(is_built || ASSETS.is_empty(), "files without {INDEX}: ui/dist is half built");
    }
}
