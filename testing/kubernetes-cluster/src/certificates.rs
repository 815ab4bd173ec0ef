//! The keys and certificates of one cluster, made anew for each.
//!
//! One authority signs everything: the serving certificate, and the client
//! certificate of the administrator. It is also what the controller manager
//! puts into every namespace as `kube-root-ca.crt`.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

/// The group that RBAC never refuses anything.
pub(crate) const ADMIN_GROUP: &str = "system:masters";
/// Name of the administrator, by token and by certificate.
pub(crate) const ADMIN_NAME: &str = "admin";
/// First address of the service range of `processes`: what the Service
/// `kubernetes` gets, and so a name the serving certificate must hold.
const SERVICE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));

/// A certificate and its private key, both PEM.
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// Everything that [`generate`] makes.
pub(crate) struct Certificates {
    pub(crate) authority: Identity,
    pub(crate) server: Identity,
    pub(crate) admin: Identity,
    /// Signs service-account tokens; `certificate_pem` is the bare public key.
    pub(crate) service_accounts: Identity,
}

/// Makes the keys and certificates of a cluster.
pub(crate) fn generate() -> Result<Certificates> {
    let authority_key = KeyPair::generate().context("generating the key of the authority")?;
    let mut authority = parameters("kubernetes-for-tests", None);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let certificate = authority.self_signed(&authority_key).context("signing the authority")?;
    let issuer = Issuer::new(authority, authority_key);

    let mut server = parameters("kube-apiserver", None);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for name in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
        server.subject_alt_names.push(SanType::DnsName(name.try_into().context("a DNS name")?));
    }
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), SERVICE_ADDRESS] {
        server.subject_alt_names.push(SanType::IpAddress(address));
    }
    let mut admin = parameters(ADMIN_NAME, Some(ADMIN_GROUP));
    admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];

    let service_accounts = KeyPair::generate().context("generating the service-account key")?;
    Ok(Certificates {
        server: sign(&server, &issuer)?,
        admin: sign(&admin, &issuer)?,
        authority: identity(&certificate, issuer.key()),
        service_accounts: Identity {
            certificate_pem: service_accounts.public_key_pem(),
            key_pem: service_accounts.serialize_pem(),
        },
    })
}

/// Kubernetes takes the user's name from the common name, and the groups from
/// the organisations.
fn parameters(common_name: &str, organisation: Option<&str>) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters
}

fn sign(parameters: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<Identity> {
    let key = KeyPair::generate().context("generating a key")?;
    let certificate = parameters.signed_by(&key, issuer).context("signing a certificate")?;
    Ok(identity(&certificate, &key))
}

fn identity(certificate: &Certificate, key: &KeyPair) -> Identity {
    Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
}
