//! Strategic merge patches as kubectl sends them.
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn patched(kind: &str, target: &Value, patch: &Value) -> Result<Value, PatchError> {
    let mut result = target.clone();
    strategic_merge_patch(kind, &mut result, patch)?;
    Ok(result)
}

/// A Deployment with this pod spec.
fn deployment(pod: Value) -> Value {
    json!({"kind": "Deployment", "spec": {"template": {"spec": pod}}})
}

fn check_pod(before: Value, patch: Value, expect: Value) {
    let patch = json!({"spec": {"template": {"spec": patch}}});
    assert_eq!(patched("Deployment", &deployment(before), &patch), Ok(deployment(expect)), "{patch}");
}

#[test]
fn set_image_changes_one_container_and_keeps_the_rest() {
    check_pod(
        json!({"containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}]}),
        json!({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}], "containers": [{"name": "b", "image": "b:2"}]}),
        json!({"containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:2"}]}),
    );
}

#[test]
fn apply_adds_removes_and_orders_containers() {
    check_pod(
        json!({"containers": [{"name": "a"}, {"name": "injected"}, {"name": "b"}]}),
        json!({
            "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}],
            "containers": [{"name": "c", "image": "c:1"}, {"name": "a", "$patch": "delete"}],
        }),
        json!({"containers": [{"name": "injected"}, {"name": "b"}, {"name": "c", "image": "c:1"}]}),
    );
    check_pod(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
        json!({"containers": [{"name": "b"}, {"name": "a"}]}),
    );
    check_pod(
        json!({}),
        json!({"containers": [{"name": "a", "args": null, "$patch": "delete"}, {"name": "b", "args": null}]}),
        json!({"containers": [{"name": "b"}]}),
    );
    // Without an order, what is new comes first, as in Kubernetes.
    check_pod(
        json!({"containers": [{"name": "a"}]}),
        json!({"containers": [{"name": "b"}]}),
        json!({"containers": [{"name": "b"}, {"name": "a"}]}),
    );
}

#[test]
fn lists_inside_containers_merge_by_their_own_keys() {
    check_pod(
        json!({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
            "ports": [{"containerPort": 80, "name": "http"}], "args": ["1"], "envFrom": [{"prefix": "a"}],
            "volumeMounts": [{"mountPath": "/a", "name": "v"}]}]}),
        json!({"containers": [{"name": "a",
            "$setElementOrder/env": [{"name": "X"}, {"name": "Z"}],
            "env": [{"name": "Y", "$patch": "delete"}, {"name": "X", "value": null, "valueFrom": {"fieldRef": {}}}, {"name": "Z", "value": "3"}],
            "ports": [{"containerPort": 80, "protocol": "UDP"}], "args": ["2"], "envFrom": [{"prefix": "b"}],
            "volumeMounts": [{"mountPath": "/a", "readOnly": true}]}]}),
        json!({"containers": [{"name": "a", "env": [{"name": "X", "valueFrom": {"fieldRef": {}}}, {"name": "Z", "value": "3"}],
            "ports": [{"containerPort": 80, "name": "http", "protocol": "UDP"}], "args": ["2"], "envFrom": [{"prefix": "b"}],
            "volumeMounts": [{"mountPath": "/a", "name": "v", "readOnly": true}]}]}),
    );
}

#[test]
fn retained_keys_make_a_union_switch() {
    check_pod(
        json!({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}),
        json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "w", "emptyDir": {}}]}),
    );
    let before = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    assert_eq!(
        patched("Deployment", &before, &patch),
        Ok(json!({"spec": {"strategy": {"type": "Recreate"}}}))
    );
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}});
    assert!(matches!(patched("Deployment", &before, &patch), Err(PatchError::Malformed(_))));
}

