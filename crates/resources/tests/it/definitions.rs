//! `crds/` holds exactly what the types say. `GRANGE_WRITE_CRDS=1 cargo test -p grange-resources` writes it anew.
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use grange_apiserver::{Scope, resource::NoHooks};
use grange_resources::{custom_resource_definitions, definition::schema_document, own_definition};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crds")
}

#[test]
fn committed_definitions_are_those_of_the_types() {
    let write = std::env::var_os("GRANGE_WRITE_CRDS").is_some();
    if write {
        std::fs::create_dir_all(folder()).unwrap();
    }
    let mut expected = BTreeSet::new();
    for definition in custom_resource_definitions() {
        let name = format!("{}.yaml", definition.metadata.name.as_deref().unwrap());
        let text = format!(
            "# Generated from crates/resources; GRANGE_WRITE_CRDS=1 cargo test -p grange-resources writes it.\n{}",
            serde_saphyr::to_string(&serde_json::to_value(&definition).unwrap()).unwrap()
        );
        let path = folder().join(&name);
        if write {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "crds/{name} differs; run GRANGE_WRITE_CRDS=1 cargo test -p grange-resources"
        );
        expected.insert(name);
    }
    let present: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("cattle.io"))
        .collect();
    assert_eq!(present, expected, "files under crds/ that no type stands for");
}

#[test]
fn every_definition_becomes_a_resource() {
    for definition in custom_resource_definitions() {
        let name = definition.metadata.name.clone().unwrap();
        let resource = own_definition(&definition, Arc::new(NoHooks))
            .and_then(|own| own.resource())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(name, format!("{}.{}", resource.plural, resource.group));
        assert!(resource.schema.is_some(), "{name} has a schema");
        for column in &resource.columns {
            grange_apimachinery::table::JsonPath::compile(&column.json_path)
                .unwrap_or_else(|error| panic!("{name} column {}: {error}", column.name));
        }
    }
}

#[test]
fn clusters_show_the_columns_of_rancher() {
    let definitions = custom_resource_definitions();
    let columns = |name: &str| -> (Scope, Vec<String>) {
        let definition =
            definitions.iter().find(|definition| definition.metadata.name.as_deref() == Some(name)).unwrap();
        let resource = own_definition(definition, Arc::new(NoHooks)).unwrap().resource().unwrap();
        let shown =
            resource.columns.iter().filter(|column| column.priority == 0).map(|column| column.name.clone());
        (resource.scope, shown.collect())
    };
    assert_eq!(
        columns("clusters.provisioning.cattle.io"),
        (Scope::Namespaced, ["Ready", "Kubeconfig", "Cluster", "Age"].map(String::from).to_vec())
    );
    assert_eq!(
        columns("clusters.management.cattle.io"),
        (Scope::Cluster, ["Display Name", "Ready", "Version", "Provider", "Age"].map(String::from).to_vec())
    );
}

/// A definition that a real kube-apiserver would refuse would also be refused by ours, but later and elsewhere.
#[test]
fn schemas_are_structural() {
    fn walk(path: &str, schema: &Value) {
        let map = schema.as_object().unwrap_or_else(|| panic!("{path} is no object"));
        for keyword in ["$ref", "definitions", "$defs", "anyOf", "oneOf", "patternProperties"] {
            assert!(!map.contains_key(keyword), "{path} has {keyword}");
        }
        let free = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        assert!(free || map.contains_key("type"), "{path} has no type");
        assert!(
            !(map.contains_key("properties") && map.contains_key("additionalProperties")),
            "{path} has properties and additionalProperties"
        );
        for (name, child) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            walk(&format!("{path}.{name}"), child);
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(child) = map.get(keyword) {
                walk(&format!("{path}[{keyword}]"), child);
            }
        }
    }
    for definition in custom_resource_definitions() {
        walk(definition.metadata.name.as_deref().unwrap(), &schema_document(&definition).unwrap());
    }
}
