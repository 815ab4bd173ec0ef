//! The other end of the recorded cases, in memory: an HTTP and an HTTPS server, a closed port, a name without a network.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use tokio_rustls::TlsAcceptor;

use crate::registration::fetch::{Dial, Stream, dial_words};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) at: Instant,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone)]
pub(super) struct Server {
    requests: Arc<Mutex<Vec<Request>>>,
    acceptor: TlsAcceptor,
}

impl Server {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        Server { requests: Arc::default(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn forget_requests(&self) {
        self.requests.lock().unwrap().clear();
    }

    pub(super) fn dial(&self) -> Dial {
        let server = self.clone();
        Arc::new(move |host, port| {
            let server = server.clone();
            Box::pin(async move {
                if host != "127.0.0.1" {
                    return Err(format!(
                        "dial tcp: lookup {host} on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable"
                    ));
                }
                if port == 9999 {
                    return Err(dial_words("127.0.0.1:9999", std::io::ErrorKind::ConnectionRefused));
                }
                let (near, far) = tokio::io::duplex(64 * 1024);
                tokio::spawn(async move {
                    if port == 9443 {
                        if let Ok(stream) = server.acceptor.accept(far).await {
                            server.serve(stream).await;
                        }
                    } else {
                        server.serve(far).await;
                    }
                });
                Ok(Box::new(near) as Box<dyn Stream>)
            })
        })
    }

    async fn serve(&self, mut stream: impl Stream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.requests.lock().unwrap().push(Request { at: Instant::now(), path: path.clone(), headers });
        if path == "/slow" {
            return std::future::pending().await;
        }
        let (status, location, body) = answer(&path);
        let location = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status} x\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // A client that has read enough hangs up.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(body.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

fn answer(path: &str) -> (u16, Option<&'static str>, String) {
    let path = path.split('?').next().unwrap();
    let text = |text: &str| (200, None, text.to_owned());
    match path {
        "/status/500" => (500, None, "denied with 500".into()),
        "/nothere" => (404, None, "no such thing".into()),
        "/redir" => (302, Some("/v3/import/redirected.yaml"), String::new()),
        "/garbage" => text("complete garbage :::: {{{"),
        "/html" => text("<!DOCTYPE html>\n<html><body><h1>Log in</h1></body></html>\n"),
        "/empty" => text(""),
        "/big" => (200, None, manifest("lab") + "---\n" + &"# padding padding padding\n".repeat(100_000)),
        "/odd/list" => text(
            r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"listed","namespace":"cattle-system"}}]}"#,
        ),
        "/odd/json-lines" => text(
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"first\",\"namespace\":\"cattle-system\"},\"data\":{\"a\":\"b\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"second\",\"namespace\":\"cattle-system\"}}\n",
        ),
        "/odd/unchanged" => text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first, namespace: cattle-system}\ndata: {a: b}\n",
        ),
        _ if path.starts_with("/v3/import2/") => (200, None, manifest("two")),
        _ if path.starts_with("/partial/") => {
            let unknown = "---\napiVersion: nowhere.example.com/v1\nkind: Nothing\nmetadata:\n  name: x\n";
            (200, None, manifest("lab") + unknown)
        }
        _ if path.starts_with("/v3/import/") => (200, None, manifest("lab")),
        _ => (404, None, "no such thing".into()),
    }
}

/// The manifest that was served; `variant` names the Secret and the image's tag.
fn manifest(variant: &str) -> String {
    format!(
        r#"---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: proxy-clusterrole-kubeapiserver
rules:
- apiGroups: [""]
  resources: ["nodes/metrics", "nodes/proxy", "nodes/stats", "nodes/log", "nodes/spec"]
  verbs: ["get", "list", "watch", "create"]
---
apiVersion: v1
kind: Namespace
metadata:
  name: cattle-system
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cattle
  namespace: cattle-system
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: cattle-admin-binding
  labels:
    cattle.io/creator: "norman"
subjects:
- kind: ServiceAccount
  name: cattle
  namespace: cattle-system
roleRef:
  kind: ClusterRole
  name: cattle-admin
  apiGroup: rbac.authorization.k8s.io
---
apiVersion: v1
kind: Secret
metadata:
  name: cattle-credentials-{variant}
  namespace: cattle-system
type: Opaque
data:
  url: "aHR0cHM6Ly9yYW5jaGVyLmxhYg=="
  token: "dG9rZW4="
  namespace: ""
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: cattle-admin
rules:
- apiGroups: ["*"]
  resources: ["*"]
  verbs: ["*"]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cattle-cluster-agent
  namespace: cattle-system
spec:
  replicas: 1
  selector:
    matchLabels:
      app: cattle-cluster-agent
  template:
    metadata:
      labels:
        app: cattle-cluster-agent
    spec:
      serviceAccountName: cattle
      containers:
      - name: cluster-register
        image: rancher/rancher-agent:{variant}
        env:
        - name: CATTLE_SERVER
          value: "https://rancher.lab"
---
apiVersion: v1
kind: Service
metadata:
  name: cattle-cluster-agent
  namespace: cattle-system
spec:
  ports:
  - port: 80
    name: http
  selector:
    app: cattle-cluster-agent
"#
    )
}
