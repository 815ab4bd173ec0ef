//! Reads the recordings and compares.

use std::path::{Path, PathBuf};

use grange_apimachinery::yaml;
use serde_json::Value;

use super::server::Request;
use crate::{
    client::{Client, Key},
    registration::apply::{APPLIED_ANNOTATION, discover, unzip},
};

/// Where the recordings are, or `None`, said aloud.
pub(super) fn directory() -> Option<PathBuf> {
    let shared = std::env::var_os("GRANGE_SHARED_DATA").map(PathBuf::from).unwrap_or_else(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let repository = repository.canonicalize().unwrap_or(repository);
        // Beside the repository, or beside the folder that holds its worktrees.
        let beside = [repository.join("../shared/data"), repository.join("../../shared/data")];
        beside.iter().find(|path| path.is_dir()).unwrap_or(&beside[0]).clone()
    });
    let directory = shared.join("harvester/registration");
    if directory.is_dir() {
        return Some(directory);
    }
    eprintln!(
        "skipped: the comparison with the recordings of a real Harvester, which are not at {} (set GRANGE_SHARED_DATA); the cases themselves run",
        directory.display()
    );
    None
}

/// One recorded case.
pub(super) struct Recording {
    name: String,
    setting: Value,
    requests: Vec<Value>,
}

impl Recording {
    pub(super) fn read(directory: &Path, name: &str) -> Recording {
        let text = std::fs::read_to_string(directory.join(format!("{name}.txt"))).unwrap();
        let section = |from: &str, to: Option<&str>| {
            let start = text.find(from).unwrap();
            let rest = &text[start + text[start..].find('\n').unwrap() + 1..];
            to.map_or(rest, |to| &rest[..rest.find(to).unwrap()]).to_owned()
        };
        let setting = section("--- setting after", Some("--- log"));
        let requests = section("--- requests", None);
        Recording {
            name: name.to_owned(),
            setting: yaml::parse(setting.as_bytes()).unwrap().value,
            requests: requests
                .lines()
                .filter(|line| line.starts_with('{'))
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        }
    }

    /// `raced` is for the one case in which the real one asked more often than it had reason to.
    pub(super) fn compare(&self, setting: &Value, requests: &[Request], raced: bool) {
        let name = &self.name;
        let annotation = |setting: &Value| setting["metadata"]["annotations"]["harvesterhci.io/hash"].clone();
        let succeeded = self.setting["status"]["conditions"][0]["message"].is_null();
        if succeeded {
            // After a failure it is that of the success before, which for some cases was not recorded.
            assert_eq!(annotation(setting), annotation(&self.setting), "{name}");
        }
        let condition = |setting: &Value| setting["status"]["conditions"][0].clone();
        let (ours, theirs) = (condition(setting), condition(&self.setting));
        assert_eq!(ours["status"], theirs["status"], "{name}");
        let message = |condition: &Value| condition["message"].as_str().unwrap_or("").to_owned();
        // Go guesses at the reason why an authority is unknown; we do not.
        let without_guess = message(&theirs).split(" (possibly because").next().unwrap().to_owned();
        assert_eq!(message(&ours), without_guess, "{name}");
        let fields = |condition: &Value| condition.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&ours), fields(&theirs), "{name}");
        self.compare_requests(requests, raced);
    }

    fn compare_requests(&self, requests: &[Request], raced: bool) {
        let name = &self.name;
        let recorded = if raced { &self.requests[..1] } else { &self.requests[..] };
        assert_eq!(requests.len(), recorded.len(), "{name}");
        for (ours, theirs) in requests.iter().zip(recorded) {
            assert_eq!(ours.path, theirs["path"].as_str().unwrap(), "{name}");
            let mut headers = ours.headers.clone();
            headers.sort();
            let mut expected: Vec<(String, String)> = (theirs["hdr"].as_object().unwrap().iter())
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            expected.sort();
            assert_eq!(headers, expected, "{name}");
        }
        let gaps = |times: Vec<f64>| -> Vec<f64> {
            times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.6).collect()
        };
        let Some(first) = requests.first() else { return };
        let ours = gaps(requests.iter().map(|request| (request.at - first.at).as_secs_f64()).collect());
        let theirs = gaps(recorded.iter().map(|request| request["t"].as_f64().unwrap()).collect());
        assert_eq!(ours.len(), theirs.len(), "{name}: {ours:?} {theirs:?}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            // The recorded gaps hold the time that applying took.
            assert!((ours - theirs).abs() < 0.1 + 0.02 * theirs, "{name}: {ours} s, recorded {theirs} s");
        }
    }
}

/// Compares what was made of the manifest with what the real one made of it.
pub(super) async fn compare_applied(directory: &Path, client: &Client) {
    let text = std::fs::read(directory.join("applied-objects.yaml")).unwrap();
    let recorded = yaml::parse_all(&text).unwrap();
    assert!(recorded.len() >= 6);
    for theirs in recorded {
        let Value::Object(map) = theirs else { continue };
        let theirs = grange_apimachinery::Object(map);
        let kind = discover(client, theirs.api_version(), theirs.kind()).await.unwrap();
        let ours = client.get(&kind, &Key::of(&theirs)).await.unwrap();
        let ours = ours.unwrap_or_else(|| panic!("{} {} is missing", theirs.kind(), theirs.name()));
        let applied = |object: &grange_apimachinery::Object| {
            unzip(object.annotation(APPLIED_ANNOTATION).unwrap()).unwrap()
        };
        let name = format!("{} {}", theirs.kind(), theirs.name());
        assert_eq!(applied(&ours), applied(&theirs), "{name}");
        assert_eq!(
            ours.annotation("objectset.rio.cattle.io/id"),
            theirs.annotation("objectset.rio.cattle.io/id"),
            "{name}"
        );
        for (label, value) in theirs.get(&["metadata", "labels"]).and_then(Value::as_object).unwrap() {
            assert_eq!(ours.label(label), value.as_str(), "{name}");
        }
        assert_eq!(ours.get(&["data"]), theirs.get(&["data"]), "{name}");
        assert_eq!(ours.get(&["roleRef"]), theirs.get(&["roleRef"]), "{name}");
        assert_eq!(ours.get(&["subjects"]), theirs.get(&["subjects"]), "{name}");
        assert!(ours.owner_references().is_empty(), "{name}");
    }
}
