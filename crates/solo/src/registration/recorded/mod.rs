//! The recorded cases of a real Harvester, gone through with a cluster of ours: the same values, the same requests,
//! conditions, objects and retry gaps. Time is Tokio's paused clock and the network is memory, so that a case of
//! 40 seconds takes milliseconds and gaps are exact.
//!
//! [`CASES`] holds them in brief; where the recordings themselves are there (`GRANGE_SHARED_DATA`, or `shared/data`
//! beside the repository's parent), every case is compared with its recording too.

mod data;
mod server;

use std::{sync::Arc, time::Duration};

use grange_apiserver::UserInfo;
use grange_store::memory::MemoryStore;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{data::Recording, server::Server};
use super::{FIELD_MANAGER, HASH_ANNOTATION, SETTING, fetch::Fetcher, hash};
use crate::{
    client::{Client, Key},
    cluster::Controllers,
    credentials::Credentials,
    kinds,
};

/// A recorded case: its name, the value set, how long it was watched, what came of it.
struct Case {
    name: &'static str,
    value: &'static str,
    seconds: u64,
    configured: &'static str,
    message: &'static str,
    /// Path and how often it was asked for.
    requests: &'static [(&'static str, usize)],
}

const fn case(
    name: &'static str,
    value: &'static str,
    seconds: u64,
    configured: &'static str,
    message: &'static str,
    requests: &'static [(&'static str, usize)],
) -> Case {
    Case { name, value, seconds, configured, message, requests }
}

const UNKNOWN_AUTHORITY: &str = "Get \"https://127.0.0.1:9443/v3/import/x.yaml\": tls: failed to verify certificate: x509: certificate signed by unknown authority";
const NO_NETWORK: &str = "Get \"https://rancher.nowhere.lab/v3/import/x.yaml\": dial tcp: lookup rancher.nowhere.lab on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable";

