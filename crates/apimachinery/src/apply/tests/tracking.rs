//! Who owns what after updates, and `managedFields` as clients send it.

use serde_json::{Value, json};

use super::{
    super::{
        MAX_MANAGER_NAME_BYTES, Managers, manager_of_user_agent, validate_managed_fields, validate_manager,
    },
    Story, widget,
};

#[test]
fn who_creates_owns_and_who_changes_takes() {
    let mut story = Story::new();
    story.update("ada", json!({"text": "a", "labels": {"x": "1"}}));
    assert_eq!(story.owners(), ["ada Update 01: .spec .labels .text .labels.x"]);
    story.update("bob", json!({"text": "b", "labels": {"x": "1"}}));
    assert_eq!(story.owners(), ["ada Update 01: .spec .labels .labels.x", "bob Update 02: .text"]);
    // What is removed is owned by nobody.
    story.update("bob", json!({"labels": {"x": "1"}}));
    assert_eq!(story.owners(), ["ada Update 01: .spec .labels .labels.x"]);
}

#[test]
fn an_update_that_changes_nothing_leaves_entries_and_times() {
    let mut story = Story::new();
    story.update("ada", json!({"text": "a"}));
    let before = story.live.clone();
    story.update("bob", json!({"text": "a"}));
    assert_eq!(story.live, before);
    // Nor does forgetting managedFields, as old clients do.
    let mut new = before.clone().unwrap();
    new.remove(&["metadata", "managedFields"]);
    story.replace("bob", new);
    assert_eq!(story.live, before);
}

#[test]
fn a_managers_later_changes_join_its_entry_with_a_new_time() {
    let mut story = Story::new();
    story.update("ada", json!({"text": "a"}));
    story.update("ada", json!({"text": "a", "number": 1}));
    assert_eq!(story.owners(), ["ada Update 02: .spec .number .text"]);
}

#[test]
fn subresources_have_entries_of_their_own() {
    let mut story = Story::new();
    story.update("ada", json!({"text": "a"}));
    story.subresource = "status";
    let mut new = story.live.clone().unwrap();
    new.0.insert("status".into(), json!({"phase": "x"}));
    story.replace("ada", new);
    assert_eq!(story.owners(), ["ada Update 01: .spec .text", "ada Update/status 02: .status .status.phase"]);
}

#[test]
fn a_reset_forgets_all_until_somebody_applies() {
    for reset in [json!([]), json!([{}])] {
        let mut story = Story::new();
        story.update("ada", json!({"text": "a"}));
        let mut new = story.live.clone().unwrap();
        new.set(&["metadata", "managedFields"], reset);
        story.replace("ada", new);
        assert_eq!(story.managed(), None);
        story.update("bob", json!({"text": "b"}));
        assert_eq!(story.managed(), None);
        story.apply("eve", json!({"number": 1}));
        assert_eq!(story.owners(), ["eve Apply 04: .number", "before-first-apply Update 04: .spec .text"]);
    }
}

