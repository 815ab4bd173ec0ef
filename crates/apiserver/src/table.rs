//! `meta.k8s.io/v1` Tables and PartialObjectMetadata: rows made one object at a time.
use std::fmt::Write as _;

use grange_apimachinery::{
    Object, Status, Value,
    table::{Column, JsonPath, cell},
};
use serde_json::{json, value::RawValue};

/// What computes a cell.
enum Source {
    /// A JSONPath.
    Path(Option<JsonPath>),
    /// `text(.spec.holderIdentity)`: a text, empty where there is none.
    Text(JsonPath),
    /// `count(.data,.binaryData)`: how many entries the fields have together.
    Count(Vec<String>),
    /// `reference(.roleRef)`: `Kind/name`.
    Reference(String),
    /// `object(.involvedObject)`: `kind/name`.
    Object(String),
    /// `subjects(User)`: the names of the subjects of a kind.
    Subjects(String),
    /// `ratio(.status.ready,.spec.items[*])`: `1/2`. A number counts as it is, anything else by how often it occurs.
    Ratio(JsonPath, JsonPath),
    /// `usage(requests)`, `usage(limits)`: what a quota's status says is used of what it limits.
    Usage { limits: bool },
    /// `labels(node-role.kubernetes.io/)`: what follows the prefix in the names of labels.
    Labels(String),
}

impl Source {
    fn new(path: &str) -> Self {
        let call = path.strip_suffix(')').and_then(|path| path.split_once('('));
        let field = |text: &str| text.trim().trim_start_matches('.').to_owned();
        match call {
            Some(("count", fields)) => Source::Count(fields.split(',').map(field).collect()),
            Some(("text", path)) => JsonPath::compile(path).map_or(Source::Path(None), Source::Text),
            Some(("reference", name)) => Source::Reference(field(name)),
            Some(("object", name)) => Source::Object(field(name)),
            Some(("subjects", kind)) => Source::Subjects(kind.to_owned()),
            Some(("usage", side)) => Source::Usage { limits: side == "limits" },
            Some(("labels", prefix)) => Source::Labels(prefix.to_owned()),
            Some(("ratio", paths)) => {
                let paths = paths
                    .split_once(',')
                    .map(|(part, whole)| (JsonPath::compile(part), JsonPath::compile(whole)));
                match paths {
                    Some((Ok(part), Ok(whole))) => Source::Ratio(part, whole),
                    _ => Source::Path(None),
                }
            }
            _ => Source::Path(JsonPath::compile(path).ok()),
        }
    }
}

/// A resource's columns, compiled.
pub(crate) struct Cells {
    /// Whether a definition made them: then clients are told the types as they stand there.
    custom: bool,
    columns: Vec<(Column, Source)>,
}

impl Cells {
    /// Compiles columns; a path that does not compile shows nothing.
    pub(crate) fn new(columns: &[Column], custom: bool) -> Self {
        Cells {
            custom,
            columns: columns.iter().map(|column| (column.clone(), Source::new(&column.json_path))).collect(),
        }
    }
    /// The column definitions, NAME first.
    pub(crate) fn definitions(&self) -> Value {
        let mut list = vec![json!({
            "name": "Name", "type": "string", "format": "name", "priority": 0,
            "description": "Name must be unique within a namespace.",
        })];
        list.extend(self.columns.iter().map(|(column, _)| {
            json!({
                "name": column.name, "type": if self.custom { column.kind.as_str() } else { shown_type(&column.kind) }, "format": column.format,
                "description": column.description, "priority": column.priority,
            })
        }));
        Value::Array(list)
    }
    /// One object's cells.
    fn row(&self, object: &Value, now: jiff::Timestamp) -> Vec<Value> {
        let mut cells = vec![object["metadata"]["name"].clone()];
        cells.extend(self.columns.iter().map(|(column, source)| match source {
            Source::Path(Some(path)) => cell(column, path, object, now),
            Source::Path(None) => Value::Null,
            Source::Text(path) => Value::from(path.first(object).and_then(Value::as_str).unwrap_or_default()),
            Source::Count(fields) => {
                Value::from(fields.iter().map(|field| length(&object[field.as_str()])).sum::<usize>())
            }
            Source::Reference(field) => {
                let reference = &object[field.as_str()];
                Value::from(format!(
                    "{}/{}",
                    reference["kind"].as_str().unwrap_or_default(),
                    reference["name"].as_str().unwrap_or_default()
                ))
            }
            Source::Object(field) => {
                let reference = &object[field.as_str()];
                let kind = reference["kind"].as_str().unwrap_or_default().to_lowercase();
                Value::from(format!("{kind}/{}", reference["name"].as_str().unwrap_or_default()))
            }
            Source::Subjects(kind) => Value::from(subjects(object, kind)),
            Source::Ratio(part, whole) => {
                Value::from(format!("{}/{}", amount(part, object), amount(whole, object)))
            }
            Source::Labels(prefix) => labels(object, prefix),
            Source::Usage { limits } => Value::from(used(&object["status"], *limits)),
        }));
        cells
    }
}

/// Ages are texts to who reads them; times are dates.
fn shown_type(kind: &str) -> &str {
    match kind {
        "date" => "string",
        "timestamp" => "date",
        other => other,
    }
}

fn amount(path: &JsonPath, object: &Value) -> u64 {
    match path.first(object).and_then(Value::as_u64) {
        Some(number) => number,
        None => path.count(object) as u64,
    }
}

