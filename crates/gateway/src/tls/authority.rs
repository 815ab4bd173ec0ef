//! A certificate authority of our own with one server certificate, kept in the data folder.
//!
//! The CA lives ten years and is what agents pin, so it is never replaced here; the server certificate is made anew
//! when the names change or its end comes near.
use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use x509_parser::extensions::GeneralName;

use super::{CaBundle, Pair, TlsError, content, read, read_pair};

const ORGANIZATION: &str = "Grange";
const CA_DAYS: i64 = 3650;
const SERVER_DAYS: i64 = 365;
const RENEW_BEFORE_DAYS: i64 = 90;
/// Most names of one certificate: the present ones and those of earlier addresses.
const MAX_NAMES: usize = 32;

/// The files of an authority and of the certificate it signed, in one folder.
pub struct AuthorityFiles {
    folder: PathBuf,
    ca_certificate: PathBuf,
    ca_key: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl AuthorityFiles {
    /// Those of a folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        AuthorityFiles {
            folder: folder.to_owned(),
            ca_certificate: folder.join("ca.crt"),
            ca_key: folder.join("ca.key"),
            certificate: folder.join("server.crt"),
            key: folder.join("server.key"),
        }
    }

    /// The authority's certificate and its key, both PEM; made when there is none.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn load_or_make(&self) -> Result<(String, String), TlsError> {
        self.make_if_missing()?;
        Ok((text(&self.ca_certificate)?, text(&self.ca_key)?))
    }

    /// Puts an authority in place that was made elsewhere.
    ///
    /// # Errors
    /// When it is none that was made by a server like this one, or a file cannot be written; the old one is in place then.
    pub fn replace(&self, certificate: &str, key: &str) -> Result<(), TlsError> {
        let is_there = |path: &PathBuf, wanted: &str| text(path).is_ok_and(|present| present == wanted);
        if is_there(&self.ca_certificate, certificate) && is_there(&self.ca_key, key) {
            return Ok(());
        }
        common_name(&self.ca_certificate, certificate)?;
        KeyPair::from_pem(key)?;
        self.make_folder()?;
        write(&self.ca_key, key, 0o600)?;
        write(&self.ca_certificate, certificate, 0o644)
    }

    fn make_if_missing(&self) -> Result<(), TlsError> {
        if self.ca_certificate.exists() {
            return Ok(());
        }
        self.make_folder()?;
        make_ca(self)
    }

    fn make_folder(&self) -> Result<(), TlsError> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|source| TlsError::File { path: self.folder.clone(), source })
    }
}

pub(super) fn load_or_make(folder: &Path, names: &[String]) -> Result<(Pair, CaBundle), TlsError> {
    let files = AuthorityFiles::new(folder);
    files.make_if_missing()?;
    let ca_pem = text(&files.ca_certificate)?;
    if !is_usable(&files, names) {
        let mut names = names.to_vec();
        // Agents that were told an earlier address still come there.
        names.extend(
            names_in_use(&files).into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>(),
        );
        names.truncate(MAX_NAMES);
        make_server(&files, &ca_pem, &names)?;
    }
    Ok((read_pair(&files.certificate, &files.key)?, CaBundle::new(&ca_pem)))
}

fn make_ca(files: &AuthorityFiles) -> Result<(), TlsError> {
    let key = KeyPair::generate()?;
    // Distinct names let a client that meets several of our CAs tell them apart.
    let params = ca_params(&format!("grange-ca-{:08x}", rand::random::<u32>()));
    let certificate = params.self_signed(&key)?;
    // The certificate comes last: it is what says that the pair is there.
    write(&files.ca_key, &key.serialize_pem(), 0o600)?;
    write(&files.ca_certificate, &certificate.pem(), 0o644)
}

fn make_server(files: &AuthorityFiles, ca_pem: &str, names: &[String]) -> Result<(), TlsError> {
    let ca_key = KeyPair::from_pem(&text(&files.ca_key)?)?;
    let issuer = Issuer::new(ca_params(&common_name(&files.ca_certificate, ca_pem)?), ca_key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, "grange");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, SERVER_DAYS);
    let certificate = params.signed_by(&key, &issuer)?;
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.certificate, &certificate.pem(), 0o644)
}

/// Whether the kept server certificate has all names, time left, and a key.
fn is_usable(files: &AuthorityFiles, names: &[String]) -> bool {
    let Ok(pair) = read_pair(&files.certificate, &files.key) else { return false };
    let Some(Ok((_, parsed))) = pair.chain.first().map(|der| x509_parser::parse_x509_certificate(der)) else {
        return false;
    };
    let now_seconds = jiff::Timestamp::now().as_second();
    let renew_seconds = parsed.validity().not_after.timestamp() - RENEW_BEFORE_DAYS * 24 * 3600;
    let present = names_of(&parsed);
    let is_ours = text(&files.ca_certificate).is_ok_and(|ca| is_signed_by(&parsed, &ca));
    is_ours && now_seconds < renew_seconds && names.iter().all(|name| present.contains(name))
}

/// The names of the kept server certificate.
fn names_in_use(files: &AuthorityFiles) -> Vec<String> {
    let Ok(pair) = read_pair(&files.certificate, &files.key) else { return Vec::new() };
    let parsed = pair.chain.first().and_then(|der| x509_parser::parse_x509_certificate(der).ok());
    parsed.map(|(_, parsed)| names_of(&parsed)).unwrap_or_default()
}

fn names_of(certificate: &x509_parser::certificate::X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text_of = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address_text(bytes),
        _ => None,
    };
    names.value.general_names.iter().filter_map(text_of).collect()
}

fn is_signed_by(certificate: &x509_parser::certificate::X509Certificate<'_>, ca_pem: &str) -> bool {
    x509_parser::pem::parse_x509_pem(ca_pem.as_bytes())
        .ok()
        .and_then(|(_, pem)| pem.parse_x509().ok().map(|ca| ca.subject() == certificate.issuer()))
        .unwrap_or(false)
}

fn address_text(bytes: &[u8]) -> Option<String> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(octets).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string())
}

/// Sets the validity from yesterday (clocks of clusters may be behind ours) for so many days.
fn set_validity(params: &mut CertificateParams, days: i64) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let moment = |days: i64| {
        let date = today.saturating_add(jiff::Span::new().days(days));
        rcgen::date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = moment(-1);
    params.not_after = moment(days);
}

fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    set_validity(&mut params, CA_DAYS);
    params
}

/// The name of a CA that [`make_ca`] made.
fn common_name(ca: &Path, ca_pem: &str) -> Result<String, TlsError> {
    let name = x509_parser::pem::parse_x509_pem(ca_pem.as_bytes()).ok().and_then(|(_, pem)| {
        let parsed = pem.parse_x509().ok()?;
        parsed.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned)
    });
    name.ok_or_else(|| content(ca, &"it is not the certificate authority made here"))
}

fn text(path: &PathBuf) -> Result<String, TlsError> {
    String::from_utf8(read(path)?).map_err(|error| content(path, &error))
}

/// Writes through a temporary file, so that a crash leaves the old file or the new one.
fn write(path: &Path, contents: &str, mode: u32) -> Result<(), TlsError> {
    let fail = |source| TlsError::File { path: path.to_owned(), source };
    let temporary = path.with_extension("new");
    let _ = std::fs::remove_file(&temporary);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).map_err(fail)?;
    file.write_all(contents.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    std::fs::rename(&temporary, path).map_err(fail)
}
