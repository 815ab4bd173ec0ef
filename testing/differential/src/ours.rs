//! Our API server in this process, over plain HTTP on loopback, with the people of the real cluster.
use std::{convert::Infallible, sync::Arc};

use anyhow::Result;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{Config, Handle, Service, TokenAuthenticator, UserInfo};
use grange_store::memory::MemoryStore;
use grange_testing_kubernetes::{USER_GROUP, USER_NAME};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

struct People {
    admin: String,
    user: String,
}

impl TokenAuthenticator for People {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        let user = |name: &str, group: &str| {
            let (uid, groups) = (format!("{name}-uid"), vec![group.into()]);
            Some(UserInfo { username: name.into(), uid, groups, ..UserInfo::default() })
        };
        let found = match token {
            _ if token == self.admin => user("admin", "system:masters"),
            _ if token == self.user => user(USER_NAME, USER_GROUP),
            _ => None,
        };
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// Starts the server without a port; it ends with the guard. `admin` and `user` are the people's tokens.
///
/// # Errors
/// When no key for service accounts can be made.
pub async fn start(admin: &str, user: &str) -> Result<(Handle, DropGuard)> {
    let people = Arc::new(People { admin: admin.into(), user: user.into() });
    let mut config = Config::new(Arc::new(MemoryStore::default()), people);
    config.ca_pem = Some("a certificate".into());
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    config.service_account_key = Some(key.as_ref().to_vec());
    let (service, handle) = Service::new(config);
    let stop = CancellationToken::new();
    tokio::spawn(service.run(stop.clone()));
    handle.ready().await;
    Ok((handle, stop.drop_guard()))
}

/// Starts the server and gives its address.
pub(crate) async fn listen(admin: &str, user: &str) -> Result<(String, DropGuard)> {
    let (handle, stop) = start(admin, user).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(accept(listener, handle));
    Ok((url, stop))
}

/// Ends with the test's runtime.
async fn accept(listener: TcpListener, handle: Handle) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, handle.clone()));
        }
    }
}

async fn serve(stream: TcpStream, handle: Handle) {
    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let mut handle = handle.clone();
        async move {
            let response = tower::Service::call(&mut handle, request).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    // A client that goes away is no fault of the test.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}
