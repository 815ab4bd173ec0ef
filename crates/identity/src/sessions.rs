//! Tokens from their issue to their end: revoked, or pushed out by newer ones. Those that end by themselves are in
//! `sweep.rs`.
use std::time::Duration;

use grange_apimachinery::time::rfc3339;
use jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, PostParams};

use crate::{
    Error, Handle, Secret,
    objects::{NewToken, TokenRecord},
    secret::{TOKEN_SECRET_LENGTH, random_symbols},
    service::{dynamic, is_status, owner},
    token::{TokenHash, TokenKind, wire_form},
};

/// Sessions a user may have; a further login ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 256;
/// Longest token description kept.
pub const MAX_DESCRIPTION_BYTES: usize = 1024;

/// How often another name is tried for a new token.
const NAME_ATTEMPTS: usize = 8;

/// A token to be made.
pub struct TokenRequest<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// What for.
    pub kind: TokenKind,
    /// How long it lives.
    pub ttl: Duration,
    /// What it is called.
    pub description: &'a str,
}

/// A fresh token; the only time its secret is seen.
pub struct IssuedToken {
    /// The Token object's name.
    pub name: String,
    /// `name:secret`.
    pub credential: Secret,
    /// When it ends.
    pub expires_at: String,
    /// Whose it is.
    pub user_id: String,
}

/// A token as its owner sees it; nothing in it opens anything.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSummary {
    /// The Token object's name.
    pub name: String,
    /// What it is for.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub description: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was last shown, as far as this process and the object know.
    pub last_used_at: Option<Timestamp>,
    /// The one cluster it is for, or `""`.
    pub cluster_name: String,
}

impl TokenRecord {
    /// The token as its owner sees it.
    pub(crate) fn summary(&self, last_used_at: Option<Timestamp>) -> TokenSummary {
        TokenSummary {
            name: self.name.clone(),
            kind: self.kind,
            description: self.description.clone(),
            created: self.created,
            expires_at: self.expires_at,
            last_used_at,
            cluster_name: self.cluster_name.clone(),
        }
    }
}

impl Handle {
    /// Makes a token.
    pub async fn issue(&self, request: TokenRequest<'_>) -> Result<IssuedToken, Error> {
        let user = self.user(request.user_id).ok_or_else(|| Error::NoSuchUser(request.user_id.to_owned()))?;
        let secret = Secret::generate(TOKEN_SECRET_LENGTH);
        let ttl = SignedDuration::try_from(request.ttl).unwrap_or(SignedDuration::ZERO);
        let expires_at = rfc3339(Timestamp::now() + ttl);
        let api = self.tokens();
        let mut attempt = 0;
        let created = loop {
            let name = match request.kind {
                TokenKind::Kubeconfig => format!("kubeconfig-{}{}", user.id, random_symbols(5)),
                _ => format!("token-{}", random_symbols(5)),
            };
            let mut object = NewToken {
                name: &name,
                user_id: &user.id,
                username: &user.username,
                hash: TokenHash::of(&name, secret.expose()),
                kind: request.kind,
                ttl_ms: i64::try_from(request.ttl.as_millis()).unwrap_or(i64::MAX),
                expires_at: &expires_at,
                description: clip(request.description, MAX_DESCRIPTION_BYTES),
            }
            .to_object();
            // With its owner gone the token goes too.
            object["metadata"]["ownerReferences"] = owner(&user);
            match api.create(&PostParams::default(), &dynamic(object)?).await {
                Ok(created) => break created,
                Err(error) if is_status(&error, 409) && attempt < NAME_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        };
        let name = created.metadata.name.clone().unwrap_or_default();
        if let Some(record) = TokenRecord::read(&created) {
            self.index().apply_token(record, true);
        }
        Ok(IssuedToken { credential: wire_form(&name, &secret), name, expires_at, user_id: user.id })
    }

    /// Ends a token at once, here and in the management API.
    pub async fn revoke(&self, token: &str) -> Result<(), Error> {
        self.index().remove_token(token);
        match self.tokens().delete(token, &DeleteParams::default()).await {
            Err(error) if !is_status(&error, 404) => Err(error.into()),
            _ => Ok(()),
        }
    }
    /// Ends every token of a user.
    pub async fn revoke_all(&self, user_id: &str) -> Result<(), Error> {
        for token in self.index().tokens_of(user_id) {
            self.revoke(&token.name).await?;
        }
        Ok(())
    }
    /// A user's tokens, oldest first.
    pub fn tokens_of(&self, user_id: &str) -> Vec<TokenSummary> {
        self.index().tokens_of(user_id)
    }
    /// Notes that the person behind a session did something.
    pub fn note_activity(&self, token: &str) {
        self.index().note_activity(token);
    }

    pub(crate) async fn end_oldest_sessions(&self, user_id: &str) -> Result<(), Error> {
        let sessions = self.index().sessions_of(user_id);
        let surplus = (sessions.len() + 1).saturating_sub(MAX_SESSIONS_PER_USER);
        for token in &sessions[..surplus] {
            self.revoke(token).await?;
        }
        Ok(())
    }
}

fn clip(text: &str, limit_bytes: usize) -> &str {
    let mut end = text.len().min(limit_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
