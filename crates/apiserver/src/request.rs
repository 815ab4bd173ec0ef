//! What a request asks for: path and query, parsed once, before anybody is authenticated.
//!
//! Nothing here looks anything up: an unknown resource parses, is authorized, and is then answered 404, so that an
//! outsider cannot tell what exists.
use grange_apimachinery::{
    FieldError, Reason, Status,
    apply::validate_manager,
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
        if info.group.is_empty() && info.resource == "namespaces" {
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
    /// `resourceVersionMatch`.
    pub resource_version_match: Option<ResourceVersionMatch>,
    /// `watch`.
    pub watch: bool,
    /// `allowWatchBookmarks`.
    pub allow_watch_bookmarks: bool,
    /// `sendInitialEvents`.
    pub send_initial_events: Option<bool>,
    /// `timeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// `dryRun=All`.
    pub dry_run: bool,
    /// `fieldManager`.
    pub field_manager: String,
    /// `force` (server-side apply only).
    pub force: Option<bool>,
    /// `fieldValidation`.
    pub field_validation: FieldValidation,
    /// `propagationPolicy`.
    pub propagation_policy: Option<String>,
    /// `gracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// `orphanDependents` (old form of the propagation policy).
    pub orphan_dependents: Option<bool>,
    /// `includeObject` of tables.
    pub include_object: Option<String>,
}

impl Query {
    /// Parses a raw query string; unknown parameters are ignored, as in Kubernetes.
    pub fn parse(raw: &str) -> Result<Self, Status> {
        if raw.len() > MAX_QUERY_BYTES {
            return Err(Status::bad_request("query string too long"));
        }
        let mut query = Query::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text| {
                percent_decode(text, true)
                    .ok_or_else(|| Status::bad_request("malformed percent encoding in the query"))
            };
            query.set(&decode(key)?, decode(value)?)?;
        }
        Ok(query)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Status> {
        match key {
            "labelSelector" => {
                self.label_selector = LabelSelector::parse(&value)
                    .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
            }
            "fieldSelector" => {
                self.field_selector = FieldSelector::parse(&value).map_err(Status::bad_request)?;
            }
            "limit" => self.limit = integer(key, &value)?.max(0) as usize,
            "continue" if value.len() > MAX_CONTINUE_BYTES => {
                return Err(Status::bad_request("continue key is not valid: too long"));
            }
            "continue" => self.continue_token = value,
            "resourceVersion" => self.resource_version = value,
            "resourceVersionMatch" => {
                self.resource_version_match = match value.as_str() {
                    "" => None,
                    "Exact" => Some(ResourceVersionMatch::Exact),
                    "NotOlderThan" => Some(ResourceVersionMatch::NotOlderThan),
                    other => {
                        return Err(list_options_invalid(&format!(
                            "resourceVersionMatch: Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\", \"\""
                        )));
                    }
                };
            }
            "watch" => self.watch = boolean(&value),
            "allowWatchBookmarks" => self.allow_watch_bookmarks = boolean(&value),
            "sendInitialEvents" => self.send_initial_events = Some(boolean(&value)),
            "timeoutSeconds" => self.timeout_seconds = Some(integer(key, &value)?.max(0) as u64),
            "dryRun" => match value.as_str() {
                "All" => self.dry_run = true,
                "" => {}
                other => {
                    return Err(Status::new(
                        422,
                        Reason::Invalid,
                        format!("dryRun: Unsupported value: {other:?}: supported values: \"All\""),
                    ));
                }
            },
            "fieldManager" => self.field_manager = value,
            "force" => self.force = Some(boolean(&value)),
            "fieldValidation" => {
                self.field_validation = match value.as_str() {
                    "Ignore" => FieldValidation::Ignore,
                    "" | "Warn" => FieldValidation::Warn,
                    "Strict" => FieldValidation::Strict,
                    other => {
                        return Err(Status::new(
                            422,
                            Reason::Invalid,
                            format!(
                                "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
                            ),
                        ));
                    }
                };
            }
            "propagationPolicy" => self.propagation_policy = Some(value),
            "gracePeriodSeconds" => self.grace_period_seconds = Some(integer(key, &value)?),
            "orphanDependents" => self.orphan_dependents = Some(boolean(&value)),
            "includeObject" => self.include_object = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// The rules between list and watch parameters that Kubernetes checks.
    pub fn validate_list(&self, watch: bool) -> Result<(), Status> {
        let matching = self.resource_version_match;
        if watch {
            return match (self.send_initial_events, matching) {
                (None, Some(_)) => Err(list_options_invalid(
                    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                )),
                (Some(_), None | Some(ResourceVersionMatch::Exact)) => Err(list_options_invalid(
                    "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )),
                _ => Ok(()),
            };
        }
        if self.send_initial_events.is_some() {
            return Err(list_options_invalid(
                "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            ));
        }
        if matching.is_some() && !self.continue_token.is_empty() {
            return Err(list_options_invalid(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if matching.is_some() && self.resource_version.is_empty() {
            return Err(list_options_invalid(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if matching == Some(ResourceVersionMatch::Exact) && self.resource_version == "0" {
            return Err(list_options_invalid(
                "resourceVersionMatch: Forbidden: resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
        if !self.continue_token.is_empty() && !matches!(self.resource_version.as_str(), "" | "0") {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(())
    }

    /// The rules of the options of a write (`CreateOptions`, `UpdateOptions`, `PatchOptions`) that Kubernetes checks.
    pub fn validate_write(&self, options_kind: &str, applies: bool) -> Result<(), Status> {
        let mut errors = Vec::new();
        if applies && self.field_manager.is_empty() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if options_kind == "PatchOptions" && !applies && self.force.is_some() {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        errors.extend(validate_manager("fieldManager", &self.field_manager));
        match errors.is_empty() {
            true => Ok(()),
            false => Err(Status::invalid("meta.k8s.io", options_kind, "", errors)),
        }
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

fn list_options_invalid(message: &str) -> Status {
    Status::new(422, Reason::Invalid, format!("ListOptions.meta.k8s.io \"\" is invalid: {message}"))
}

/// Kubernetes' reading of boolean parameters: everything but `false` and `0` is true.
fn boolean(value: &str) -> bool {
    !(value.eq_ignore_ascii_case("false") || value == "0")
}

fn integer(key: &str, value: &str) -> Result<i64, Status> {
    if value.is_empty() {
        return Ok(0);
    }
    value.parse().map_err(|_| {
        Status::bad_request(format!("{key}: Invalid value: {value:?}: must be a decimal number"))
    })
}

#[cfg(test)]
mod tests;
