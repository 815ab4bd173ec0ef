//! What a request asks for: path and query, parsed once, before anybody is authenticated.
//!
//! Nothing here looks anything up: an unknown resource parses, is authorized, and is then answered 404, so that an
//! outsider cannot tell what exists.
use grange_apimachinery::{
    Reason, Status,
    selector::{FieldSelector, LabelSelector},
};
use http::Method;

use crate::limits::{MAX_CONTINUE_BYTES, MAX_PATH_BYTES, MAX_QUERY_BYTES};

/// The parsed path and method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// The decoded path without a trailing slash.
    pub path: String,
    /// Kubernetes' verb, or the lower-case method of a non-resource request.
    pub verb: String,
    /// Whether the path names a resource.
    pub is_resource: bool,
    /// API group; `""` is core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural.
    pub resource: String,
    /// Subresource or `""`.
    pub subresource: String,
    /// Namespace or `""`.
    pub namespace: String,
    /// Name or `""`.
    pub name: String,
    /// Segments after the subresource (proxied paths).
    pub rest: Vec<String>,
}

impl RequestInfo {
    /// Parses a method and a raw (still encoded) path.
    pub fn parse(method: &Method, raw_path: &str, query: &Query) -> Result<Self, Status> {
        let segments = segments(raw_path)?;
        let mut info = RequestInfo {
            path: format!("/{}", segments.join("/")),
            verb: method.as_str().to_ascii_lowercase(),
            ..Self::default()
        };
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let rest = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => {
                info.version = (*version).to_owned();
                rest
            }
            ["apis", group, version, rest @ ..] if !rest.is_empty() => {
                info.group = (*group).to_owned();
                info.version = (*version).to_owned();
                rest
            }
            _ => return Ok(info),
        };
        if rest[0] == "watch" && rest.len() > 1 {
            return Err(Status::new(
                404,
                Reason::NotFound,
                "watch paths are not served: use the watch=true parameter",
            ));
        }
        info.is_resource = true;
        let rest = match rest {
            ["namespaces", namespace, resource, rest @ ..]
                if !is_namespace_subresource(&info.group, resource) =>
            {
                info.namespace = (*namespace).to_owned();
                info.resource = (*resource).to_owned();
                rest
            }
            [resource, rest @ ..] => {
                info.resource = (*resource).to_owned();
                rest
            }
            [] => &[],
        };
        if let [name, rest @ ..] = rest {
            info.name = (*name).to_owned();
            if let [subresource, rest @ ..] = rest {
                info.subresource = (*subresource).to_owned();
                info.rest = rest.iter().map(|part| (*part).to_owned()).collect();
            }
        }
        // As in Kubernetes a namespace lies in itself, so that a RoleBinding there can grant access to it.
        if info.group.is_empty() && info.resource == "namespaces" && info.namespace.is_empty() {
            info.namespace.clone_from(&info.name);
        }
        info.verb = verb(method, &info, query).to_owned();
        Ok(info)
    }
}

fn is_namespace_subresource(group: &str, segment: &str) -> bool {
    group.is_empty() && matches!(segment, "status" | "finalize")
}

fn verb<'a>(method: &'a Method, info: &RequestInfo, query: &Query) -> &'a str {
    match *method {
        Method::GET | Method::HEAD if !info.name.is_empty() => "get",
        Method::GET | Method::HEAD if query.watch => "watch",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if info.name.is_empty() => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    }
}

/// Splits and decodes a path; refuses everything that could mean two things to two readers.
fn segments(raw_path: &str) -> Result<Vec<String>, Status> {
    let refuse = |why: &str| Err(Status::bad_request(format!("invalid request path: {why}")));
    if raw_path.len() > MAX_PATH_BYTES {
        return refuse("too long");
    }
    let Some(path) = raw_path.strip_prefix('/') else { return refuse("does not begin with a slash") };
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut segments = Vec::new();
    for raw in path.split('/') {
        let Some(segment) = percent_decode(raw, false) else { return refuse("malformed percent encoding") };
        match segment.as_str() {
            "" => return refuse("empty segment"),
            "." | ".." => return refuse("dot segment"),
            _ if segment.contains(['/', '\\', '%']) || segment.contains(char::is_control) => {
                return refuse("forbidden character in a segment");
            }
            _ => segments.push(segment),
        }
    }
    Ok(segments)
}

/// Decodes percent encoding (and `+` in queries); `None` if malformed or not UTF-8.
fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let encoded = text.contains('%') || (plus_is_space && text.contains('+'));
    if !encoded {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push((high * 16 + low) as u8);
            }
            b'+' if plus_is_space => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// How unknown and duplicate fields are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Dropped silently.
    Ignore,
    /// Dropped with a `Warning` header.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

/// How a list's revision is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceVersionMatch {
    /// Exactly this revision.
    Exact,
    /// This revision or a newer one.
    NotOlderThan,
}

