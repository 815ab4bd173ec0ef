//! How others check service-account tokens without asking us: OpenID Connect discovery and the public key.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grange_apimachinery::Value;
use serde_json::json;

use crate::service_account::{ISSUER, TokenIssuer};

/// `GET` of the provider's configuration (OpenID Connect Discovery 1.0, section 4).
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
/// `GET` of the keys (RFC 7517).
pub(crate) const KEYS_PATH: &str = "/openid/v1/jwks";
/// The media type of a set of keys (RFC 7517, section 8.5).
pub(crate) const KEYS_TYPE: &str = "application/jwk-set+json";

/// The provider's configuration.
pub(crate) fn configuration() -> Value {
    json!({
        "issuer": ISSUER,
        "jwks_uri": format!("{ISSUER}{KEYS_PATH}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

/// The key that tokens are signed with.
pub(crate) fn keys(issuer: &TokenIssuer) -> Value {
    let [x, y] = issuer.public_point().map(|half| URL_SAFE_NO_PAD.encode(half));
    json!({"keys": [{
        "use": "sig", "kty": "EC", "kid": issuer.key_id(), "crv": "P-256", "alg": "ES256", "x": x, "y": y,
    }]})
}
