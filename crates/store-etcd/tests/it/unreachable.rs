//! An etcd that is not there.

use std::{net::TcpListener, time::Duration};

use grange_store_etcd::{EtcdConfig, EtcdStore, OpenError};

#[tokio::test]
async fn opening_says_whom_it_asked_and_what_came_of_it() {
    // A port that was free a moment ago, and is nobody's.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let config = EtcdConfig { open_deadline: Duration::ZERO, ..EtcdConfig::new([url.clone()]) };
    let error = EtcdStore::open(config).await.unwrap_err();
    assert!(matches!(error, OpenError::Failed { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&url) && text.contains("refused"), "{text}");
}
