//! What happens when connections die, each in its way.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use grange_tunnel::{Registry, TunnelError};
use grange_wire::Lane;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::support::{Authority, CLUSTER, Pair, get, join, text, until};

/// Nothing arrives any more, no reset, no end: both ends find out within 15 s.
#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_found_out() {
    let pair = Pair::new(|_| async { text("hello") }).await;
    // Idle for long: pings keep it alive.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(pair.registry.is_connected(CLUSTER));
    pair.silent.store(true, Ordering::SeqCst);
    let start = Instant::now();
    pair.accepted.await.unwrap().unwrap();
    assert!(start.elapsed() <= Duration::from_secs(15), "server: {:?}", start.elapsed());
    pair.agent.await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(15), "agent: {:?}", start.elapsed());
    assert!(!pair.registry.is_connected(CLUSTER));
    assert!(pair.registry.absence(CLUSTER).unwrap().reason.contains("stopped answering"));
}

/// A request that is under way when the connection goes silent fails; it does not hang.
#[tokio::test(start_paused = true)]
async fn a_request_on_a_half_open_connection_fails() {
    let pair = Pair::new(|_| std::future::pending()).await;
    let session = pair.session();
    pair.silent.store(true, Ordering::SeqCst);
    let start = Instant::now();
    let error = session.send(get("/version")).await.unwrap_err();
    assert!(start.elapsed() <= Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(matches!(error.error, TunnelError::Closed(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_known_at_once() {
    let pair = Pair::new(|_| std::future::pending()).await;
    let session = pair.session();
    let request = tokio::spawn(async move { session.send(get("/version")).await.map(|_| ()) });
    until(|| pair.registry.sessions().iter().any(|session| session.open_streams == 1)).await;
    let start = Instant::now();
    pair.agent.abort();
    let error = request.await.unwrap().unwrap_err();
    assert!(matches!(error.error, TunnelError::Closed(_)), "{error:?}");
    until(|| !pair.registry.is_connected(CLUSTER)).await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert!(pair.registry.session(CLUSTER, Lane::Interactive).is_none());
}

#[tokio::test]
async fn the_newest_session_serves_and_the_older_takes_over() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let body = async |lane| {
        let session = registry.session(CLUSTER, lane)?;
        let response = session.send(get("/")).await.ok()?;
        Some(String::from_utf8(response.into_body().collect().await.ok()?.to_bytes().to_vec()).unwrap())
    };
    let lane = Lane::Interactive;
    let (_a, first, _) = join(&registry, &authority, "first", lane, |_| async { text("first") }).await;
    let (_b, second, _) = join(&registry, &authority, "second", lane, |_| async { text("second") }).await;
    assert_eq!(body(lane).await.as_deref(), Some("second"));
    assert_eq!(body(Lane::Bulk).await.as_deref(), Some("second"), "the other lane serves too");
    second.abort();
    until(|| registry.sessions().len() == 1).await;
    assert_eq!(body(lane).await.as_deref(), Some("first"));
    let (_c, third, _) = join(&registry, &authority, "third", Lane::Bulk, |_| async { text("bulk") }).await;
    assert_eq!(body(lane).await.as_deref(), Some("first"), "each lane its own");
    assert_eq!(body(Lane::Bulk).await.as_deref(), Some("bulk"));
    first.abort();
    third.abort();
    until(|| registry.sessions().is_empty()).await;
    assert_eq!(body(lane).await, None);
}

/// The request is given back while it surely never left.
#[tokio::test]
async fn an_unsent_request_comes_back() {
    let pair = Pair::new(|_| async { text("") }).await;
    let session = pair.session();
    pair.agent.abort();
    pair.accepted.await.unwrap().unwrap();
    until(|| !session.is_usable()).await;
    let failure = session.send(get("/version?x=1")).await.unwrap_err();
    assert_eq!(failure.request.expect("the request").uri().query(), Some("x=1"));
}

#[tokio::test]
async fn an_agent_that_dials_again_replaces_itself() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let lane = Lane::Interactive;
    let (old, _agent, _) = join(&registry, &authority, "one", lane, |_| async { text("old") }).await;
    let (_new, _agent, _) = join(&registry, &authority, "one", lane, |_| async { text("new") }).await;
    timeout(Duration::from_secs(10), old).await.expect("the old session ends").unwrap().unwrap();
    assert_eq!(registry.sessions().len(), 1);
    assert!(registry.is_connected(CLUSTER));
}

#[tokio::test]
async fn a_cluster_has_a_limited_number_of_sessions() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let mut agents = Vec::new();
    for number in 0..20 {
        let instance = format!("agent-{number}");
        agents.push(join(&registry, &authority, &instance, Lane::Bulk, |_| async { text("") }).await);
    }
    let limit = grange_tunnel::registry::MAX_SESSIONS_PER_CLUSTER;
    until(|| registry.sessions().len() == limit).await;
    assert!(registry.sessions().iter().all(|session| session.instance != "agent-0"), "the oldest went");
}
