//! The agent's Ed25519 key pair and the check of what it signs.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use grange_wire::Hello;

/// A key that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The stored bytes are not an Ed25519 key in PKCS#8.
    #[error("the stored key is not an Ed25519 private key in PKCS#8")]
    Malformed,
    /// The system's random generator failed.
    #[error("no key could be generated")]
    Generation,
}

/// The y-coordinates of the few points that no private key belongs to, as they are written in public keys (the sign bit
/// aside): of orders 1, 2, 4 and 8. To one of them a signature is easily found that fits some messages.
const LOW_ORDER_POINTS: [[u8; 32]; 7] = [
    little_endian(0x00, 0x00, 0x00),
    little_endian(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    little_endian(0xec, 0xff, 0x7f),
    little_endian(0xed, 0xff, 0x7f),
    little_endian(0xee, 0xff, 0x7f),
];

const fn little_endian(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// A hello whose signature does not fit its public key.
#[derive(Debug, thiserror::Error)]
#[error("the hello's signature does not fit its public key")]
pub struct BadSignature;

/// An agent's key pair.
pub struct AgentKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

impl AgentKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generation)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| KeyError::Generation)?.as_ref().to_vec();
        Ok(AgentKey { pair, pkcs8 })
    }

    /// Reads a key as [`AgentKey::pkcs8`] gave it.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(|_| KeyError::Malformed)?;
        Ok(AgentKey { pair, pkcs8: bytes.to_vec() })
    }

    /// The private key, for storing it.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key's 32 bytes.
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Puts public key and signature into a hello whose other parts are final.
    pub fn sign(&self, hello: &mut Hello, nonce: &[u8]) {
        hello.public_key = self.public().to_vec();
        hello.signature = self.pair.sign(&hello.transcript(nonce)).as_ref().to_vec();
    }
}

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AgentKey(…)")
    }
}

/// Checks that the holder of the hello's public key made this hello for this nonce.
pub fn verify_hello(hello: &Hello, nonce: &[u8]) -> Result<(), BadSignature> {
    if is_of_low_order(&hello.public_key) {
        return Err(BadSignature);
    }
    UnparsedPublicKey::new(&ED25519, &hello.public_key)
        .verify(&hello.transcript(nonce), &hello.signature)
        .map_err(|_| BadSignature)
}

/// Whether anybody could sign for a public key: what verifies signatures takes such keys.
fn is_of_low_order(public_key: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(public_key) else { return false };
    y[31] &= 0x7f;
    LOW_ORDER_POINTS.contains(&y)
}

#[cfg(test)]
mod tests {
    use grange_wire::{Credential, Facts, JoinToken, Lane};

    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: 1,
            agent_version: "0".into(),
            instance: "i".into(),
            lane: Lane::Interactive,
            cluster: Some("c-m-abcdefgh".into()),
            public_key: vec![],
            kube_system_uid: "uid".into(),
            credential: Credential::Token(JoinToken::new("t")),
            signature: vec![],
            facts: Facts::default(),
        }
    }

    #[test]
    fn a_signature_holds_for_its_hello_and_nonce_only() {
        let key = AgentKey::from_pkcs8(AgentKey::generate().unwrap().pkcs8()).unwrap();
        let mut signed = hello();
        key.sign(&mut signed, b"nonce");
        verify_hello(&signed, b"nonce").unwrap();
        verify_hello(&signed, b"other").unwrap_err();
        let mut moved = signed.clone();
        moved.kube_system_uid = "another".into();
        verify_hello(&moved, b"nonce").unwrap_err();
        let mut stolen = signed.clone();
        stolen.public_key = AgentKey::generate().unwrap().public().to_vec();
        verify_hello(&stolen, b"nonce").unwrap_err();
        for garbage in [vec![], vec![0; 31], vec![0; 32], vec![0xff; 4096]] {
            let mut odd = signed.clone();
            odd.public_key = garbage;
            verify_hello(&odd, b"nonce").unwrap_err();
        }
    }

    /// With such a key a signature of zeros would fit every fourth nonce or so.
    #[test]
    fn a_key_that_nobody_has_signs_nothing() {
        for (index, mut point) in LOW_ORDER_POINTS.into_iter().enumerate() {
            for sign in [0, 0x80] {
                point[31] |= sign;
                for nonce in 0..64_u8 {
                    for first in [0, 1] {
                        let mut signature = vec![0; 64];
                        signature[0] = first;
                        let hello = Hello { public_key: point.to_vec(), signature, ..hello() };
                        assert!(verify_hello(&hello, &[nonce]).is_err(), "{index} {nonce}");
                    }
                }
            }
        }
    }
}
