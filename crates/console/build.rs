//! Compresses every file of `ui/dist` once and writes the table that `src/lib.rs` includes.
//!
//! Neither npm nor a built console is needed: without files the table is empty. The folder itself is always there
//! (`ui/dist/.gitkeep`), because cargo runs a build script anew each time when what it watches is missing.
use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

/// Files below this do not get smaller in any way that matters.
const SMALLEST_COMPRESSED_BYTES: usize = 256;
/// More files than any console has; a wrong folder is noticed early.
const MAX_FILES: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let dist = manifest.join("../../ui/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    collect(&dist, "", &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (index, (path, file)) in files.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", file.display());
        let plain = fs::read(file)?;
        let (content_type, is_compressible) = content_type(path);
        let digest: String = Sha256::digest(&plain)[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        let compressed = |ending: &str, bytes: io::Result<Vec<u8>>| -> Result<String, Box<dyn Error>> {
            let bytes = bytes?;
            if !is_compressible || plain.len() < SMALLEST_COMPRESSED_BYTES || bytes.len() >= plain.len() {
                return Ok("None".to_owned());
            }
            let kept = out.join(format!("{index}.{ending}"));
            fs::write(&kept, bytes)?;
            Ok(format!("Some(include_bytes!({}))", literal(&kept)?))
        };
        let (gzip, brotli) = (compressed("gz", gzip(&plain))?, compressed("br", brotli(&plain))?);
        writeln!(
            table,
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, digest: {digest:?}, \
             plain: include_bytes!({}), gzip: {gzip}, brotli: {brotli} }},",
            literal(&fs::canonicalize(file)?)?
        )?;
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// Every file below a folder with its path from there. Hidden files and source maps are not for visitors.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        if name.starts_with('.') || name.ends_with(".map") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), entry.path()));
        }
        if files.len() > MAX_FILES {
            return Err(format!("{} holds more than {MAX_FILES} files", folder.display()).into());
        }
    }
    Ok(())
}

/// What a file is, and whether it gets smaller.
fn content_type(path: &str) -> (&'static str, bool) {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => ("text/html; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "json" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "svg" => ("image/svg+xml", true),
        "txt" => ("text/plain; charset=utf-8", true),
        "wasm" => ("application/wasm", true),
        "ico" => ("image/x-icon", true),
        "png" => ("image/png", false),
        "webp" => ("image/webp", false),
        "woff2" => ("font/woff2", false),
        _ => ("application/octet-stream", false),
    }
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(plain: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut compressed, &parameters)?;
    Ok(compressed)
}

/// A path as a Rust string literal.
fn literal(path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(format!("{:?}", path.to_str().ok_or("the build folder's name is not UTF-8")?))
}
