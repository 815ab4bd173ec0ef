//! May someone who holds some rules hand out others? Kubernetes' escalation check.
//!
//! As in Kubernetes, the wanted rules are broken down to their simplest parts (one verb, group, resource, name), and each
//! part must lie wholly in one held rule. The check errs on the side of refusing: two held rules never cover a part together.

use crate::{
    PolicyRule,
    rule::{has, url_matches},
};

/// Most simple parts that wanted rules may break down to; rules beyond that count as not covered. (Their number is a
/// product of list lengths, so a small body could ask for days of work.)
pub const MAX_BREAKDOWN: usize = 50_000;
/// Most uncovered rules reported, and most verbs of each.
pub const MAX_UNCOVERED: usize = 64;

/// Whether the owner's rules cover the wanted ones; the error holds what they do not, verbs of the same things put together.
pub fn covers(owner_rules: &[PolicyRule], wanted_rules: &[PolicyRule]) -> Result<(), Vec<PolicyRule>> {
    let mut uncovered: Vec<PolicyRule> = Vec::new();
    let mut budget = MAX_BREAKDOWN;
    for wanted in wanted_rules {
        match budget.checked_sub(parts_count(wanted)) {
            Some(left) => budget = left,
            None => {
                note(&mut uncovered, wanted.clone());
                continue;
            }
        }
        for part in parts(wanted).filter(|part| !owner_rules.iter().any(|owner| part.is_covered_by(owner))) {
            note(&mut uncovered, part.to_rule());
        }
    }
    if uncovered.is_empty() { Ok(()) } else { Err(uncovered) }
}

/// The simplest part of a rule.
#[derive(Clone, Copy)]
enum Part<'a> {
    Resource { verb: &'a str, group: &'a str, resource: &'a str, name: Option<&'a str> },
    Url { verb: &'a str, url: &'a str },
}

fn parts_count(rule: &PolicyRule) -> usize {
    let resources = [rule.api_groups.len(), rule.resources.len(), rule.resource_names.len().max(1)];
    let things =
        resources.into_iter().fold(1, usize::saturating_mul).saturating_add(rule.non_resource_urls.len());
    things.saturating_mul(rule.verbs.len())
}

fn parts(rule: &PolicyRule) -> impl Iterator<Item = Part<'_>> {
    // No names means all of them, which only an owner without names covers: one part without a name.
    let unnamed = rule.resource_names.is_empty().then_some(None);
    let names = move || rule.resource_names.iter().map(|name| Some(name.as_str())).chain(unnamed);
    let resources = rule.api_groups.iter().flat_map(move |group| {
        rule.resources.iter().flat_map(move |resource| {
            names().flat_map(move |name| {
                rule.verbs.iter().map(move |verb| Part::Resource { verb, group, resource, name })
            })
        })
    });
    let urls = rule
        .non_resource_urls
        .iter()
        .flat_map(|url| rule.verbs.iter().map(move |verb| Part::Url { verb, url }));
    resources.chain(urls)
}

impl Part<'_> {
    fn is_covered_by(self, owner: &PolicyRule) -> bool {
        match self {
            Part::Resource { verb, group, resource, name } => {
                has(&owner.verbs, verb)
                    && has(&owner.api_groups, group)
                    && resource_covered(&owner.resources, resource)
                    && (owner.resource_names.is_empty()
                        || name.is_some_and(|name| owner.resource_names.iter().any(|held| held == name)))
            }
            Part::Url { verb, url } => {
                has(&owner.verbs, verb) && owner.non_resource_urls.iter().any(|held| url_matches(held, url))
            }
        }
    }

    fn to_rule(self) -> PolicyRule {
        let list = |word: &str| vec![word.to_owned()];
        match self {
            Part::Resource { verb, group, resource, name } => PolicyRule {
                verbs: list(verb),
                api_groups: list(group),
                resources: list(resource),
                resource_names: name.map(list).unwrap_or_default(),
                ..PolicyRule::default()
            },
            Part::Url { verb, url } => {
                PolicyRule { verbs: list(verb), non_resource_urls: list(url), ..PolicyRule::default() }
            }
        }
    }
}

fn resource_covered(held: &[String], wanted: &str) -> bool {
    has(held, wanted)
        || wanted
            .split_once('/')
            .is_some_and(|(_, sub)| held.iter().any(|held| held.strip_prefix("*/") == Some(sub)))
}

