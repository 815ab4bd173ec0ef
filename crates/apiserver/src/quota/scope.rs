//! Which objects a quota is about: it may be for some pods only.
use grange_apimachinery::{Object, Value};

use super::pod;

/// One condition; an object must meet all of a quota.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    name: String,
    operator: String,
    values: Vec<String>,
}

/// The conditions of a quota.
pub(super) fn of_quota(quota: &Object) -> Vec<Scope> {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let plain = quota.get(&["spec", "scopes"]).map(texts).unwrap_or_default();
    let plain = plain.into_iter().map(|name| Scope { name, operator: "Exists".into(), values: Vec::new() });
    let selected = quota.get(&["spec", "scopeSelector", "matchExpressions"]).and_then(Value::as_array);
    let selected = selected.into_iter().flatten().map(|requirement| Scope {
        name: requirement["scopeName"].as_str().unwrap_or_default().to_owned(),
        operator: requirement["operator"].as_str().unwrap_or_default().to_owned(),
        values: texts(&requirement["values"]),
    });
    plain.chain(selected).collect()
}

impl Scope {
    /// Whether an object meets it. Only pods and claims can.
    pub(super) fn matches(&self, group: &str, plural: &str, object: &Object) -> bool {
        match (group, plural, self.name.as_str()) {
            ("", "persistentvolumeclaims", "VolumeAttributesClass") => {
                self.selects(&[object.text(&["spec", "volumeAttributesClassName"])])
            }
            ("", "pods", "Terminating") => has_deadline(object),
            ("", "pods", "NotTerminating") => !has_deadline(object),
            ("", "pods", "BestEffort") => pod::is_best_effort(object),
            ("", "pods", "NotBestEffort") => !pod::is_best_effort(object),
            ("", "pods", "PriorityClass") => self.selects(&[object.text(&["spec", "priorityClassName"])]),
            ("", "pods", "CrossNamespacePodAffinity") => crosses_namespaces(object),
            _ => false,
        }
    }

    fn selects(&self, present: &[&str]) -> bool {
        let present: Vec<&str> = present.iter().copied().filter(|text| !text.is_empty()).collect();
        let is_listed = present.iter().any(|text| self.values.iter().any(|value| value == text));
        match self.operator.as_str() {
            "Exists" => !present.is_empty(),
            "DoesNotExist" => present.is_empty(),
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    }
}

/// Whether a pod ends by itself.
fn has_deadline(pod: &Object) -> bool {
    pod.get(&["spec", "activeDeadlineSeconds"]).and_then(Value::as_i64).is_some_and(|seconds| seconds >= 0)
}

fn crosses_namespaces(pod: &Object) -> bool {
    let crosses = |term: &Value| {
        term["namespaces"].as_array().is_some_and(|list| !list.is_empty())
            || term.get("namespaceSelector").is_some()
    };
    ["podAffinity", "podAntiAffinity"].into_iter().any(|affinity| {
        let terms = |field: &str| {
            let terms = pod.get(&["spec", "affinity", affinity, field]).and_then(Value::as_array);
            terms.into_iter().flatten()
        };
        terms("requiredDuringSchedulingIgnoredDuringExecution").any(crosses)
            || terms("preferredDuringSchedulingIgnoredDuringExecution")
                .any(|term| crosses(&term["podAffinityTerm"]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(map) = value else { panic!("an object") };
        Object(map)
    }

    #[test]
    fn pods_meet_the_scopes_of_a_quota() {
        let plain = object(json!({"spec": {"containers": [{"name": "a"}]}}));
        let job = object(json!({"spec": {"activeDeadlineSeconds": 5, "priorityClassName": "high",
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}}));
        let away = object(json!({"spec": {"affinity": {"podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}}}}));
        let selector = |operator: &str, values: &[&str]| {
            json!({"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": operator, "values": values}]}})
        };
        for (spec, pod, expected) in [
            (json!({}), &plain, true),
            (json!({"scopes": ["Terminating"]}), &job, true),
            (json!({"scopes": ["Terminating"]}), &plain, false),
            (json!({"scopes": ["NotTerminating", "BestEffort"]}), &plain, true),
            (json!({"scopes": ["NotBestEffort"]}), &plain, false),
            (json!({"scopes": ["CrossNamespacePodAffinity"]}), &away, true),
            (json!({"scopes": ["CrossNamespacePodAffinity"]}), &plain, false),
            (selector("In", &["high"]), &job, true),
            (selector("In", &["high"]), &plain, false),
            (selector("NotIn", &["high"]), &plain, true),
            (selector("Exists", &[]), &job, true),
            (selector("DoesNotExist", &[]), &job, false),
        ] {
            let scopes = of_quota(&object(json!({"spec": spec})));
            let matches = scopes.iter().all(|scope| scope.matches("", "pods", pod));
            assert_eq!(matches, expected, "{spec}");
            if !scopes.is_empty() {
                assert!(!scopes.iter().all(|scope| scope.matches("", "configmaps", pod)));
            }
        }
    }
}
