//! Rules, and whether one allows a request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `rbac.authorization.k8s.io/v1` `PolicyRule`: what its holder may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// Verbs; `*` is every verb.
    #[serde(deserialize_with = "null_as_empty")]
    pub verbs: Vec<String>,
    /// API groups; `""` is the core group, `*` every group.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Resources: `pods`, `pods/log`, `*/scale` (that subresource of any resource), `*` (everything, subresources included).
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Names of the objects; empty is every object, and requests without a name.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths that are no resources; a trailing `*` stands for any rest.
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<String>,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestAttributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or any other word.
    pub verb: &'a str,
    /// The API group; `""` is the core group.
    pub group: &'a str,
    /// The resource, without its subresource.
    pub resource: &'a str,
    /// The subresource, or `""`.
    pub subresource: &'a str,
    /// The object's name; `""` where the request names none (lists, watches, creations, deletions of collections).
    pub name: &'a str,
    /// The path, where the request is not about a resource.
    pub path: &'a str,
    /// Whether the request is about a resource (and `path` says nothing).
    pub is_resource: bool,
}

const ALL: &str = "*";

/// Whether the rule allows the request.
pub fn rule_allows(rule: &PolicyRule, request: RequestAttributes<'_>) -> bool {
    if !has(&rule.verbs, request.verb) {
        return false;
    }
    match request.is_resource {
        true => {
            has(&rule.api_groups, request.group)
                && rule
                    .resources
                    .iter()
                    .any(|pattern| resource_matches(pattern, request.resource, request.subresource))
                && (rule.resource_names.is_empty()
                    || rule.resource_names.iter().any(|name| name == request.name))
        }
        false => rule.non_resource_urls.iter().any(|pattern| url_matches(pattern, request.path)),
    }
}

/// Whether any of the rules allows the request.
pub fn rules_allow<'a>(
    rules: impl IntoIterator<Item = &'a PolicyRule>,
    request: RequestAttributes<'_>,
) -> bool {
    rules.into_iter().any(|rule| rule_allows(rule, request))
}

/// Whether the list holds the word or `*`.
pub(crate) fn has(list: &[String], word: &str) -> bool {
    list.iter().any(|entry| entry == ALL || entry == word)
}

fn resource_matches(pattern: &str, resource: &str, subresource: &str) -> bool {
    match pattern.split_once('/') {
        None => pattern == ALL || (pattern == resource && subresource.is_empty()),
        Some((owner, sub)) => {
            !subresource.is_empty() && sub == subresource && (owner == ALL || owner == resource)
        }
    }
}

