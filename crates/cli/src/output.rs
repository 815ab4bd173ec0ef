//! Tables, JSON, YAML.
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::{command::Format, error::Error};

/// Prints data as asked: `rows` for people, `value` for programs. As with kubectl, objects come without their
/// `managedFields`, which are long and of use to no one who reads or edits them.
pub(crate) fn print(format: Format, value: &Value, table: impl FnOnce() -> String) -> Result<(), Error> {
    let text = match format {
        Format::Table => table(),
        Format::Json => serde_json::to_string_pretty(&without_owners(value)).unwrap_or_default(),
        Format::Yaml => grange_apimachinery::yaml::to_string(&without_owners(value)),
    };
    write_line(text.trim_end())
}

fn without_owners(value: &Value) -> Value {
    let mut value = value.clone();
    let objects = match &mut value {
        Value::Array(objects) => objects.as_mut_slice(),
        object => std::slice::from_mut(object),
    };
    for metadata in objects.iter_mut().filter_map(|object| object.get_mut("metadata")?.as_object_mut()) {
        metadata.remove("managedFields");
    }
    value
}

/// Prints one text to standard output; a reader that left (`| head`) is no error.
pub(crate) fn write_line(text: &str) -> Result<(), Error> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::File { path: "standard output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// A plain table without lines.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_come_without_their_owners() {
        let object = json!({"metadata": {"name": "a", "managedFields": [{}]}, "spec": {"managedFields": 1}});
        let expect = json!({"metadata": {"name": "a"}, "spec": {"managedFields": 1}});
        assert_eq!(without_owners(&object), expect);
        assert_eq!(without_owners(&json!([object, 1])), json!([expect, 1]));
        assert_eq!(without_owners(&json!({"checks": []})), json!({"checks": []}));
    }
}
