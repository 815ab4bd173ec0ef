//! What selectors parse to, select and print.
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
    let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
    LabelSelector::parse(selector).unwrap().matches(|key| labels.get(key).copied())
}

#[test]
fn the_query_form_selects_as_kubectl_expects() {
    let labels = [("app", "web"), ("tier", "3"), ("empty", ""), ("a.b/c", "x")];
    for selector in [
        "",
        " ",
        "app=web",
        "app==web",
        "app = web",
        "app!=db",
        "gone!=web",
        "app in (web,db)",
        "app in ( web )",
        "app notin (db, cache)",
        "gone notin (x)",
        "app",
        "!gone",
        "! gone",
        "tier>2",
        "tier<4",
        "tier > -5",
        "empty=",
        "empty in ()",
        "empty in (,x)",
        "app=web,tier=3,!gone",
        "a.b/c=x",
    ] {
        assert!(matches(selector, &labels), "{selector}");
    }
    for selector in [
        "app=db",
        "app!=web",
        "app in (db)",
        "app notin (web)",
        "gone",
        "!app",
        "tier>3",
        "tier<3",
        "app>1",
        "gone<1",
        "app=web,gone",
        "app=",
        "gone=",
        "in",
        "in=x",
    ] {
        assert!(!matches(selector, &labels), "{selector}");
    }
    assert!(matches("in=notin,notin in (in)", &[("in", "notin"), ("notin", "in")]));
}

#[test]
fn malformed_selectors_are_refused() {
    for selector in [
        ",",
        "a,",
        ",a",
        "a,,b",
        "=",
        "a=b=c",
        "a in",
        "a in b",
        "a in (b",
        "a in b)",
        "a=(b)",
        "!",
        "!a=b",
        "!!a",
        "a b",
        "a>b",
        "a>",
        "a > 1.5",
        "a=b c",
        "a=-b",
        "-a",
        "a/b/c=d",
        "A_/b=c",
        "a in (b c)",
        "a=b!",
        "a = ! b",
        "(a)",
        "a=b,=",
        "ä=b",
    ] {
        assert!(LabelSelector::parse(selector).is_err(), "{selector}");
    }
    let message = LabelSelector::parse("a ~ b").unwrap_err();
    assert_eq!(message, "unable to parse requirement: found '~', expected: in, notin, =, ==, !=, gt, lt");
    assert!(LabelSelector::parse(&vec!["a"; MAX_REQUIREMENTS + 1].join(",")).is_err());
}

#[test]
fn the_object_form_reads_labels_and_expressions() {
    let selector = LabelSelector::from_value(&json!({
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["2", "1", "2"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ],
    }));
    assert_eq!(selector.unwrap().to_string(), "app=web,tier in (1,2),!gone");
    assert!(LabelSelector::from_value(&json!({})).unwrap().is_empty());
    for bad in [
        json!(null),
        json!([]),
        json!({"matchLabels": {"a": 1}}),
        json!({"matchLabels": {"a b": "c"}}),
        json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}),
        json!({"matchExpressions": [{"operator": "Exists"}]}),
        json!({"matchExpressions": {}}),
    ] {
        assert!(LabelSelector::from_value(&bad).is_err(), "{bad}");
    }
}

#[test]
fn field_selectors_compare_whole_values() {
    let field = |path: &str| if path == "status.phase" { "Running".to_owned() } else { String::new() };
    for (selector, expect) in [
        ("", true),
        ("status.phase=Running", true),
        ("status.phase==Running", true),
        ("status.phase!=Running", false),
        ("status.phase=Pending", false),
        ("status.phase!=Pending,spec.x=", true),
        (",status.phase=Running,", true),
    ] {
        assert_eq!(FieldSelector::parse(selector).unwrap().matches(field), expect, "{selector}");
    }
    assert_eq!(
        FieldSelector::parse(r"a=b\,c\=d\\").unwrap().requirements,
        [("a".into(), true, r"b,c=d\".into())]
    );
    assert_eq!(
        FieldSelector::parse("metadata.name=x,a!=b").unwrap().required_value("metadata.name"),
        Some("x")
    );
    assert_eq!(FieldSelector::parse("metadata.name!=x").unwrap().required_value("metadata.name"), None);
    for bad in ["a", "a,b=c", r"a=\b", "a=b=c", r"a=b\"] {
        assert!(FieldSelector::parse(bad).is_err(), "{bad}");
    }
}

fn key() -> impl Strategy<Value = String> {
    "([a-z0-9]{1,5}(\\.[a-z0-9]{1,3})?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?"
}

fn value() -> impl Strategy<Value = String> {
    "([A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?)?"
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let values = || prop::collection::vec(value(), 1..4);
    let operator = prop_oneof![
        values().prop_map(Operator::In),
        values().prop_map(Operator::NotIn),
        Just(Operator::Exists),
        Just(Operator::DoesNotExist),
        any::<i64>().prop_map(Operator::GreaterThan),
        any::<i64>().prop_map(Operator::LessThan),
    ];
    (key(), operator).prop_map(|(key, operator)| Requirement { key, operator })
}

proptest! {
    #[test]
    fn label_selectors_round_trip(requirements in prop::collection::vec(requirement(), 0..5)) {
        let selector = LabelSelector::from_requirements(requirements).unwrap();
        prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn field_selectors_round_trip(requirements in prop::collection::vec(("[a-z.]{1,8}", any::<bool>(), "[a-z,=\\\\!]{0,8}"), 0..4)) {
        let selector = FieldSelector { requirements };
        prop_assert_eq!(FieldSelector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "[a-c=!(),<> in\\\\]{0,24}") {
        let _ = FieldSelector::parse(&text);
        if let Ok(selector) = LabelSelector::parse(&text) {
            prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
