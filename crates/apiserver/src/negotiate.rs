//! Content negotiation: which form an answer takes, which form a body has.
use grange_apimachinery::{Reason, Status};
use http::{HeaderMap, header};

use crate::Resource;

/// The form an answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object or list itself.
    Plain,
    /// `meta.k8s.io/v1` Table.
    Table,
    /// `meta.k8s.io/v1` PartialObjectMetadata.
    Partial,
    /// `meta.k8s.io/v1` PartialObjectMetadataList.
    PartialList,
}

impl Form {
    /// 406 where one object was asked for and a list is the answer, or the other way round.
    pub(crate) fn check(self, resource: &Resource, list: bool) -> Result<(), Status> {
        let (asked, is) = match (self, list) {
            (Form::Partial, true) => ("PartialObjectMetadata", "a list"),
            (Form::PartialList, false) => ("PartialObjectMetadataList", "not a list"),
            _ => return Ok(()),
        };
        let package = resource.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
        let ending = if list { "List" } else { "" };
        Err(Status::new(
            406,
            Reason::NotAcceptable,
            format!(
                "you requested {asked}, but the requested object is {is} (*{package}.{}{ending})",
                resource.kind
            ),
        ))
    }
}

/// One entry of an Accept header.
pub(crate) struct MediaRange<'a> {
    pub(crate) media_type: &'a str,
    parameters: &'a str,
}

impl<'a> MediaRange<'a> {
    /// A parameter's value.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }
    /// Whether JSON satisfies it.
    pub(crate) fn takes_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "*/*")
    }
    /// Whether YAML satisfies it, and JSON does not.
    fn takes_yaml(&self) -> bool {
        self.media_type == "application/yaml"
    }
}

/// The entries of the Accept headers in order; none means anything.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<MediaRange<'_>> {
    let mut ranges: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (media_type, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            MediaRange { media_type: media_type.trim(), parameters }
        })
        .collect();
    if ranges.is_empty() {
        ranges.push(MediaRange { media_type: "*/*", parameters: "" });
    }
    ranges
}

/// The first acceptable form; `list` tells `PartialObjectMetadataList` from `PartialObjectMetadata`.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Status> {
    for range in accepted(headers) {
        if !range.takes_json() && !range.takes_yaml() {
            continue;
        }
        let Some(kind) = range.parameter("as") else { return Ok(Form::Plain) };
        if range.parameter("g") != Some("meta.k8s.io") || range.parameter("v") != Some("v1") {
            continue;
        }
        match kind {
            "Table" => return Ok(Form::Table),
            "PartialObjectMetadata" => return Ok(Form::Partial),
            "PartialObjectMetadataList" => return Ok(Form::PartialList),
            _ => {}
        }
    }
    // Some form of JSON would do, but none that there is.
    if accepted(headers).iter().any(MediaRange::takes_json) {
        return Err(Status::new(
            406,
            Reason::NotAcceptable,
            "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ));
    }
    Err(not_acceptable())
}

/// The same for lists, of which there are also streams.
pub(crate) fn list_form(headers: &HeaderMap) -> Result<Form, Status> {
    form(headers).map_err(|mut status| {
        if status.details.is_some() {
            status.message.push_str(
                ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
            );
        }
        status
    })
}

/// Refuses clients that take neither JSON nor YAML.
pub(crate) fn require_document(headers: &HeaderMap) -> Result<(), Status> {
    let takes = |range: &MediaRange<'_>| range.takes_json() || range.takes_yaml();
    if accepted(headers).iter().any(takes) { Ok(()) } else { Err(not_acceptable()) }
}

/// Refuses clients that take no JSON: a stream has no other form.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Status> {
    if accepted(headers).iter().any(MediaRange::takes_json) { Ok(()) } else { Err(not_acceptable()) }
}

/// Whether the client takes YAML rather than JSON.
pub(crate) fn prefers_yaml(headers: &HeaderMap) -> bool {
    let ranges = accepted(headers);
    ranges.iter().find(|range| range.takes_json() || range.takes_yaml()).is_some_and(MediaRange::takes_yaml)
}

/// Refuses what no form of the answer satisfies.
pub(crate) fn not_acceptable() -> Status {
    Status::about_nothing(
        406,
        Reason::NotAcceptable,
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
}

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|entry| {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            name.trim().eq_ignore_ascii_case("gzip") && parameters.trim() != "q=0"
        })
    })
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyForm {
    Json,
    Yaml,
    Protobuf,
    JsonPatch,
    MergePatch,
    StrategicMergePatch,
    ApplyPatch,
}

/// The media type of a header value, lower case, without parameters.
fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or("").trim().to_ascii_lowercase())
        .unwrap_or_default()
}

/// The form of a whole object in a body; JSON when the client does not say.
pub(crate) fn object_form(headers: &HeaderMap) -> Result<BodyForm, Status> {
    let media_type = media_type(headers);
    match media_type.as_str() {
        "" | "application/json" | "text/json" | "*/*" => Ok(BodyForm::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(BodyForm::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(BodyForm::Protobuf),
        _ => Err(unsupported("application/json, application/yaml, application/vnd.kubernetes.protobuf")),
    }
}

/// The form of a patch.
pub(crate) fn patch_form(headers: &HeaderMap, strategic: bool) -> Result<BodyForm, Status> {
    match media_type(headers).as_str() {
        "application/json-patch+json" => Ok(BodyForm::JsonPatch),
        "application/merge-patch+json" => Ok(BodyForm::MergePatch),
        "application/strategic-merge-patch+json" if strategic => Ok(BodyForm::StrategicMergePatch),
        "application/apply-patch+yaml" => Ok(BodyForm::ApplyPatch),
        // Of custom resources Kubernetes says what it takes.
        _ if !strategic => Err(unsupported(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        _ => Err(Status::about_nothing(415, Reason::UnsupportedMediaType, "415: Unsupported Media Type")),
    }
}

/// Refuses apply where it is not served.
pub(crate) fn no_apply() -> Status {
    unsupported("application/json-patch+json, application/merge-patch+json")
}

fn unsupported(known: &str) -> Status {
    Status::new(
        415,
        Reason::UnsupportedMediaType,
        format!("the body of the request was in an unknown format - accepted media types include: {known}"),
    )
}
