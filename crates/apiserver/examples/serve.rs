//! The server over plain HTTP on 127.0.0.1, for trying clients: `serve [port]`, then `kubectl -s http://127.0.0.1:<port>`.
//!
//! Everybody is `system:masters`, unless a bearer token `token-<name>` says otherwise.
use std::{convert::Infallible, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use futures::future::BoxFuture;
use grange_apimachinery::{Status, schema::StructuralSchema, table::Column};
use grange_apiserver::{Config, Resource, Scope, Service, TokenAuthenticator, UserInfo};
use grange_store::memory::MemoryStore;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio_util::sync::CancellationToken;

struct Tokens;
impl TokenAuthenticator for Tokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        let name = token.strip_prefix("token-").map(str::to_owned);
        let user = name.map(|username| UserInfo { username, ..UserInfo::default() });
        Box::pin(std::future::ready(Ok(user)))
    }
}

fn widgets() -> Result<Resource, Box<dyn std::error::Error>> {
    let schema = StructuralSchema::compile(&serde_json::json!({
        "type": "object", "description": "A thing to try clients with.",
        "properties": {
            "spec": {"type": "object", "properties": {
                "color": {"type": "string", "enum": ["red", "green"], "default": "red", "description": "Its colour."},
                "size": {"type": "integer", "minimum": 1},
            }},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    }))
    .map_err(|error| error.to_string())?;
    let mut widgets = Resource::new("example.io", "v1", "Widget", "widgets", Scope::Namespaced);
    widgets.columns.insert(0, Column::new("Color", "string", ".spec.color"));
    widgets.schema = Some(Arc::new(schema));
    widgets.short_names = vec!["wd".into()];
    Ok(widgets)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(8001), |port| port.parse())?;
    let mut config = Config::new(Arc::new(MemoryStore::default()), Arc::new(Tokens));
    config.resources = vec![widgets()?];
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    config.service_account_key = Some(key.as_ref().to_vec());
    let (service, handle) = Service::new(config);
    let stop = CancellationToken::new();
    tokio::spawn(service.run(stop.clone()));
    handle.ready().await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let handle = handle.clone();
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
                    if !request.headers().contains_key(http::header::AUTHORIZATION) {
                        request.extensions_mut().insert(UserInfo {
                            username: "developer".into(),
                            groups: vec!["system:masters".into(), "system:authenticated".into()],
                            ..UserInfo::default()
                        });
                    }
                    let mut handle = handle.clone();
                    async move {
                        Ok::<_, Infallible>(
                            tower::Service::call(&mut handle, request)
                                .await
                                .unwrap_or_else(|never| match never {}),
                        )
                    }
                });
            let builder = Builder::new(TokioExecutor::new());
            if let Err(error) = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
                eprintln!("connection: {error}");
            }
        });
    }
}