#[test]
fn directives_replace_and_delete_objects_and_lists() {
    check_pod(
        json!({"securityContext": {"a": 1, "b": 2}, "nodeSelector": {"x": "y"}}),
        json!({"securityContext": {"$patch": "replace", "c": 3}, "nodeSelector": {"$patch": "delete"}, "affinity": {"d": null, "e": 1}}),
        json!({"securityContext": {"c": 3}, "nodeSelector": {}, "affinity": {"e": 1}}),
    );
    check_pod(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
        json!({"containers": [{"name": "c"}]}),
    );
    check_pod(
        json!({"tolerations": [{"key": "a"}], "volumes": [{"name": "v"}]}),
        json!({"tolerations": [{"key": "b"}], "volumes": null}),
        json!({"tolerations": [{"key": "b"}]}),
    );
}

#[test]
fn sets_of_scalars_merge_and_shrink() {
    let before = json!({"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}}});
    for (patch, expect) in [
        (json!({"finalizers": ["c", "a"]}), json!(["c", "a", "b"])),
        (json!({"$deleteFromPrimitiveList/finalizers": ["a"]}), json!(["b"])),
        (
            json!({"$deleteFromPrimitiveList/finalizers": ["b"], "$setElementOrder/finalizers": ["a", "c"], "finalizers": ["c"]}),
            json!(["a", "c"]),
        ),
    ] {
        let result = patched("ConfigMap", &before, &json!({ "metadata": patch })).unwrap();
        assert_eq!(result["metadata"]["finalizers"], expect, "{patch}");
    }
    let result = patched(
        "Secret",
        &before,
        &json!({"metadata": {"labels": {"x": null, "z": "3"}}, "data": {"k": "v"}}),
    )
    .unwrap();
    assert_eq!(
        result,
        json!({"metadata": {"finalizers": ["a", "b"], "labels": {"y": "2", "z": "3"}}, "data": {"k": "v"}})
    );
}

#[test]
fn every_kind_has_its_own_keys() {
    for (kind, before, patch, expect) in [
        (
            "Service",
            json!({"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 81}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 2}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 2}, {"port": 81}]}}),
        ),
        (
            "ServiceAccount",
            json!({"secrets": [{"name": "a"}], "imagePullSecrets": [{"name": "a"}]}),
            json!({"secrets": [{"name": "b"}], "imagePullSecrets": [{"name": "b"}]}),
            json!({"secrets": [{"name": "b"}, {"name": "a"}], "imagePullSecrets": [{"name": "b"}]}),
        ),
        (
            "ClusterRole",
            json!({"rules": [{"verbs": ["get"]}]}),
            json!({"rules": [{"verbs": ["list"]}]}),
            json!({"rules": [{"verbs": ["list"]}]}),
        ),
        (
            "RoleBinding",
            json!({"subjects": [{"name": "a"}]}),
            json!({"subjects": [{"name": "b"}]}),
            json!({"subjects": [{"name": "b"}]}),
        ),
        // kubectl taint sends the whole list, for Kubernetes replaces it.
        (
            "Node",
            json!({"spec": {"taints": [{"key": "a"}]}}),
            json!({"spec": {"taints": [{"key": "b"}]}}),
            json!({"spec": {"taints": [{"key": "b"}]}}),
        ),
        (
            "Node",
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Disk"}]}}),
            json!({"status": {"$setElementOrder/conditions": [{"type": "Ready"}, {"type": "Disk"}], "conditions": [{"type": "Ready", "status": "False"}]}}),
            json!({"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Disk"}]}}),
        ),
        (
            "CronJob",
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "1"}]}}}}}}),
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "2"}]}}}}}}),
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "2"}]}}}}}}),
        ),
        (
            "Pod",
            json!({"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}}),
            json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "1"}]}}),
            json!({"metadata": {"ownerReferences": []}}),
        ),
        (
            "Anything",
            json!({"spec": {"containers": [{"name": "a"}], "map": {"a": 1}}}),
            json!({"spec": {"containers": [{"name": "b"}], "map": {"b": 2}}}),
            json!({"spec": {"containers": [{"name": "b"}], "map": {"a": 1, "b": 2}}}),
        ),
    ] {
        assert_eq!(patched(kind, &before, &patch), Ok(expect), "{kind} {patch}");
    }
}

