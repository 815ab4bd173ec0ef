//! Validation rules of definitions (`x-kubernetes-validations`).
//!
//! One kind has a field for each probe; a case writes an object in which only that field stands.
mod costs;
mod definitions;
mod expressions;
mod probes;

use grange_differential::{Case, Step};
use serde_json::{Map, Value, json};

const GROUP: &str = "rules.example.com";
/// Where definitions are.
pub(crate) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A schema, and values that are written one after the other: the first makes the object.
pub(crate) struct Probe {
    name: String,
    schema: Value,
    values: Vec<Value>,
    /// Whether each value makes an object of its own.
    apart: bool,
}

impl Probe {
    fn new(name: impl Into<String>, schema: Value, values: &[Value]) -> Self {
        Probe { name: name.into(), schema, values: values.to_vec(), apart: false }
    }
}

/// A schema with rules.
fn with_rules(mut schema: Value, rules: &[Value]) -> Value {
    schema["x-kubernetes-validations"] = rules.into();
    schema
}

fn all() -> Vec<Probe> {
    let mut all = probes::all();
    all.extend(expressions::all());
    all.extend(costs::all());
    all
}

fn definition(plural: &str, kind: &str, schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
                },
            }],
        },
    })
}

/// What both sides serve before the cases, and the path that says that it is served.
pub(crate) fn prepared() -> Vec<(Value, String)> {
    let properties: Map<String, Value> =
        all().into_iter().enumerate().map(|(index, probe)| (format!("p{index}"), probe.schema)).collect();
    let probes = json!({
        "type": "object", "properties": {"spec": {"type": "object", "properties": properties}},
    });
    let scaled = json!({
        "type": "object",
        "x-kubernetes-validations": [
            {"rule": "self.metadata.name.startsWith('good')", "message": "the name must be good", "fieldPath": ".metadata.name"},
            {"rule": "!has(self.status) || self.status.replicas <= self.spec.replicas + 1", "message": "too many are there"},
        ],
        "properties": {
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 60}}},
            "spec": {"type": "object", "required": ["replicas"], "properties": {
                "replicas": {"type": "integer", "x-kubernetes-validations": [
                    {"rule": "self < 10", "messageExpression": "'at most 9, not %d'.format([self])"},
                    {"rule": "self >= oldSelf", "message": "never fewer", "reason": "FieldValueForbidden"},
                ]},
                "text": {"type": "string", "maxLength": 10, "x-kubernetes-validations": [{"rule": "self != 'bad'"}]},
            }},
            "status": {"type": "object", "properties": {
                "replicas": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= 0 && self != 7", "message": "no seven"}]},
            }},
        },
    });
    [("probes", "Probe", probes), ("scaleds", "Scaled", scaled)]
        .into_iter()
        .map(|(plural, kind, schema)| {
            let path = format!("/apis/{GROUP}/v1/namespaces/default/{plural}");
            (definition(plural, kind, &schema), path)
        })
        .collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        all().into_iter().enumerate().map(|(index, probe)| probe_case(index, &probe)).collect();
    cases.extend(ways_to_write());
    cases.extend(stricter());
    cases.extend(definitions::cases());
    cases
}

fn probe_case(index: usize, probe: &Probe) -> Case {
    let collection = format!("/apis/{GROUP}/v1/namespaces/{{ns}}/probes");
    let object = |value: &Value| {
        json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "Probe", "metadata": {"name": "a"},
            "spec": {(format!("p{index}")): value},
        })
    };
    // The definition of this field alone is judged before the field is written to.
    let alone = json!({"type": "object", "properties": {"spec": probe.schema}});
    let mut steps =
        vec![Step::post(format!("{DEFINITIONS}?dryRun=All"), &definition("{ns}", "Alone", &alone))];
    for value in &probe.values {
        let mut object = object(value);
        steps.push(match steps.len() {
            _ if probe.apart => Step::post(format!("{collection}?dryRun=All"), &object),
            1 => Step::post(collection.as_str(), &object),
            _ => {
                object["metadata"]["resourceVersion"] = "{rv:2}".into();
                Step::put(format!("{collection}/a"), &object)
            }
        });
    }
    Case::new(format!("rules/{}", probe.name), steps)
}

