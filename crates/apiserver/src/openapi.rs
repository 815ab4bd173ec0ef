//! OpenAPI v3 documents, one per group version, put together from the resources' schemas; of them [`swagger`] makes the
//! second version's.
//!
//! Enough for what clients do with them: `kubectl explain`, server-side field validation (kubectl looks for the
//! parameters of the PATCH operation of a kind), code generators that read schemas.
pub(crate) mod protobuf;
pub(crate) mod swagger;

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA512, digest};
use bytes::Bytes;
use grange_apimachinery::{Value, patch};
use serde_json::{Map, json};

use crate::{
    Resource, Scope,
    registry::{Endpoint, Registry},
};

/// Documents made for one state of the registry.
#[derive(Default)]
pub(crate) struct Cache {
    pub(crate) serial: u64,
    pub(crate) documents: HashMap<String, (Bytes, String)>,
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// A document's hash, upper-case hexadecimal.
pub(crate) fn hash(document: &[u8]) -> String {
    digest(&SHA512, document).as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The index of documents.
pub(crate) fn index(registry: &Registry, tag: impl Fn(&str) -> Option<String>) -> Value {
    let mut paths = Map::new();
    let groups = std::iter::once("").chain(registry.groups());
    for group in groups {
        for version in registry.versions(group) {
            let path = path_of(group, version);
            let hash = tag(&path).unwrap_or_default();
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": paths })
}

/// The document of `api/v1` or `apis/g/v`.
pub(crate) fn document(registry: &Registry, path: &str, version: &str) -> Option<Value> {
    let (group, group_version) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return None,
    };
    if !registry.versions(group).contains(&group_version) {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for endpoint in registry.endpoints_of(group, group_version) {
        let resource = endpoint.resource();
        add_paths(&mut paths, endpoint, path);
        let name = schema_name(resource);
        schemas.insert(format!("{name}List"), list_schema(resource, &name));
        schemas.insert(name, object_schema(endpoint));
    }
    schemas.insert(OBJECT_META.into(), object_meta());
    schemas.insert(
        LIST_META.into(),
        json!({"type": "object", "properties": {
            "continue": {"type": "string"}, "remainingItemCount": {"type": "integer", "format": "int64"},
            "resourceVersion": {"type": "string"}, "selfLink": {"type": "string"},
        }}),
    );
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": version},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

/// `io.cattle.management.v3.Cluster`.
fn schema_name(resource: &Resource) -> String {
    if resource.group.is_empty() {
        return format!("io.k8s.api.core.{}.{}", resource.version, resource.kind);
    }
    let reversed: Vec<&str> = resource.group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

fn kind_of(resource: &Resource, kind: &str) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": kind})
}

/// The schema of a resource's objects; of built-in kinds with what patches and apply know of their lists.
pub(crate) fn schema_of(resource: &Resource, builtin: bool) -> Value {
    let mut schema = match &resource.schema {
        Some(schema) => schema.document().clone(),
        None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    };
    if builtin {
        patch::describe(&resource.kind, &mut schema);
    }
    schema
}

fn object_schema(endpoint: &Endpoint) -> Value {
    let resource = endpoint.resource();
    let mut schema = schema_of(resource, matches!(endpoint, Endpoint::Stored(served) if served.builtin));
    schema["x-kubernetes-group-version-kind"] = json!([kind_of(resource, &resource.kind)]);
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let string = json!({"type": "string"});
    for field in ["apiVersion", "kind"] {
        if schema["properties"][field].is_null() {
            schema["properties"][field] = string.clone();
        }
    }
    schema["properties"]["metadata"] = json!({
        "description": "Standard object metadata.", "default": {},
        "allOf": [{ "$ref": format!("#/components/schemas/{OBJECT_META}") }],
    });
    schema
}

fn list_schema(resource: &Resource, item: &str) -> Value {
    json!({
        "type": "object", "required": ["items"], "description": format!("A list of {}.", resource.kind),
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"allOf": [{ "$ref": format!("#/components/schemas/{LIST_META}") }]},
            "items": {"type": "array", "items": {"allOf": [{ "$ref": format!("#/components/schemas/{item}") }]}},
        },
        "x-kubernetes-group-version-kind": [kind_of(resource, &resource.list_kind())],
    })
}

fn object_meta() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let texts = |description: &str| json!({"type": "object", "additionalProperties": {"type": "string", "default": ""}, "description": description});
    let time =
        |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    json!({
        "type": "object", "description": "Metadata that every object has.",
        "properties": {
            "name": text("Unique in its namespace; cannot change."),
            "generateName": text("A prefix from which the server makes a unique name, when name is not given."),
            "namespace": text("The namespace the object lives in."),
            "uid": text("Unique in time and space; set by the server."),
            "resourceVersion": text("Changes with every write; opaque."),
            "generation": {"type": "integer", "format": "int64", "description": "Counts changes of the wanted state."},
            "creationTimestamp": time("When the object was made."),
            "deletionTimestamp": time("When the object was asked to go."),
            "deletionGracePeriodSeconds": {"type": "integer", "format": "int64", "description": "How long it may take to go."},
            "labels": texts("Keys and values for selecting."),
            "annotations": texts("Keys and values for anything else."),
            "finalizers": {"type": "array", "items": {"type": "string", "default": ""}, "x-kubernetes-list-type": "set",
                           "x-kubernetes-patch-strategy": "merge", "description": "What must finish before the object goes away."},
            "ownerReferences": {
                "type": "array", "description": "The objects this one depends on; it goes when all of them are gone.",
                "x-kubernetes-list-map-keys": ["uid"], "x-kubernetes-list-type": "map",
                "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge",
                "items": {"type": "object", "x-kubernetes-map-type": "atomic", "required": ["apiVersion", "kind", "name", "uid"], "properties": {
                    "apiVersion": text("The owner's version."), "kind": text("The owner's kind."),
                    "name": text("The owner's name."), "uid": text("The owner's uid."),
                    "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
                }},
            },
            "selfLink": text("Not used any more."),
            "managedFields": {
                "type": "array", "x-kubernetes-list-type": "atomic", "description": "Who owns which fields.",
                "items": {"type": "object", "properties": {
                    "manager": text("The name of who writes."), "operation": text("Apply or Update."),
                    "apiVersion": text("The version the fields are named in."),
                    "subresource": text("The subresource that was written."),
                    "time": time("When the manager last changed something."),
                    "fieldsType": text("FieldsV1."),
                    "fieldsV1": {"type": "object", "description": "The fields, as a tree of their names."},
                }},
            },
        },
    })
}

fn add_paths(paths: &mut Map<String, Value>, endpoint: &Endpoint, group_path: &str) {
    let resource = endpoint.resource();
    let namespaced = resource.scope == Scope::Namespaced;
    let namespace = if namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("/{group_path}{namespace}/{}", resource.plural);
    let path_parameters = |named: bool| {
        let mut list = Vec::new();
        if named {
            list.push(json!({"name": "name", "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}}));
        }
        if namespaced {
            list.push(json!({"name": "namespace", "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}}));
        }
        list.push(
            json!({"name": "pretty", "in": "query", "schema": {"type": "string", "uniqueItems": true}}),
        );
        list
    };
    let stored = matches!(endpoint, Endpoint::Stored(_));
    let mut item = json!({
        "parameters": path_parameters(false),
        "post": operation(resource, "post", "create", &["dryRun", "fieldManager", "fieldValidation"]),
    });
    if stored {
        item["get"] = operation(resource, "list", "list", LIST_PARAMETERS);
        item["delete"] = operation(resource, "deletecollection", "deleteCollection", LIST_PARAMETERS);
    }
    paths.insert(collection.clone(), item);
    if !stored {
        return;
    }
    if namespaced {
        let item = json!({"get": operation(resource, "list", "listForAllNamespaces", LIST_PARAMETERS)});
        paths.insert(format!("/{group_path}/{}", resource.plural), item);
    }
    let object = json!({
        "parameters": path_parameters(true),
        "get": operation(resource, "get", "read", &[]),
        "put": operation(resource, "put", "replace", &["dryRun", "fieldManager", "fieldValidation"]),
        "patch": operation(resource, "patch", "patch", &["dryRun", "fieldManager", "fieldValidation", "force"]),
        "delete": operation(resource, "delete", "delete", &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"]),
    });
    paths.insert(format!("{collection}/{{name}}"), object.clone());
    if resource.status_subresource {
        let mut status = object;
        if let Some(status) = status.as_object_mut() {
            status.remove("delete");
        }
        paths.insert(format!("{collection}/{{name}}/status"), status);
    }
}

const LIST_PARAMETERS: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

fn operation(resource: &Resource, action: &str, verb: &str, parameters: &[&str]) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| {
            let kind = match *name {
                "allowWatchBookmarks" | "force" | "orphanDependents" | "sendInitialEvents" | "watch" => {
                    "boolean"
                }
                "gracePeriodSeconds" | "limit" | "timeoutSeconds" => "integer",
                _ => "string",
            };
            json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
        })
        .collect();
    let name =
        if action == "list" { format!("{}List", schema_name(resource)) } else { schema_name(resource) };
    let answer = json!({"$ref": format!("#/components/schemas/{name}")});
    let mut operation = json!({
        "operationId": format!("{verb}{}{}{}", title(&resource.group), title(&resource.version), resource.kind),
        "tags": [format!("{}_{}", resource.group.replace('.', "_"), resource.version)],
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind_of(resource, &resource.kind),
    });
    let body = json!({"$ref": format!("#/components/schemas/{}", schema_name(resource))});
    match action {
        "post" | "put" => {
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body}, "application/yaml": {"schema": body}}});
        }
        "patch" => {
            let any = json!({"type": "object"});
            operation["requestBody"] = json!({"required": true, "content": {
                "application/apply-patch+yaml": {"schema": any}, "application/json-patch+json": {"schema": any},
                "application/merge-patch+json": {"schema": any},
            }});
        }
        _ => {}
    }
    operation
}

fn title(text: &str) -> String {
    text.split(['.', '-'])
        .filter_map(|part| {
            let mut letters = part.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
        })
        .collect()
}
