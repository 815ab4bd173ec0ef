//! Random sequences of managers who apply, update and patch the same object, compared step by step. Seeds are fixed: a
//! sequence that shows a difference shows it again.
use grange_differential::{Case, Step};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom as _};
use serde_json::{Map, Value, json};

const GROUP: &str = "apply.example.com";
const COLLECTION: &str = "/apis/apply.example.com/v1/namespaces/{ns}/looms";
const OBJECT: &str = "/apis/apply.example.com/v1/namespaces/{ns}/looms/x";
/// How many sequences there are, and how long each is.
const SEQUENCES: u64 = 150;
const STEPS: usize = 7;
const MANAGERS: [&str; 3] = ["ada", "bob", "eve"];
const LETTERS: [&str; 3] = ["a", "b", "c"];

/// A kind with every way in which fields can be owned.
fn schema() -> Value {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    let keyed = |keys: &[&str], mut properties: Value| {
        properties["v"] = json!({"type": "string"});
        json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys,
               "items": {"type": "object", "required": keys, "properties": properties}})
    };
    let spec = json!({
        "plain": text, "number": number,
        "default": {"type": "string", "default": "given"},
        "struct": {"type": "object", "properties": {"a": text, "b": text, "c": {"type": "object", "properties": {"a": text}}}},
        "atomicStruct": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": text, "b": text}},
        "map": {"type": "object", "additionalProperties": text},
        "mapOfStructs": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": text, "b": text}}},
        "list": {"type": "array", "items": text},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
        "numbers": {"type": "array", "x-kubernetes-list-type": "set", "items": number},
        "pairs": keyed(&["k"], json!({"k": {"type": "string"}, "w": {"type": "string"}})),
        "triples": keyed(&["k", "n"], json!({"k": {"type": "string"}, "n": {"type": "integer"}})),
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "null": {"type": "string", "nullable": true},
    });
    let status =
        json!({"plain": text, "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text}});
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": spec}, "status": {"type": "object", "properties": status}}})
}

/// What both sides serve before the cases, and the path that says that it is served.
pub(crate) fn prepared() -> (Value, String) {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("looms.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": {"plural": "looms", "kind": "Loom"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                          "schema": {"openAPIV3Schema": schema()}}],
        },
    });
    (definition, format!("/apis/{GROUP}/v1/looms"))
}

/// Makes values.
struct Dice(SmallRng);

impl Dice {
    fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }
    fn letter(&mut self) -> &'static str {
        LETTERS.choose(&mut self.0).copied().unwrap_or("a")
    }
    fn text(&mut self) -> Value {
        json!(self.letter())
    }
    /// Some of the letters, in any order.
    fn letters(&mut self) -> Vec<&'static str> {
        let mut letters: Vec<&str> = LETTERS.into_iter().filter(|_| self.0.random()).collect();
        if self.chance(50) {
            letters.reverse();
        }
        letters
    }
    fn map(&mut self, mut value: impl FnMut(&mut Self) -> Value) -> Value {
        let keys = self.letters();
        Value::Object(keys.into_iter().map(|key| (key.to_owned(), value(self))).collect())
    }
    fn list(&mut self, mut item: impl FnMut(&mut Self, &str) -> Value) -> Value {
        let keys = self.letters();
        keys.into_iter().map(|key| item(self, key)).collect()
    }
    fn field(&mut self, name: &str) -> Value {
        match name {
            "plain" | "default" => self.text(),
            "null" if self.chance(40) => Value::Null,
            "null" => self.text(),
            "number" => json!(self.0.random_range(0..3)),
            "struct" => {
                let mut value = self.map(Self::text);
                if value["c"].is_string() {
                    value["c"] = json!({"a": self.letter()});
                }
                value
            }
            "atomicStruct" => json!({"a": self.letter(), "b": self.letter()}),
            "map" => self.map(Self::text),
            "mapOfStructs" => self.map(|dice| {
                let mut value = dice.map(Self::text);
                value.as_object_mut().map(|map| map.remove("c"));
                value
            }),
            "list" => (0..self.0.random_range(0..3)).map(|_| self.text()).collect(),
            "set" => self.list(|_, key| json!(key)),
            "numbers" => self.list(|_, key| json!(key.as_bytes()[0])),
            "pairs" => self.list(|dice, key| {
                let mut item = json!({"k": key});
                for field in ["v", "w"] {
                    if dice.chance(50) {
                        item[field] = dice.text();
                    }
                }
                item
            }),
            "triples" => self.list(|dice, key| json!({"k": key, "n": 1, "v": dice.letter()})),
            _ => json!({"x": {"y": self.letter()}, "z": [self.letter()]}),
        }
    }
    /// Some of the fields of the spec.
    fn spec(&mut self, percent: u32) -> Value {
        let names = schema()["properties"]["spec"]["properties"].as_object().cloned().unwrap_or_default();
        let mut spec = Map::new();
        for name in names.keys() {
            if self.chance(percent) {
                spec.insert(name.clone(), self.field(name));
            }
        }
        Value::Object(spec)
    }
    fn object(&mut self, percent: u32) -> Value {
        let mut object =
            json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Loom", "metadata": {"name": "x"}});
        if self.chance(40) {
            object["metadata"]["labels"] = self.map(Self::text);
        }
        if self.chance(15) {
            object["metadata"]["finalizers"] = self.list(|_, key| json!(format!("example.com/{key}")));
        }
        object["spec"] = self.spec(percent);
        object
    }
    /// A write; `read` is the step that read the object last.
    fn step(&mut self, read: usize) -> Step {
        let manager = MANAGERS.choose(&mut self.0).copied().unwrap_or("ada");
        let force = if self.chance(40) { "&force=true" } else { "" };
        match self.0.random_range(0..100) {
            0..60 => {
                let object = self.object(25);
                Step::apply(format!("{OBJECT}?fieldManager={manager}{force}"), &object)
            }
            60..68 => {
                let mut object = self.object(0);
                object.as_object_mut().map(|map| map.remove("spec"));
                object["status"] = json!({"plain": self.letter(), "set": self.letters()});
                Step::apply(format!("{OBJECT}/status?fieldManager={manager}{force}"), &object)
            }
            68..82 => {
                let patch = json!({"metadata": {"labels": self.map(Self::text)}, "spec": self.spec(25)});
                Step::merge_patch(format!("{OBJECT}?fieldManager={manager}"), &patch)
            }
            82..96 => {
                let mut object = self.object(35);
                object["metadata"]["resourceVersion"] = json!(format!("{{rv:{read}}}"));
                Step::put(format!("{OBJECT}?fieldManager={manager}"), &object)
            }
            _ => {
                let patch = json!({"metadata": {"managedFields": [{}]}});
                Step::merge_patch(format!("{OBJECT}?fieldManager={manager}"), &patch)
            }
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    (0..SEQUENCES)
        .map(|seed| {
            let mut dice = Dice(SmallRng::seed_from_u64(seed));
            let first = dice.object(50);
            let mut steps = vec![if dice.chance(70) {
                Step::apply(format!("{OBJECT}?fieldManager=ada"), &first)
            } else {
                Step::post(format!("{COLLECTION}?fieldManager=eve"), &first)
            }];
            steps.push(Step::get(OBJECT));
            for _ in 0..STEPS {
                steps.push(dice.step(steps.len()));
                steps.push(Step::get(OBJECT));
            }
            Case::new(format!("random applies/{seed}"), steps)
        })
        .collect()
}