/// Adds a rule, or only its verbs where a rule about the same things is there already.
fn note(uncovered: &mut Vec<PolicyRule>, rule: PolicyRule) {
    let same = |other: &PolicyRule| {
        other.api_groups == rule.api_groups
            && other.resources == rule.resources
            && other.resource_names == rule.resource_names
            && other.non_resource_urls == rule.non_resource_urls
    };
    match uncovered.iter().position(same) {
        Some(index) => {
            let other = &mut uncovered[index];
            for verb in rule.verbs {
                if other.verbs.len() < MAX_UNCOVERED && !other.verbs.contains(&verb) {
                    other.verbs.push(verb);
                }
            }
        }
        None if uncovered.len() < MAX_UNCOVERED => uncovered.push(rule),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::{all_requests, any_rule, rule};
    use crate::rules_allow;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(owner: &[serde_json::Value], wanted: serde_json::Value, expect: &[&str]) {
        let owner: Vec<PolicyRule> = owner.iter().cloned().map(rule).collect();
        let missing = covers(&owner, &[rule(wanted)]).err().unwrap_or_default();
        assert_eq!(missing.iter().map(PolicyRule::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn what_one_does_not_hold_is_named() {
        let pods = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]});
        let everything = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
        check(std::slice::from_ref(&pods), pods.clone(), &[]);
        check(&[], pods.clone(), &[r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#]);
        check(
            std::slice::from_ref(&pods),
            json!({"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods", "nodes"]}),
            &[
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}"#,
                r#"{APIGroups:[""], Resources:["nodes"], Verbs:["get" "delete"]}"#,
            ],
        );
        check(
            std::slice::from_ref(&everything),
            json!({"verbs": ["x"], "apiGroups": ["y"], "resources": ["a/b"], "resourceNames": ["z"]}),
            &[],
        );
        check(
            std::slice::from_ref(&pods),
            everything.clone(),
            &[r#"{APIGroups:["*"], Resources:["*"], Verbs:["*"]}"#],
        );
        check(
            &[everything],
            json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}),
            &[r#"{NonResourceURLs:["/x"], Verbs:["get"]}"#],
        );
        check(
            &[json!({"verbs": ["get"], "nonResourceURLs": ["/x/*"]})],
            json!({"verbs": ["get"], "nonResourceURLs": ["/x/y", "/x/y/*"]}),
            &[],
        );
        check(
            &[json!({"verbs": ["get"], "nonResourceURLs": ["/x"]})],
            json!({"verbs": ["get"], "nonResourceURLs": ["/x*"]}),
            &[r#"{NonResourceURLs:["/x*"], Verbs:["get"]}"#],
        );
    }

    #[test]
    fn names_and_subresources_narrow_what_one_holds() {
        let of = |resource: &str, names: &[&str]| json!({"verbs": ["get"], "apiGroups": [""], "resources": [resource], "resourceNames": names});
        check(&[of("pods", &["a", "b"])], of("pods", &["b"]), &[]);
        check(&[of("pods", &[])], of("pods", &["b"]), &[]);
        check(
            &[of("pods", &["a"])],
            of("pods", &[]),
            &[r#"{APIGroups:[""], Resources:["pods"], Verbs:["get"]}"#],
        );
        check(&[of("pods", &["a"]), of("pods", &["b"])], of("pods", &["a", "b"]), &[]);
        check(&[of("*/log", &[])], of("pods/log", &[]), &[]);
        check(
            &[of("pods", &[])],
            of("pods/log", &[]),
            &[r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}"#],
        );
        check(
            &[of("pods/log", &[])],
            of("*/log", &[]),
            &[r#"{APIGroups:[""], Resources:["*/log"], Verbs:["get"]}"#],
        );
    }

    #[test]
    fn a_small_body_cannot_ask_for_days_of_work() {
        let many: Vec<String> = (0..1000).map(|index| format!("w{index}")).collect();
        let huge = PolicyRule {
            verbs: many.clone(),
            api_groups: many.clone(),
            resources: many.clone(),
            resource_names: many,
            ..PolicyRule::default()
        };
        assert!(covers(std::slice::from_ref(&huge), std::slice::from_ref(&huge)).is_err());
        let wide = PolicyRule {
            verbs: vec!["get".into()],
            api_groups: vec!["".into()],
            resources: huge.resources,
            ..PolicyRule::default()
        };
        assert_eq!(covers(&[], &[wide]).unwrap_err().len(), MAX_UNCOVERED);
    }

    fn rules() -> impl Strategy<Value = Vec<PolicyRule>> {
        prop::collection::vec(any_rule(), 0..4)
    }

    proptest! {
        #[test]
        fn everyone_covers_what_they_hold(rules in rules()) {
            prop_assert_eq!(covers(&rules, &rules), Ok(()));
        }

        #[test]
        fn more_rules_cover_no_less(owner in rules(), more in rules(), wanted in rules()) {
            if covers(&owner, &wanted).is_ok() {
                let both: Vec<PolicyRule> = owner.iter().chain(&more).cloned().collect();
                prop_assert_eq!(covers(&both, &wanted), Ok(()));
                prop_assert_eq!(covers(&owner, &wanted[..wanted.len() / 2]), Ok(()));
            }
        }

        /// The point of it all: whoever covers rules is allowed everything that those rules allow.
        #[test]
        fn covered_rules_allow_nothing_new(owner in rules(), wanted in rules()) {
            let covered = covers(&owner, &wanted).is_ok();
            for request in all_requests() {
                prop_assert!(!covered || !rules_allow(&wanted, request) || rules_allow(&owner, request), "{:?}", request);
            }
        }

        #[test]
        fn what_is_reported_missing_mends_it(owner in rules(), wanted in rules()) {
            if let Err(missing) = covers(&owner, &wanted) {
                let both: Vec<PolicyRule> = owner.iter().chain(&missing).cloned().collect();
                prop_assert_eq!(covers(&both, &wanted), Ok(()));
            }
        }
    }
}