#[test]
fn malformed_patches_are_refused_whole() {
    let before = deployment(json!({"containers": [{"name": "a"}], "nodeSelector": {"a": "b"}}));
    for patch in [
        json!({"nodeSelector": null, "containers": [{"image": "x"}]}),
        json!({"nodeSelector": null, "containers": ["a"]}),
        json!({"containers": [{"$patch": "delete"}]}),
        json!({"containers": [{"name": "a", "$patch": "explode"}]}),
        json!({"nodeSelector": {"$patch": 5}}),
        json!({"nodeSelector": {"$patch": "merge", "a": "c"}}),
        json!({"$setElementOrder/containers": "a"}),
        json!({"$setElementOrder/tolerations": []}),
        json!({"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}),
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"$retainKeys": "a"}),
        json!({"$deleteFromPrimitiveList/x": {}}),
    ] {
        let mut target = before.clone();
        let error =
            strategic_merge_patch("Deployment", &mut target, &json!({"spec": {"template": {"spec": patch}}}));
        let refused = matches!(error, Err(PatchError::Malformed(_) | PatchError::Contradictory(_)));
        assert!(refused, "{patch}: {error:?}");
        assert_eq!(target, before, "{patch}");
    }
    assert!(patched("Pod", &json!({}), &json!([])).is_err());
}

fn containers() -> impl Strategy<Value = Vec<Value>> {
    let container =
        ("[a-f]", prop::option::of(0..3), prop::option::of(0..3)).prop_map(|(name, image, tag)| {
            let mut container = json!({ "name": name });
            for (key, value) in [("image", image), ("tag", tag)] {
                if let Some(value) = value {
                    container[key] = json!(value);
                }
            }
            container
        });
    prop::collection::vec(container, 0..6).prop_map(|mut list| {
        let mut seen = std::collections::HashSet::new();
        list.retain(|item| seen.insert(item["name"].to_string()));
        list
    })
}

/// What kubectl computes to get from one list to the other.
fn difference(before: &[Value], after: &[Value]) -> Value {
    let find = |list: &[Value], name: &Value| list.iter().find(|item| item["name"] == *name).cloned();
    let mut changes = Vec::new();
    for item in after {
        let mut change = item.clone();
        if let Some(old) = find(before, &item["name"]) {
            for key in ["image", "tag"] {
                if old.get(key).is_some() && item.get(key).is_none() {
                    change[key] = Value::Null;
                }
            }
        }
        changes.push(change);
    }
    let gone = before.iter().filter(|item| find(after, &item["name"]).is_none());
    changes.extend(gone.map(|item| json!({"name": item["name"], "$patch": "delete"})));
    let order: Vec<Value> = after.iter().map(|item| json!({"name": item["name"]})).collect();
    json!({"$setElementOrder/containers": order, "containers": changes})
}

proptest! {
    #[test]
    fn the_difference_of_two_lists_leads_from_one_to_the_other(before in containers(), after in containers()) {
        let patch = json!({"spec": difference(&before, &after)});
        prop_assert_eq!(patched("Pod", &json!({"spec": {"containers": before}}), &patch), Ok(json!({"spec": {"containers": after}})));
    }

    /// Without lists and directives, strategic and plain merge patches are the same.
    #[test]
    fn without_lists_it_is_a_merge_patch(target in objects(), patch in objects()) {
        let mut merged = target.clone();
        crate::patch::merge_patch(&mut merged, &patch);
        prop_assert_eq!(patched("Other", &target, &patch), Ok(merged));
    }
}

fn objects() -> impl Strategy<Value = Value> {
    let object = |inner: BoxedStrategy<Value>| {
        prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| map.into_iter().collect::<Value>())
    };
    let leaf = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from), "[ab]".prop_map(Value::from)];
    object(leaf.prop_recursive(3, 16, 3, move |inner| object(inner.boxed())).boxed())
}