/// The query parameters of resource requests.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `labelSelector`.
    pub label_selector: LabelSelector,
    /// `fieldSelector`.
    pub field_selector: FieldSelector,
    /// `limit`; 0 is none.
    pub limit: usize,
    /// `continue`.
    pub continue_token: String,
    /// `resourceVersion`.
    pub resource_version: String,
    /// `resourceVersionMatch`, where it is known.
    pub resource_version_match: Option<ResourceVersionMatch>,
    /// `resourceVersionMatch` as it was sent.
    pub resource_version_match_word: String,
    /// `watch`.
    pub watch: bool,
    /// `allowWatchBookmarks`.
    pub allow_watch_bookmarks: bool,
    /// `sendInitialEvents`.
    pub send_initial_events: Option<bool>,
    /// `timeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// Whether `dryRun` was given.
    pub dry_run: bool,
    /// The values of `dryRun`.
    pub dry_run_values: Vec<String>,
    /// `fieldManager`.
    pub field_manager: String,
    /// `force` (server-side apply only).
    pub force: Option<bool>,
    /// `fieldValidation`.
    pub field_validation: FieldValidation,
    /// `fieldValidation` as it was sent.
    pub field_validation_word: String,
    /// `propagationPolicy`.
    pub propagation_policy: Option<String>,
    /// `gracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// `orphanDependents` (old form of the propagation policy).
    pub orphan_dependents: Option<bool>,
    /// `includeObject` of tables.
    pub include_object: Option<String>,
    /// What cannot be read of the options of lists and watches; only those are refused for it.
    pub list_fault: Option<String>,
    /// What cannot be read of the options of deletions.
    pub delete_fault: Option<String>,
}

impl Query {
    /// Parses a raw query string; unknown parameters are ignored, as in Kubernetes.
    pub fn parse(raw: &str) -> Result<Self, Status> {
        if raw.len() > MAX_QUERY_BYTES {
            return Err(Status::bad_request("query string too long"));
        }
        let mut query = Query::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text| {
                percent_decode(text, true)
                    .ok_or_else(|| Status::bad_request("malformed percent encoding in the query"))
            };
            let (key, value) = (decode(key)?, decode(value)?);
            // Of a parameter that is given twice the first value counts, as in Kubernetes; `dryRun` is a list.
            if key == "dryRun" || !seen.contains(&key) {
                query.set(&key, value)?;
                seen.push(key);
            }
        }
        Ok(query)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Status> {
        match key {
            "labelSelector" => match LabelSelector::parse(&value) {
                Ok(selector) => self.label_selector = selector,
                Err(fault) => note(&mut self.list_fault, fault),
            },
            "fieldSelector" => match FieldSelector::parse(&value) {
                Ok(selector) => self.field_selector = selector,
                Err(fault) => note(&mut self.list_fault, fault),
            },
            "limit" => match integer(key, &value) {
                Ok(limit) => self.limit = limit.max(0) as usize,
                Err(fault) => note(&mut self.list_fault, fault),
            },
            "continue" if value.len() > MAX_CONTINUE_BYTES => {
                return Err(Status::bad_request("continue key is not valid: too long"));
            }
            "continue" => self.continue_token = value,
            "resourceVersion" => self.resource_version = value,
            "resourceVersionMatch" => {
                self.resource_version_match = match value.as_str() {
                    "Exact" => Some(ResourceVersionMatch::Exact),
                    "NotOlderThan" => Some(ResourceVersionMatch::NotOlderThan),
                    _ => None,
                };
                self.resource_version_match_word = value;
            }
            "watch" => self.watch = boolean(&value),
            "allowWatchBookmarks" => self.allow_watch_bookmarks = boolean(&value),
            "sendInitialEvents" => self.send_initial_events = Some(boolean(&value)),
            "timeoutSeconds" => match integer(key, &value) {
                Ok(seconds) => self.timeout_seconds = Some(seconds.max(0) as u64),
                Err(fault) => note(&mut self.list_fault, fault),
            },
            "dryRun" => {
                self.dry_run = true;
                self.dry_run_values.push(value);
            }
            "fieldManager" => self.field_manager = value,
            "force" => self.force = Some(boolean(&value)),
            "fieldValidation" => {
                self.field_validation = match value.as_str() {
                    "Ignore" => FieldValidation::Ignore,
                    "Strict" => FieldValidation::Strict,
                    _ => FieldValidation::Warn,
                };
                self.field_validation_word = value;
            }
            "propagationPolicy" => self.propagation_policy = Some(value),
            "gracePeriodSeconds" => match integer(key, &value) {
                Ok(seconds) => self.grace_period_seconds = Some(seconds),
                Err(fault) => note(&mut self.delete_fault, fault),
            },
            "orphanDependents" => self.orphan_dependents = Some(boolean(&value)),
            "includeObject" => self.include_object = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// `resourceVersion` as a number; `None` when absent.
    pub fn revision(&self) -> Result<Option<u64>, Status> {
        parse_revision(&self.resource_version)
    }
}

/// A resource version as a number; `None` when empty.
pub(crate) fn parse_revision(text: &str) -> Result<Option<u64>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        Status::bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: must be an unsigned decimal number"
        ))
    })
}

/// Kubernetes' reading of boolean parameters: everything but `false` and `0` is true.
fn boolean(value: &str) -> bool {
    !(value.eq_ignore_ascii_case("false") || value == "0")
}

fn integer(key: &str, value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| format!("{key}: Invalid value: {value:?}: must be a decimal number"))
}

/// Keeps the first fault.
fn note(slot: &mut Option<String>, fault: String) {
    slot.get_or_insert(fault);
}

#[cfg(test)]
mod tests;
