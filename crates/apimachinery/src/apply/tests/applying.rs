//! Several managers apply to one object.

use serde_json::{Value, json};

use super::{super::keep_times, Story, object, widget};

#[test]
fn the_first_application_makes_the_object_and_its_owner() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a", "labels": {"x": "1"}}));
    assert_eq!(story.spec(), json!({"text": "a", "labels": {"x": "1"}}));
    assert_eq!(story.owners(), ["ada Apply 01: .text .labels.x"]);
    assert_eq!(
        story.managed().unwrap(),
        &json!([{
            "manager": "ada", "operation": "Apply", "apiVersion": "example.io/v1", "time": "2024-01-01T00:01:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:text": {}, "f:labels": {"f:x": {}}}},
        }])
    );
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a", "set": ["x"]}));
    let before = story.live.clone();
    story.apply("ada", json!({"text": "a", "set": ["x"]}));
    assert_eq!(story.live, before);
}

#[test]
fn fields_with_the_same_value_are_shared() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a", "number": 1}));
    story.apply("bob", json!({"text": "a"}));
    // Who changes nothing has no time.
    assert_eq!(story.owners(), ["bob Apply -: .text", "ada Apply 01: .number .text"]);
    // A shared field goes when the last of its owners lets go.
    story.apply("ada", json!({"number": 1}));
    assert_eq!(story.spec(), json!({"text": "a", "number": 1}));
    story.apply("bob", json!({}));
    assert_eq!(story.spec(), json!({"number": 1}));
    assert_eq!(story.owners(), ["ada Apply 01: .number", "bob Apply 04: .spec"]);
}

#[test]
fn another_value_is_a_conflict_that_force_decides() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a", "number": 1}));
    let status = story.refused("bob", json!({"text": "b"}));
    assert_eq!(
        String::from_utf8(status.to_json()).unwrap(),
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict: conflict with \"ada\": .spec.text","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"ada\"","field":".spec.text"}]},"code":409}"#
    );
    story.try_apply("bob", json!({"text": "b"}), true).unwrap();
    assert_eq!(story.spec(), json!({"text": "b", "number": 1}));
    assert_eq!(story.owners(), ["ada Apply 01: .number", "bob Apply 03: .text"]);
}

#[test]
fn conflicts_are_listed_by_manager() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a", "ports": [{"port": 80, "name": "web"}]}));
    story.update("bob", json!({"text": "a", "number": 1, "ports": [{"port": 80, "name": "web"}]}));
    let status =
        story.refused("eve", json!({"text": "e", "number": 2, "ports": [{"port": 80, "name": "e"}]}));
    assert_eq!(
        status.message,
        "Apply failed with 3 conflicts: conflicts with \"ada\":\n- .spec.text\n- .spec.ports[port=80,protocol=\"TCP\"].name\nconflicts with \"bob\" using example.io/v1:\n- .spec.number"
    );
    let causes = &status.details.as_ref().unwrap().causes;
    assert_eq!(causes[2].message, r#"conflict with "bob" using example.io/v1"#);
    assert_eq!(causes[2].field, ".spec.number");
}

#[test]
fn what_a_manager_no_longer_applies_goes_unless_others_own_it() {
    for (second, removed, left) in [
        // What loses everything is null, which a schema that wants an object then refuses: so it is in Kubernetes.
        (json!({}), json!({"text": "a"}), Value::Null),
        (json!({"text": "a"}), json!({"text": "a", "number": 1}), json!({"text": "a"})),
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"a": "1", "b": "2"}}),
            json!({"labels": {"a": "1"}}),
        ),
        (json!({"set": ["b"]}), json!({"set": ["a", "b", "c"]}), json!({"set": ["b"]})),
        (
            json!({"ports": [{"port": 2}]}),
            json!({"ports": [{"port": 1, "name": "x"}, {"port": 2, "name": "y"}]}),
            json!({"ports": [{"port": 2}]}),
        ),
        (json!({"items": ["a"]}), json!({"items": ["a", "b"]}), json!({"items": ["a"]})),
        (json!({"inner": {"b": "2"}}), json!({"inner": {"a": "1"}}), json!({"inner": {"b": "2"}})),
    ] {
        let mut story = Story::new();
        story.apply("ada", removed.clone());
        story.apply("ada", second.clone());
        assert_eq!(story.spec(), left, "{removed} then {second}");
    }
}

#[test]
fn a_whole_section_that_nobody_applies_any_more_goes() {
    let mut story = Story::new();
    story.apply("ada", json!({"labels": {"a": "1"}, "inner": {"a": "x"}, "text": "t"}));
    story.apply("ada", json!({"text": "t"}));
    assert_eq!(story.spec(), json!({"text": "t"}));
}

#[test]
fn what_others_changed_or_added_stays() {
    let mut story = Story::new();
    story.apply("ada", json!({"labels": {"a": "1"}, "text": "t"}));
    story.update("bob", json!({"labels": {"a": "2", "b": "3"}, "text": "t"}));
    assert_eq!(story.owners(), ["ada Apply 01: .text", "bob Update 02: .labels.a .labels.b"]);
    story.apply("ada", json!({}));
    assert_eq!(story.spec(), json!({"labels": {"a": "2", "b": "3"}}));
}

#[test]
fn atomic_values_have_one_owner_for_all_of_it() {
    let mut story = Story::new();
    story.apply("ada", json!({"selector": {"a": "1"}, "items": ["x"]}));
    let status = story.refused("bob", json!({"selector": {"a": "1", "b": "2"}, "items": ["x", "y"]}));
    assert!(status.message.contains("- .spec.items\n- .spec.selector"), "{}", status.message);
    story.apply("bob", json!({"selector": {"a": "1"}}));
    assert_eq!(story.owners(), ["bob Apply -: .selector", "ada Apply 01: .items .selector"]);
}

