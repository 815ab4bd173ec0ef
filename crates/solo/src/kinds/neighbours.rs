//! What runs beside Harvester: KubeVirt, the snapshot controller, Multus, Longhorn.

use super::{AGE, Col, Row};

const KUBEVIRT: &str = "kubevirt.io";
const SNAPSHOT: &str = "snapshot.storage.k8s.io";
const LONGHORN: &str = "longhorn.io";
const READY: &str = ".status.conditions[?(@.type=='Ready')].status";

pub(super) static ROWS: &[Row] = &[
    Row::new(
        KUBEVIRT,
        "v1",
        "VirtualMachine",
        "virtualmachines",
        &[AGE, Col("Status", "string", ".status.printableStatus", 0), Col("Ready", "string", READY, 0)],
    )
    .short(&["vm", "vms"])
    .categories(&["all"])
    .status(),
    Row::new(
        KUBEVIRT,
        "v1",
        "VirtualMachineInstance",
        "virtualmachineinstances",
        &[
            AGE,
            Col("Phase", "string", ".status.phase", 0),
            Col("IP", "string", ".status.interfaces[0].ipAddress", 0),
            Col("NodeName", "string", ".status.nodeName", 0),
            Col("Ready", "string", READY, 0),
            Col("Live-Migratable", "string", ".status.conditions[?(@.type=='LiveMigratable')].status", 1),
            Col("Paused", "string", ".status.conditions[?(@.type=='Paused')].status", 1),
        ],
    )
    .short(&["vmi", "vmis"])
    .categories(&["all"]),
    Row::new(
        KUBEVIRT,
        "v1",
        "VirtualMachineInstanceMigration",
        "virtualmachineinstancemigrations",
        &[Col("Phase", "string", ".status.phase", 0), Col("VMI", "string", ".spec.vmiName", 0)],
    )
    .short(&["vmim", "vmims"])
    .categories(&["all"])
    .status(),
    Row::new(KUBEVIRT, "v1", "KubeVirt", "kubevirts", &[AGE, Col("Phase", "string", ".status.phase", 0)])
        .short(&["kv", "kvs"])
        .categories(&["all"])
        .status(),
    Row::new(
        SNAPSHOT,
        "v1",
        "VolumeSnapshot",
        "volumesnapshots",
        &[
            Col("ReadyToUse", "boolean", ".status.readyToUse", 0),
            Col("SourcePVC", "string", ".spec.source.persistentVolumeClaimName", 0),
            Col("SourceSnapshotContent", "string", ".spec.source.volumeSnapshotContentName", 0),
            Col("RestoreSize", "string", ".status.restoreSize", 0),
            Col("SnapshotClass", "string", ".spec.volumeSnapshotClassName", 0),
            Col("SnapshotContent", "string", ".status.boundVolumeSnapshotContentName", 0),
            Col("CreationTime", "date", ".status.creationTime", 0),
            AGE,
        ],
    )
    .short(&["vs"])
    .status(),
    Row::new(
        SNAPSHOT,
        "v1",
        "VolumeSnapshotClass",
        "volumesnapshotclasses",
        &[Col("Driver", "string", ".driver", 0), Col("DeletionPolicy", "string", ".deletionPolicy", 0), AGE],
    )
    .cluster()
    .short(&["vsclass", "vsclasses"]),
    Row::new(
        SNAPSHOT,
        "v1",
        "VolumeSnapshotContent",
        "volumesnapshotcontents",
        &[
            Col("ReadyToUse", "boolean", ".status.readyToUse", 0),
            Col("RestoreSize", "integer", ".status.restoreSize", 0),
            Col("DeletionPolicy", "string", ".spec.deletionPolicy", 0),
            Col("Driver", "string", ".spec.driver", 0),
            Col("VolumeSnapshotClass", "string", ".spec.volumeSnapshotClassName", 0),
            Col("VolumeSnapshot", "string", ".spec.volumeSnapshotRef.name", 0),
            Col("VolumeSnapshotNamespace", "string", ".spec.volumeSnapshotRef.namespace", 0),
            AGE,
        ],
    )
    .cluster()
    .short(&["vsc", "vscs"])
    .status(),
    Row::new(
        "k8s.cni.cncf.io",
        "v1",
        "NetworkAttachmentDefinition",
        "network-attachment-definitions",
        &[AGE],
    )
    .short(&["net-attach-def"]),
    Row::new(LONGHORN, "v1beta2", "Node", "nodes", &[AGE]).short(&["lhn"]).status(),
    Row::new(LONGHORN, "v1beta2", "Volume", "volumes", &[Col("State", "string", ".status.state", 0), AGE])
        .short(&["lhv"])
        .status(),
    Row::new(LONGHORN, "v1beta2", "Setting", "settings", &[Col("Value", "string", ".value", 0), AGE])
        .short(&["lhs"]),
    Row::new(LONGHORN, "v1beta2", "BackingImage", "backingimages", &[AGE]).short(&["lhbi"]).status(),
];
