//! Tables, JSON, YAML.
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::{command::Format, error::Error};

/// Prints data as asked: `rows` for people, `value` for programs.
pub(crate) fn print(format: Format, value: &Value, table: impl FnOnce() -> String) -> Result<(), Error> {
    let text = match format {
        Format::Table => table(),
        Format::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
        Format::Yaml => grange_apimachinery::yaml::to_string(value),
    };
    write_line(text.trim_end())
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
