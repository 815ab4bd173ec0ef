//! Which lists of the built-in kinds merge, and by what key, in strategic merge patches and in server-side apply: the
//! `patchStrategy`, `patchMergeKey`, `listType`, `listMapKey` and `mapType` tags of Kubernetes' Go types, v1.36. A list that
//! is not here is replaced whole; an object merges unless apply treats it as one value.

/// What there is to know of an object.
pub(super) struct Shape {
    pub(super) fields: &'static [(&'static str, Field)],
    /// Whether apply treats the object as one value; patches merge it all the same.
    pub(super) atomic: bool,
}

/// A field that is not simply merged (objects) or replaced (everything else).
pub(super) enum Field {
    /// An object with fields worth knowing.
    Object(&'static Shape),
    /// A list of objects, told apart by this key.
    List(&'static str, &'static Shape),
    /// A list of objects that apply tells apart by more keys than the first, each with what an absent one counts as.
    Keyed(&'static str, &'static [(&'static str, Option<&'static str>)], &'static Shape),
    /// A list that only patches merge, by this key.
    PatchOnly(&'static str, &'static Shape),
    /// A list of scalars without doubles.
    Set,
}

use Field::{Keyed, List, Object, PatchOnly, Set};

/// An object with these fields.
#[allow(non_snake_case)]
const fn Shape(fields: &'static [(&'static str, Field)]) -> Shape {
    Shape { fields, atomic: false }
}

impl Shape {
    pub(super) fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, field)| field)
    }
}

impl Field {
    /// How a patch merges the list: by what key (none for sets), and the shape of its elements.
    pub(super) fn merge(&self) -> Option<(&'static str, &'static Shape)> {
        match self {
            List(key, item) | Keyed(key, _, item) | PatchOnly(key, item) => Some((key, item)),
            Set => Some(("", &ANY)),
            Object(_) => None,
        }
    }
}

/// The shape of a built-in kind; other kinds have only metadata.
pub(super) fn of_kind(kind: &str) -> &'static Shape {
    KINDS.iter().find(|(name, _)| *name == kind).map_or(&OTHER, |(_, shape)| shape)
}

pub(super) static ANY: Shape = Shape(&[]);
/// A reference or a selector: half of it makes no sense.
static ONE_VALUE: Shape = Shape { fields: &[], atomic: true };

static METADATA: Shape = Shape(&[("ownerReferences", List("uid", &ONE_VALUE)), ("finalizers", Set)]);

static CONTAINER: Shape = Shape(&[
    ("ports", Keyed("containerPort", &[("protocol", Some("TCP"))], &ANY)),
    ("env", List("name", &ANY)),
    ("volumeMounts", List("mountPath", &ANY)),
    ("volumeDevices", List("devicePath", &ANY)),
]);

static POD_SPEC: Shape = Shape(&[
    ("containers", List("name", &CONTAINER)),
    ("initContainers", List("name", &CONTAINER)),
    ("ephemeralContainers", List("name", &CONTAINER)),
    ("volumes", List("name", &ANY)),
    ("imagePullSecrets", List("name", &ONE_VALUE)),
    ("nodeSelector", Object(&ONE_VALUE)),
    ("hostAliases", List("ip", &ANY)),
    ("topologySpreadConstraints", Keyed("topologyKey", &[("whenUnsatisfiable", None)], &ANY)),
    ("schedulingGates", List("name", &ANY)),
    ("resourceClaims", List("name", &ANY)),
]);

static POD_TEMPLATE: Shape = Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&POD_SPEC))]);

/// The spec of Deployments and everything else that makes pods.
static WORKLOAD_SPEC: Shape = Shape(&[("template", Object(&POD_TEMPLATE)), ("selector", Object(&ONE_VALUE))]);

static CONDITIONS: Shape = Shape(&[("conditions", List("type", &ANY))]);

/// Apply leaves the conditions of Jobs to one owner.
static JOB_CONDITIONS: Shape = Shape(&[("conditions", PatchOnly("type", &ANY))]);
static JOB: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&WORKLOAD_SPEC)),
    ("status", Object(&JOB_CONDITIONS)),
]);

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
    ("hostIPs", PatchOnly("ip", &ANY)),
    ("resourceClaimStatuses", List("name", &ANY)),
]);
static POD: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&POD_SPEC)), ("status", Object(&POD_STATUS))]);
static POD_TEMPLATE_KIND: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("template", Object(&POD_TEMPLATE))]);

static SERVICE_SPEC: Shape =
    Shape(&[("ports", Keyed("port", &[("protocol", Some("TCP"))], &ANY)), ("selector", Object(&ONE_VALUE))]);
static SERVICE: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&SERVICE_SPEC)),
    ("status", Object(&CONDITIONS)),
]);

static SERVICE_ACCOUNT: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("secrets", List("name", &ONE_VALUE))]);

static BINDING: Shape = Shape(&[("metadata", Object(&METADATA)), ("roleRef", Object(&ONE_VALUE))]);

static EVENT: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("involvedObject", Object(&ONE_VALUE)),
    ("related", Object(&ONE_VALUE)),
]);

static CLAIM_SPEC: Shape = Shape(&[("selector", Object(&ONE_VALUE)), ("dataSource", Object(&ONE_VALUE))]);
static CLAIM: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&CLAIM_SPEC)), ("status", Object(&CONDITIONS))]);

static NETWORK_POLICY_SPEC: Shape = Shape(&[("podSelector", Object(&ONE_VALUE))]);
static NETWORK_POLICY: Shape =
    Shape(&[("metadata", Object(&METADATA)), ("spec", Object(&NETWORK_POLICY_SPEC))]);

static AUTOSCALER_SPEC: Shape = Shape(&[("scaleTargetRef", Object(&ONE_VALUE))]);
static AUTOSCALER: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&AUTOSCALER_SPEC)),
    ("status", Object(&CONDITIONS)),
]);

static BUDGET_SPEC: Shape = Shape(&[("selector", Object(&ONE_VALUE))]);
static BUDGET: Shape = Shape(&[
    ("metadata", Object(&METADATA)),
    ("spec", Object(&BUDGET_SPEC)),
    ("status", Object(&CONDITIONS)),
]);

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
    ("ClusterRoleBinding", &BINDING),
    ("CronJob", &CRON_JOB),
    ("DaemonSet", &WORKLOAD),
    ("Deployment", &WORKLOAD),
    ("Event", &EVENT),
    ("HorizontalPodAutoscaler", &AUTOSCALER),
    ("Job", &JOB),
    ("MutatingWebhookConfiguration", &WEBHOOKS),
    ("Namespace", &WITH_CONDITIONS),
    ("NetworkPolicy", &NETWORK_POLICY),
    ("Node", &NODE),
    ("PersistentVolumeClaim", &CLAIM),
    ("Pod", &POD),
    ("PodDisruptionBudget", &BUDGET),
    ("PodTemplate", &POD_TEMPLATE_KIND),
    ("ReplicaSet", &WORKLOAD),
    ("ReplicationController", &WORKLOAD),
    ("RoleBinding", &BINDING),
    ("Service", &SERVICE),
    ("ServiceAccount", &SERVICE_ACCOUNT),
    ("StatefulSet", &WORKLOAD),
    ("ValidatingWebhookConfiguration", &WEBHOOKS),
];
