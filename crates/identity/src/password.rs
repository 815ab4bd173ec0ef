//! Password hashing: argon2id in PHC form, off the async threads, a few at a time.
use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{Error, Secret};

/// Least characters of a password (Rancher's `password-min-length`).
pub const MIN_LENGTH: usize = 12;
/// Most bytes of a password: hashing time must not depend on what a stranger sends.
pub const MAX_LENGTH_BYTES: usize = 1024;
/// Passwords hashed at once; each takes [`MEMORY_KIB`] while it runs.
pub const MAX_CONCURRENT: usize = 2;
/// Logins that may wait for their turn.
pub const MAX_WAITING: usize = 64;

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// Verified against when the user does not exist, so that both answers cost the same. Nobody knows its password:
/// it is the hash of random bytes that were thrown away. A test keeps its parameters equal to ours.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Qa0PHI27Q+B45Ms7Q1BdkQ$TyZ4PfLpDp1rGb0mlBVtWOSBGvjmcW5mX95O5Ib+on8";

/// Hashes and verifies.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords {
            turns: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            queue: Arc::new(Semaphore::new(MAX_CONCURRENT + MAX_WAITING)),
        }
    }
}

impl Passwords {
    /// The PHC string of a new password.
    pub async fn hash(&self, password: Secret) -> Result<String, Error> {
        self.in_turn(move || {
            argon2()?
                .hash_password(password.expose().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| Error::PasswordHash(error.to_string()))
        })
        .await
    }
    /// Whether the password fits the stored hash. `None` (no such user) costs the same and is never true.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, Error> {
        self.in_turn(move || {
            let text = stored.as_deref().unwrap_or(DUMMY_HASH);
            let hash = PasswordHash::new(text).map_err(|error| Error::PasswordHash(error.to_string()))?;
            let fits = argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok();
            Ok(fits && stored.is_some())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.queue.try_acquire().map_err(|_| Error::Busy)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Error::Busy)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| Error::PasswordHash(error.to_string()))?
    }
}

/// Checks the rules a new password must meet.
pub fn check_rules(username: &str, password: &Secret) -> Result<(), Error> {
    let text = password.expose();
    if text.chars().count() < MIN_LENGTH {
        return Err(Error::PasswordRule("Password must be at least 12 characters"));
    }
    if text.len() > MAX_LENGTH_BYTES {
        return Err(Error::PasswordRule("Password must be at most 1024 bytes"));
    }
    if text == username {
        return Err(Error::PasswordRule("Password cannot be the same as username"));
    }
    Ok(())
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None)
        .map_err(|error| Error::PasswordHash(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash(Secret::new("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(Secret::new("correct horse battery"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("wrong"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_real_verification_and_never_passes() {
        let parsed = PasswordHash::new(DUMMY_HASH).expect("the dummy is a PHC string");
        let ours = PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ").unwrap();
        assert_eq!(parsed.algorithm, ours.algorithm);
        assert_eq!(parsed.params, ours.params);
        assert!(!Passwords::default().verify(Secret::new("anything"), None).await.unwrap());
    }

    #[test]
    fn rules() {
        assert!(check_rules("admin", &Secret::new("short")).is_err());
        assert!(check_rules("administrator", &Secret::new("administrator")).is_err());
        assert!(check_rules("admin", &Secret::new("ünïcödé-twelve")).is_ok());
        assert!(check_rules("admin", &Secret::new("x".repeat(MAX_LENGTH_BYTES + 1))).is_err());
    }
}
