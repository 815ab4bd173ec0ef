//! A stand-in cluster in this process, and a client for it.

use std::{path::PathBuf, time::Duration};

use grange_solo::{Config, HypervisorChoice, Service};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(25);

/// A running service.
pub(crate) struct Solo {
    pub(crate) directory: PathBuf,
    pub(crate) clusters: Vec<Cluster>,
    shutdown: CancellationToken,
    run: tokio::task::JoinHandle<Result<(), grange_solo::Error>>,
}

/// One cluster as its admin reaches it.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) server: String,
    pub(crate) token: String,
    http: reqwest::Client,
}

pub(crate) fn config(directory: &TempDir) -> Config {
    Config {
        data_dir: directory.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        name: "lab".into(),
        hypervisor: HypervisorChoice::Simulated,
        kubeconfig_out: Some(directory.path().join("kubeconfig")),
        ..Config::default()
    }
}

impl Solo {
    pub(crate) async fn start(config: Config) -> Solo {
        let kubeconfig = config.kubeconfig_out.clone().unwrap();
        let directory = config.data_dir.clone();
        let (service, handle) = Service::new(config).unwrap();
        let shutdown = CancellationToken::new();
        let run = tokio::spawn(service.run(shutdown.clone()));
        let Some(addresses) = tokio::time::timeout(DEADLINE, handle.ready()).await.unwrap() else {
            panic!("the service ended: {:?}", run.await);
        };
        let text = std::fs::read(&kubeconfig).unwrap();
        let config = grange_apimachinery::yaml::parse(&text).unwrap().value;
        let clusters = (0..addresses.len()).map(|index| Cluster::new(&config, index)).collect();
        Solo { directory, clusters, shutdown, run }
    }
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.clusters[0]
    }
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.run.await.unwrap().unwrap();
    }
}

impl Cluster {
    fn new(config: &Value, index: usize) -> Cluster {
        use base64::Engine as _;
        let cluster = &config["clusters"][index]["cluster"];
        let authority = base64::engine::general_purpose::STANDARD
            .decode(cluster["certificate-authority-data"].as_str().unwrap())
            .unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
            .build()
            .unwrap();
        Cluster {
            server: cluster["server"].as_str().unwrap().to_owned(),
            token: config["users"][index]["user"]["token"].as_str().unwrap().to_owned(),
            http,
        }
    }
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token)
    }
    pub(crate) async fn anonymous(&self, path: &str) -> u16 {
        self.http.get(format!("{}{path}", self.server)).send().await.unwrap().status().as_u16()
    }
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            request = request.header("content-type", kind).body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let code = response.status().as_u16();
        let text = response.text().await.unwrap();
        (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (code, value) = self.send("GET", path, None).await;
        assert_eq!(code, 200, "GET {path}: {value}");
        value
    }
    pub(crate) async fn create(&self, path: &str, value: Value) -> Value {
        let (code, answer) = self.send("POST", path, Some(typed(path, value))).await;
        assert_eq!(code, 201, "POST {path}: {answer}");
        answer
    }
    pub(crate) async fn patch(&self, path: &str, value: Value) -> Value {
        let (code, answer) = self.send("PATCH", path, Some(value)).await;
        assert_eq!(code, 200, "PATCH {path}: {answer}");
        answer
    }
    pub(crate) async fn delete(&self, path: &str) -> u16 {
        self.send("DELETE", path, None).await.0
    }
    /// Waits until the object satisfies `is`; `Null` stands for one that is not there.
    pub(crate) async fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let start = tokio::time::Instant::now();
        loop {
            let (code, value) = self.send("GET", path, None).await;
            let value = if code == 404 { Value::Null } else { value };
            if is(&value) {
                return value;
            }
            assert!(start.elapsed() < DEADLINE, "{path} did not become as wanted: {value:#}");
            tokio::time::sleep(INTERVAL).await;
        }
    }
    pub(crate) async fn gone(&self, path: &str) {
        self.until(path, Value::is_null).await;
    }
    /// Names in a list.
    pub(crate) async fn names(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await;
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{path}: {list}"));
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The object with its type, which follows from where it is posted.
pub(crate) fn typed(path: &str, mut value: Value) -> Value {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (version, plural) = match parts[0] {
        "api" => (parts[1].to_owned(), parts[parts.len() - 1]),
        _ => (format!("{}/{}", parts[1], parts[2]), parts[parts.len() - 1]),
    };
    let kind = match plural {
        "namespaces" => "Namespace",
        "secrets" => "Secret",
        "persistentvolumeclaims" => "PersistentVolumeClaim",
        "deployments" => "Deployment",
        "virtualmachines" => "VirtualMachine",
        "virtualmachineimages" => "VirtualMachineImage",
        "virtualmachinetemplates" => "VirtualMachineTemplate",
        "virtualmachinetemplateversions" => "VirtualMachineTemplateVersion",
        "keypairs" => "KeyPair",
        "virtualmachineinstancemigrations" => "VirtualMachineInstanceMigration",
        other => panic!("what is one of {other}?"),
    };
    value["apiVersion"] = version.into();
    value["kind"] = kind.into();
    value
}

/// Status of a condition, or `""`.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    (object["status"]["conditions"].as_array().into_iter().flatten())
        .find(|condition| condition["type"] == kind)
        .and_then(|condition| condition["status"].as_str())
        .unwrap_or("")
}
