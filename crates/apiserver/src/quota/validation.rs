//! What a ResourceQuota and a LimitRange must be: the causes, their fields and their sentences are Kubernetes'.
use std::collections::{BTreeSet, HashSet};

use grange_apimachinery::{
    FieldError, Object, Status, Value,
    name::validate_qualified_name,
    quantity::{Amount, Quantity},
};
use serde_json::json;

use super::{Usage, amounts, pod::is_extended};
use crate::{
    UserInfo,
    builtin::validation::{core_metadata, core_metadata_again, core_metadata_update},
    resource::Strategy,
};

/// What quotas limit that is counted in whole numbers.
const WHOLE: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
/// What else quotas limit under a name without a slash.
const MEASURED: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// What a container may ask for under a name without a slash.
const OF_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
/// Scopes that cannot be together.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

/// The hooks of ResourceQuotas.
pub(crate) struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    /// Kubernetes always writes a status.
    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        object.0.entry("status").or_insert_with(|| json!({}));
        Ok(())
    }
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        let mut errors = match old {
            None => core_metadata(new),
            Some(old) => core_metadata_update(old, new),
        };
        hard(new.get(&["spec", "hard"]), "spec.hard", &mut errors);
        scopes(new, &mut errors);
        scope_selector(new, &mut errors);
        for field in ["hard", "used"] {
            hard(new.get(&["status", field]), &format!("status.{field}"), &mut errors);
        }
        if let Some(old) = old {
            let set =
                |object: &Object| texts(object.get(&["spec", "scopes"])).into_iter().collect::<BTreeSet<_>>();
            if set(old) != set(new) {
                let scopes = new.get(&["spec", "scopes"]).cloned().unwrap_or_default();
                errors.push(FieldError::invalid("spec.scopes", scopes, "field is immutable"));
            }
        }
        errors
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

fn is_quota_name(name: &str) -> bool {
    WHOLE.contains(&name) || MEASURED.contains(&name) || is_huge_pages(name)
}

fn resource_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    validate_qualified_name(name, field, errors);
    if errors.len() == before && !name.contains('/') && !is_quota_name(name) && name != "storage" {
        let why = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(field, name, why));
    }
}

fn hard(value: Option<&Value>, field: &str, errors: &mut Vec<FieldError>) {
    for (name, amount) in amounts(value) {
        let field = format!("{field}[{name}]");
        resource_name(&name, &field, errors);
        if !name.contains('/') && !is_quota_name(&name) {
            errors.push(FieldError::invalid(&field, name.as_str(), "must be a standard resource for quota"));
        }
        if amount.quantity < Quantity(0) {
            let why = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(&field, amount.to_string(), why));
        }
        let is_whole =
            WHOLE.contains(&name.as_str()) || (is_extended(&name) && !name.starts_with("requests."));
        if is_whole && amount.quantity.0 % 1000 != 0 {
            errors.push(FieldError::invalid(&field, amount.to_string(), "must be an integer"));
        }
    }
}

/// Whether a scope can say anything of what a quota limits.
fn is_valid_for(scope: &str, name: &str) -> bool {
    match scope {
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "requests.storage" | "persistentvolumeclaims"),
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => {
            name == "pods" || (MEASURED.contains(&name) && name != "requests.storage") || is_huge_pages(name)
        }
        _ => true,
    }
}

fn unsupported(new: &Object, scope: &str) -> usize {
    let names = amounts(new.get(&["spec", "hard"]));
    names.keys().filter(|name| is_quota_name(name) && !is_valid_for(scope, name)).count()
}

fn conflicting(scopes: &[String], field: &str, shown: &Value, errors: &mut Vec<FieldError>) {
    for pair in OPPOSITES {
        if pair.iter().all(|wanted| scopes.iter().any(|scope| scope == wanted)) {
            errors.push(FieldError::invalid(field, shown.clone(), "conflicting scopes"));
        }
    }
}

fn scopes(new: &Object, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.scopes";
    let Some(shown) = new.get(&["spec", "scopes"]) else { return };
    let scopes = texts(Some(shown));
    for scope in &scopes {
        if !SCOPES.contains(&scope.as_str()) {
            errors.push(FieldError::invalid(FIELD, shown.clone(), "unsupported scope"));
        }
        for _ in 0..unsupported(new, scope) {
            errors.push(FieldError::invalid(FIELD, shown.clone(), "unsupported scope applied to resource"));
        }
    }
    conflicting(&scopes, FIELD, shown, errors);
}

