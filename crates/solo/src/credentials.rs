//! What a cluster keeps secret: its certificate authority, its admin's token, its key for service-account tokens.
//! All of it lives in the data directory, readable by its owner only, and stays the same across restarts.

use std::{
    fs, io,
    io::Write as _,
    net::IpAddr,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{TokenAuthenticator, UserInfo};
use rand::RngExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

/// Why credentials could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A key or certificate could not be made or read.
    #[error("certificate or key")]
    Certificate(#[from] rcgen::Error),
    /// TLS refused them.
    #[error("TLS set-up")]
    Tls(#[from] rustls::Error),
}

/// The secrets of one cluster.
pub(crate) struct Credentials {
    /// The authority's certificate, PEM.
    pub(crate) authority_pem: String,
    authority_key: KeyPair,
    /// The bearer token of the admin.
    pub(crate) admin_token: String,
    /// PKCS#8 key of service-account tokens.
    pub(crate) service_account_key: Vec<u8>,
}

impl Credentials {
    /// Reads them from the directory, making what is not there yet.
    pub(crate) fn load_or_create(directory: &Path) -> Result<Self, CredentialsError> {
        create_private_directory(directory)?;
        let key_pem = load_or(&directory.join("ca.key"), || Ok(KeyPair::generate()?.serialize_pem()))?;
        let authority_key = KeyPair::from_pem(&key_pem)?;
        let authority_pem = load_or(&directory.join("ca.crt"), || {
            Ok(authority_params()?.self_signed(&authority_key)?.pem())
        })?;
        let admin_token = load_or(&directory.join("admin-token"), || {
            let random: [u8; 32] = rand::rng().random();
            Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
        })?;
        let account_key_pem =
            load_or(&directory.join("service-account.key"), || Ok(KeyPair::generate()?.serialize_pem()))?;
        let service_account_key = KeyPair::from_pem(&account_key_pem)?.serialize_der();
        Ok(Credentials { authority_pem, authority_key, admin_token, service_account_key })
    }

    /// A TLS server set-up with a fresh certificate of this authority for these addresses and names.
    pub(crate) fn server_config(
        &self,
        addresses: &[IpAddr],
        names: &[String],
    ) -> Result<Arc<rustls::ServerConfig>, CredentialsError> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_lifetime(&mut params);
        let key = KeyPair::generate()?;
        let authority = authority_params()?;
        let issuer = Issuer::from_params(&authority, &self.authority_key);
        let certificate = params.signed_by(&key, &issuer)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Knows the admin's token.
    pub(crate) fn authenticator(&self) -> Arc<dyn TokenAuthenticator> {
        Arc::new(AdminToken { digest: Sha256::digest(self.admin_token.as_bytes()).into() })
    }
}

struct AdminToken {
    digest: [u8; 32],
}

impl TokenAuthenticator for AdminToken {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        // Digests are compared, so the time it takes tells nothing of the token.
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let user = (digest == self.digest).then(|| UserInfo {
            username: "system:admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..UserInfo::default()
        });
        Box::pin(std::future::ready(Ok(user)))
    }
}

/// What every cluster's authority is called; they differ in their keys.
fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Grange solo authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_lifetime(&mut params);
    Ok(params)
}

fn set_lifetime(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2124, 1, 1);
}

fn load_or(
    path: &Path,
    make: impl FnOnce() -> Result<String, CredentialsError>,
) -> Result<String, CredentialsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = make()?;
            write_private(path, text.as_bytes())?;
            Ok(text.trim_end().to_owned())
        }
        Err(source) => Err(CredentialsError::File { path: path.to_owned(), source }),
    }
}

/// Makes a directory that only its owner can enter.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), CredentialsError> {
    let failed = |source| CredentialsError::File { path: path.to_owned(), source };
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Writes a file that only its owner can read, in one step: nobody ever sees half of it.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), CredentialsError> {
    let failed = |source| CredentialsError::File { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600))
        .open(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stay_the_same_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pki");
        let first = Credentials::load_or_create(&path).unwrap();
        let second = Credentials::load_or_create(&path).unwrap();
        assert_eq!(first.admin_token, second.admin_token);
        assert_eq!(first.authority_pem, second.authority_pem);
        assert_eq!(first.service_account_key, second.service_account_key);
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
        }
        second.server_config(&["127.0.0.1".parse().unwrap()], &["localhost".into()]).unwrap();
    }

    #[tokio::test]
    async fn only_the_admins_token_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let credentials = Credentials::load_or_create(directory.path()).unwrap();
        let authenticator = credentials.authenticator();
        let admin = authenticator.authenticate(&credentials.admin_token).await.unwrap().unwrap();
        assert!(admin.groups.contains(&"system:masters".to_owned()));
        assert_eq!(authenticator.authenticate("other").await.unwrap(), None);
    }
}
