//! LimitRanges: how much a container, a pod or a claim may and must ask for.
use grange_apimachinery::{
    Object, Value,
    quantity::{Amount, Quantity},
};
use serde_json::json;

use super::{Usage, amounts, pod};

/// Where a pod says what was filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// One item, of one type.
#[derive(Debug, Default)]
struct Item {
    kind: String,
    max: Usage,
    min: Usage,
    default: Usage,
    default_request: Usage,
    ratio: Usage,
}

/// A limit range as it is stored.
#[derive(Debug, Default)]
pub(super) struct LimitRange {
    items: Vec<Item>,
}

/// What an object asks for, as the limits of a type see it.
struct Asked<'a> {
    requests: &'a Usage,
    /// `None` where there are no limits to be said, as of claims.
    limits: Option<&'a Usage>,
}

impl LimitRange {
    pub(super) fn read(object: &Object) -> Self {
        let items = object.get(&["spec", "limits"]).and_then(Value::as_array).into_iter().flatten();
        let read = |item: &Value| Item {
            kind: item["type"].as_str().unwrap_or_default().to_owned(),
            max: amounts(item.get("max")),
            min: amounts(item.get("min")),
            default: amounts(item.get("default")),
            default_request: amounts(item.get("defaultRequest")),
            ratio: amounts(item.get("maxLimitRequestRatio")),
        };
        LimitRange { items: items.map(read).collect() }
    }

    /// Fills in what the containers of a pod do not say, and notes that on the pod.
    pub(super) fn complete_pod(&self, object: &mut Object) {
        let (mut requests, mut limits) = (Usage::new(), Usage::new());
        for item in self.items.iter().filter(|item| item.kind == "Container") {
            requests.extend(item.default_request.clone());
            limits.extend(item.default.clone());
        }
        let mut notes = Vec::new();
        for (field, what) in [("containers", "container"), ("initContainers", "init container")] {
            let Some(Value::Array(containers)) =
                object.0.get_mut("spec").and_then(|spec| spec.get_mut(field))
            else {
                continue;
            };
            for container in containers.iter_mut().filter_map(Value::as_object_mut) {
                let name = container.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let resources = container.entry("resources").or_insert_with(|| json!({}));
                for (side, word, given) in [("requests", "request", &requests), ("limits", "limit", &limits)]
                {
                    let missing: Vec<_> = given
                        .iter()
                        .filter(|(name, _)| resources[side].get(name.as_str()).is_none())
                        .collect();
                    if missing.is_empty() {
                        continue;
                    }
                    for (name, amount) in &missing {
                        resources[side][name.as_str()] = Value::from(amount.to_string());
                    }
                    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
                    notes.push(format!("{} {word} for {what} {name}", names.join(", ")));
                }
            }
        }
        if !notes.is_empty() {
            let note = format!("LimitRanger plugin set: {}", notes.join("; "));
            object.set(&["metadata", "annotations", ANNOTATION], note);
        }
    }

    /// Checks a pod or a claim; what is wrong in one sentence, or in a list of them.
    pub(super) fn check(&self, plural: &str, object: &Object) -> Result<(), String> {
        let mut faults = Vec::new();
        for item in &self.items {
            match (item.kind.as_str(), plural) {
                ("PersistentVolumeClaim", "persistentvolumeclaims") => {
                    let requests = amounts(object.get(&["spec", "resources", "requests"]));
                    item.check(&Asked { requests: &requests, limits: None }, &mut faults);
                }
                ("Container", "pods") => {
                    for field in ["containers", "initContainers"] {
                        for container in pod::containers(object, field) {
                            let requests = pod::stated(container, "requests");
                            let limits = pod::stated(container, "limits");
                            let asked = Asked { requests: &requests, limits: Some(&limits) };
                            item.check(&asked, &mut faults);
                        }
                    }
                }
                ("Pod", "pods") => {
                    let (requests, limits) = (pod::total(object, "requests"), pod::total(object, "limits"));
                    item.check(&Asked { requests: &requests, limits: Some(&limits) }, &mut faults);
                }
                _ => {}
            }
        }
        match faults.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            several => Err(format!("[{}]", several.join(", "))),
        }
    }
}

