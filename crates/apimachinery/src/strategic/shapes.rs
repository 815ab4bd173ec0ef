//! Which lists of the built-in kinds merge, and by what key: the `patchStrategy` and `patchMergeKey` tags of Kubernetes'
//! Go types, v1.36. A list that is not here is replaced whole; objects always merge.

/// What there is to know of an object's fields.
pub(super) struct Shape(&'static [(&'static str, Field)]);

/// A field that is not simply merged (objects) or replaced (everything else).
pub(super) enum Field {
    /// An object with fields worth knowing.
    Object(&'static Shape),
    /// A list of objects, told apart by this key.
    List(&'static str, &'static Shape),
    /// A list of scalars without doubles.
    Set,
}

use Field::{List, Object, Set};

impl Shape {
    pub(super) fn field(&self, key: &str) -> Option<&'static Field> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, field)| field)
    }
}

/// The shape of a built-in kind; other kinds have only metadata.
pub(super) fn of_kind(kind: &str) -> &'static Shape {
    KINDS.iter().find(|(name, _)| *name == kind).map_or(&OTHER, |(_, shape)| shape)
}

pub(super) static ANY: Shape = Shape(&[]);

static METADATA: Shape = Shape(&[("ownerReferences", List("uid", &ANY)), ("finalizers", Set)]);

static CONTAINER: Shape = Shape(&[
    ("ports", List("containerPort", &ANY)),
    ("env", List("name", &ANY)),
    ("volumeMounts", List("mountPath", &ANY)),
    ("volumeDevices", List("devicePath", &ANY)),
]);

static POD_SPEC: Shape = Shape(&[
    ("containers", List("name", &CONTAINER)),
    ("initContainers", List("name", &CONTAINER)),
    ("ephemeralContainers", List("name", &CONTAINER)),
    ("volumes", List("name", &ANY)),
    ("imagePullSecrets", List("name", &ANY)),
    ("hostAliases", List("ip", &ANY)),
    ("topologySpreadConstraints", List("topologyKey", &ANY)),
    ("schedulingGates", List("name", &ANY)),
    ("resourceClaims", List("name", &ANY)),
]);

static POD_TEMPLATE: Shape = Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&POD_SPEC))]);

/// The spec of Deployments and everything else that makes pods.
static WORKLOAD_SPEC: Shape = Shape(&[("template", Object(&POD_TEMPLATE))]);

static CONDITIONS: Shape = Shape(&[("conditions", List("type", &ANY))]);

static WORKLOAD: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&WORKLOAD_SPEC)),
    ("status", Object(&CONDITIONS)),
]);

static JOB_TEMPLATE: Shape = Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&WORKLOAD_SPEC))]);
static CRON_JOB_SPEC: Shape = Shape(&[("jobTemplate", Object(&JOB_TEMPLATE))]);
static CRON_JOB: Shape = Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&CRON_JOB_SPEC))]);

static POD_STATUS: Shape = Shape(&[
    ("conditions", List("type", &ANY)),
    ("podIPs", List("ip", &ANY)),
    ("hostIPs", List("ip", &ANY)),
    ("resourceClaimStatuses", List("name", &ANY)),
]);
static POD: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&POD_SPEC)), ("status", Object(&POD_STATUS))]);
static POD_TEMPLATE_KIND: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("template", Object(&POD_TEMPLATE))]);

static SERVICE_SPEC: Shape = Shape(&[("ports", List("port", &ANY))]);
static SERVICE: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&SERVICE_SPEC)),
    ("status", Object(&CONDITIONS)),
]);

static SERVICE_ACCOUNT: Shape = Shape(&[("metadata", Object(&METADATA)), ("secrets", List("name", &ANY))]);

static NODE_SPEC: Shape = Shape(&[("podCIDRs", Set)]);
static NODE_STATUS: Shape = Shape(&[("conditions", List("type", &ANY)), ("addresses", List("type", &ANY))]);
static NODE: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&NODE_SPEC)), ("status", Object(&NODE_STATUS))]);

static CSI_NODE_SPEC: Shape = Shape(&[("drivers", List("name", &ANY))]);
static CSI_NODE: Shape = Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&CSI_NODE_SPEC))]);

static WEBHOOK: Shape = Shape(&[("matchConditions", List("name", &ANY))]);
static WEBHOOKS: Shape = Shape(&[("metadata", Object(&METADATA)), ("webhooks", List("name", &WEBHOOK))]);

/// Kinds of which only the status holds such a list.
static WITH_CONDITIONS: Shape = Shape(&[("metadata", Object(&METADATA)), ("status", Object(&CONDITIONS))]);

/// Kinds without such lists (ConfigMaps, Secrets, RBAC), and kinds that are not built in.
static OTHER: Shape = Shape(&[("metadata", Object(&METADATA))]);

static KINDS: &[(&str, &Shape)] = &[
    ("APIService", &WITH_CONDITIONS),
    ("CSINode", &CSI_NODE),
    ("CronJob", &CRON_JOB),
    ("DaemonSet", &WORKLOAD),
    ("Deployment", &WORKLOAD),
    ("HorizontalPodAutoscaler", &WITH_CONDITIONS),
    ("Job", &WORKLOAD),
    ("MutatingWebhookConfiguration", &WEBHOOKS),
    ("Namespace", &WITH_CONDITIONS),
    ("Node", &NODE),
    ("PersistentVolumeClaim", &WITH_CONDITIONS),
    ("Pod", &POD),
    ("PodDisruptionBudget", &WITH_CONDITIONS),
    ("PodTemplate", &POD_TEMPLATE_KIND),
    ("ReplicaSet", &WORKLOAD),
    ("ReplicationController", &WORKLOAD),
    ("Service", &SERVICE),
    ("ServiceAccount", &SERVICE_ACCOUNT),
    ("StatefulSet", &WORKLOAD),
    ("ValidatingWebhookConfiguration", &WEBHOOKS),
];
