//! Lists: selectors, pages, revisions.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, config_map, with};

/// Five config maps with labels; their names and labels are what selectors are tried on.
fn seed() -> Vec<Step> {
    let labels = [
        ("a", json!({"app": "web", "tier": "front"})),
        ("b", json!({"app": "web", "tier": "back"})),
        ("c", json!({"app": "db"})),
        ("d", json!({"tier": ""})),
        ("e", json!(null)),
    ];
    let object = |(name, labels): (&str, Value)| {
        with(config_map(name, &json!({"k": name})), &["metadata", "labels"], labels)
    };
    let mut steps = labels.map(|label| Step::post(CONFIG_MAPS, &object(label)).silent()).to_vec();
    // The one that both sides' controllers add, so that counts and pages do not depend on when they do.
    steps.push(Step::get(format!("{CONFIG_MAPS}/kube-root-ca.crt")).until(200).silent());
    steps
}

fn label_selectors() -> Vec<&'static str> {
    vec![
        "",
        "app",
        "!app",
        "app=web",
        "app==web",
        "app!=web",
        "app in (web,db)",
        "app in (web)",
        "app notin (web)",
        "app in ()",
        "app notin ()",
        "tier=",
        "tier in (,back)",
        "app=web,tier=front",
        "app=web,tier!=front",
        "app,!tier",
        "app = web",
        " app ",
        "app=web,",
        ",app=web",
        "app>1",
        "app<1",
        "app>x",
        "app=a b",
        "app=-",
        "-=a",
        "app=web tier",
        "app in web",
        "app in (web",
        "app not in (web)",
        "(app)",
        "!",
        "=",
        "app!web",
        "app===web",
        "x/y=z",
        "x/y/z",
        "APP=web",
        "app=web,app=db",
        "in in (in)",
        "notin",
        "app in (web,web)",
        "a=b,!",
    ]
}

fn field_selectors() -> Vec<&'static str> {
    vec![
        "",
        "metadata.name=a",
        "metadata.name==a",
        "metadata.name!=a",
        "metadata.namespace={ns}",
        "metadata.namespace!={ns}",
        "metadata.name=a,metadata.name=b",
        "metadata.name=",
        "data.k=a",
        "metadata.uid=x",
        "spec.x=1",
        "metadata.name",
        "=",
        "metadata.name=a\\,b",
        "metadata.name in (a)",
        ",",
        "metadata.name=a,",
        "type=x",
    ]
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'{' | b'}' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name: String, steps: Vec<Step>| {
        cases.push(Case::new(format!("lists/{name}"), [seed(), steps].concat()))
    };
    for (index, selector) in label_selectors().into_iter().enumerate() {
        let query = format!("labelSelector={}", encode(selector));
        case(
            format!("label {index} {selector}"),
            vec![
                Step::get(format!("{CONFIG_MAPS}?{query}")),
                // Without a selector the count of the rest depends on when the controllers added theirs.
                Step::get(format!(
                    "{CONFIG_MAPS}?{query}&limit=1&fieldSelector=metadata.name%21%3Dkube-root-ca.crt"
                )),
            ],
        );
    }
    for (index, selector) in field_selectors().into_iter().enumerate() {
        let query = format!("fieldSelector={}", encode(selector));
        case(
            format!("field {index} {selector}"),
            vec![
                Step::get(format!("{CONFIG_MAPS}?{query}")),
                Step::get(format!("/api/v1/configmaps?labelSelector=app&{query}")).silent(),
                Step::get(format!("/api/v1/namespaces/{{ns}}/secrets?{query}")),
                Step::get(format!("/api/v1/namespaces/{{ns}}/events?{query}")),
            ],
        );
    }
    for limit in ["0", "1", "2", "3", "4", "5", "6", "100", "-1", "x", "1.5", ""] {
        case(
            format!("limit {limit}"),
            vec![Step::get(format!(
                "{CONFIG_MAPS}?limit={limit}&fieldSelector=metadata.name%21%3Dkube-root-ca.crt"
            ))],
        );
    }
    // The config map that both sides add sorts after the seed.
    case(
        "pages".into(),
        vec![
            Step::get(format!("{CONFIG_MAPS}?limit=2")).silent(),
            Step::get(format!("{CONFIG_MAPS}?limit=2&continue={{continue:7}}")).silent(),
            Step::get(format!("{CONFIG_MAPS}?limit=1&continue={{continue:8}}&labelSelector=app")).silent(),
            Step::get(format!("{CONFIG_MAPS}?limit=2&continue={{continue:7}}&resourceVersion=1")),
            Step::get(format!("{CONFIG_MAPS}?limit=2&continue={{continue:7}}&resourceVersionMatch=Exact")),
            Step::get(format!("{CONFIG_MAPS}?continue=garbage")),
            Step::get(format!("{CONFIG_MAPS}?continue=e30")),
            Step::get(format!("{CONFIG_MAPS}?limit=1&labelSelector=app")),
            Step::get(format!("{CONFIG_MAPS}?limit=1&labelSelector=app&continue={{continue:14}}")),
            Step::get(format!("{CONFIG_MAPS}?limit=1&labelSelector=app&continue={{continue:15}}")),
        ],
    );
    for version in ["", "0", "{rv:1}", "{rv:5}", "abc", "-1", "1.5", "18446744073709551616"] {
        for matching in ["", "Exact", "NotOlderThan", "Odd"] {
            for limit in ["", "&limit=2"] {
                case(
                    format!("revision {version} {matching} {limit}"),
                    vec![Step::get(format!(
                        "{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch={matching}{limit}&labelSelector=app"
                    ))],
                );
            }
        }
        case(
            format!("get at {version}"),
            vec![Step::get(format!("{CONFIG_MAPS}/a?resourceVersion={version}"))],
        );
    }
    case(
        "odd parameters".into(),
        vec![
            Step::get(format!("{CONFIG_MAPS}?sendInitialEvents=true")),
            Step::get(format!("{CONFIG_MAPS}?timeoutSeconds=x")),
            Step::get(format!("{CONFIG_MAPS}?pretty=maybe&labelSelector=app")),
            Step::get(format!("{CONFIG_MAPS}?unknown=1&labelSelector=app")),
            Step::get(format!("{CONFIG_MAPS}?labelSelector=%zz")),
            Step::get(format!("{CONFIG_MAPS}?watch=0&labelSelector=app")),
            Step::get(format!("{CONFIG_MAPS}?allowWatchBookmarks=true&labelSelector=app")),
        ],
    );
    cases
}
