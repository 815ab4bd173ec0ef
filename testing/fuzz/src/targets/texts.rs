//! One-line texts: selectors, quantities, paths, times, names.

use grange_apimachinery::{
    name,
    quantity::{Amount, Quantity},
    selector::{FieldSelector, LabelSelector},
    table::{self, Column, JsonPath},
    time,
};
use serde_json::{Value, json};

use super::{LARGE, SMALL};
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("label-selectors", SMALL, label_selector, |text| check_label_selector(text)),
        Target::new("field-selectors", SMALL, field_selector, |text| check_field_selector(text)),
        Target::new("quantities", SMALL, quantity, |text| check_quantity(text)),
        Target::new("json-paths", LARGE, path_and_value, check_path),
        Target::new("times", SMALL, time, |text| check_time(text)),
        Target::new("names", SMALL, name, check_name),
    ]
}

fn label_selector(source: &mut Source) -> String {
    let term = |source: &mut Source| {
        let key = mutate::word(source);
        let values = source.list(4, mutate::word);
        match source.below(8) {
            0 => key,
            1 => format!("!{key}"),
            2 => format!("{key}={}", mutate::word(source)),
            3 => format!("{key} != {}", mutate::word(source)),
            4 => format!("{key}in({})", values.join(",")),
            5 => format!("{key} notin ( {} )", values.join(" , ")),
            6 => format!("{key}>{}", source.number() as i64),
            _ => format!("{key}<{}", source.number()),
        }
    };
    let terms = source.list(6, term);
    mutate::text(source, terms.join(","))
}

fn check_label_selector(text: &str) {
    let Ok(selector) = LabelSelector::parse(text) else { return };
    assert_eq!(LabelSelector::parse(&selector.to_string()).as_ref(), Ok(&selector), "the round trip");
    let requirements = selector.requirements().to_vec();
    assert_eq!(LabelSelector::from_requirements(requirements).as_ref(), Ok(&selector), "its requirements");
    selector.matches(|key| (key != "a").then_some("1"));
    selector.matches(|_| None);
}

fn field_selector(source: &mut Source) -> String {
    let term = |source: &mut Source| {
        let paths = &["metadata.name", "status.phase", "spec.nodeName", "", "a.b"];
        let operator = source.pick(&["=", "==", "!="]);
        let value = mutate::word(source);
        format!("{}{operator}{value}", source.pick(paths))
    };
    let terms = source.list(5, term);
    mutate::text(source, terms.join(","))
}

fn check_field_selector(text: &str) {
    let Ok(selector) = FieldSelector::parse(text) else { return };
    assert_eq!(FieldSelector::parse(&selector.to_string()).as_ref(), Ok(&selector), "the round trip");
    selector.matches(str::to_owned);
}

fn quantity(source: &mut Source) -> String {
    let sign = source.pick(&["", "-", "+"]);
    let fraction = if source.one_in(2) { format!(".{}", source.number()) } else { String::new() };
    let suffixes = &[
        "", "m", "n", "u", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-9",
        "e18",
    ];
    let number = source.number();
    let valid = format!("{sign}{number}{fraction}{}", source.pick(suffixes));
    mutate::text(source, valid)
}

fn check_quantity(text: &str) {
    let Ok(quantity) = text.parse::<Quantity>() else {
        assert!(text.parse::<Amount>().is_err());
        return;
    };
    assert_eq!(quantity.to_string().parse(), Ok(quantity), "the round trip");
    quantity.value();
    let amount: Amount = text.parse().expect("a quantity is an amount");
    let written = amount.to_string();
    let read: Amount = written.parse().expect("what is written can be read");
    // What counts in powers of 1024 is written in whole units.
    assert_eq!(read.quantity.value(), amount.quantity.value(), "the round trip");
    let most = amount.plus(amount).plus(Amount::of(i64::MAX));
    assert_eq!(most.minus(most).quantity, Quantity::default());
}

fn path_and_value(source: &mut Source) -> (String, String, Value) {
    let step = |source: &mut Source| match source.below(7) {
        0 => format!("['{}']", mutate::word(source)),
        1 => format!("[{}]", source.number() as i64),
        2 => "[*]".to_owned(),
        3 => format!("[?(@.{}==\"{}\")]", mutate::word(source), mutate::word(source)),
        4 => format!("[?(@.{} < {})]", mutate::word(source), source.number()),
        _ => format!(".{}", mutate::word(source)),
    };
    let steps = source.list(8, step).concat();
    let braces = source.one_in(2);
    let valid = if braces { format!("{{{steps}}}") } else { steps };
    let path = mutate::text(source, valid);
    let kind = source.pick(&["string", "integer", "number", "boolean", "date", "other"]).to_owned();
    (path, kind, trees::value(source, 5))
}

fn check_path((text, kind, value): &(String, String, Value)) {
    let Ok(path) = JsonPath::compile(text) else { return };
    let count = path.count(value);
    assert_eq!(path.first(value).is_some(), count > 0, "the first of {count}");
    table::cell(&Column::new("X", kind, text), &path, value, jiff_now());
}

/// A moment that never changes, so that an input always does the same.
fn jiff_now() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}

fn time(source: &mut Source) -> String {
    let (year, month, day) = (source.below(12_000), source.range(0..=13), source.range(0..=32));
    let (hour, minute, second) = (source.below(26), source.below(62), source.below(62));
    let zone = source.pick(&["Z", "+02:00", "-23:59", "+99:99", "", "z", "+00:00:01"]);
    let fraction = source.pick(&["", ".5", ".123456789", ".1234567890123"]);
    mutate::text(
        source,
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"),
    )
}

fn check_time(text: &str) {
    table::age(text, jiff_now());
    let Some(moment) = time::parse(text) else { return };
    let written = time::rfc3339(moment);
    assert_eq!(time::parse(&written).map(time::rfc3339).as_ref(), Some(&written), "the round trip");
    let written = time::rfc3339_micro(moment);
    assert_eq!(time::parse(&written).map(time::rfc3339_micro).as_ref(), Some(&written), "the round trip");
}

fn name(source: &mut Source) -> (String, String) {
    let valid = source.list(4, mutate::word).join(source.pick(&["-", ".", "/", ""]));
    let version =
        format!("v{}{}{}", source.number(), source.pick(&["", "alpha", "beta"]), source.pick(&["", "1"]));
    (mutate::text(source, valid), mutate::text(source, version))
}

fn check_name((text, version): &(String, String)) {
    let label = name::dns1123_label(text).is_ok();
    assert!(!label || name::dns1123_subdomain(text).is_ok(), "a label is a subdomain");
    assert!(!label || name::label_value(text).is_ok(), "a label is a label's value");
    let _ = (name::dns1035_label(text), name::qualified_name(text));
    name::validate_finalizer(text, "metadata.finalizers");
    let mut errors = Vec::new();
    let labels = json!({ text: version });
    name::validate_labels(Some(&labels), "metadata.labels", &mut errors);
    assert_eq!(
        name::compare_versions(text, version),
        name::compare_versions(version, text).reverse(),
        "an order"
    );
}