#[test]
fn entries_that_a_client_sends_are_taken_if_they_can_be_read() {
    let entry = |fields: Value| json!([{"manager": "eve", "operation": "Apply", "apiVersion": "example.io/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    let mut story = Story::new();
    story.update("ada", json!({"text": "a", "number": 1}));
    let mut new = story.live.clone().unwrap();
    new.set(&["metadata", "managedFields"], entry(json!({"f:spec": {"f:text": {}}})));
    story.replace("ada", new);
    assert_eq!(story.owners(), ["eve Apply -: .text"]);
    let mut new = story.live.clone().unwrap();
    new.set(&["metadata", "managedFields"], entry(json!({"nonsense": {}})));
    story.replace("ada", new);
    assert_eq!(story.owners(), ["eve Apply -: .text"]);
    // A write to a subresource cannot set them.
    story.subresource = "status";
    let mut new = story.live.clone().unwrap();
    new.set(&["metadata", "managedFields"], json!([]));
    story.replace("ada", new);
    assert_eq!(story.owners(), ["eve Apply -: .text"]);
}

#[test]
fn an_object_that_was_never_tracked_stays_so_until_somebody_applies() {
    let mut story = Story::new();
    story.live = Some(widget(json!({"text": "a"})));
    story.update("ada", json!({"text": "b"}));
    assert_eq!(story.managed(), None);
}

#[test]
fn who_does_not_say_its_name_is_unknown() {
    let mut story = Story::new();
    story.update("", json!({"text": "a"}));
    assert_eq!(story.owners(), ["unknown Update 01: .spec .text"]);
}

#[test]
fn the_oldest_of_too_many_updates_become_one_entry() {
    let mut story = Story::new();
    let mut labels = serde_json::Map::new();
    story.update("base", json!({"text": "a"}));
    for index in 0..12 {
        labels.insert(format!("l{index}"), "x".into());
        story.update(&format!("m{index}"), json!({"text": "a", "labels": labels.clone()}));
    }
    let owners = story.owners();
    assert_eq!(owners.len(), 10);
    assert_eq!(owners[0], "ancient-changes Update 04: .spec .labels .text .labels.l0 .labels.l1 .labels.l2");
    assert_eq!(owners[1], "m3 Update 05: .labels.l3");
    assert_eq!(owners[9], "m11 Update 13: .labels.l11");
}

#[test]
fn system_fields_belong_to_nobody() {
    let mut story = Story::new();
    let mut new = widget(json!({"text": "a"}));
    for (field, value) in [
        ("uid", json!("u")),
        ("resourceVersion", json!("1")),
        ("generation", json!(1)),
        ("creationTimestamp", json!("2024-01-01T00:00:00Z")),
        ("labels", json!({"a": "b"})),
        ("generateName", json!("w-")),
    ] {
        new.set(&["metadata", field], value);
    }
    story.replace("ada", new);
    assert_eq!(
        story.owners(),
        ["ada Update 01: .spec .metadata.generateName .metadata.labels .metadata.labels.a .text"]
    );
}

#[test]
fn entries_are_sorted_by_operation_age_and_name() {
    let entry = |manager: &str, operation: &str, time: &str| {
        json!({
            "manager": manager, "operation": operation, "apiVersion": "v1", "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}},
        })
    };
    let sent = json!([
        entry("c", "Update", "2024-01-01T00:00:00Z"),
        entry("b", "Update", "2023-01-01T00:00:00Z"),
        entry("a", "Update", "2024-01-01T00:00:00Z"),
        entry("z", "Apply", "2025-01-01T02:00:00+02:00"),
    ]);
    let sorted = Managers::read(Some(&sent)).unwrap().to_value().unwrap();
    let names: Vec<_> =
        sorted.as_array().unwrap().iter().map(|entry| entry["manager"].as_str().unwrap()).collect();
    assert_eq!(names, ["z", "b", "a", "c"]);
    assert_eq!(sorted[0]["time"], "2025-01-01T00:00:00Z");
}

#[test]
fn what_is_wrong_with_entries() {
    for (entry, message) in [
        (json!({"operation": "Create"}), "operation must be `Apply` or `Update`"),
        (json!({"operation": "Apply"}), "apiVersion must not be empty"),
        (json!({"operation": "Apply", "apiVersion": "v1"}), "missing fieldsType in managed fields entry 0"),
        (
            json!({"operation": "Apply", "apiVersion": "v1", "fieldsType": "V2"}),
            r#"invalid fieldsType "V2" in managed fields entry 0"#,
        ),
        (
            json!({"operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "time": "now"}),
            "managedFields[0].time is no RFC 3339 time",
        ),
    ] {
        assert_eq!(Managers::read(Some(&json!([entry]))).unwrap_err().to_string(), message);
    }
    let errors = validate_managed_fields(&json!([
        {"operation": "Apply", "manager": "m"},
        {"operation": "", "fieldsType": "x", "manager": "a\u{7}", "subresource": "s".repeat(300)},
    ]));
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "metadata.managedFields[1].operation: Invalid value: \"\": must be `Apply` or `Update`",
            "metadata.managedFields[1].fieldsType: Invalid value: \"x\": must be `FieldsV1`",
            "metadata.managedFields[1].manager: Invalid value: \"a\\a\": invalid character U+0007 (at position 1)",
            "metadata.managedFields[1].subresource: Too long: may not be more than 256 bytes",
        ]
    );
}

#[test]
fn names_of_managers() {
    for (name, errors) in [("kubectl", 0), ("käse & more 日本", 0), ("a\tb\u{a0}", 2), ("", 0)] {
        assert_eq!(validate_manager("fieldManager", name).len(), errors, "{name:?}");
    }
    assert_eq!(validate_manager("fieldManager", &"m".repeat(MAX_MANAGER_NAME_BYTES + 1)).len(), 1);
    for (agent, manager) in
        [("kubectl/v1.36.0 (linux/amd64)", "kubectl"), ("Mozilla\t/5.0", "Mozilla"), ("", ""), ("/x", "")]
    {
        assert_eq!(manager_of_user_agent(agent), manager);
    }
    assert_eq!(manager_of_user_agent(&"é".repeat(100)).len(), MAX_MANAGER_NAME_BYTES);
}

#[test]
fn what_became_atomic_is_owned_as_a_whole() {
    let mut story = Story::new();
    story.apply("ada", json!({"labels": {"a": "1", "b": "2"}, "set": ["x"]}));
    let mut atomic = super::schema();
    let spec = &mut atomic["properties"]["spec"]["properties"];
    spec["labels"]["x-kubernetes-map-type"] = "atomic".into();
    spec["set"]["x-kubernetes-list-type"] = "atomic".into();
    story.kind = std::sync::Arc::new(super::super::Type::of_schema(&atomic));
    let status = story.refused("bob", json!({"labels": {"a": "1", "c": "2"}}));
    assert!(status.message.ends_with(r#"conflict with "ada": .spec.labels"#), "{}", status.message);
    story.apply("bob", json!({"text": "t"}));
    assert_eq!(story.owners(), ["ada Apply 01: .labels .set", "bob Apply 03: .text"]);
}
