//! Storage keys; the only place that knows their form.
//!
//! `/registry/<group, or core>/<plural>/[<namespace>/]<name>`. No part may hold a slash: paths are checked when a
//! request is parsed and names when an object is written.
use crate::resource::Scope;

/// What every key of the server begins with.
pub(crate) const ROOT: &str = "/registry/";
const CORE: &str = "core";

/// What all keys of a resource begin with.
pub(crate) fn resource_prefix(group: &str, plural: &str) -> String {
    format!("{ROOT}{}/{plural}/", if group.is_empty() { CORE } else { group })
}

/// The prefix of a resource's objects in a namespace; `""` is all namespaces.
pub(crate) fn list_prefix(resource_prefix: &str, namespace: &str) -> String {
    if namespace.is_empty() { resource_prefix.to_owned() } else { format!("{resource_prefix}{namespace}/") }
}

/// The key of an object.
pub(crate) fn object_key(resource_prefix: &str, scope: Scope, namespace: &str, name: &str) -> String {
    match scope {
        Scope::Namespaced => format!("{resource_prefix}{namespace}/{name}"),
        Scope::Cluster => format!("{resource_prefix}{name}"),
    }
}

/// Group, plural and the rest of a key.
pub(crate) fn parse_key(key: &str) -> Option<(&str, &str, &str)> {
    let (group, rest) = key.strip_prefix(ROOT)?.split_once('/')?;
    let (plural, object) = rest.split_once('/')?;
    Some((if group == CORE { "" } else { group }, plural, object))
}

/// Namespace and name of the part of a key after the resource's prefix.
pub(crate) fn split_object(object: &str) -> (&str, &str) {
    object.split_once('/').unwrap_or(("", object))
}
