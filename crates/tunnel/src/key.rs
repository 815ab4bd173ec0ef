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
    UnparsedPublicKey::new(&ED25519, &hello.public_key)
        .verify(&hello.transcript(nonce), &hello.signature)
        .map_err(|_| BadSignature)
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
}
