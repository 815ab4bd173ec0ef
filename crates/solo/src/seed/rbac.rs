//! Roles and bindings as on a Harvester, and KubeVirt's own roles, which it installs.

use serde_json::{Value, json};

use super::create;
use crate::{
    client::{Client, ClientError},
    kinds,
};

const READ: [&str; 3] = ["get", "list", "watch"];

pub(super) async fn seed(client: &Client) -> Result<(), ClientError> {
    for role in cluster_roles() {
        create(client, &kinds::CLUSTER_ROLES, role).await?;
    }
    let authenticated = json!([
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"},
    ]);
    let reference =
        |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let bindings = [
        json!({
            "metadata": {"name": "harvester", "labels": labels(&[])},
            "roleRef": reference("cluster-admin"),
            "subjects": [{"kind": "ServiceAccount", "name": "harvester", "namespace": "harvester-system"}],
        }),
        json!({
            "metadata": {"name": "harvester-authenticated"},
            "roleRef": reference("harvester-authenticated"),
            "subjects": authenticated,
        }),
        json!({
            "metadata": {"name": "kubevirt.io:default"},
            "roleRef": reference("kubevirt.io:default"),
            "subjects": authenticated,
        }),
    ];
    for binding in bindings {
        create(client, &kinds::CLUSTER_ROLE_BINDINGS, binding).await?;
    }
    let public = json!({
        "metadata": {"name": "harvester-public", "namespace": "harvester-public"},
        "roleRef": reference("view"),
        "subjects": authenticated,
    });
    create(client, &kinds::ROLE_BINDINGS, public).await
}

fn cluster_roles() -> Vec<Value> {
    let virtual_machines = [
        "keypairs",
        "virtualmachineimages",
        "virtualmachinetemplates",
        "virtualmachinetemplateversions",
        "virtualmachinebackups",
        "virtualmachinerestores",
    ];
    let networks = ["network-attachment-definitions"];
    let snapshots = ["volumesnapshots", "volumesnapshotcontents"];
    let all = ["*"];
    vec![
        role(
            "harvesterhci.io:edit",
            &["admin", "edit"],
            &[
                rule("harvesterhci.io", &virtual_machines, &all),
                rule("k8s.cni.cncf.io", &networks, &all),
                rule("snapshot.storage.k8s.io", &snapshots, &all),
            ],
        ),
        role(
            "harvesterhci.io:view",
            &["view"],
            &[
                rule("harvesterhci.io", &virtual_machines, &READ),
                rule("k8s.cni.cncf.io", &networks, &READ),
                rule("", &["secrets"], &READ),
                rule("snapshot.storage.k8s.io", &snapshots, &READ),
            ],
        ),
        role("harvesterhci.io:cloudprovider", &[], &cloud_provider()),
        role("harvesterhci.io:csi-driver", &[], &csi_driver()),
        authenticated(),
        role("kubevirt.io:admin", &["admin"], &kubevirt(&["*"], &["get", "update"])),
        role(
            "kubevirt.io:edit",
            &["edit"],
            &kubevirt(&["get", "delete", "create", "update", "patch", "list", "watch"], &["get", "update"]),
        ),
        role("kubevirt.io:view", &["view"], &kubevirt(&READ, &["get"])),
        role(
            "kubevirt.io:default",
            &[],
            &[rule("subresources.kubevirt.io", &["version", "guestfs"], &["get", "list"])],
        ),
    ]
}

fn authenticated() -> Value {
    let mut settings = rule("harvesterhci.io", &["settings"], &["get", "watch"]);
    settings["resourceNames"] = json!([
        "server-version",
        "default-storage-class",
        "harvester-csi-ccm-versions",
        "default-vm-termination-grace-period-seconds",
    ]);
    let mut namespace = rule("", &["namespaces"], &["get", "watch"]);
    namespace["resourceNames"] = json!(["harvester-public"]);
    let mut system = rule("management.cattle.io", &["settings"], &["get", "watch"]);
    system["resourceNames"] = json!(["system-namespaces"]);
    let networks = rule("network.harvesterhci.io", &["clusternetworks"], &READ);
    json!({
        "metadata": {"name": "harvester-authenticated"},
        "rules": [settings, networks, namespace, system],
    })
}

