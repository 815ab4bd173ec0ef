//! The second version's document as protobuf, the form in which Go clients ask for it.
//!
//! The messages are those of gnostic's `openapi.v2`; only what [`super::swagger`] says is written. A document that is
//! too deep cannot come here: the schemas of definitions have a bound of their own.
use grange_apimachinery::Value;

/// What clients ask for, and what is answered: "@" has no place in a media type, which the first to ask did not know.
pub(crate) const ASKED: [&str; 2] = ["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", TYPE];
/// The media type of the answer.
pub(crate) const TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Encodes a document.
pub(crate) fn encode(document: &Value) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(1, &document["swagger"]);
    writer.message(2, |info| {
        info.text(1, &document["info"]["title"]);
        info.text(2, &document["info"]["version"]);
    });
    writer.message(8, |paths| paths.named(2, &document["paths"], path_item));
    writer.message(9, |definitions| definitions.named(1, &document["definitions"], schema));
    writer.0
}

fn path_item(writer: &mut Writer, item: &Value) {
    for (number, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if item[method].is_object() {
            writer.message(number, |writer| operation(writer, &item[method]));
        }
    }
    writer.each(9, &item["parameters"], parameter);
}

fn operation(writer: &mut Writer, operation: &Value) {
    writer.texts(1, &operation["tags"]);
    writer.text(3, &operation["description"]);
    writer.text(5, &operation["operationId"]);
    writer.texts(6, &operation["produces"]);
    writer.texts(7, &operation["consumes"]);
    writer.each(8, &operation["parameters"], parameter);
    writer.message(9, |writer| {
        writer.named(1, &operation["responses"], |writer, response| {
            writer.message(1, |writer| {
                writer.text(1, &response["description"]);
                writer.message(2, |writer| writer.message(1, |writer| schema(writer, &response["schema"])));
            });
        });
    });
    writer.extensions(13, operation);
}

fn parameter(writer: &mut Writer, parameter: &Value) {
    writer.message(1, |writer| match parameter["in"].as_str() {
        Some("body") => writer.message(1, |writer| {
            writer.text(2, &parameter["name"]);
            writer.text(3, &parameter["in"]);
            writer.boolean(4, &parameter["required"]);
            writer.message(5, |writer| schema(writer, &parameter["schema"]));
        }),
        place => writer.message(2, |writer| {
            // The numbers of the two messages part after the name.
            let (message, kind, unique) = if place == Some("query") { (3, 6, 20) } else { (4, 5, 19) };
            writer.message(message, |writer| {
                writer.boolean(1, &parameter["required"]);
                writer.text(2, &parameter["in"]);
                writer.text(3, &parameter["description"]);
                writer.text(4, &parameter["name"]);
                writer.text(kind, &parameter["type"]);
                writer.boolean(unique, &parameter["uniqueItems"]);
            });
        }),
    });
}

fn schema(writer: &mut Writer, schema_value: &Value) {
    let value = |name: &str| &schema_value[name];
    for (number, name) in [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")] {
        writer.text(number, value(name));
    }
    for (number, name) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        writer.double(number, value(name));
    }
    for (number, name) in [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems")] {
        writer.boolean(number, value(name));
    }
    for (number, name) in [
        (11, "maxLength"),
        (12, "minLength"),
        (14, "maxItems"),
        (15, "minItems"),
        (17, "maxProperties"),
        (18, "minProperties"),
    ] {
        writer.integer(number, value(name));
    }
    writer.texts(19, value("required"));
    writer.each(20, value("enum"), Writer::any);
    match value("additionalProperties") {
        Value::Null => {}
        Value::Bool(_) => writer.message(21, |writer| writer.boolean(2, value("additionalProperties"))),
        other => writer.message(21, |writer| writer.message(1, |writer| schema(writer, other))),
    }
    if !value("type").is_null() {
        writer.message(22, |writer| writer.text(1, value("type")));
    }
    if value("items").is_object() {
        writer.message(23, |writer| writer.message(1, |writer| schema(writer, value("items"))));
    }
    if value("properties").is_object() {
        writer.message(25, |writer| writer.named(1, value("properties"), schema));
    }
    writer.extensions(31, schema_value);
}