impl Item {
    fn check(&self, asked: &Asked<'_>, faults: &mut Vec<String>) {
        let kind = &self.kind;
        for (name, least) in &self.min {
            let rule = format!("minimum {name} usage per {kind} is {least}");
            let limit = asked.limits.and_then(|limits| limits.get(name));
            match asked.requests.get(name) {
                None => faults.push(format!("{rule}.  No request is specified")),
                Some(request) if request.quantity < least.quantity => {
                    faults.push(format!("{rule}, but request is {request}"));
                }
                Some(_) => {
                    if let Some(limit) = limit.filter(|limit| limit.quantity < least.quantity) {
                        faults.push(format!("{rule}, but limit is {limit}"));
                    }
                }
            }
        }
        for (name, most) in &self.max {
            let rule = format!("maximum {name} usage per {kind} is {most}");
            let request = asked.requests.get(name);
            let too_much = |amount: Option<&Amount>| amount.copied().filter(|it| it.quantity > most.quantity);
            match (asked.limits, request) {
                (None, None) => faults.push(format!("{rule}.  No request is specified")),
                (Some(limits), _) if !limits.contains_key(name) => {
                    faults.push(format!("{rule}.  No limit is specified"));
                }
                (limits, request) => {
                    let limit = limits.and_then(|limits| limits.get(name));
                    if let Some(limit) = too_much(limit) {
                        faults.push(format!("{rule}, but limit is {limit}"));
                    } else if let Some(request) = too_much(request) {
                        faults.push(format!("{rule}, but request is {request}"));
                    }
                }
            }
        }
        let Some(limits) = asked.limits else { return };
        for (name, most) in &self.ratio {
            let rule = format!("{name} max limit to request ratio per {kind} is {most}, but");
            let given = |usage: &Usage| usage.get(name).map(|it| it.quantity).filter(|it| *it != Quantity(0));
            match (given(asked.requests), given(limits)) {
                (None, _) => faults.push(format!("{rule} no request is specified or request is 0")),
                (_, None) => faults.push(format!("{rule} no limit is specified or limit is 0")),
                (Some(request), Some(limit)) => {
                    let is_more = most.quantity.0.saturating_mul(request.0) < limit.0.saturating_mul(1000);
                    if is_more {
                        let ratio = approximate(limit) / approximate(request);
                        faults.push(format!("{rule} provided ratio is {ratio:.6}"));
                    }
                }
            }
        }
    }
}

/// For people: exact as far as doubles are.
#[allow(clippy::cast_precision_loss, reason = "a ratio in a sentence")]
pub(super) fn approximate(quantity: Quantity) -> f64 {
    quantity.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(map) = value else { panic!("an object") };
        Object(map)
    }

    fn range(limits: Value) -> LimitRange {
        LimitRange::read(&object(json!({"spec": {"limits": limits}})))
    }

    #[test]
    fn containers_get_what_they_do_not_say() {
        let range = range(json!([{"type": "Container", "default": {"cpu": "500m", "memory": "1Gi"},
                                  "defaultRequest": {"cpu": "100m"}}]));
        let mut pod = object(json!({"spec": {
            "containers": [{"name": "a"}, {"name": "b", "resources": {"limits": {"cpu": "1", "memory": "2Gi"}}}]}}));
        range.complete_pod(&mut pod);
        assert_eq!(
            pod.get(&["spec", "containers"]),
            Some(&json!([
                {"name": "a", "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m", "memory": "1Gi"}}},
                {"name": "b", "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "2Gi"}}},
            ]))
        );
        assert_eq!(
            pod.annotation(ANNOTATION),
            Some(
                "LimitRanger plugin set: cpu request for container a; cpu, memory limit for container a; cpu request for container b"
            )
        );
    }

    #[test]
    fn what_asks_for_too_much_or_too_little_is_told() {
        let container = |requests: Value, limits: Value| json!({"spec": {"containers": [{"name": "a", "resources": {"requests": requests, "limits": limits}}]}});
        let claim = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
        let claims =
            json!([{"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "10Gi"}}]);
        let bounds = json!([{"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"}}]);
        let ratio = json!([{"type": "Pod", "maxLimitRequestRatio": {"cpu": "2"}}]);
        for (limits, plural, object_, expected) in [
            (&claims, "persistentvolumeclaims", claim("5Gi"), Ok(())),
            (
                &claims,
                "persistentvolumeclaims",
                claim("20Gi"),
                Err("maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 20Gi"),
            ),
            (
                &claims,
                "persistentvolumeclaims",
                claim("1Mi"),
                Err("minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"),
            ),
            (&bounds, "pods", container(json!({"cpu": "1"}), json!({"cpu": "2"})), Ok(())),
            (
                &bounds,
                "pods",
                container(json!({}), json!({})),
                Err(
                    "[minimum cpu usage per Container is 100m.  No request is specified, maximum cpu usage per Container is 2.  No limit is specified]",
                ),
            ),
            (
                &bounds,
                "pods",
                container(json!({"cpu": "1"}), json!({"cpu": "3"})),
                Err("maximum cpu usage per Container is 2, but limit is 3"),
            ),
            (&ratio, "pods", container(json!({"cpu": "1"}), json!({"cpu": "2"})), Ok(())),
            (
                &ratio,
                "pods",
                container(json!({"cpu": "1"}), json!({"cpu": "2500m"})),
                Err("cpu max limit to request ratio per Pod is 2, but provided ratio is 2.500000"),
            ),
            (
                &ratio,
                "pods",
                container(json!({}), json!({})),
                Err(
                    "cpu max limit to request ratio per Pod is 2, but no request is specified or request is 0",
                ),
            ),
        ] {
            let result = range(limits.clone()).check(plural, &object(object_.clone()));
            assert_eq!(result, expected.map_err(str::to_owned), "{object_}");
        }
    }
}