#[test]
fn elements_of_keyed_lists_have_owners_of_their_own() {
    let mut story = Story::new();
    story.apply("ada", json!({"ports": [{"port": 1, "name": "a"}]}));
    story.apply("bob", json!({"ports": [{"port": 2, "name": "b"}]}));
    assert_eq!(story.spec(), json!({"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}));
    story.apply("ada", json!({"ports": []}));
    assert_eq!(story.spec(), json!({"ports": [{"port": 2, "name": "b"}]}));
}

#[test]
fn a_status_is_applied_through_its_subresource_only() {
    let mut story = Story::new();
    let with_status = |spec: Value, status: Value| {
        let mut config = widget(spec);
        config.0.insert("status".into(), status);
        config
    };
    story.try_apply_object("ada", with_status(json!({"text": "a"}), json!({"phase": "x"})), false).unwrap();
    assert_eq!(story.owners(), ["ada Apply 01: .text"]);
    story.subresource = "status";
    story.try_apply_object("ada", with_status(json!({"text": "z"}), json!({"phase": "y"})), true).unwrap();
    assert_eq!(story.owners(), ["ada Apply 01: .text", "ada Apply/status 02: .status.phase"]);
}

#[test]
fn what_was_there_before_anybody_applied_belongs_to_nobody_in_particular() {
    let mut story = Story::new();
    story.live = Some(widget(json!({"text": "old", "number": 1})));
    let status = story.refused("ada", json!({"text": "new"}));
    assert_eq!(
        status.message,
        r#"Apply failed with 1 conflict: conflict with "before-first-apply" using example.io/v1: .spec.text"#
    );
    story.try_apply("ada", json!({"text": "new"}), true).unwrap();
    assert_eq!(story.owners(), ["ada Apply 02: .text", "before-first-apply Update 02: .spec .number"]);
}

#[test]
fn configurations_that_cannot_be_applied() {
    let mut story = Story::new();
    let metadata = json!({"name": "w", "namespace": "default"});
    for (config, code, message) in [
        (json!({"kind": "Widget", "metadata": metadata}), 400, "invalid object type: /, Kind=Widget"),
        (
            json!({"apiVersion": "example.io/v2", "kind": "Widget", "metadata": metadata}),
            400,
            "invalid object type: example.io/v2, Kind=Widget",
        ),
        (
            json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"managedFields": []}}),
            400,
            "metadata.managedFields must be nil",
        ),
        (
            json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": metadata, "spec": {"x": 1}}),
            500,
            "failed to create typed patch object (default/w; example.io/v1, Kind=Widget): .spec.x: field not declared in schema",
        ),
    ] {
        let status = story.try_apply_object("ada", object(config), false).unwrap_err();
        assert_eq!((status.code, status.message.as_str()), (code, message));
    }
}

#[test]
fn a_version_that_is_gone_owns_nothing_any_more() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a"}));
    let live = story.live.as_mut().unwrap();
    live.set(
        &["metadata", "managedFields"],
        json!([{
            "manager": "old", "operation": "Update", "apiVersion": "example.io/v0",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:text": {}}},
        }]),
    );
    story.apply("bob", json!({"text": "b"}));
    assert_eq!(story.owners(), ["bob Apply 02: .text"]);
}

#[test]
fn kubectl_takes_over_what_it_applied_on_the_clients_side() {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let mut story = Story::new();
    let mut created = widget(json!({"text": "a", "number": 1}));
    created.set(
        &["metadata", "annotations", annotation],
        widget(json!({"text": "a"})).to_bytes().escape_ascii().to_string().replace("\\\"", "\""),
    );
    story.replace("kubectl-client-side-apply", created);
    // Nobody else may.
    assert_eq!(story.refused("ada", json!({"text": "b"})).code, 409);
    // Nor may kubectl take what it had not applied.
    let status = story.refused("kubectl", json!({"text": "b", "number": 2}));
    assert!(
        status.message.ends_with(
            r#"1 conflict: conflict with "kubectl-client-side-apply" using example.io/v1: .spec.number"#
        ),
        "{}",
        status.message
    );
    story.apply("kubectl", json!({"text": "b"}));
    assert_eq!(story.spec(), json!({"text": "b", "number": 1}));
    let applied = story.live.as_ref().unwrap().annotation(annotation).unwrap();
    assert_eq!(
        applied,
        "{\"apiVersion\":\"example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\",\"namespace\":\"default\"},\"spec\":{\"text\":\"b\"}}\n"
    );
}

#[test]
fn times_alone_are_no_change() {
    let mut story = Story::new();
    story.apply("ada", json!({"text": "a"}));
    let old = story.live.clone().unwrap();
    let later = |object: &super::Object, spec: Option<Value>| {
        let mut new = object.clone();
        let mut entries = new.get(&["metadata", "managedFields"]).cloned().unwrap();
        entries[0]["time"] = "2025-01-01T00:00:00Z".into();
        new.set(&["metadata", "managedFields"], entries);
        if let Some(spec) = spec {
            new.0.insert("spec".into(), spec);
        }
        new
    };
    let mut same = later(&old, None);
    keep_times(&old, &mut same);
    assert_eq!(same, old);
    let changed = later(&old, Some(json!({"text": "b"})));
    let mut kept = changed.clone();
    keep_times(&old, &mut kept);
    assert_eq!(kept, changed);
}