fn cloud_provider() -> Vec<Value> {
    vec![
        rule(
            "loadbalancer.harvesterhci.io",
            &["loadbalancers"],
            &["get", "list", "watch", "update", "create", "delete"],
        ),
        rule(
            "subresources.kubevirt.io",
            &[
                "virtualmachines/addvolume",
                "virtualmachines/removevolume",
                "virtualmachineinstances/addvolume",
                "virtualmachineinstances/removevolume",
                "virtualmachineinstances/guestosinfo",
            ],
            &["get", "update"],
        ),
        rule("kubevirt.io", &["virtualmachines", "virtualmachineinstances"], &READ),
        rule("", &["pods"], &READ),
        rule("", &["persistentvolumeclaims", "persistentvolumeclaims/status"], &["*"]),
    ]
}

fn csi_driver() -> Vec<Value> {
    let mut settings = rule("harvesterhci.io", &["settings"], &["get", "list"]);
    settings["resourceNames"] = json!(["csi-online-expand-validation", "csi-driver-config"]);
    vec![
        rule("storage.k8s.io", &["storageclasses", "volumeattachments"], &READ),
        rule(
            "harvesterhci.io",
            &[
                "networkfilesystems",
                "networkfilesystems/status",
                "volumeremotebackups",
                "volumeremoterestores",
            ],
            &["*"],
        ),
        settings,
        rule("longhorn.io", &["volumes", "volumes/status"], &["get", "list"]),
        rule(
            "snapshot.storage.k8s.io",
            &[
                "volumesnapshots",
                "volumesnapshotcontents",
                "volumesnapshotclasses",
                "volumesnapshots/status",
                "volumesnapshotcontents/status",
            ],
            &["*"],
        ),
        rule("kubevirt.io", &["virtualmachines"], &["patch"]),
    ]
}

/// What KubeVirt grants on machines and on their actions. A viewer may look, not act.
fn kubevirt(objects: &[&str], actions: &[&str]) -> Vec<Value> {
    let kinds = [
        "virtualmachines",
        "virtualmachineinstances",
        "virtualmachineinstancepresets",
        "virtualmachineinstancereplicasets",
        "virtualmachineinstancemigrations",
    ];
    let looks = [
        "virtualmachineinstances/console",
        "virtualmachineinstances/vnc",
        "virtualmachineinstances/vnc/screenshot",
        "virtualmachineinstances/portforward",
        "virtualmachineinstances/guestosinfo",
        "virtualmachineinstances/filesystemlist",
        "virtualmachineinstances/userlist",
    ];
    let acts = [
        "virtualmachines/start",
        "virtualmachines/stop",
        "virtualmachines/restart",
        "virtualmachines/addvolume",
        "virtualmachines/removevolume",
        "virtualmachineinstances/pause",
        "virtualmachineinstances/unpause",
        "virtualmachineinstances/softreboot",
        "virtualmachineinstances/reset",
        "virtualmachineinstances/addvolume",
        "virtualmachineinstances/removevolume",
        "virtualmachineinstances/freeze",
        "virtualmachineinstances/unfreeze",
    ];
    let mut rules = vec![rule("kubevirt.io", &kinds, objects)];
    if actions.contains(&"update") {
        rules.push(rule("subresources.kubevirt.io", &looks, &["get"]));
        rules.push(rule("subresources.kubevirt.io", &acts, &["update"]));
    } else {
        rules.push(rule("subresources.kubevirt.io", &looks[4..], actions));
    }
    rules
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn role(name: &str, aggregate_to: &[&str], rules: &[Value]) -> Value {
    json!({"metadata": {"name": name, "labels": labels(aggregate_to)}, "rules": rules})
}

fn labels(aggregate_to: &[&str]) -> Value {
    let mut labels = json!({
        "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/part-of": "harvester",
        "app.kubernetes.io/name": "harvester", "app.kubernetes.io/component": "apiserver",
    });
    for role in aggregate_to {
        labels[format!("rbac.authorization.k8s.io/aggregate-to-{role}")] = "true".into();
    }
    labels
}