/// `pods: 1/10, secrets: 2/5`: the names that begin with `limits.`, or the others.
fn used(status: &Value, limits: bool) -> String {
    let hard = status["hard"].as_object().into_iter().flatten();
    let parts = hard.filter(|(name, _)| name.starts_with("limits.") == limits).map(|(name, hard)| {
        let used = status["used"][name.as_str()].as_str().unwrap_or("0");
        format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
    });
    let mut parts: Vec<String> = parts.collect();
    parts.sort_unstable();
    parts.join(", ")
}

/// The ends of the names of labels that begin with `prefix`, in order.
fn labels(object: &Value, prefix: &str) -> Value {
    let labels = object["metadata"]["labels"].as_object();
    let mut ends: Vec<&str> =
        labels.into_iter().flatten().filter_map(|(name, _)| name.strip_prefix(prefix)).collect();
    ends.sort_unstable();
    if ends.is_empty() { Value::Null } else { Value::from(ends.join(",")) }
}

fn length(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

fn subjects(object: &Value, kind: &str) -> String {
    let mut out = String::new();
    for subject in
        object["subjects"].as_array().into_iter().flatten().filter(|subject| subject["kind"] == kind)
    {
        let name = subject["name"].as_str().unwrap_or_default();
        let separator = if out.is_empty() { "" } else { ", " };
        let _ = match subject["namespace"].as_str() {
            Some(namespace) => write!(out, "{separator}{namespace}/{name}"),
            None => write!(out, "{separator}{name}"),
        };
    }
    out
}

/// What a row carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncludeObject {
    /// Nothing.
    None,
    /// The metadata (the default).
    Metadata,
    /// Everything.
    Object,
}

impl IncludeObject {
    /// Reads the `includeObject` parameter.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Status> {
        match text {
            None | Some("" | "Metadata") => Ok(IncludeObject::Metadata),
            Some("None") => Ok(IncludeObject::None),
            Some("Object") => Ok(IncludeObject::Object),
            Some(other) => Err(crate::options::include_object(other)),
        }
    }
}

/// Appends a table's row for the wire form of an object.
pub(crate) fn render_row(
    cells: &Cells,
    include: IncludeObject,
    wire: &[u8],
    now: jiff::Timestamp,
    out: &mut Vec<u8>,
) {
    let object: Value = serde_json::from_slice(wire).unwrap_or_default();
    out.extend_from_slice(b"{\"cells\":");
    out.extend_from_slice(&serde_json::to_vec(&cells.row(&object, now)).unwrap_or_else(|_| b"[]".to_vec()));
    out.extend_from_slice(b",\"object\":");
    match include {
        IncludeObject::None => out.extend_from_slice(b"null"),
        IncludeObject::Metadata => render_partial(wire, out),
        IncludeObject::Object => out.extend_from_slice(wire),
    }
    out.push(b'}');
}

/// Appends the PartialObjectMetadata of the wire form of an object.
pub(crate) fn render_partial(wire: &[u8], out: &mut Vec<u8>) {
    #[derive(serde::Deserialize)]
    struct Partial<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
    }
    let partial: Partial<'_> = serde_json::from_slice(wire).unwrap_or(Partial { metadata: None });
    out.extend_from_slice(
        b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
    );
    out.extend_from_slice(partial.metadata.map_or("{}", RawValue::get).as_bytes());
    out.push(b'}');
}

/// A table of exactly these rows' bytes; `definitions` is left out in all but the first event of a watch.
pub(crate) fn table(metadata: &Value, definitions: Option<&Value>, rows: &[u8]) -> Vec<u8> {
    let mut out = b"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":".to_vec();
    out.extend_from_slice(metadata.to_string().as_bytes());
    out.extend_from_slice(b",\"columnDefinitions\":");
    out.extend_from_slice(definitions.map_or_else(|| "null".to_owned(), Value::to_string).as_bytes());
    out.extend_from_slice(b",\"rows\":[");
    out.extend_from_slice(rows);
    out.extend_from_slice(b"]}\n");
    out
}

/// The wire form of a tree as a one-row table.
pub(crate) fn object_table(cells: &Cells, include: IncludeObject, object: &Object) -> Vec<u8> {
    let wire = object.to_bytes();
    let mut rows = Vec::new();
    render_row(cells, include, &wire, jiff::Timestamp::now(), &mut rows);
    table(&json!({"resourceVersion": object.resource_version()}), Some(&cells.definitions()), &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_cells() {
        let object = json!({
            "metadata": {"name": "a", "labels": {"role/worker": "", "role/etcd": "true", "other": "x"}},
            "spec": {"replicas": 3, "containers": [{}, {}]},
            "status": {"readyReplicas": 1, "containerStatuses": [{"ready": true}, {"ready": false}]},
            "data": {"a": "", "b": ""},
        });
        for (path, expect) in [
            ("ratio(.status.readyReplicas,.spec.replicas)", json!("1/3")),
            ("ratio(.status.containerStatuses[?(@.ready==true)],.spec.containers[*])", json!("1/2")),
            ("ratio(.status.none,.spec.replicas)", json!("0/3")),
            ("ratio(.status.none)", json!(null)),
            ("labels(role/)", json!("etcd,worker")),
            ("labels(none/)", json!(null)),
            ("count(.data,.binaryData)", json!(2)),
        ] {
            let cells = Cells::new(&[Column::new("X", "string", path)], false);
            assert_eq!(cells.row(&object, jiff::Timestamp::now())[1], expect, "{path}");
        }
    }
}