/// Whether a path, or every path that a pattern stands for, is meant by `pattern`.
pub(crate) fn url_matches(pattern: &str, path: &str) -> bool {
    pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

/// The form that Kubernetes shows in its refusals: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`.
impl fmt::Display for PolicyRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        formatter.write_str("{")?;
        let mut separator = "";
        for (name, words) in parts.into_iter().filter(|(_, words)| !words.is_empty()) {
            let quoted: Vec<String> =
                words.iter().map(|word| grange_apimachinery::status::quote(word)).collect();
            write!(formatter, "{separator}{name}:[{}]", quoted.join(" "))?;
            separator = ", ";
        }
        formatter.write_str("}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    pub(crate) fn rule(value: serde_json::Value) -> PolicyRule {
        serde_json::from_value(value).unwrap()
    }

    fn resource<'a>(verb: &'a str, group: &'a str, path: &'a str, name: &'a str) -> RequestAttributes<'a> {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        RequestAttributes { verb, group, resource, subresource, name, is_resource: true, path: "" }
    }

    #[test]
    fn resources_match_as_in_kubernetes() {
        let core =
            |resources: &[&str]| rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": resources}));
        for (rule, request, expect) in [
            (core(&["pods"]), resource("get", "", "pods", "x"), true),
            (core(&["pods"]), resource("list", "", "pods", ""), false),
            (core(&["pods"]), resource("get", "apps", "pods", "x"), false),
            (core(&["pods"]), resource("get", "", "pods/log", "x"), false),
            (core(&["pods/log"]), resource("get", "", "pods/log", "x"), true),
            (core(&["pods/log"]), resource("get", "", "pods", "x"), false),
            (core(&["pods/*"]), resource("get", "", "pods/log", "x"), false),
            (core(&["*/log"]), resource("get", "", "pods/log", "x"), true),
            (core(&["*/log"]), resource("get", "", "pods/exec", "x"), false),
            (core(&["*/log"]), resource("get", "", "pods", "x"), false),
            (core(&["*"]), resource("get", "", "pods/log", "x"), true),
            (core(&["*/*"]), resource("get", "", "pods/log", "x"), false),
            (core(&[]), resource("get", "", "pods", "x"), false),
            (
                rule(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})),
                resource("approve", "x.io", "a/b", ""),
                true,
            ),
            (
                rule(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})),
                RequestAttributes { verb: "get", path: "/", ..RequestAttributes::default() },
                false,
            ),
            (rule(json!({"verbs": ["*"]})), resource("get", "", "pods", ""), false),
        ] {
            assert_eq!(rule_allows(&rule, request), expect, "{rule} {request:?}");
        }
    }

    #[test]
    fn names_never_match_a_request_without_one() {
        let named =
            rule(json!({"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}));
        assert!(rule_allows(&named, resource("get", "", "pods", "a")));
        assert!(!rule_allows(&named, resource("get", "", "pods", "b")));
        assert!(!rule_allows(&named, resource("create", "", "pods", "")));
        assert!(!rule_allows(&named, resource("list", "", "pods", "")));
    }

    #[test]
    fn paths_match_wholly_or_by_their_beginning() {
        let request = |path| RequestAttributes { verb: "get", path, ..RequestAttributes::default() };
        for (pattern, path, expect) in [
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/etcd", false),
            ("/healthz/*", "/healthz/etcd", true),
            ("/healthz/*", "/healthz", false),
            ("/healthz*", "/healthz", true),
            ("*", "/anything", true),
            ("/a*b", "/aXb", false),
        ] {
            let rule = rule(json!({"verbs": ["get"], "nonResourceURLs": [pattern]}));
            assert_eq!(rule_allows(&rule, request(path)), expect, "{pattern} {path}");
        }
    }

    #[test]
    fn rules_have_kubernetes_field_names() {
        let value = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "nonResourceURLs": ["/x"]});
        assert_eq!(serde_json::to_value(rule(value.clone())).unwrap(), value);
        assert_eq!(rule(json!({"verbs": null, "apiGroups": null, "unknown": 1})), PolicyRule::default());
        assert_eq!(
            rule(json!({"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["pods"]}))
                .to_string(),
            r#"{APIGroups:["" "apps"], Resources:["pods"], Verbs:["get" "list"]}"#
        );
    }

    pub(crate) fn words(options: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop::sample::select(options).prop_map(str::to_owned), 0..3)
    }

    pub(crate) fn any_rule() -> impl Strategy<Value = PolicyRule> {
        let resources = &["*", "pods", "nodes", "pods/log", "*/log", "nodes/log", "pods/exec"];
        (
            words(&["*", "get", "list"]),
            words(&["*", "", "apps"]),
            words(resources),
            words(&["a", "b"]),
            words(&["*", "/x", "/x/*", "/x/y", "/y*"]),
        )
            .prop_map(|(verbs, api_groups, resources, resource_names, non_resource_urls)| {
                PolicyRule { verbs, api_groups, resources, resource_names, non_resource_urls }
            })
    }

    /// Every request that the words above can tell apart.
    pub(crate) fn all_requests() -> Vec<RequestAttributes<'static>> {
        let mut requests = Vec::new();
        for verb in ["get", "list", "other"] {
            for group in ["", "apps", "other"] {
                for path in [
                    "pods",
                    "nodes",
                    "other",
                    "pods/log",
                    "nodes/log",
                    "other/log",
                    "pods/exec",
                    "other/other",
                ] {
                    for name in ["", "a", "b", "other"] {
                        requests.push(resource(verb, group, path, name));
                    }
                }
            }
            for path in ["/", "/x", "/x/", "/x/y", "/x/z", "/y", "/yy"] {
                requests.push(RequestAttributes { verb, path, ..RequestAttributes::default() });
            }
        }
        requests
    }

    /// The same question put differently: write out every word a request could be allowed by, then look for one.
    fn reference(rule: &PolicyRule, request: RequestAttributes<'_>) -> bool {
        let listed = |list: &[String], accepted: &[String]| {
            list.iter().filter(|word| accepted.contains(word)).count() > 0
        };
        let star = || "*".to_owned();
        let verb = listed(&rule.verbs, &[star(), request.verb.to_owned()]);
        if !request.is_resource {
            let mut accepted = vec![request.path.to_owned()];
            accepted.extend((0..=request.path.len()).map(|length| format!("{}*", &request.path[..length])));
            return verb && listed(&rule.non_resource_urls, &accepted);
        }
        let accepted = match request.subresource {
            "" => vec![star(), request.resource.to_owned()],
            sub => vec![star(), format!("{}/{sub}", request.resource), format!("*/{sub}")],
        };
        let named =
            rule.resource_names.is_empty() || listed(&rule.resource_names, &[request.name.to_owned()]);
        [
            verb,
            listed(&rule.api_groups, &[star(), request.group.to_owned()]),
            listed(&rule.resources, &accepted),
            named,
        ] == [true; 4]
    }

    proptest! {
        #[test]
        fn rules_agree_with_the_reference(rule in any_rule()) {
            for request in all_requests() {
                prop_assert_eq!(rule_allows(&rule, request), reference(&rule, request), "{} {:?}", rule, request);
            }
        }
    }
}