/// Rules that come when there are objects already: what broke them before and does not change is warned of.
fn stricter() -> Vec<Case> {
    let text = || json!({"type": "string", "maxLength": 20});
    let short = |schema: Value| {
        let rule =
            json!({"rule": "size(self) < 3", "messageExpression": "'%d is long'.format([size(self)])"});
        with_rules(schema, &[rule])
    };
    let list = |kind: &str, items: Value| json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": items});
    let pairs = |value: Value| {
        let item = json!({"type": "object", "required": ["k"], "properties": {"k": text(), "v": value}});
        let mut pairs = list("map", item);
        pairs["x-kubernetes-list-map-keys"] = json!(["k"]);
        pairs
    };
    let object = |a: Value, b: Value| json!({"type": "object", "properties": {"a": a, "b": b}});
    let map = |values: Value| json!({"type": "object", "maxProperties": 5, "additionalProperties": values});
    [
        ("field", object(text(), text()), object(short(text()), text()), json!({"a": "long", "b": "x"}), json!({"a": "long", "b": "y"}), json!({"a": "longer", "b": "y"})),
        ("object", object(text(), text()), with_rules(object(text(), text()), &[json!({"rule": "self.a == self.b", "message": "differ"})]), json!({"a": "x", "b": "y"}), json!({"a": "x", "b": "y"}), json!({"a": "x", "b": "z"})),
        ("set", list("set", text()), list("set", short(text())), json!(["long"]), json!(["long"]), json!(["long", "a"])),
        ("atomic", list("atomic", text()), list("atomic", short(text())), json!(["long"]), json!(["long"]), json!(["a", "long"])),
        ("pairs", pairs(text()), pairs(short(text())), json!([{"k": "a", "v": "long"}, {"k": "b", "v": "x"}]), json!([{"k": "b", "v": "y"}, {"k": "a", "v": "long"}]), json!([{"k": "b", "v": "long"}, {"k": "a", "v": "long"}])),
        ("pairs whole", pairs(text()), short(pairs(text())), json!([{"k": "a"}, {"k": "b"}, {"k": "c"}]), json!([{"k": "c"}, {"k": "b"}, {"k": "a"}]), json!([{"k": "c"}, {"k": "b"}, {"k": "d"}])),
        ("map", map(text()), map(short(text())), json!({"a": "long", "b": "x"}), json!({"a": "long", "b": "y"}), json!({"a": "long", "c": "long"})),
        ("past", object(text(), text()), object(with_rules(text(), &[json!({"rule": "self != oldSelf", "message": "must change"})]), short(text())), json!({"a": "x", "b": "long"}), json!({"a": "x", "b": "long"}), json!({"a": "z", "b": "long"})),
    ]
    .into_iter()
    .map(|(name, before, after, value, same, other)| {
        let kind = "{ns}";
        let schema = |spec: &Value| json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"x": {"type": "integer"}, "o": spec}}}});
        let collection = format!("/apis/{GROUP}/v1/namespaces/{{ns}}/{{ns}}");
        let path = format!("{collection}/a");
        let object = |value: &Value, x: u8, metadata: Value| {
            json!({
                "apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata,
                "spec": {"x": x, "o": value},
            })
        };
        // Patches are tried again when Kubernetes' cache lags behind, and warn of each try.
        let later = |value: &Value, x: u8, read: &str| {
            Step::put(path.as_str(), &object(value, x, json!({"name": "a", "resourceVersion": read})))
        };
        let changed = definition("{ns}", kind, &schema(&after));
        let steps = vec![
            Step::post(DEFINITIONS, &definition("{ns}", kind, &schema(&before))).silent(),
            Step::get(collection.as_str()).until(200).silent(),
            Step::post(collection.as_str(), &object(&value, 1, json!({"name": "a"}))),
            Step::merge_patch(format!("{DEFINITIONS}/{{ns}}.{GROUP}"), &json!({"spec": changed["spec"]})).silent(),
            // The new rules are in force once an object that breaks them is refused.
            Step::post(format!("{collection}?dryRun=All"), &object(&value, 1, json!({"name": "other"})))
                .until(422)
                .silent(),
            Step::get(path.as_str()).silent(),
            later(&same, 2, "{rv:6}"),
            Step::get(path.as_str()).silent(),
            later(&other, 3, "{rv:8}"),
            Step::get(path.as_str()),
        ];
        Case::new(format!("rules/stricter {name}"), steps)
    })
    .collect()
}

