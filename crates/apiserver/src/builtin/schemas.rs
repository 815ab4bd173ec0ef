//! Structural schemas of the built-in kinds: the fields they have, for pruning, strict decoding and `kubectl explain`.
use serde_json::{Value, json};

pub(super) fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn texts(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": description})
}

pub(super) fn time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "nullable": true, "description": description})
}

/// A time with microseconds.
pub(super) fn micro_time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "x-kubernetes-micro-time": true, "nullable": true, "description": description})
}

/// Quantities by name.
fn quantities(description: &str) -> Value {
    json!({"type": "object", "description": description,
           "additionalProperties": {"type": "string", "format": "quantity"}})
}

/// An object with these properties beside the three that every kind has.
pub(super) fn kind(description: &str, properties: Value, required: &[&str]) -> Value {
    let mut all = json!({
        "apiVersion": text("The version of this representation."),
        "kind": text("The kind of this object."),
        "metadata": {"type": "object"},
    });
    if let (Some(all), Value::Object(properties)) = (all.as_object_mut(), properties) {
        all.extend(properties);
    }
    let mut document = json!({"type": "object", "description": description, "properties": all});
    if !required.is_empty() {
        document["required"] = json!(required);
    }
    document
}

pub(super) fn namespace() -> Value {
    let condition = json!({"type": "object", "properties": {
        "type": text("Type of the condition."), "status": text("True, False or Unknown."),
        "reason": text("A word for machines."), "message": text("A sentence for people."),
        "lastTransitionTime": time("When the status changed last."),
    }});
    kind(
        "A namespace is a scope for names and for access.",
        json!({
            "spec": {"type": "object", "description": "Behaviour of the namespace.", "properties": {
                "finalizers": texts("What must finish before the namespace goes away."),
            }},
            "status": {"type": "object", "description": "State of the namespace.", "properties": {
                "phase": text("Active or Terminating."),
                "conditions": {"type": "array", "items": condition, "description": "What holds a deletion up."},
            }},
        }),
        &[],
    )
}

pub(super) fn secret() -> Value {
    kind(
        "A secret holds data that not everybody may read.",
        json!({
            "data": {"type": "object", "nullable": true, "description": "Values, base64.",
                     "additionalProperties": {"type": "string", "format": "byte", "nullable": true}},
            "stringData": {"type": "object", "nullable": true, "description": "Values as text; merged into data when written.",
                     "additionalProperties": {"type": "string"}},
            "type": text("What programs may expect in it; Opaque by default."),
            "immutable": {"type": "boolean", "nullable": true, "description": "If true the data cannot be changed any more."},
        }),
        &[],
    )
}

pub(super) fn config_map() -> Value {
    kind(
        "A config map holds configuration data.",
        json!({
            "data": {"type": "object", "nullable": true, "description": "Values as text.",
                     "additionalProperties": {"type": "string", "nullable": true}},
            "binaryData": {"type": "object", "nullable": true, "description": "Values, base64.",
                     "additionalProperties": {"type": "string", "format": "byte", "nullable": true}},
            "immutable": {"type": "boolean", "nullable": true, "description": "If true the data cannot be changed any more."},
        }),
        &[],
    )
}

pub(super) fn resource_quota() -> Value {
    let requirement = json!({"type": "object", "required": ["operator", "scopeName"], "properties": {
        "scopeName": text("The scope."), "operator": text("In, NotIn, Exists or DoesNotExist."),
        "values": texts("The values; none with Exists and DoesNotExist."),
    }});
    kind(
        "A resource quota limits what a namespace may hold.",
        json!({
            "spec": {"type": "object", "default": {}, "description": "What is wanted.", "properties": {
                "hard": quantities("How much there may be of each."),
                "scopes": texts("What an object must be to count: all of these."),
                "scopeSelector": {"type": "object", "x-kubernetes-map-type": "atomic", "description": "What an object must be to count, beside scopes.",
                    "properties": {"matchExpressions": {"type": "array", "items": requirement}}},
            }},
            "status": {"type": "object", "default": {}, "description": "What is so.", "properties": {
                "hard": quantities("How much there may be of each, as it is in force."),
                "used": quantities("How much there is of each."),
            }},
        }),
        &[],
    )
}

pub(super) fn limit_range() -> Value {
    let item = json!({"type": "object", "required": ["type"], "properties": {
        "type": text("What is limited: Container, Pod or PersistentVolumeClaim."),
        "max": quantities("The most that may be asked for."),
        "min": quantities("The least that must be asked for."),
        "default": quantities("The limits of a container that says none."),
        "defaultRequest": quantities("The requests of a container that says none."),
        "maxLimitRequestRatio": quantities("How many times its request a limit may be at most."),
    }});
    kind(
        "A limit range says how much the containers, pods and claims of a namespace may ask for.",
        json!({
            "spec": {"type": "object", "default": {}, "description": "What is wanted.", "properties": {
                "limits": {"type": "array", "description": "The limits, one of each type.", "items": item},
            }},
        }),
        &[],
    )
}

