//! What keeps the agent from coming in: told to the server where that is possible, remembered where it is not.
//!
//! A server whose certificate is not trusted can be reached all the same, so it is told at once, over a connection
//! that is not verified: nothing secret goes there (see `grange_wire::trouble`). What keeps the agent from reaching the
//! server at all is remembered and goes along with the next hello.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use grange_wire::{
    PastTrouble, TroubleCode, TroubleReport,
    trouble::{MAX_PAST_TROUBLES, TROUBLE_PATH, to_detail},
};
use tokio::time::Instant;

use crate::{
    config::TokenSource,
    forward::Chain,
    server::{Connector, hexadecimal},
};

/// How often the same trouble is told.
const REPORT_QUIET: Duration = Duration::from_secs(30);

/// The agent's troubles. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Troubles(Arc<Inner>);

struct Inner {
    connector: Arc<Connector>,
    token: TokenSource,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    past: Vec<PastTrouble>,
    told: Option<(TroubleCode, Instant)>,
}

impl Troubles {
    pub(crate) fn new(connector: Arc<Connector>, token: TokenSource) -> Self {
        Troubles(Arc::new(Inner { connector, token, state: Mutex::default() }))
    }

    /// Remembers a failure, and tells the server if it may be able to listen.
    pub(crate) fn note(&self, code: TroubleCode, error: &(dyn std::error::Error + 'static)) {
        let detail = to_detail(&Chain(error).to_string());
        if self.remember(code, &detail) {
            let own = self.clone();
            tokio::spawn(async move { own.tell(code, detail).await });
        }
    }

    /// What was so far, for a hello.
    pub(crate) fn past(&self) -> Vec<PastTrouble> {
        self.state().past.clone()
    }

    /// The server took the agent in: what was before is told and over.
    pub(crate) fn over(&self) {
        *self.state() = State::default();
    }

    /// Whether it is to be told now.
    fn remember(&self, code: TroubleCode, detail: &str) -> bool {
        let now_ms = clock_ms();
        let mut state = self.state();
        match state.past.iter().position(|past| past.code == code) {
            Some(index) => {
                let mut past = state.past.remove(index);
                past.detail = detail.to_owned();
                past.times = past.times.saturating_add(1);
                past.last_ms = now_ms;
                state.past.push(past);
            }
            None => {
                if state.past.len() >= MAX_PAST_TROUBLES {
                    state.past.remove(0);
                }
                let detail = detail.to_owned();
                state.past.push(PastTrouble { code, detail, times: 1, first_ms: now_ms, last_ms: now_ms });
            }
        }
        let is_repeat = state.told.is_some_and(|(told, at)| told == code && at.elapsed() < REPORT_QUIET);
        if is_repeat || !can_be_told(code) {
            return false;
        }
        state.told = Some((code, Instant::now()));
        true
    }

    async fn tell(&self, code: TroubleCode, detail: String) {
        let Ok(token) = self.0.token.read() else { return };
        let mut report = TroubleReport {
            token_hash: hexadecimal(digest(&SHA256, token.expose().as_bytes()).as_ref()),
            code,
            detail,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            at_ms: clock_ms(),
            proof: Vec::new(),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
        report.proof = hmac::sign(&key, &report.transcript()).as_ref().to_vec();
        let Ok(body) = serde_json::to_vec(&report) else { return };
        match self.0.connector.post_unverified(TROUBLE_PATH, body).await {
            Ok(status) if status.is_success() => tracing::debug!(%code, "told the server"),
            Ok(status) => tracing::debug!(%code, %status, "the server does not listen"),
            Err(error) => tracing::debug!(%code, error = %Chain(&error), "the server cannot be told"),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is a way to the server in spite of it.
fn can_be_told(code: TroubleCode) -> bool {
    match code {
        TroubleCode::CertificateUntrusted
        | TroubleCode::CaChecksum
        | TroubleCode::CertificateName
        | TroubleCode::CertificateTime
        | TroubleCode::Protocol
        | TroubleCode::ClusterApi => true,
        TroubleCode::NameLookup | TroubleCode::Proxy | TroubleCode::Connection | TroubleCode::Unknown => {
            false
        }
    }
}

/// The agent's clock, milliseconds since 1970.
pub(crate) fn clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use grange_wire::JoinToken;

    use super::*;
    use crate::server::{ProxySettings, ServerUrl};

    #[tokio::test(start_paused = true)]
    async fn troubles_are_few_and_told_seldom() {
        let server = ServerUrl::parse("https://127.0.0.1:1").unwrap();
        let connector = Arc::new(Connector::new(server, None, ProxySettings::default()));
        let troubles = Troubles::new(connector, TokenSource::Fixed(JoinToken::new("t")));
        assert!(troubles.remember(TroubleCode::CaChecksum, "a"));
        assert!(!troubles.remember(TroubleCode::CaChecksum, "b"), "told a moment ago");
        tokio::time::advance(REPORT_QUIET).await;
        assert!(troubles.remember(TroubleCode::CaChecksum, "c"));
        assert!(!troubles.remember(TroubleCode::NameLookup, "nobody would hear it"));
        let past = troubles.past();
        assert_eq!((past.len(), past[0].times, past[0].detail.as_str()), (2, 3, "c"));
        for code in [TroubleCode::Proxy, TroubleCode::Connection, TroubleCode::Protocol] {
            troubles.remember(code, "x");
        }
        let codes: Vec<TroubleCode> = troubles.past().into_iter().map(|past| past.code).collect();
        assert_eq!(codes.len(), MAX_PAST_TROUBLES);
        assert!(!codes.contains(&TroubleCode::CaChecksum), "the oldest goes: {codes:?}");
        troubles.over();
        assert!(troubles.past().is_empty());
    }
}
