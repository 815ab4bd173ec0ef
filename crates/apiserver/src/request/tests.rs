//! Whatever path and query come, they are read one way or refused.
use proptest::prelude::*;

use super::*;

fn path() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "api", "apis", "v1", "namespaces", "default", "configmaps", "watch", "status", "finalize", "a.b", "proxy",
        ])
        .prop_map(str::to_owned),
        1 => "(%[0-9a-fA-F]{2}|%|[a-z.:\\\\-]|é){0,6}",
    ];
    (prop::collection::vec(word, 0..9), any::<bool>())
        .prop_map(|(words, closed)| format!("/{}{}", words.join("/"), if closed { "/" } else { "" }))
}

fn query() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "labelSelector",
        "fieldSelector",
        "limit",
        "continue",
        "resourceVersion",
        "resourceVersionMatch",
        "watch",
        "sendInitialEvents",
        "timeoutSeconds",
        "dryRun",
        "fieldValidation",
        "gracePeriodSeconds",
        "other",
    ]);
    let value = "(-?[0-9]{1,20}|true|0|Exact|NotOlderThan|All|Strict|[a-c=!,() ]{0,8}|(%[0-9a-fA-F]{2}|%|\\+|é){0,4})";
    prop::collection::vec((key, value), 0..6).prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    })
}

proptest! {
    #[test]
    fn a_path_is_read_one_way_or_refused(path in path(), query in query(), method in 0..6_usize) {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let Ok(query) = Query::parse(&query) else { return Ok(()) };
        let _ = crate::options::check_list(&query, query.watch);
        let _ = query.revision();
        let Ok(info) = RequestInfo::parse(&methods[method], &path, &query) else { return Ok(()) };
        let parts = [&info.group, &info.version, &info.resource, &info.subresource, &info.namespace, &info.name];
        for part in parts.into_iter().chain(&info.rest) {
            prop_assert!(!part.contains(['/', '\\', '%']) && part != "." && part != "..", "{part} in {info:?}");
            prop_assert!(!part.contains(char::is_control));
        }
        // Read again, what was understood means the same.
        let again = RequestInfo::parse(&methods[method], &encoded(&info.path), &query);
        prop_assert_eq!(again.ok(), Some(info));
    }
}

fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' => "/".to_owned(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