/// Every way of writing an object meets its rules.
fn ways_to_write() -> Vec<Case> {
    let collection = format!("/apis/{GROUP}/v1/namespaces/{{ns}}/scaleds");
    let path = |rest: &str| format!("{collection}/good{rest}");
    let object = |name: &str, spec: Value| json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Scaled", "metadata": {"name": name}, "spec": spec});
    let good = object("good", json!({"replicas": 2}));
    let create = || Step::post(collection.as_str(), &good);
    let patch = |value: Value| Step::merge_patch(path(""), &value);
    let apply = |value: Value| Step::apply(path("?fieldManager=me&force=true"), &value);
    let scale = |replicas: i64| {
        Step::put(
            path("/scale"),
            &json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "good", "namespace": "{ns}"}, "spec": {"replicas": replicas}}),
        )
    };
    let status =
        |replicas: i64| Step::merge_patch(path("/status"), &json!({"status": {"replicas": replicas}}));
    [
        ("create", vec![Step::post(collection.as_str(), &object("bad", json!({"replicas": 20})))]),
        ("create dry", vec![Step::post(format!("{collection}?dryRun=All"), &object("bad", json!({"replicas": 20})))]),
        (
            "create generated",
            vec![Step::post(
                collection.as_str(),
                &json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Scaled", "metadata": {"generateName": "Bad Base-"}, "spec": {"replicas": 20}}),
            )],
        ),
        ("merge patch", vec![create(), patch(json!({"spec": {"replicas": 1}})), patch(json!({"spec": {"text": "bad"}})), patch(json!({"spec": {"text": "ok"}}))]),
        ("json patch", vec![create(), Step::json_patch(path(""), &json!([{"op": "replace", "path": "/spec/replicas", "value": 30}]))]),
        ("apply", vec![apply(object("good", json!({"replicas": 20}))), apply(object("good", json!({"replicas": 3}))), apply(object("good", json!({"replicas": 1})))]),
        ("apply over", vec![create(), apply(object("good", json!({"replicas": 3, "text": "bad"})))]),
        ("status", vec![create(), status(7), status(4), status(3), status(3)]),
        ("status without rules", vec![create(), Step::merge_patch(path("/status"), &json!({"spec": {"replicas": 20}, "status": {"replicas": 1}}))]),
        ("scale", vec![create(), scale(20), scale(1), scale(5), scale(5)]),
        ("scale patch", vec![create(), Step::merge_patch(path("/scale"), &json!({"spec": {"replicas": 12}}))]),
        ("type errors first", vec![Step::post(collection.as_str(), &object("bad", json!({"replicas": "many", "text": "bad"})))]),
        ("required first", vec![Step::post(collection.as_str(), &object("bad", json!({"text": "bad"})))]),
        ("too long first", vec![Step::post(collection.as_str(), &object("bad", json!({"replicas": 20, "text": "far too long a text"})))]),
    ]
    .into_iter()
    .map(|(name, steps)| Case::new(format!("rules/write {name}"), steps))
    .collect()
}
