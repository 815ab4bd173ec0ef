//! An import that is stuck says why: the events as they come in, to the conditions as they are stored.
use std::net::IpAddr;

use aws_lc_rs::{digest, hmac};
use grange_resources::management::Registration;
use grange_wire::{Facts, PastTrouble, TroubleCode, TroubleReport};

use crate::{
    agent::Agent,
    support::{FROM, Server, start, start_on},
};

fn from() -> IpAddr {
    FROM.parse().unwrap()
}

/// What an agent with this token sends.
fn report(token: &str, code: TroubleCode, detail: &str) -> TroubleReport {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    let mut report = TroubleReport {
        token_hash: hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        code,
        detail: detail.into(),
        agent_version: "0.1.0".into(),
        at_ms: jiff::Timestamp::now().as_millisecond(),
        proof: Vec::new(),
    };
    sign(&mut report, token);
    report
}

fn sign(report: &mut TroubleReport, token: &str) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    report.proof = hmac::sign(&key, &report.transcript()).as_ref().to_vec();
}

impl Server {
    async fn tell(&self, report: &TroubleReport) -> u16 {
        let told = self.clusters.trouble(&serde_json::to_vec(report).unwrap(), from()).await;
        told.map_or_else(|error| error.status, |()| 204)
    }
    async fn until_stuck(&self, id: &str, kind: &str, reason: &str) -> String {
        self.until(&format!("{kind} of {id} has reason {reason}"), async || {
            let condition = self.condition(id, kind).await;
            condition.status == "False" && condition.reason.as_deref() == Some(reason)
        })
        .await;
        self.condition(id, kind).await.message.unwrap()
    }
    async fn registration(&self, id: &str) -> Registration {
        self.cluster(id).await.status.unwrap().registration.unwrap_or_default()
    }
    async fn fetch(&self, id: &str, token: &str) {
        self.manifest(&format!("{token}_{id}.yaml")).await.unwrap();
        self.until_condition(id, "ManifestFetched", "True").await;
    }
}

#[tokio::test]
async fn a_wrong_token_in_the_address_is_told_to_the_clusters_admin_only() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let refused = server.manifest(&format!("{}_{id}.yaml", "b".repeat(54))).await.unwrap_err();
    assert!(!refused.sentence.contains(&id), "{}", refused.sentence);
    let message = server.until_stuck(&id, "ManifestFetched", "ManifestTokenNotValid").await;
    assert!(message.contains(FROM), "{message}");
    assert_eq!(server.condition(&id, "Ready").await.reason.as_deref(), Some("ManifestTokenNotValid"));
    server.fetch(&id, &token).await;
}

#[tokio::test]
async fn looking_at_the_manifest_in_a_browser_is_no_fetch() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let file = format!("{token}_{id}.yaml");
    server.clusters.manifest(&file, from(), "Mozilla/5.0 (X11; Linux x86_64)").await.unwrap();
    server.until_reconciled(&id).await;
    assert_eq!(server.condition(&id, "ManifestFetched").await.status, "Unknown");
}

#[tokio::test]
async fn a_broken_off_handshake_and_a_missing_image_are_laid_to_the_cluster_that_waits_there() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    server.until_condition(&id, "ManifestFetched", "Unknown").await;
    server.clusters.certificate_refused(from(), "UnknownCA");
    server.until_stuck(&id, "ManifestFetched", "CertificateNotTrusted").await;
    server.fetch(&id, &token).await;
    server.clusters.certificate_refused(from(), "BadCertificate");
    server.until_stuck(&id, "AgentStarted", "CertificateNotTrusted").await;
    server.clusters.image_refused(from(), "grange/agent:9");
    let message = server.until_stuck(&id, "AgentStarted", "ImageNotFound").await;
    assert!(message.contains("grange/agent:9") && message.contains(FROM), "{message}");
    let _connected = Agent::new("uid-1").join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    server.clusters.certificate_refused(from(), "BadCertificate");
    server.until_reconciled(&id).await;
    let seen = server.registration(&id).await.certificate_refused.unwrap();
    assert!(
        seen.at <= server.registration(&id).await.agent_admitted.unwrap().at,
        "a cluster that is in waits for nothing"
    );
}

#[tokio::test]
async fn an_agent_that_does_not_trust_the_server_says_so_and_proves_who_it_is() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let (other, other_token) = server.create_with_token("harv2").await;
    server.fetch(&id, &token).await;
    let good = report(&token, TroubleCode::CaChecksum, "the server's CA has checksum ab, not cd");

    let mut forged = good.clone();
    forged.detail = "run this command as root".into();
    let mut foreign = report(&token, TroubleCode::CaChecksum, "x");
    sign(&mut foreign, &other_token);
    let unknown = report(&"b".repeat(54), TroubleCode::CaChecksum, "x");
    for bad in [&forged, &foreign, &unknown] {
        assert_eq!(server.tell(bad).await, 403);
    }
    for garbage in [&b"{}"[..], b"", b"no", &vec![b' '; 8192]] {
        assert_eq!(server.clusters.trouble(garbage, from()).await.unwrap_err().status, 400);
    }
    server.until_reconciled(&id).await;
    assert_eq!(server.registration(&id).await.agent_trouble, None);

    assert_eq!(server.tell(&good).await, 204);
    let message = server.until_stuck(&id, "AgentEnrolled", "CaChecksumMismatch").await;
    assert!(message.contains("checksum ab, not cd") && message.contains("fetched again"), "{message}");
    assert_eq!(server.condition(&id, "AgentStarted").await.status, "True");
    assert_eq!(server.condition(&other, "AgentEnrolled").await.status, "Unknown");

    // It outlives a restart, and ends when the agent comes in.
    let server = start_on(server.stop().await).await;
    server.until_reconciled(&id).await;
    server.until_stuck(&id, "AgentEnrolled", "CaChecksumMismatch").await;
    let _connected = Agent::new("uid-1").join(&server, &token).await.unwrap();
    server.until_condition(&id, "AgentEnrolled", "True").await;
    server.until_condition(&id, "Ready", "True").await;
}

#[tokio::test]
async fn a_wrong_clock_is_found_before_and_after_the_agent_comes_in() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let day_ms = 24 * 3600 * 1000;
    let mut early = report(&token, TroubleCode::CertificateTime, "the certificate is not valid yet");
    early.at_ms -= 40 * day_ms;
    sign(&mut early, &token);
    assert_eq!(server.tell(&early).await, 204);
    let message = server.until_stuck(&id, "AgentEnrolled", "ClockSkew").await;
    assert!(message.contains("NTP"), "{message}");
    server.until_stuck(&id, "ClockInSync", "ClockSkew").await;
    let clock_ms = Some(jiff::Timestamp::now().as_millisecond());
    let trouble = PastTrouble {
        code: TroubleCode::NameLookup,
        detail: "no such name".into(),
        times: 3,
        first_ms: early.at_ms,
        last_ms: early.at_ms,
    };
    let facts = Facts { clock_ms, troubles: vec![trouble], ..Facts::default() };
    let agent = Agent { facts, ..Agent::new("uid-1") };
    let _connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "ClockInSync", "True").await;
    let enrolled = server.until_condition(&id, "AgentEnrolled", "True").await;
    assert!(enrolled.message.unwrap().contains("no such name (3 times"), "what it had to overcome");
    assert_eq!(server.registration(&id).await.past_troubles[0].reason, "NameLookupFailed");
}
