//! What an agent says that cannot come in, and afterwards.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use grange_agent::{Mode, Service};
use grange_wire::{Lane, TroubleCode};
use tokio_util::sync::CancellationToken;

use crate::{
    certificates,
    cluster::FakeCluster,
    config,
    server::{FakeServer, TOKEN},
    start, until,
};

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_so_with_a_proof_and_without_a_secret() {
    let (server, cluster) = (FakeServer::start().await, FakeCluster::start().await);
    cluster.import();
    *server.state.shown_ca.lock().unwrap() = certificates().0;
    let agent = start(&server, &cluster, Mode::InCluster);
    until(|| !server.state.reports.lock().unwrap().is_empty()).await;
    let report = server.state.reports.lock().unwrap()[0].clone();
    assert_eq!(report.code, TroubleCode::CaChecksum);
    assert!(report.detail.contains("CATTLE_CA_CHECKSUM"), "{}", report.detail);
    let hash: String =
        digest(&SHA256, TOKEN.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(report.token_hash, hash);
    let key = hmac::Key::new(hmac::HMAC_SHA256, TOKEN.as_bytes());
    hmac::verify(&key, &report.transcript(), &report.proof).unwrap();
    assert!(!serde_json::to_string(&report).unwrap().contains(TOKEN));
    assert!(server.state.hellos.lock().unwrap().is_empty(), "the token stays home");

    // Once the server is itself again, the agent comes in and tells what it had to overcome.
    (*server.state.shown_ca.lock().unwrap()).clone_from(&server.ca_pem);
    until(|| server.registry.sessions().len() == 1).await;
    let hellos = server.state.hellos.lock().unwrap().clone();
    let hello = hellos.iter().find(|hello| hello.lane == Lane::Interactive).unwrap();
    assert_eq!(hello.facts.troubles[0].code, TroubleCode::CaChecksum);
    assert!(hello.facts.clock_ms.is_some());
    agent.stop.cancel();
    agent.run.await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_does_not_let_its_agent_in_is_told_of() {
    let (server, cluster) = (FakeServer::start().await, FakeCluster::start().await);
    cluster.import();
    let (config, account) = config(&server, &cluster, Mode::InCluster);
    std::fs::write(account.path().join("token"), "another token\n").unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn(Service::new(config).run(stop.clone()));
    until(|| !server.state.reports.lock().unwrap().is_empty()).await;
    let report = server.state.reports.lock().unwrap()[0].clone();
    assert_eq!(report.code, TroubleCode::ClusterApi);
    assert!(report.detail.contains("identity cannot be read"), "{}", report.detail);
    stop.cancel();
    run.await.unwrap().unwrap();
}
