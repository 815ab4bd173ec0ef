//! Signs that an import is stuck which name no cluster, or come over an unverified connection.
//!
//! Nothing here lets anybody in. Who guesses an address sees at most a hint on the page of a cluster that waits.
use std::net::IpAddr;

use aws_lc_rs::hmac;
use grange_resources::management::{ClusterRegistrationToken, Contact};
use grange_wire::{
    TroubleReport,
    trouble::{MAX_REPORT_BYTES, to_detail},
};
use jiff::{SignedDuration, Timestamp};
use kube::{Api, api::ListParams};

use crate::{
    Error,
    error::chain,
    observation::{Event, contact, now},
    queue::Key,
    reason::Reason,
    serve::ManifestError,
    service::{Context, Handle},
    tokens::MAX_TOKENS_PER_CLUSTER,
};

/// Clocks that differ by more make certificates of a sane life invalid.
const WRONG_CLOCK: SignedDuration = SignedDuration::from_mins(5);
/// How long an alert's name is shown.
const MAX_ALERT_CHARACTERS: usize = 40;

impl Handle {
    /// Somebody at `from` ended a TLS handshake because of the server's certificate.
    pub fn certificate_refused(&self, from: IpAddr, alert: &str) {
        let detail: String = alert.chars().take(MAX_ALERT_CHARACTERS).collect();
        for cluster in self.0.observations.concerned(from, now(), true) {
            let event = Contact { detail: Some(detail.clone()), ..contact(&from.to_string()) };
            self.0.note(&cluster, Event::CertificateRefused, event);
        }
    }

    /// Somebody at `from` asked this server for an image it does not have.
    pub fn image_refused(&self, from: IpAddr, image: &str) {
        for cluster in self.0.observations.concerned(from, now(), false) {
            let event = Contact { detail: Some(to_detail(image)), ..contact(&from.to_string()) };
            self.0.note(&cluster, Event::ImageRefused, event);
        }
    }

    /// What an agent says that cannot come in. `body` is a [`TroubleReport`].
    ///
    /// # Errors
    /// 400 when it is none, 403 when its sender does not have the join token it speaks of, 503 when the store cannot
    /// be read.
    pub async fn trouble(&self, body: &[u8], from: IpAddr) -> Result<(), ManifestError> {
        let refuse = |status: u16, sentence: &str| ManifestError { status, sentence: sentence.to_owned() };
        let report: TroubleReport = (body.len() <= MAX_REPORT_BYTES)
            .then(|| serde_json::from_slice(body).ok())
            .flatten()
            .ok_or_else(|| refuse(400, "this is not a report of an agent"))?;
        let cluster = self.0.sender(&report).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "an agent's report cannot be judged");
            refuse(503, "the server cannot read its store now; try again in a moment")
        })?;
        let Some(cluster) = cluster else {
            return Err(refuse(403, "no cluster has the join token that this report speaks of"));
        };
        tracing::info!(cluster, %from, code = %report.code, detail = to_detail(&report.detail), "an agent cannot come in");
        self.0.note_trouble(&cluster, &report, from);
        Ok(())
    }
}

impl Context {
    fn note_trouble(&self, cluster: &str, report: &TroubleReport, from: IpAddr) {
        let skew = Timestamp::from_millisecond(report.at_ms).ok().map(|clock| clock.duration_since(now()));
        let is_clock_wrong = skew.is_some_and(|skew| skew.abs() > WRONG_CLOCK);
        let reason = Reason::of_trouble(report.code, is_clock_wrong).as_str().to_owned();
        let detail = Some(to_detail(&report.detail));
        let event = Contact { reason: Some(reason), detail, ..contact(&from.to_string()) };
        let is_news = self.observations.note(cluster, Event::AgentTrouble, event);
        self.observations.amend(cluster, |registration| {
            registration.clock_skew_seconds =
                skew.map(|skew| skew.as_secs()).or(registration.clock_skew_seconds);
        });
        if is_news {
            self.queue.add(Key::management(cluster));
        }
    }

    /// The cluster whose join token the sender has.
    async fn sender(&self, report: &TroubleReport) -> Result<Option<String>, Error> {
        let Some(cluster) = self.tokens.cluster_of_hash(&report.token_hash, Timestamp::now()) else {
            return Ok(None);
        };
        let api: Api<ClusterRegistrationToken> = Api::namespaced(self.client(), &cluster);
        let list = api.list(&ListParams::default().limit(MAX_TOKENS_PER_CLUSTER)).await?;
        let transcript = report.transcript();
        let is_proven = list.iter().filter_map(crate::tokens::token_of).any(|token| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
            hmac::verify(&key, &transcript, &report.proof).is_ok()
        });
        Ok(is_proven.then_some(cluster))
    }
}