fn scope_selector(new: &Object, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.scopeSelector.matchExpressions";
    let Some(selector) = new.get(&["spec", "scopeSelector"]) else { return };
    let mut scopes = Vec::new();
    for requirement in selector["matchExpressions"].as_array().into_iter().flatten() {
        let text = |field: &str| requirement[field].as_str().unwrap_or_default();
        let (scope, operator) = (text("scopeName"), text("operator"));
        let has_values = !texts(requirement.get("values")).is_empty();
        if !SCOPES.contains(&scope) {
            errors.push(FieldError::invalid(format!("{FIELD}.scopeName"), scope, "unsupported scope"));
        }
        for _ in 0..unsupported(new, scope) {
            errors.push(FieldError::invalid(
                FIELD,
                selector.clone(),
                "unsupported scope applied to resource",
            ));
        }
        let only_exists =
            !matches!(scope, "PriorityClass" | "VolumeAttributesClass") && SCOPES.contains(&scope);
        if only_exists && operator != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(FieldError::invalid(format!("{FIELD}.operator"), operator, why));
        }
        let values = format!("{FIELD}.values");
        match operator {
            "In" | "NotIn" if !has_values => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(values, why));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid(values, requirement["values"].clone(), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let field = format!("{FIELD}.operator");
                errors.push(FieldError::invalid(field, operator, "not a valid selector operator"));
            }
        }
        scopes.push(scope.to_owned());
    }
    let shown = new.get(&["spec", "scopes"]).cloned().unwrap_or_default();
    conflicting(&scopes, FIELD, &shown, errors);
}

/// The hooks of LimitRanges.
pub(crate) struct LimitRangeStrategy;

impl Strategy for LimitRangeStrategy {
    /// One without a name gets one, as in Kubernetes.
    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        if object.name().is_empty() {
            object.set(&["metadata", "name"], uuid::Uuid::new_v4().to_string());
        }
        Ok(())
    }

    /// What a container gets follows from what it may ask for, where nothing is said.
    fn complete(&self, object: &mut Object) {
        let Some(Value::Array(items)) = object.0.get_mut("spec").and_then(|spec| spec.get_mut("limits"))
        else {
            return;
        };
        for item in items.iter_mut().filter(|item| item["type"] == "Container") {
            let read = |field: &str| amounts(item.get(field));
            let (mut default, mut request) = (read("default"), read("defaultRequest"));
            let fill = |target: &mut Usage, from: &Usage| {
                for (name, amount) in from {
                    target.entry(name.clone()).or_insert(*amount);
                }
            };
            fill(&mut default, &read("max"));
            fill(&mut request, &default);
            fill(&mut request, &read("min"));
            for (field, usage) in [("default", default), ("defaultRequest", request)] {
                if !usage.is_empty() {
                    item[field] = super::to_value(&usage);
                }
            }
        }
    }

    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        let mut errors = match old {
            None => core_metadata(new),
            Some(_) => core_metadata_again(new),
        };
        let items = new.get(&["spec", "limits"]).and_then(Value::as_array);
        let mut seen = HashSet::new();
        for (index, item) in items.into_iter().flatten().enumerate() {
            limit(item, &format!("spec.limits[{index}]"), &mut seen, &mut errors);
        }
        errors
    }
}

fn limit_name(kind: &str, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    resource_name(name, field, errors);
    if !matches!(kind, "Pod" | "Container") {
        return;
    }
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && !name.starts_with("hugepages-") {
            errors.push(FieldError::invalid(field, name, "must be a standard resource for containers"));
        }
    } else if is_extended(name) && name.starts_with("requests.") {
        errors.push(FieldError::invalid(field, name, "doesn't follow extended resource name standard"));
    }
}

