//! The settings of a Harvester and their defaults.

use serde_json::{Value, json};

/// Each setting's name and default (`""` for none).
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("additional-ca", ""),
    ("additional-guest-memory-overhead-ratio", "1.5"),
    ("api-ui-version", "1.1.9"),
    ("auto-disk-provision-paths", ""),
    ("auto-rotate-rke2-certs", r#"{"enable":false,"expiringInHours":240}"#),
    ("backup-target", ""),
    (
        "cluster-pod-security-standard",
        r#"{"enabled":false,"whitelistedNamespacesList":"", "privilegedNamespacesList":"", "restrictedNamespacesList":""}"#,
    ),
    ("cluster-registration-url", r#"{"url":"","insecureSkipTLSVerify":false}"#),
    ("containerd-registry", ""),
    (
        "csi-driver-config",
        r#"{"driver.longhorn.io":{"volumeSnapshotClassName":"longhorn-snapshot","backupVolumeSnapshotClassName":"longhorn"}}"#,
    ),
    ("csi-online-expand-validation", r#"{"driver.longhorn.io":true}"#),
    ("default-storage-class", "longhorn"),
    ("default-vm-termination-grace-period-seconds", "120"),
    (
        "harvester-csi-ccm-versions",
        r#"{"harvester-cloud-provider":">=0.0.1 <0.3.0","harvester-csi-provider":">=0.0.1 <0.3.0"}"#,
    ),
    ("http-proxy", "{}"),
    ("instance-manager-resources", r#"{"cpu":{}}"#),
    ("kubeconfig-default-token-ttl-minutes", "0"),
    (
        "kubevirt-migration",
        r#"{"parallelOutboundMigrationsPerNode":2,"parallelMigrationsPerCluster":5,"allowAutoConverge":false,"bandwidthPerMigration":0,"completionTimeoutPerGiB":150,"progressTimeout":150,"unsafeMigrationOverride":false,"allowPostCopy":false,"allowWorkloadDisruption":false,"disableTLS":false,"matchSELinuxLevelOnMigration":false}"#,
    ),
    ("log-level", "info"),
    ("longhorn-v2-data-engine-enabled", "false"),
    ("longhorn-v2-data-engine-hugepage-enabled", "true"),
    ("longhorn-v2-data-engine-memory-size", "2048"),
    ("max-hotplug-ratio", "4"),
    ("ntp-servers", ""),
    ("overcommit-config", r#"{"cpu":1600,"memory":150,"storage":200}"#),
    ("rancher-cluster", "{}"),
    ("release-download-url", ""),
    ("rwx-network", r#"{"share-storage-network":false}"#),
    (SERVER_VERSION, ""),
    ("ssl-certificates", "{}"),
    ("ssl-parameters", "{}"),
    ("storage-network", ""),
    ("support-bundle-expiration", "30"),
    ("support-bundle-file-name", ""),
    ("support-bundle-image", "{}"),
    ("support-bundle-namespaces", ""),
    ("support-bundle-node-collection-timeout", "30"),
    ("support-bundle-timeout", "50"),
    (
        "traefik-default-tls-options",
        r#"{"minVersion":"VersionTLS12", "maxVersion":"VersionTLS13", "sniStrict":false,"cipherSuites":[],"clientAuth":{"secretNames":[],"clientAuthType":""}}"#,
    ),
    ("ui-index", ""),
    ("ui-path", "/usr/share/harvester/harvester"),
    ("ui-pl", "Harvester"),
    ("ui-plugin-index", ""),
    ("ui-source", "auto"),
    ("upgradable-versions", ""),
    // A stand-in asks nobody for upgrades.
    ("upgrade-checker-enabled", "false"),
    ("upgrade-checker-url", ""),
    (
        "upgrade-config",
        r#"{"imagePreloadOption":{"strategy":{"type":"sequential"}},"nodeUpgradeOption":{"strategy":{"mode":"auto"}},"restoreVM": false, "logReadyTimeout": "5"}"#,
    ),
    ("vip-pools", ""),
    ("vm-force-reset-policy", r#"{"enable":true,"period":15,"vmMigrationTimeout":180}"#),
    ("vm-migration-network", ""),
    ("volume-snapshot-class", "longhorn"),
];

/// Tells clients what the cluster can do; they read `value`.
pub(super) const SERVER_VERSION: &str = "server-version";

/// A setting as it stands after the first start.
pub(super) fn object(name: &str, default: &str, version: &str) -> Value {
    let mut setting = json!({"metadata": {"name": name}, "status": {}});
    if !default.is_empty() {
        setting["default"] = default.into();
    }
    if name == SERVER_VERSION {
        setting["default"] = version.into();
        setting["value"] = version.into();
    }
    setting
}
