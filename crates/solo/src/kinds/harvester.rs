//! The groups of Harvester itself.

use super::{AGE, AGE_UPPER, Col, Row};

const HCI: &str = "harvesterhci.io";
const NETWORK: &str = "network.harvesterhci.io";
const NODE: &str = "node.harvesterhci.io";
const BALANCER: &str = "loadbalancer.harvesterhci.io";
const DEVICES: &str = "devices.harvesterhci.io";
const V: &str = "v1beta1";

pub(super) static ROWS: &[Row] = &[
    Row::new(HCI, V, "Setting", "settings", &[Col("VALUE", "string", ".value", 0)]).cluster(),
    Row::new(
        HCI,
        V,
        "Addon",
        "addons",
        &[
            Col("HelmRepo", "string", ".spec.repo", 0),
            Col("ChartName", "string", ".spec.chart", 0),
            Col("Enabled", "boolean", ".spec.enabled", 0),
        ],
    )
    .status(),
    Row::new(
        HCI,
        V,
        "BlockDevice",
        "blockdevices",
        &[
            Col("Type", "string", ".status.deviceStatus.details.deviceType", 0),
            Col("DevPath", "string", ".status.deviceStatus.devPath", 0),
            Col("MountPoint", "string", ".status.deviceStatus.fileSystem.mountPoint", 0),
            Col("NodeName", "string", ".spec.nodeName", 0),
            Col("ProvisionPhase", "string", ".status.provisionPhase", 0),
            AGE,
        ],
    )
    .short(&["bd", "bds"]),
    Row::new(
        HCI,
        V,
        "KeyPair",
        "keypairs",
        &[Col("FINGER_PRINT", "string", ".status.fingerPrint", 0), AGE_UPPER],
    )
    .short(&["kp", "kps"]),
    Row::new(
        HCI,
        V,
        "LVMVolumeGroup",
        "lvmvolumegroups",
        &[
            Col("Parameters", "string", ".spec.parameters", 0),
            Col("Status", "string", ".status.vgStatus", 0),
            Col("Node", "string", ".spec.nodeName", 0),
        ],
    )
    .short(&["lvmvg", "lvmvgs"])
    .status(),
    Row::new(HCI, V, "Preference", "preferences", &[AGE]).short(&["preference"]),
    Row::new(
        HCI,
        V,
        "ResourceQuota",
        "resourcequotas",
        &[
            Col(
                "NAMESPACE_TOTAL_SNAPSHOT_SIZE_QUOTA",
                "string",
                ".spec.snapshotLimit.namespaceTotalSnapshotSizeQuota",
                0,
            ),
            Col(
                "NAMESPACE_TOTAL_SNAPSHOT_SIZE_USAGE",
                "string",
                ".status.snapshotLimitStatus.namespaceTotalSnapshotSizeUsage",
                0,
            ),
        ],
    )
    .short(&["hrq", "hrqs"])
    .status(),
    Row::new(
        HCI,
        V,
        "ScheduleVMBackup",
        "schedulevmbackups",
        &[
            Col("Cron", "string", ".spec.cron", 0),
            Col("Retain", "integer", ".spec.retain", 0),
            Col("MaxFailure", "integer", ".spec.maxFailure", 0),
            Col("SpecSuspend", "boolean", ".spec.suspend", 0),
            Col("Source", "string", ".spec.vmbackup.source.name", 0),
            Col("Suspended", "string", ".status.suspended", 0),
            Col("Failure", "integer", ".status.failure", 0),
        ],
    )
    .short(&["svmbackup", "svmbackups"]),
    Row::new(
        HCI,
        V,
        "SupportBundle",
        "supportbundles",
        &[
            Col("ISSUE_URL", "string", ".spec.issueURL", 0),
            Col("DESCRIPTION", "string", ".spec.description", 0),
            AGE_UPPER,
        ],
    )
    .short(&["sb", "sbs"]),
    Row::new(HCI, V, "Upgrade", "upgrades", &[AGE]),
    Row::new(HCI, V, "UpgradeLog", "upgradelogs", &[Col("UPGRADE", "string", ".spec.upgradeName", 0)]),
    Row::new(
        HCI,
        V,
        "Version",
        "versions",
        &[
            Col("ISO-URL", "string", ".spec.isoURL", 0),
            Col("ReleaseDate", "string", ".spec.releaseDate", 0),
            Col("MinUpgradableVersion", "string", ".spec.minUpgradableVersion", 0),
        ],
    ),
    Row::new(
        HCI,
        V,
        "VirtualMachineBackup",
        "virtualmachinebackups",
        &[
            Col("SOURCE_KIND", "string", ".spec.source.kind", 0),
            Col("SOURCE_NAME", "string", ".spec.source.name", 0),
            Col("TYPE", "string", ".spec.type", 0),
            Col("READY_TO_USE", "boolean", ".status.readyToUse", 0),
            AGE_UPPER,
            Col("ERROR", "string", ".status.error.message", 0),
        ],
    )
    .short(&["vmbackup", "vmbackups"]),
    Row::new(
        HCI,
        V,
        "VirtualMachineImage",
        "virtualmachineimages",
        &[
            Col("BACKEND", "string", ".spec.backend", 0),
            Col("DISPLAY-NAME", "string", ".spec.displayName", 0),
            Col("SIZE", "integer", ".status.size", 0),
            Col("VIRTUALSIZE", "integer", ".status.virtualSize", 0),
            AGE_UPPER,
        ],
    )
    .short(&["vmimage", "vmimages"]),
    Row::new(
        HCI,
        V,
        "VirtualMachineImageDownloader",
        "virtualmachineimagedownloaders",
        &[
            Col("VMImage", "string", ".spec.imageName", 0),
            Col("CompressType", "string", ".spec.compressType", 0),
            Col("Status", "string", ".status.status", 0),
        ],
    )
    .short(&["vmimagedownloader", "vmimagedownloaders"])
    .status(),
    Row::new(
        HCI,
        V,
        "VirtualMachineRestore",
        "virtualmachinerestores",
        &[
            Col("TARGET_KIND", "string", ".spec.target.kind", 0),
            Col("TARGET_NAME", "string", ".spec.target.name", 0),
            Col("COMPLETE", "boolean", ".status.complete", 0),
            AGE_UPPER,
            Col("ERROR", "string", ".status.error.message", 0),
        ],
    )
    .short(&["vmrestore", "vmrestores"]),
    Row::new(
        HCI,
        V,
        "VirtualMachineTemplate",
        "virtualmachinetemplates",
        &[
            Col("VERSION_ID", "string", ".spec.defaultVersionId", 0),
            Col("DESCRIPTION", "string", ".spec.description", 10),
            Col("VERSION_DEFAULT", "integer", ".status.defaultVersion", 8),
            Col("VERSION_LATEST", "integer", ".status.latestVersion", 8),
            AGE_UPPER,
        ],
    )
    .short(&["vmtemplate", "vmtemplates"])
    .status(),
    Row::new(
        HCI,
        V,
        "VirtualMachineTemplateVersion",
        "virtualmachinetemplateversions",
        &[
            Col("TEMPLATE_ID", "string", ".spec.templateId", 0),
            Col("DESCRIPTION", "string", ".spec.description", 10),
            Col("VERSION", "integer", ".status.version", 0),
            AGE_UPPER,
        ],
    )
    .short(&["vmtemplateversion", "vmtemplateversions"]),
    Row::new(NETWORK, V, "ClusterNetwork", "clusternetworks", &[AGE]).cluster().short(&["cn", "cns"]),
    Row::new(NETWORK, V, "LinkMonitor", "linkmonitors", &[AGE]).cluster().short(&["lm", "lms"]),
    Row::new(
        NETWORK,
        V,
        "VlanConfig",
        "vlanconfigs",
        &[
            Col("CLUSTERNETWORK", "string", ".spec.clusterNetwork", 0),
            Col("DESCRIPTION", "string", ".spec.description", 0),
            AGE_UPPER,
        ],
    )
    .cluster()
    .short(&["vc", "vcs"]),
    Row::new(
        NETWORK,
        V,
        "VlanStatus",
        "vlanstatuses",
        &[
            Col("CLUSTERNETWORK", "string", ".status.clusterNetwork", 0),
            Col("VLANCONFIG", "string", ".status.vlanConfig", 0),
            Col("NODE", "string", ".status.node", 0),
            Col("DESCRIPTION", "string", ".spec.description", 0),
            AGE_UPPER,
        ],
    )
    .cluster()
    .short(&["vs", "vss"]),
    Row::new(NETWORK, V, "HostNetworkConfig", "hostnetworkconfigs", &[AGE])
        .cluster()
        .short(&["hnc", "hncs"])
        .status(),
    Row::new(NODE, V, "CloudInit", "cloudinits", &[AGE]).cluster().short(&["nci"]).status(),
    Row::new(NODE, V, "Hugepage", "hugepages", &[AGE]).cluster().short(&["hugetlb"]).status(),
    Row::new(
        NODE,
        V,
        "Ksmtuned",
        "ksmtuneds",
        &[Col("Run", "string", ".spec.run", 0), Col("Mode", "string", ".spec.mode", 0)],
    )
    .cluster()
    .short(&["ksmtd"])
    .status(),
    Row::new(NODE, V, "NodeConfig", "nodeconfigs", &[AGE]).short(&["nconf"]).status(),
    Row::new(
        BALANCER,
        V,
        "IPPool",
        "ippools",
        &[
            Col("DESCRIPTION", "string", ".spec.description", 0),
            Col("RANGES", "string", ".spec.ranges", 0),
            Col("Priority", "string", ".spec.selector.priority", 0),
            AGE_UPPER,
        ],
    )
    .cluster()
    .short(&["pool", "pools"]),
    Row::new(
        BALANCER,
        V,
        "LoadBalancer",
        "loadbalancers",
        &[
            Col("DESCRIPTION", "string", ".spec.description", 0),
            Col("WORKLOADTYPE", "string", ".spec.workloadType", 0),
            Col("IPAM", "string", ".spec.ipam", 0),
            Col("ADDRESS", "string", ".status.address", 0),
            AGE_UPPER,
        ],
    )
    .short(&["lb", "lbs"]),
    Row::new(DEVICES, V, "PCIDevice", "pcidevices", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "PCIDeviceClaim", "pcideviceclaims", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "SRIOVNetworkDevice", "sriovnetworkdevices", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "SRIOVGPUDevice", "sriovgpudevices", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "VGPUDevice", "vgpudevices", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "USBDevice", "usbdevices", &[AGE]).cluster().status(),
    Row::new(DEVICES, V, "USBDeviceClaim", "usbdeviceclaims", &[AGE]).cluster().status(),
];