/// Checks one item of a limit range.
fn limit(item: &Value, field: &str, seen: &mut HashSet<String>, errors: &mut Vec<FieldError>) {
    let kind = item["type"].as_str().unwrap_or_default();
    let at = |name: &str| format!("{field}.{name}");
    let before = errors.len();
    validate_qualified_name(kind, &at("type"), errors);
    if errors.len() == before
        && !kind.contains('/')
        && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim")
    {
        errors.push(FieldError::invalid(
            at("type"),
            kind,
            "must be a standard limit type or fully qualified",
        ));
    }
    if !seen.insert(kind.to_owned()) {
        errors.push(FieldError::duplicate(at("type"), kind));
    }
    let mut names = BTreeSet::new();
    let mut read = |side: &str, errors: &mut Vec<FieldError>| {
        let usage = amounts(item.get(side));
        for name in usage.keys() {
            limit_name(kind, name, &format!("{field}.{side}[{name}]"), errors);
            names.insert(name.clone());
        }
        usage
    };
    let (max, min) = (read("max", errors), read("min", errors));
    let (mut default, mut request) = (Usage::new(), Usage::new());
    if kind == "Pod" {
        for side in ["default", "defaultRequest"] {
            if item[side].as_object().is_some_and(|map| !map.is_empty()) {
                errors.push(FieldError::forbidden(at(side), "may not be specified when `type` is 'Pod'"));
            }
        }
    } else {
        default = read("default", errors);
        request = read("defaultRequest", errors);
    }
    if kind == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(at("limits"), why));
    }
    let ratio = read("maxLimitRequestRatio", errors);
    for name in &names {
        let get = |usage: &Usage| usage.get(name).copied();
        let sides = Sides {
            min: get(&min),
            max: get(&max),
            default: get(&default),
            request: get(&request),
            ratio: get(&ratio),
        };
        sides.check(name, field, errors);
    }
}

/// What an item says of one resource.
struct Sides {
    min: Option<Amount>,
    max: Option<Amount>,
    default: Option<Amount>,
    request: Option<Amount>,
    ratio: Option<Amount>,
}

impl Sides {
    fn check(&self, name: &str, field: &str, errors: &mut Vec<FieldError>) {
        let mut fault = |side: &str, value: Amount, why: String| {
            errors.push(FieldError::invalid(
                format!("{field}.{side}[{name}]"),
                json!(value.to_string()),
                why,
            ));
        };
        let exceeds = |left: Option<Amount>, right: Option<Amount>| match (left, right) {
            (Some(left), Some(right)) if left.quantity > right.quantity => Some((left, right)),
            _ => None,
        };
        if let Some((min, max)) = exceeds(self.min, self.max) {
            fault("min", min, format!("min value {min} is greater than max value {max}"));
        }
        if let Some((min, request)) = exceeds(self.min, self.request) {
            let why = format!("min value {min} is greater than default request value {request}");
            fault("defaultRequest", request, why);
        }
        if let Some((request, max)) = exceeds(self.request, self.max) {
            let why = format!("default request value {request} is greater than max value {max}");
            fault("defaultRequest", request, why);
        }
        if let Some((request, default)) = exceeds(self.request, self.default) {
            let why =
                format!("default request value {request} is greater than default limit value {default}");
            fault("defaultRequest", request, why);
        }
        if let Some((min, default)) = exceeds(self.min, self.default) {
            fault("default", min, format!("min value {min} is greater than default value {default}"));
        }
        if let Some((default, max)) = exceeds(self.default, self.max) {
            fault("default", max, format!("default value {default} is greater than max value {max}"));
        }
        if let Some(ratio) = self.ratio.filter(|ratio| ratio.quantity < Quantity::of(1)) {
            fault("maxLimitRequestRatio", ratio, format!("ratio {ratio} is less than 1"));
        }
        if let (Some(ratio), Some(min), Some(max)) = (self.ratio, self.min, self.max)
            && ratio.quantity.0.saturating_mul(min.quantity.0) > max.quantity.0.saturating_mul(1000)
        {
            let most =
                super::limit_range::approximate(max.quantity) / super::limit_range::approximate(min.quantity);
            let why = format!("ratio {ratio} is greater than max/min = {most:.6}");
            fault("maxLimitRequestRatio", ratio, why);
        }
        let may_exceed = !is_extended(name) && !name.starts_with("hugepages-");
        if let (Some(default), Some(request)) = (self.default, self.request)
            && !may_exceed
            && default.quantity != request.quantity
        {
            let why =
                format!("default value {default} must equal to defaultRequest value {request} in {name}");
            fault("defaultRequest", request, why);
        }
    }
}
