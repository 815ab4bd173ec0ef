//! Watches: what comes, in which order, and what is refused.
use grange_differential::{Case, Step};
use serde_json::json;

use super::{CONFIG_MAPS, config_map, with};

pub(crate) fn cases() -> Vec<Case> {
    let path = |name: &str| format!("{CONFIG_MAPS}/{name}");
    let labelled = |name: &str, value: &str| {
        with(config_map(name, &json!({"k": value})), &["metadata", "labels"], json!({"app": value}))
    };
    let history = || {
        vec![
            Step::post(CONFIG_MAPS, &labelled("a", "one")),
            Step::post(CONFIG_MAPS, &labelled("b", "two")),
            Step::put(path("a"), &labelled("a", "two")),
            Step::put(path("b"), &labelled("b", "one")),
            Step::merge_patch(path("a"), &json!({"metadata": {"labels": null}})),
            Step::delete(path("b")),
            Step::post(CONFIG_MAPS, &labelled("c", "one")),
        ]
    };
    let watch = |query: &str, count: usize| {
        Step::get(format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=60&{query}")).events(count)
    };
    let names = "fieldSelector=metadata.name%21%3Dkube-root-ca.crt";
    let mut cases = Vec::new();
    let mut case = |name: &str, step: Step| {
        let mut steps = history();
        steps.push(step);
        cases.push(Case::new(format!("watches/{name}"), steps));
    };
    case("everything since the first", watch(&format!("resourceVersion={{rv:1}}&{names}"), 6));
    case("since the third", watch(&format!("resourceVersion={{rv:3}}&{names}"), 4));
    case("one label", watch("resourceVersion={rv:1}&labelSelector=app%3Done", 3));
    case("another label", watch("resourceVersion={rv:1}&labelSelector=app%3Dtwo", 4));
    case("no label", watch(&format!("resourceVersion={{rv:1}}&labelSelector=%21app&{names}"), 1));
    case("one name", watch("resourceVersion={rv:1}&fieldSelector=metadata.name%3Db", 3));
    case("from nothing", watch(&format!("labelSelector=app&{names}"), 1));
    case("from zero", watch("resourceVersion=0&labelSelector=app", 1));
    case(
        "initial events",
        watch(
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=app",
            2,
        ),
    );
    case(
        "initial events from zero",
        watch(
            "sendInitialEvents=true&resourceVersion=0&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=app",
            2,
        ),
    );
    case(
        "no initial events",
        watch(
            "sendInitialEvents=false&resourceVersion={rv:5}&resourceVersionMatch=NotOlderThan&labelSelector=app",
            1,
        ),
    );
    case(
        "as partial metadata",
        watch("resourceVersion={rv:1}&labelSelector=app", 3)
            .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
    );
    // That is the object, not a watch of it.
    case(
        "one object",
        Step::get(format!("{}?watch=true&resourceVersion={{rv:1}}&timeoutSeconds=60", path("a"))),
    );
    for (name, query) in [
        ("sendInitialEvents alone", "sendInitialEvents=true"),
        ("sendInitialEvents Exact", "sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1"),
        ("match alone", "resourceVersionMatch=NotOlderThan&resourceVersion=1"),
        ("bad revision", "resourceVersion=abc"),
        ("bad label", "labelSelector=%3D"),
        ("bad field", "fieldSelector=spec.x%3D1"),
        ("continue", "continue=abc"),
        ("initial events without bookmarks", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
    ] {
        case(name, Step::get(format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=1&{query}")).events(1));
    }
    cases
}
