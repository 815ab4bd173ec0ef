//! The bulk lane comes when it is asked for and goes when nothing uses it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use grange_tunnel::{Body, Registry};
use grange_wire::{Lane, control::BULK_PATH};
use http::{Response, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Authority, CLUSTER, get, join, text, until};

#[tokio::test(start_paused = true)]
async fn it_is_opened_when_needed_and_closed_when_not() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let (asked, mut asking) = mpsc::unbounded_channel();
    let answer = move |request: http::Request<grange_tunnel::Received>| {
        if request.uri().path() == BULK_PATH {
            let _ = asked.send(());
        }
        async { text("") }
    };
    let (_accepted, _agent, _) = join(&registry, &authority, "one", Lane::Interactive, answer).await;
    assert_eq!(registry.session_on(CLUSTER, Lane::Interactive).await.unwrap().lane(), Lane::Interactive);
    assert!(asking.try_recv().is_err(), "nobody needed it yet");

    let (joining, registry_2) = (authority.clone(), registry.clone());
    let agent = tokio::spawn(async move {
        asking.recv().await.expect("the server asks");
        let bulk = join(&registry_2, &joining, "one", Lane::Bulk, |_| async { text("bulk") }).await;
        (bulk, asking)
    });
    let session = registry.session_on(CLUSTER, Lane::Bulk).await.unwrap();
    assert_eq!(session.lane(), Lane::Bulk);
    let ((accepted, _serving, _), mut asking) = agent.await.unwrap();
    assert_eq!(registry.session_on(CLUSTER, Lane::Bulk).await.unwrap().id(), session.id());
    assert!(asking.try_recv().is_err(), "it is there");

    // A transfer keeps it, however long it takes.
    let open = session.send(get("/download")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(session.is_usable());
    drop(open);
    accepted.await.unwrap().unwrap();
    until(|| registry.sessions().len() == 1).await;
    assert!(session.end().contains("nothing has used it"), "{}", session.end());
    assert!(registry.is_connected(CLUSTER));
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_it_serves_all_the_same() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let answer = move |request: http::Request<grange_tunnel::Received>| {
        let is_asked = request.uri().path() == BULK_PATH;
        count.fetch_add(usize::from(is_asked), Ordering::SeqCst);
        async move {
            let mut response = Response::new(Body::Empty);
            if is_asked {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
    };
    let (_accepted, _agent, _) = join(&registry, &authority, "one", Lane::Interactive, answer).await;
    for _ in 0..3 {
        assert_eq!(registry.session_on(CLUSTER, Lane::Bulk).await.unwrap().lane(), Lane::Interactive);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is not asked again and again");
    tokio::time::sleep(Duration::from_secs(120)).await;
    registry.session_on(CLUSTER, Lane::Bulk).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
