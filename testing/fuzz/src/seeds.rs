//! Inputs that once failed, or are worth keeping, as JSON files under `seeds/<target>/`; every test run checks them.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::Target;

fn folder(target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name)
}

/// The seeds of a target with their files' names.
///
/// # Errors
/// When a file cannot be read or is no JSON.
pub fn of(target: &Target) -> Result<Vec<(String, Value)>> {
    let Ok(entries) = fs::read_dir(folder(target)) else { return Ok(Vec::new()) };
    let mut seeds = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.display().to_string();
        let text = fs::read(&path).with_context(|| name.clone())?;
        seeds.push((name.clone(), serde_json::from_slice(&text).context(name)?));
    }
    seeds.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(seeds)
}

/// Keeps an input; the file it is in.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(target: &Target, input: &Value) -> Result<PathBuf> {
    let text = format!("{input:#}\n");
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let folder = folder(target);
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{:016x}.json", hasher.finish()));
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(file)
}
