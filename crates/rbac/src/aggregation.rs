//! Aggregated roles: a ClusterRole whose rules are those of others, chosen by label.

use std::collections::{BTreeMap, HashSet};

use grange_apimachinery::selector::LabelSelector;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PolicyRule;

/// `ClusterRole.aggregationRule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregationRule {
    /// Label selectors in the object form; a role that any of them selects contributes.
    pub cluster_role_selectors: Vec<Value>,
}

/// A ClusterRole as aggregation sees it.
#[derive(Clone, Copy, Debug)]
pub struct LabelledRole<'a> {
    /// The role's name.
    pub name: &'a str,
    /// The role's labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The role's rules.
    pub rules: &'a [PolicyRule],
}

/// The rules of the aggregated role `own_name`: those of the other roles that a selector picks, selector by selector and
/// in the order of their names, each rule once. The error is that of a selector that does not parse.
pub fn aggregate(
    own_name: &str,
    aggregation: &AggregationRule,
    roles: &[LabelledRole<'_>],
) -> Result<Vec<PolicyRule>, String> {
    let mut sorted: Vec<&LabelledRole<'_>> = roles.iter().filter(|role| role.name != own_name).collect();
    sorted.sort_by_key(|role| role.name);
    let (mut rules, mut seen) = (Vec::new(), HashSet::new());
    for selector in &aggregation.cluster_role_selectors {
        let selector = LabelSelector::from_value(selector)?;
        for role in
            sorted.iter().filter(|role| selector.matches(|key| role.labels.get(key).map(String::as_str)))
        {
            rules.extend(role.rules.iter().filter(|rule| seen.insert(*rule)).cloned());
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;
    use serde_json::json;

    #[test]
    fn labelled_roles_contribute_their_rules_once() {
        let admin = BTreeMap::from([("to-admin".to_owned(), "true".to_owned())]);
        let edit = BTreeMap::from([("to-edit".to_owned(), "true".to_owned())]);
        let of = |verb: &str| rule(json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}));
        let (b, a, own, other) =
            ([of("get"), of("list")], [of("watch"), of("get")], [of("own")], [of("other")]);
        let roles = [
            LabelledRole { name: "b", labels: &admin, rules: &b },
            LabelledRole { name: "a", labels: &edit, rules: &a },
            LabelledRole { name: "own", labels: &admin, rules: &own },
            LabelledRole { name: "other", labels: &BTreeMap::new(), rules: &other },
        ];
        let aggregation = |selectors| AggregationRule { cluster_role_selectors: selectors };
        let by_label = |label: &str| json!({"matchLabels": {label: "true"}});
        let both = aggregation(vec![by_label("to-admin"), by_label("to-edit")]);
        assert_eq!(aggregate("own", &both, &roles), Ok(vec![of("get"), of("list"), of("watch")]));
        let edit_only = aggregation(vec![by_label("to-edit")]);
        assert_eq!(aggregate("own", &edit_only, &roles), Ok(vec![of("watch"), of("get")]));
        assert_eq!(aggregate("own", &aggregation(vec![]), &roles), Ok(vec![]));
        assert!(aggregate("own", &aggregation(vec![json!({"matchLabels": 5})]), &roles).is_err());
    }
}
