//! Laws that hold whatever the objects and the managers are.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    super::{FieldSet, Managers},
    Story,
};

fn set() -> impl Strategy<Value = FieldSet> {
    let step =
        prop::sample::select(vec!["f:a", "f:b", "f:c", "k:{\"n\":1}", "k:{\"n\":\"x\"}", "v:1", "i:0"]);
    let leaf = Just(json!({}));
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop::collection::btree_map(step.clone(), (inner, any::<bool>()), 1..4).prop_map(|map| {
            let member = |(key, (mut below, itself)): (&str, (Value, bool))| {
                if itself && below.as_object().is_some_and(|below| !below.is_empty()) {
                    below["."] = json!({});
                }
                (key.to_owned(), below)
            };
            Value::Object(map.into_iter().map(member).collect::<Map<_, _>>())
        })
    })
    .prop_map(|value| FieldSet::from_value(&value).unwrap())
}

fn spec() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["a", "b", "c"]);
    let map = || prop::collection::btree_map(word(), word(), 0..3);
    let name = prop::option::of(word());
    let ports = prop::collection::btree_map((1..4i64, any::<bool>()), name, 0..3).prop_map(|ports| {
        let port = |((number, udp), name): ((i64, bool), Option<&str>)| {
            let mut port = json!({"port": number});
            if udp {
                port["protocol"] = "UDP".into();
            }
            if let Some(name) = name {
                port["name"] = name.into();
            }
            port
        };
        ports.into_iter().map(port).collect::<Vec<_>>()
    });
    (
        prop::option::of(word()),
        prop::option::of(0..3),
        prop::option::of(map()),
        prop::option::of(map()),
        prop::option::of(prop::collection::btree_set(word(), 0..3)),
        prop::option::of(ports),
        prop::option::of(prop::collection::vec(word(), 0..3)),
    )
        .prop_map(|(text, number, labels, selector, set, ports, items)| {
            let mut spec = Map::new();
            let mut put = |key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    spec.insert(key.to_owned(), value);
                }
            };
            put("text", text.map(Value::from));
            put("number", number.map(Value::from));
            put("labels", labels.map(|map| json!(map)));
            put("selector", selector.map(|map| json!(map)));
            put("set", set.map(|set| json!(set)));
            put("ports", ports.map(Value::from));
            put("items", items.map(|items| json!(items)));
            Value::Object(spec)
        })
}

fn steps() -> impl Strategy<Value = Vec<(bool, &'static str, Value)>> {
    prop::collection::vec((any::<bool>(), prop::sample::select(vec!["ada", "bob"]), spec()), 1..6)
}

fn story(steps: &[(bool, &str, Value)]) -> Story {
    let mut story = Story::new();
    for (applies, manager, spec) in steps {
        if *applies {
            story.try_apply(manager, spec.clone(), true).unwrap();
        } else {
            story.update(manager, spec.clone());
        }
    }
    story
}

proptest! {
    #[test]
    fn sets_survive_being_written(own in set()) {
        prop_assert_eq!(&FieldSet::from_value(&own.to_value()).unwrap(), &own);
        let mut rebuilt = FieldSet::default();
        for path in own.paths() {
            rebuilt.insert(&path);
        }
        prop_assert_eq!(rebuilt, own);
    }

    #[test]
    fn sets_are_an_algebra(a in set(), b in set(), c in set()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert!(a.difference(&a).is_empty());
        prop_assert!(a.recursive_difference(&b).difference(&a.difference(&b)).is_empty());
    }

    #[test]
    fn applying_twice_is_applying_once(steps in steps(), config in spec()) {
        let mut story = story(&steps);
        story.try_apply("eve", config.clone(), true).unwrap();
        let once = story.live.clone();
        story.try_apply("eve", config, false).unwrap();
        prop_assert_eq!(story.live, once);
    }

    #[test]
    fn what_is_applied_is_there_and_owned(steps in steps(), config in spec()) {
        let mut story = story(&steps);
        story.try_apply("eve", config.clone(), true).unwrap();
        let spec = story.spec();
        for (key, value) in config.as_object().unwrap() {
            let found = &spec[key];
            let there = match (value, key.as_str()) {
                (Value::Object(map), "labels") => map.iter().all(|(key, value)| found.get(key) == Some(value)),
                (Value::Array(items), "set") => items.iter().all(|item| found.as_array().unwrap().contains(item)),
                (Value::Array(items), "ports") => items.iter().all(|item| {
                    found.as_array().unwrap().iter().any(|other| {
                        item.as_object().unwrap().iter().all(|(key, value)| other.get(key) == Some(value))
                    })
                }),
                _ => found == value,
            };
            prop_assert!(there, "{key} of {config} in {spec}");
        }
    }

    #[test]
    fn one_manager_that_applies_alone_leaves_nothing_behind(configs in prop::collection::vec(spec(), 1..5)) {
        let mut story = Story::new();
        // By force: who applies nothing owns nothing, and what was emptied is then said to have been there before.
        for config in configs {
            story.try_apply("ada", config, true).unwrap();
        }
        story.try_apply("ada", json!({"text": "end"}), true).unwrap();
        let left = story.spec();
        // An emptied list or map that was applied as such may stay, as in Kubernetes; values may not.
        for (key, value) in left.as_object().unwrap() {
            prop_assert!(key == "text" || value.as_array().is_some_and(Vec::is_empty) || value.is_null(), "{left}");
        }
    }

    #[test]
    fn entries_survive_being_written(steps in steps()) {
        let story = story(&steps);
        let written = story.managed().cloned();
        prop_assert_eq!(Managers::read(written.as_ref()).unwrap().to_value(), written);
    }

    #[test]
    fn nobody_owns_what_is_not_there(steps in steps()) {
        let mut story = story(&steps);
        // Somebody who forces everything to nothing takes all that is left with it.
        story.update("eve", json!({}));
        let left = story.owners().join("\n").replace(".spec", "");
        prop_assert!(!left.contains(".text") && !left.contains(".set"), "{left}");
    }
}