/// In their order: each begins where the one before ended. 13 was never recorded. In 05 the real one, still busy with
/// the retries of 04, asked twice.
const CASES: &[Case] = &[
    case(
        "01-json-http-ok",
        r#"{"url":"http://127.0.0.1:9080/v3/import/tok_c-m-1.yaml","insecureSkipTLSVerify":false}"#,
        8,
        "True",
        "",
        &[("/v3/import/tok_c-m-1.yaml", 1)],
    ),
    case(
        "02-same-again",
        r#"{"url":"http://127.0.0.1:9080/v3/import/tok_c-m-1.yaml","insecureSkipTLSVerify":false}"#,
        4,
        "True",
        "",
        &[],
    ),
    case(
        "03-plain-http",
        "http://127.0.0.1:9080/v3/import/plain.yaml",
        6,
        "True",
        "",
        &[("/v3/import/plain.yaml", 1)],
    ),
    case(
        "04-tls-selfsigned-verify",
        r#"{"url":"https://127.0.0.1:9443/v3/import/x.yaml","insecureSkipTLSVerify":false}"#,
        40,
        "False",
        UNKNOWN_AUTHORITY,
        &[],
    ),
    case(
        "05-tls-selfsigned-insecure",
        r#"{"url":"https://127.0.0.1:9443/v3/import/y.yaml","insecureSkipTLSVerify":true}"#,
        6,
        "True",
        "",
        &[("/v3/import/y.yaml", 1)],
    ),
    case(
        "06-plain-https-selfsigned",
        "https://127.0.0.1:9443/v3/import/z.yaml",
        6,
        "True",
        "",
        &[("/v3/import/z.yaml", 1)],
    ),
    case(
        "07-http-500",
        r#"{"url":"http://127.0.0.1:9080/status/500","insecureSkipTLSVerify":true}"#,
        25,
        "False",
        "failed to get from the registration URL: denied with 500",
        &[("/status/500", 13)],
    ),
    case("08-garbage", "http://127.0.0.1:9080/garbage", 5, "True", "", &[("/garbage", 1)]),
    case("09-html", "http://127.0.0.1:9080/html", 5, "True", "", &[("/html", 1)]),
    case(
        "10-manifest2-prune",
        r#"{"url":"http://127.0.0.1:9080/v3/import2/b.yaml","insecureSkipTLSVerify":false}"#,
        6,
        "True",
        "",
        &[("/v3/import2/b.yaml", 1)],
    ),
    case(
        "11-partial-unknown-kind",
        "http://127.0.0.1:9080/partial/a.yaml",
        6,
        "False",
        "the server could not find the requested resource",
        &[("/partial/a.yaml", 11)],
    ),
    case(
        "12-redirect-302",
        "http://127.0.0.1:9080/redir",
        5,
        "True",
        "",
        &[("/redir", 1), ("/v3/import/redirected.yaml", 1)],
    ),
    case(
        "14-conn-refused",
        r#"{"url":"http://127.0.0.1:9999/x.yaml","insecureSkipTLSVerify":false}"#,
        3,
        "False",
        "Get \"http://127.0.0.1:9999/x.yaml\": dial tcp 127.0.0.1:9999: connect: connection refused",
        &[],
    ),
    case(
        "15-bad-host",
        r#"{"url":"https://rancher.nowhere.lab/v3/import/x.yaml","insecureSkipTLSVerify":true}"#,
        3,
        "False",
        NO_NETWORK,
        &[],
    ),
    case(
        "16-not-a-url",
        "not a url at all",
        3,
        "False",
        "Get \"not%20a%20url%20at%20all\": unsupported protocol scheme \"\"",
        &[],
    ),
    case(
        "17-json-wrong-type",
        r#"{"url":5}"#,
        3,
        "False",
        r#"parse "{\"url\":5}": first path segment in URL cannot contain colon"#,
        &[],
    ),
    case("18-json-no-url", r#"{"insecureSkipTLSVerify":true}"#, 3, "True", "", &[]),
    case(
        "19-ok-again",
        r#"{"url":"http://127.0.0.1:9080/v3/import/again.yaml","insecureSkipTLSVerify":false}"#,
        6,
        "True",
        "",
        &[("/v3/import/again.yaml", 1)],
    ),
    case(
        "20-url-changed-after-drift",
        r#"{"url":"http://127.0.0.1:9080/v3/import/again2.yaml","insecureSkipTLSVerify":false}"#,
        6,
        "True",
        "",
        &[("/v3/import/again2.yaml", 1)],
    ),
    case("21-reset-empty", "", 6, "False", "", &[]),
    case("22-reset-json", r#"{"url":"","insecureSkipTLSVerify":false}"#, 5, "True", "", &[]),
    case(
        "23-slow-45s",
        r#"{"url":"http://127.0.0.1:9080/slow","insecureSkipTLSVerify":false}"#,
        40,
        "False",
        "Get \"http://127.0.0.1:9080/slow\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        &[("/slow", 2)],
    ),
    case(
        "24-big-over-1MB",
        r#"{"url":"http://127.0.0.1:9080/big","insecureSkipTLSVerify":true}"#,
        4,
        "True",
        "",
        &[("/big", 1)],
    ),
    case(
        "25-404",
        "http://127.0.0.1:9080/nothere",
        3,
        "False",
        "failed to get from the registration URL: no such thing",
        &[("/nothere", 10)],
    ),
    case("26-empty-body", "http://127.0.0.1:9080/empty", 3, "True", "", &[("/empty", 1)]),
    case(
        "27-final-ok",
        r#"{"url":"http://127.0.0.1:9080/v3/import/final2.yaml","insecureSkipTLSVerify":false}"#,
        4,
        "True",
        "",
        &[("/v3/import/final2.yaml", 1)],
    ),
];

/// A cluster with nothing but its API and the controller.
struct Bench {
    client: Client,
    server: Server,
    tasks: TaskTracker,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let credentials = Credentials::load_or_create(directory.path()).unwrap();
        let mut config =
            grange_apiserver::Config::new(Arc::new(MemoryStore::default()), credentials.authenticator());
        config.resources = kinds::resources();
        config.definitions = kinds::definitions().unwrap();
        let (service, api) = grange_apiserver::Service::new(config);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(service.run(stop.clone()));
        api.ready().await;
        let loopback = api.loopback(UserInfo::loopback());
        let client = Client::new(kube::Client::new(loopback, "default"), FIELD_MANAGER);
        for (kind, value) in [
            (&kinds::NAMESPACES, json!({"metadata": {"name": "cattle-system"}})),
            (&kinds::SETTINGS, json!({"metadata": {"name": SETTING}, "status": {}})),
        ] {
            let Value::Object(mut map) = value else { unreachable!() };
            map.insert("apiVersion".into(), kind.api_version().into());
            map.insert("kind".into(), kind.kind.to_string().into());
            client.create_if_absent(kind, &grange_apimachinery::Object(map)).await.unwrap();
        }
        let server = Server::new();
        let fetcher = Arc::new(Fetcher::new(server.dial(), rustls::RootCertStore::empty()));
        let controllers = Controllers { client: client.clone(), stop: stop.clone(), tasks: &tasks };
        controllers.registration(client.clone(), fetcher);
        Bench { client, server, tasks, stop, _directory: directory }
    }

    async fn set(&self, value: &str) {
        let key = Key::new("", SETTING);
        self.client.patch(&kinds::SETTINGS, &key, "", &json!({"value": value})).await.unwrap();
    }

    async fn setting(&self) -> Value {
        let key = Key::new("", SETTING);
        Value::Object(self.client.get(&kinds::SETTINGS, &key).await.unwrap().unwrap().0)
    }

    async fn has(&self, kind: &kinds::Kind, name: &str) -> bool {
        self.client.get(kind, &Key::new("cattle-system", name)).await.unwrap().is_some()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Lets the paused clock run on.
async fn watch_for(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn configured(setting: &Value) -> (&str, &str) {
    let condition = &setting["status"]["conditions"][0];
    assert!(condition["reason"].is_null(), "{condition}");
    (condition["status"].as_str().unwrap_or(""), condition["message"].as_str().unwrap_or(""))
}

#[tokio::test(start_paused = true)]
async fn every_recorded_case_goes_as_recorded() {
    let bench = Bench::start().await;
    let recordings = data::directory();
    let mut kept_hash = Value::Null;
    for case in CASES {
        prepare(&bench, case).await;
        bench.server.forget_requests();
        let before = bench.setting().await;
        bench.set(case.value).await;
        watch_for(case.seconds).await;
        let setting = bench.setting().await;
        let requests = bench.server.requests();

        let name = case.name;
        let (status, message) = configured(&setting);
        assert_eq!((status, message), (case.configured, case.message), "{name}");
        let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
        let wanted: Vec<&str> =
            case.requests.iter().flat_map(|(path, count)| std::iter::repeat_n(*path, *count)).collect();
        assert_eq!(paths, wanted, "{name}");
        let failed = !message.is_empty();
        if !failed {
            kept_hash = hash(case.value).into();
        }
        assert_eq!(setting["metadata"]["annotations"][HASH_ANNOTATION], kept_hash, "{name}");
        let unchanged = configured(&before) == (status, message);
        if unchanged {
            let time = |setting: &Value| setting["status"]["conditions"][0]["lastUpdateTime"].clone();
            assert_eq!(time(&before), time(&setting), "{name}: a condition that stays keeps its time");
        }
        if let Some(directory) = &recordings {
            Recording::read(directory, name).compare(
                &setting,
                &requests,
                name == "05-tls-selfsigned-insecure",
            );
        }
        check_objects(&bench, name).await;
    }
    if let Some(directory) = &recordings {
        data::compare_applied(directory, &bench.client).await;
    }
    bench.end().await;
}

/// What the people who recorded did between cases.
async fn prepare(bench: &Bench, case: &Case) {
    let secret = Key::new("cattle-system", "cattle-credentials-lab");
    let agent = Key::new("cattle-system", "cattle-cluster-agent");
    match case.name {
        "20-url-changed-after-drift" => {
            let edited = json!({"data": {"token": "ZWRpdGVk"}});
            bench.client.patch(&kinds::SECRETS, &secret, "", &edited).await.unwrap();
            bench.client.delete(&kinds::DEPLOYMENTS, &agent, None).await.unwrap();
            watch_for(10).await;
            assert!(!bench.has(&kinds::DEPLOYMENTS, &agent.name).await, "drift is not repaired by itself");
        }
        "24-big-over-1MB" => {
            // A later edit waits behind the fetch that hangs.
            bench.set("http://127.0.0.1:9080/v3/import/between.yaml").await;
            watch_for(5).await;
            assert_eq!(configured(&bench.setting().await).0, "False");
            watch_for(60).await;
            assert_eq!(configured(&bench.setting().await).0, "True");
        }
        _ => {}
    }
}

async fn check_objects(bench: &Bench, name: &str) {
    let (lab, two) = ("cattle-credentials-lab", "cattle-credentials-two");
    let agent = "cattle-cluster-agent";
    let expected = match name {
        "10-manifest2-prune" => (false, true, true),
        "18-json-no-url" | "21-reset-empty" | "22-reset-json" | "23-slow-45s" => (true, false, false),
        _ => (true, false, true),
    };
    let found = (
        bench.has(&kinds::SECRETS, lab).await,
        bench.has(&kinds::SECRETS, two).await,
        bench.has(&kinds::DEPLOYMENTS, agent).await,
    );
    assert_eq!(found, expected, "{name}: the two Secrets and the Deployment");
    let secret = bench.client.get(&kinds::SECRETS, &Key::new("cattle-system", lab)).await.unwrap();
    if let Some(secret) = secret {
        assert_eq!(secret.text(&["data", "token"]), "dG9rZW4=", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_gaps_double_up_to_thirty_seconds() {
    let bench = Bench::start().await;
    bench.set("http://127.0.0.1:9080/status/500").await;
    watch_for(200).await;
    let requests = bench.server.requests();
    let gaps: Vec<u128> = requests.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
    let late: Vec<u128> = gaps.into_iter().filter(|gap| *gap >= 600).collect();
    assert_eq!(late.len(), 11, "{late:?}");
    for (found, expected) in late.iter().zip([640, 1280, 2560, 5120, 10_240, 20_480, 30_000, 30_000]) {
        assert!(found.abs_diff(expected) <= 20, "{late:?}");
    }
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn odd_manifests_end_as_on_a_harvester() {
    let bench = Bench::start().await;
    for (path, status, message) in [
        ("list", "False", "failed to discover client for /v1, Kind=List"),
        ("json-lines", "True", ""),
        ("unchanged", "True", ""),
    ] {
        bench.set(&format!("http://127.0.0.1:9080/odd/{path}")).await;
        watch_for(2).await;
        assert_eq!(configured(&bench.setting().await), (status, message), "{path}");
    }
    assert!(bench.has(&kinds::CONFIG_MAPS, "first").await);
    assert!(!bench.has(&kinds::CONFIG_MAPS, "second").await, "the second JSON document is dropped");
    assert!(!bench.has(&kinds::CONFIG_MAPS, "listed").await, "a List applies nothing");
    // What is the same already is not written again.
    let key = Key::new("cattle-system", "first");
    let version = |object: Option<grange_apimachinery::Object>| object.unwrap().resource_version().to_owned();
    let before = version(bench.client.get(&kinds::CONFIG_MAPS, &key).await.unwrap());
    bench.set("http://127.0.0.1:9080/odd/unchanged?again").await;
    watch_for(2).await;
    assert_eq!(version(bench.client.get(&kinds::CONFIG_MAPS, &key).await.unwrap()), before);
    bench.end().await;
}
