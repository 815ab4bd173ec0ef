//! Kubernetes' own kinds beside those the API server brings.

use super::{AGE, Col, Row};

const STORAGE: &str = "storage.k8s.io";

pub(super) static ROWS: &[Row] = &[
    Row::new(
        "",
        "v1",
        "Node",
        "nodes",
        &[
            Col("Status", "string", ".status.conditions[?(@.status==\"True\")].type", 0),
            Col("Roles", "string", "labels(node-role.kubernetes.io/)", 0),
            AGE,
            Col("Version", "string", ".status.nodeInfo.kubeletVersion", 0),
            Col("Internal-IP", "string", ".status.addresses[?(@.type==\"InternalIP\")].address", 1),
            Col("OS-Image", "string", ".status.nodeInfo.osImage", 1),
            Col("Kernel-Version", "string", ".status.nodeInfo.kernelVersion", 1),
            Col("Container-Runtime", "string", ".status.nodeInfo.containerRuntimeVersion", 1),
        ],
    )
    .cluster()
    .short(&["no"])
    .status()
    .built_in()
    .fields(&["spec.unschedulable"]),
    Row::new(
        "",
        "v1",
        "Pod",
        "pods",
        &[
            Col(
                "Ready",
                "string",
                "ratio(.status.containerStatuses[?(@.ready==true)],.spec.containers[*])",
                0,
            ),
            Col("Status", "string", ".status.phase", 0),
            Col("Restarts", "integer", ".status.containerStatuses[0].restartCount", 0),
            AGE,
            Col("IP", "string", ".status.podIP", 1),
            Col("Node", "string", ".spec.nodeName", 1),
        ],
    )
    .short(&["po"])
    .categories(&["all"])
    .status()
    .built_in()
    .fields(&["spec.nodeName", "spec.serviceAccountName", "status.phase", "status.podIP"]),
    Row::new(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        &[
            Col("Status", "string", ".status.phase", 0),
            Col("Volume", "string", ".spec.volumeName", 0),
            Col("Capacity", "string", ".status.capacity.storage", 0),
            Col("Access Modes", "string", ".status.accessModes[0]", 0),
            Col("StorageClass", "string", ".spec.storageClassName", 0),
            AGE,
            Col("VolumeMode", "string", ".spec.volumeMode", 1),
        ],
    )
    .short(&["pvc"])
    .status()
    .built_in(),
    Row::new(
        "",
        "v1",
        "PersistentVolume",
        "persistentvolumes",
        &[
            Col("Capacity", "string", ".spec.capacity.storage", 0),
            Col("Access Modes", "string", ".spec.accessModes[0]", 0),
            Col("Reclaim Policy", "string", ".spec.persistentVolumeReclaimPolicy", 0),
            Col("Status", "string", ".status.phase", 0),
            Col("Claim", "string", ".spec.claimRef.name", 0),
            Col("StorageClass", "string", ".spec.storageClassName", 0),
            AGE,
            Col("VolumeMode", "string", ".spec.volumeMode", 1),
        ],
    )
    .cluster()
    .short(&["pv"])
    .status()
    .built_in(),
    Row::new(
        "",
        "v1",
        "Service",
        "services",
        &[
            Col("Type", "string", ".spec.type", 0),
            Col("Cluster-IP", "string", ".spec.clusterIP", 0),
            Col("Port(s)", "string", ".spec.ports[0].port", 0),
            AGE,
        ],
    )
    .short(&["svc"])
    .categories(&["all"])
    .status()
    .built_in(),
    Row::new(
        "apps",
        "v1",
        "Deployment",
        "deployments",
        &[
            Col("Ready", "string", "ratio(.status.readyReplicas,.spec.replicas)", 0),
            Col("Up-to-date", "integer", ".status.updatedReplicas", 0),
            Col("Available", "integer", ".status.availableReplicas", 0),
            AGE,
            Col("Containers", "string", ".spec.template.spec.containers[0].name", 1),
            Col("Images", "string", ".spec.template.spec.containers[0].image", 1),
        ],
    )
    .short(&["deploy"])
    .categories(&["all"])
    .status()
    .built_in(),
    Row::new(
        STORAGE,
        "v1",
        "StorageClass",
        "storageclasses",
        &[
            Col("Provisioner", "string", ".provisioner", 0),
            Col("ReclaimPolicy", "string", ".reclaimPolicy", 0),
            Col("VolumeBindingMode", "string", ".volumeBindingMode", 0),
            Col("AllowVolumeExpansion", "boolean", ".allowVolumeExpansion", 0),
            AGE,
        ],
    )
    .cluster()
    .short(&["sc"])
    .built_in(),
    Row::new(STORAGE, "v1", "CSIDriver", "csidrivers", &[AGE]).cluster().built_in(),
    Row::new(STORAGE, "v1", "VolumeAttachment", "volumeattachments", &[AGE]).cluster().status().built_in(),
    Row::new(
        "metrics.k8s.io",
        "v1beta1",
        "NodeMetrics",
        "nodes",
        &[
            Col("CPU", "string", ".usage.cpu", 0),
            Col("Memory", "string", ".usage.memory", 0),
            Col("Window", "string", ".window", 0),
        ],
    )
    .cluster()
    .built_in(),
];