pub(super) fn service_account() -> Value {
    let reference = json!({"type": "object", "properties": {
        "apiVersion": text(""), "kind": text(""), "name": text(""), "namespace": text(""), "uid": text(""),
        "fieldPath": text(""), "resourceVersion": text(""),
    }});
    kind(
        "A service account is an identity for programs.",
        json!({
            "secrets": {"type": "array", "items": reference, "description": "Secrets the account may use."},
            "imagePullSecrets": {"type": "array", "description": "Secrets for pulling images.",
                "items": {"type": "object", "properties": {"name": text("")}}},
            "automountServiceAccountToken": {"type": "boolean", "nullable": true, "description": "Whether pods get a token."},
        }),
        &[],
    )
}

pub(super) fn lease() -> Value {
    kind(
        "A lease says who leads.",
        json!({
            "spec": {"type": "object", "default": {}, "description": "Who holds the lease, and how long.", "properties": {
                "holderIdentity": {"type": "string", "nullable": true, "description": "Who holds it."},
                "leaseDurationSeconds": {"type": "integer", "format": "int32", "nullable": true, "description": "After this long it may be taken."},
                "acquireTime": micro_time("When it was taken."), "renewTime": micro_time("When it was renewed last."),
                "leaseTransitions": {"type": "integer", "format": "int32", "nullable": true, "description": "How often it changed hands."},
                "strategy": text("How the holder is chosen."), "preferredHolder": text("Who should have it."),
            }},
        }),
        &[],
    )
}

pub(crate) fn custom_resource_definition() -> Value {
    let any = |description: &str| {
        json!({
            "type": "object", "description": description, "x-kubernetes-preserve-unknown-fields": true,
        })
    };
    let names = json!({"type": "object", "description": "The names of the kind.", "properties": {
        "plural": text("The resource, as in URLs."), "singular": text("The singular of the resource."),
        "kind": text("The kind."), "listKind": text("The kind of lists."),
        "shortNames": texts("Abbreviations."), "categories": texts("Groups of resources such as all."),
    }});
    let version = json!({"type": "object", "properties": {
        "name": text("The version, as in URLs."),
        "served": {"type": "boolean", "description": "Whether it is served."},
        "storage": {"type": "boolean", "description": "Whether objects are stored in it; exactly one is."},
        "deprecated": {"type": "boolean", "description": "Whether its use is warned of."},
        "deprecationWarning": text("The warning, where it is not the usual one."),
        "schema": any("The schema of objects, in openAPIV3Schema."),
        "subresources": any("Whether there are /status and /scale."),
        "additionalPrinterColumns": {"type": "array", "items": any(""), "description": "Columns of tables."},
        "selectableFields": {"type": "array", "items": any(""), "description": "Fields that field selectors take."},
    }});
    kind(
        "A custom resource definition adds a kind to the API.",
        json!({
            "spec": {"type": "object", "description": "What is added.", "properties": {
                "group": text("The API group."), "names": names, "scope": text("Cluster or Namespaced."),
                "versions": {"type": "array", "nullable": true, "items": version, "description": "The versions of the kind."},
                "conversion": any("How objects get from one version into another; None is supported."),
                "preserveUnknownFields": {"type": "boolean", "description": "Always false."},
            }},
            "status": any("Which names were accepted, and what was stored."),
        }),
        &[],
    )
}

fn rules() -> Value {
    let rule = json!({"type": "object", "required": ["verbs"], "properties": {
        "apiGroups": texts("API groups; \"\" is core, * is all."), "resources": texts("Resources; * is all."),
        "resourceNames": texts("Only objects of these names."), "nonResourceURLs": texts("URL paths; * at the end matches the rest."),
        "verbs": texts("What may be done; * is everything."),
    }});
    json!({"type": "array", "nullable": true, "items": rule, "description": "What is allowed."})
}

pub(super) fn role() -> Value {
    kind("A role says what may be done in a namespace.", json!({"rules": rules()}), &[])
}

pub(super) fn cluster_role() -> Value {
    let expression = json!({"type": "object", "properties": {
        "key": text("The label."), "operator": text("In, NotIn, Exists or DoesNotExist."), "values": texts("Its values."),
    }});
    let selector = json!({"type": "object", "properties": {
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
        "matchExpressions": {"type": "array", "items": expression},
    }});
    kind(
        "A cluster role says what may be done.",
        json!({
            "rules": rules(),
            "aggregationRule": {"type": "object", "nullable": true, "description": "Collects the rules of other cluster roles.",
                "properties": {"clusterRoleSelectors": {"type": "array", "items": selector}}},
        }),
        &[],
    )
}

pub(super) fn binding() -> Value {
    let subject = json!({"type": "object", "required": ["kind", "name"], "properties": {
        "kind": text("User, Group or ServiceAccount."), "apiGroup": text("API group of the subject."),
        "name": text("Its name."), "namespace": text("The namespace of a service account."),
    }});
    kind(
        "A binding hands a role to subjects.",
        json!({
            "subjects": {"type": "array", "nullable": true, "items": subject, "description": "Who gets the role."},
            "roleRef": {"type": "object", "description": "The role; it cannot be changed.", "required": ["kind", "name"], "properties": {
                "apiGroup": text(""), "kind": text("Role or ClusterRole."), "name": text("Its name."),
            }},
        }),
        &["roleRef"],
    )
}
