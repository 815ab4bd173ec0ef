//! The administrator's kubeconfig file: 0600, written whole or not at all, its token kept while it works.
use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use grange_gateway::{CaBundle, kubeconfig};
use grange_identity::{Handle, Secret, TokenKind, TokenRequest, service::ADMIN_KUBECONFIG_TTL};
use grange_settings::ServerUrl;

/// Name of the cluster, context and user in the file.
const NAME: &str = "grange";
const DESCRIPTION: &str = "Admin kubeconfig of grange server";

/// Writes the file for the administrator; a token in it that still works is kept.
pub(crate) async fn write(
    path: &Path,
    server_url: &ServerUrl,
    ca: &CaBundle,
    identity: &Handle,
    user_id: &str,
) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(path).ok();
    let kept = old.as_deref().and_then(token_in).filter(|token| {
        identity.authenticate(token.expose()).is_some_and(|known| *known.user_id == *user_id)
    });
    let token = match kept {
        Some(token) => token,
        None => {
            let request = TokenRequest {
                user_id,
                kind: TokenKind::Kubeconfig,
                ttl: ADMIN_KUBECONFIG_TTL,
                description: DESCRIPTION,
            };
            identity.issue(request).await?.credential
        }
    };
    let text = kubeconfig(NAME, server_url.as_str(), ca, NAME, &token);
    if old.as_deref() == Some(&text) {
        return Ok(());
    }
    replace(path, &text).with_context(|| format!("--kubeconfig-out: writing {}", path.display()))
}

/// Whether a file that is not there yet can be made: known before a first start tells its password.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    if path.is_file() {
        return Ok(());
    }
    let temporary = temporary(path);
    create(&temporary)
        .and_then(|_| std::fs::remove_file(&temporary))
        .with_context(|| format!("--kubeconfig-out: writing {}", path.display()))
}

/// The token of a kubeconfig that [`write`] wrote.
fn token_in(text: &str) -> Option<Secret> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("token: "))?;
    Some(Secret::new(value.trim().trim_matches('"')))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = temporary(path);
    let mut file = create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// An empty file for the owner only, over whatever an earlier process may have left.
fn create(path: &Path) -> std::io::Result<File> {
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_again() {
        let ca = CaBundle::default();
        let text = kubeconfig("a", "https://b", &ca, "c", &Secret::new("kubeconfig-x:secret"));
        assert!(token_in(&text).is_some_and(|token| token.expose() == "kubeconfig-x:secret"));
        assert!(token_in("not a kubeconfig").is_none());
    }
}