/// Protobuf's wire format. What is absent in the document is absent here.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            // The low seven bits and "more follows".
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, number: u32, wire_type: u64) {
        self.varint(u64::from(number) << 3 | wire_type);
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.key(number, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, number: u32, write: impl FnOnce(&mut Writer)) {
        let mut inner = Writer::default();
        write(&mut inner);
        self.bytes(number, &inner.0);
    }

    fn text(&mut self, number: u32, value: &Value) {
        if let Some(text) = value.as_str() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn texts(&mut self, number: u32, list: &Value) {
        for item in list.as_array().into_iter().flatten() {
            self.text(number, item);
        }
    }

    fn boolean(&mut self, number: u32, value: &Value) {
        if let Some(value) = value.as_bool() {
            self.key(number, 0);
            self.varint(u64::from(value));
        }
    }

    fn integer(&mut self, number: u32, value: &Value) {
        if let Some(value) = value.as_i64() {
            self.key(number, 0);
            self.varint(value.cast_unsigned());
        }
    }

    fn double(&mut self, number: u32, value: &Value) {
        if let Some(value) = value.as_f64() {
            self.key(number, 1);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn each(&mut self, number: u32, list: &Value, write: impl Fn(&mut Writer, &Value)) {
        for item in list.as_array().into_iter().flatten() {
            self.message(number, |writer| write(writer, item));
        }
    }

    /// A map, as messages of a name and a value.
    fn named(&mut self, number: u32, map: &Value, write: impl Fn(&mut Writer, &Value)) {
        for (name, value) in map.as_object().into_iter().flatten() {
            self.message(number, |writer| {
                writer.bytes(1, name.as_bytes());
                writer.message(2, |writer| write(writer, value));
            });
        }
    }

    /// Any value, as YAML; JSON is YAML.
    fn any(&mut self, value: &Value) {
        self.bytes(2, value.to_string().as_bytes());
    }

    fn extensions(&mut self, number: u32, object: &Value) {
        for (name, value) in object.as_object().into_iter().flatten() {
            if name.starts_with("x-") {
                self.message(number, |writer| {
                    writer.bytes(1, name.as_bytes());
                    writer.message(2, |writer| writer.any(value));
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Written by hand after the wire format's description.
    #[test]
    fn a_schema_is_written_field_by_field() {
        let mut writer = Writer::default();
        schema(
            &mut writer,
            &json!({
                "description": "d", "minimum": 1, "maxLength": 300, "required": ["a"], "type": "object",
                "properties": {"a": {"$ref": "r"}}, "x-k": [1],
            }),
        );
        let mut expected = vec![4 << 3 | 2, 1, b'd'];
        expected.extend([9 << 3 | 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        expected.extend([11 << 3, 0xac, 0x02]);
        expected.extend([0x9a, 0x01, 1, b'a']); // 19, text
        expected.extend([0xb2, 0x01, 8, 0x0a, 6]); // 22, a message with a text
        expected.extend(*b"object");
        expected.extend([0xca, 0x01, 10, 0x0a, 8, 0x0a, 1, b'a', 0x12, 3, 0x0a, 1, b'r']); // 25, a map of one
        expected.extend([0xfa, 0x01, 12, 0x0a, 3, b'x', b'-', b'k', 0x12, 5, 0x12, 3, b'[', b'1', b']']); // 31
        assert_eq!(writer.0, expected);
    }

    #[test]
    fn parameters_are_told_apart() {
        let mut writer = Writer::default();
        parameter(&mut writer, &json!({"name": "n", "in": "query", "type": "string"}));
        let inner = [
            0x12, 5, b'q', b'u', b'e', b'r', b'y', 0x22, 1, b'n', 0x32, 6, b's', b't', b'r', b'i', b'n', b'g',
        ];
        let mut expected = vec![0x0a, 22, 0x12, 20, 0x1a, 18];
        expected.extend(inner);
        assert_eq!(writer.0, expected);
    }
}
