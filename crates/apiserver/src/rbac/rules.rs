//! Role rules as stored objects spell them.
use grange_apimachinery::{Object, Value};
use serde::{Deserialize, Serialize};

/// `rbac.authorization.k8s.io/v1` PolicyRule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PolicyRule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) api_groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub(crate) non_resource_urls: Vec<String>,
    pub(crate) verbs: Vec<String>,
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == wanted)
}

impl PolicyRule {
    fn allows_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|entry| match entry.split_once('/') {
            _ if entry == "*" => true,
            None => subresource.is_empty() && entry == resource,
            Some(("*", sub)) => sub == subresource && !subresource.is_empty(),
            Some((main, sub)) => main == resource && sub == subresource,
        })
    }
    /// Whether the rule allows what is asked for.
    pub(crate) fn allows(&self, asked: &crate::Attributes<'_>) -> bool {
        if !has(&self.verbs, asked.verb) {
            return false;
        }
        if asked.resource.is_empty() {
            return self.non_resource_urls.iter().any(|url| {
                url == "*" || url == asked.path || url.strip_suffix('*').is_some_and(|prefix| asked.path.starts_with(prefix))
            });
        }
        has(&self.api_groups, asked.group)
            && self.allows_resource(asked.resource, asked.subresource)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == asked.name))
    }
    /// Whether this rule allows everything that a one-verb, one-target rule does.
    fn covers_part(&self, part: &PolicyRule) -> bool {
        let within = |mine: &[String], theirs: &[String]| theirs.iter().all(|entry| has(mine, entry));
        if !part.non_resource_urls.is_empty() {
            return within(&self.verbs, &part.verbs)
                && part.non_resource_urls.iter().all(|url| {
                    self.non_resource_urls.iter().any(|mine| {
                        mine == "*"
                            || mine == url
                            || mine.strip_suffix('*').is_some_and(|prefix| url.starts_with(prefix))
                    })
                });
        }
        within(&self.verbs, &part.verbs)
            && within(&self.api_groups, &part.api_groups)
            && part.resources.iter().all(|resource| {
                has(&self.resources, resource)
                    || resource.split_once('/').is_some_and(|(_, sub)| self.resources.contains(&format!("*/{sub}")))
            })
            && (self.resource_names.is_empty()
                || (!part.resource_names.is_empty()
                    && part.resource_names.iter().all(|name| self.resource_names.contains(name))))
    }
    /// The rule as many rules with one verb and one target each.
    fn parts(&self) -> Vec<PolicyRule> {
        let one = |text: &String| vec![text.clone()];
        let mut parts = Vec::new();
        for verb in &self.verbs {
            for url in &self.non_resource_urls {
                parts.push(PolicyRule { non_resource_urls: one(url), verbs: one(verb), ..Default::default() });
            }
            for group in &self.api_groups {
                for resource in &self.resources {
                    let part = PolicyRule {
                        api_groups: one(group),
                        resources: one(resource),
                        verbs: one(verb),
                        ..Default::default()
                    };
                    if self.resource_names.is_empty() {
                        parts.push(part);
                    } else {
                        parts.extend(
                            self.resource_names
                                .iter()
                                .map(|name| PolicyRule { resource_names: one(name), ..part.clone() }),
                        );
                    }
                }
            }
        }
        parts
    }
}

/// The parts of `wanted` that `held` does not cover.
pub(crate) fn uncovered(held: &[std::sync::Arc<Vec<PolicyRule>>], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    wanted
        .iter()
        .flat_map(PolicyRule::parts)
        .filter(|part| !held.iter().flat_map(|rules| rules.iter()).any(|rule| rule.covers_part(part)))
        .collect()
}

/// The rules of a stored role.
pub(crate) fn rules_of(object: &Object) -> Vec<PolicyRule> {
    object
        .0
        .get("rules")
        .and_then(Value::as_array)
        .map(|rules| rules.iter().filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect())
        .unwrap_or_default()
}

/// How Kubernetes prints rules in its refusals.
pub(crate) fn describe(rules: &[PolicyRule]) -> String {
    let list = |name: &str, entries: &[String]| {
        (!entries.is_empty()).then(|| {
            let quoted: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
            format!("{name}:[{}]", quoted.join(", "))
        })
    };
    let lines: Vec<String> = rules
        .iter()
        .map(|rule| {
            let fields: Vec<String> = [
                list("APIGroups", &rule.api_groups),
                list("Resources", &rule.resources),
                list("ResourceNames", &rule.resource_names),
                list("NonResourceURLs", &rule.non_resource_urls),
                list("Verbs", &rule.verbs),
            ]
            .into_iter()
            .flatten()
            .collect();
            format!("{{{}}}", fields.join(", "))
        })
        .collect();
    lines.join("\n")
}
