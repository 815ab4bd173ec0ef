//! Named formats (`format.dns1123Label().validate(…)`).

use super::{Failure, Row, Value, unfit};
use crate::{
    name,
    schema::formats::{Format, fits},
};

/// A format by its name.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// What is wrong with a text.
    check: fn(&str) -> Result<(), String>,
    /// How long a pattern would be that checks it, for what it costs.
    pub(crate) pattern_size: u64,
}

macro_rules! named {
    ($($name:ident, $size:literal, $check:expr;)*) => {
        const NAMED: &[Named] = &[$(Named { name: stringify!($name), check: $check, pattern_size: $size }),*];
        pub(super) const ROWS: &[Row] = &[
            $((concat!("format.", stringify!($name), "(): Format"), |_, _| by_name(stringify!($name))),)*
            ("format.named(string): optional(Format)", |args, _| match args {
                [Value::String(name)] => Ok(Value::optional(by_name(name).ok())),
                _ => unfit(),
            }),
            ("Format.validate(string): optional(list(string))", |args, _| validate(args)),
        ];
    };
}

named! {
    dns1123Label, 30, name::dns1123_label;
    dns1123Subdomain, 60, name::dns1123_subdomain;
    dns1035Label, 30, name::dns1035_label;
    qualifiedName, 60, name::qualified_name;
    dns1123LabelPrefix, 30, |text| name::dns1123_label(&whole(text));
    dns1123SubdomainPrefix, 60, |text| name::dns1123_subdomain(&whole(text));
    dns1035LabelPrefix, 30, |text| name::dns1035_label(&whole(text));
    labelValue, 40, name::label_value;
    uri, 1026, |text| is(Format::Uri, text, &format!("parse {text:?}: invalid URI for request"));
    uuid, 80, |text| is(Format::Uuid, text, "does not match the UUID format");
    byte, 74, |text| is(Format::Byte, text, "invalid base64");
    date, 75, |text| is(Format::Date, text, "invalid date");
    datetime, 75, |text| is(Format::DateTime, text, "invalid datetime");
}

/// A prefix may end with a dash; Kubernetes looks at it without its last two characters then.
fn whole(text: &str) -> String {
    let start = text.strip_suffix('-').and_then(|start| Some((start, start.chars().next_back()?)));
    start.map_or_else(
        || text.to_owned(),
        |(start, last)| format!("{}a", &start[..start.len() - last.len_utf8()]),
    )
}

fn is(format: Format, text: &str, wrong: &str) -> Result<(), String> {
    if fits(format, text) { Ok(()) } else { Err(wrong.to_owned()) }
}

fn by_name<'a>(name: &str) -> Result<Value<'a>, Failure> {
    let named = NAMED.iter().find(|named| named.name == name);
    named.map(Value::Format).ok_or_else(|| Failure::error("unknown format"))
}

fn validate<'a>(args: &[Value<'a>]) -> Result<Value<'a>, Failure> {
    let [Value::Format(named), Value::String(text)] = args else { return unfit() };
    let wrong = (named.check)(text).err();
    Ok(Value::optional(wrong.map(|wrong| Value::list(vec![Value::text(wrong)]))))
}
