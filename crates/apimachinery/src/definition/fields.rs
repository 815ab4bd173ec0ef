//! The fields of `apiextensions.k8s.io/v1`, as Kubernetes declares them.

use super::shape::{
    Field as F,
    Shape::{
        self, Any, Bytes, Flag, Float, Int32, Int64, List, Map, StructOrFlag, StructOrList, StructOrTexts,
        Text,
    },
    Struct,
    Written::{Always, NotZero, Present},
};

const TEXTS: Shape = List(&Text);

/// `spec` and `status`; the rest of an object is the same for every kind.
pub(super) static DEFINITION: Struct = Struct {
    name: "CustomResourceDefinition",
    fields: &[F("spec", Shape::Struct(&SPEC), Always), F("status", Shape::Struct(&STATUS), Always)],
};

static SPEC: Struct = Struct {
    name: "CustomResourceDefinitionSpec",
    fields: &[
        F("group", Text, Always),
        F("names", Shape::Struct(&NAMES), Always),
        F("scope", Text, Always),
        F("versions", List(&Shape::Struct(&VERSION)), Always),
        F("conversion", Shape::Struct(&CONVERSION), Present),
        F("preserveUnknownFields", Flag, NotZero),
    ],
};

static NAMES: Struct = Struct {
    name: "CustomResourceDefinitionNames",
    fields: &[
        F("plural", Text, Always),
        F("singular", Text, NotZero),
        F("shortNames", TEXTS, NotZero),
        F("kind", Text, Always),
        F("listKind", Text, NotZero),
        F("categories", TEXTS, NotZero),
    ],
};

static CONVERSION: Struct = Struct {
    name: "CustomResourceConversion",
    fields: &[F("strategy", Text, Always), F("webhook", Shape::Struct(&WEBHOOK), Present)],
};

static WEBHOOK: Struct = Struct {
    name: "WebhookConversion",
    fields: &[
        F("clientConfig", Shape::Struct(&CLIENT_CONFIG), Present),
        F("conversionReviewVersions", TEXTS, Always),
    ],
};

static CLIENT_CONFIG: Struct = Struct {
    name: "WebhookClientConfig",
    fields: &[
        F("url", Text, Present),
        F("service", Shape::Struct(&SERVICE), Present),
        F("caBundle", Bytes, NotZero),
    ],
};

static SERVICE: Struct = Struct {
    name: "ServiceReference",
    fields: &[
        F("namespace", Text, Always),
        F("name", Text, Always),
        F("path", Text, Present),
        F("port", Int32, Present),
    ],
};

static VERSION: Struct = Struct {
    name: "CustomResourceDefinitionVersion",
    fields: &[
        F("name", Text, Always),
        F("served", Flag, Always),
        F("storage", Flag, Always),
        F("deprecated", Flag, NotZero),
        F("deprecationWarning", Text, Present),
        F("schema", Shape::Struct(&VALIDATION), Present),
        F("subresources", Shape::Struct(&SUBRESOURCES), Present),
        F("additionalPrinterColumns", List(&Shape::Struct(&COLUMN)), NotZero),
        F("selectableFields", List(&Shape::Struct(&SELECTABLE_FIELD)), NotZero),
    ],
};

static SELECTABLE_FIELD: Struct = Struct { name: "SelectableField", fields: &[F("jsonPath", Text, Always)] };

static COLUMN: Struct = Struct {
    name: "CustomResourceColumnDefinition",
    fields: &[
        F("name", Text, Always),
        F("type", Text, Always),
        F("format", Text, NotZero),
        F("description", Text, NotZero),
        F("priority", Int32, NotZero),
        F("jsonPath", Text, Always),
    ],
};

static VALIDATION: Struct = Struct {
    name: "CustomResourceValidation",
    fields: &[F("openAPIV3Schema", Shape::Struct(&SCHEMA), Present)],
};

static SUBRESOURCES: Struct = Struct {
    name: "CustomResourceSubresources",
    fields: &[
        F("status", Shape::Struct(&STATUS_SUBRESOURCE), Present),
        F("scale", Shape::Struct(&SCALE), Present),
    ],
};

static STATUS_SUBRESOURCE: Struct = Struct { name: "CustomResourceSubresourceStatus", fields: &[] };

static SCALE: Struct = Struct {
    name: "CustomResourceSubresourceScale",
    fields: &[
        F("specReplicasPath", Text, Always),
        F("statusReplicasPath", Text, Always),
        F("labelSelectorPath", Text, Present),
    ],
};

static STATUS: Struct = Struct {
    name: "CustomResourceDefinitionStatus",
    fields: &[
        F("conditions", List(&Shape::Struct(&CONDITION)), Always),
        F("acceptedNames", Shape::Struct(&NAMES), Always),
        F("storedVersions", TEXTS, Always),
        F("observedGeneration", Int64, NotZero),
    ],
};

static CONDITION: Struct = Struct {
    name: "CustomResourceDefinitionCondition",
    fields: &[
        F("type", Text, Always),
        F("status", Text, Always),
        F("lastTransitionTime", Text, Present),
        F("reason", Text, NotZero),
        F("message", Text, NotZero),
        F("observedGeneration", Int64, NotZero),
    ],
};

static SCHEMA: Struct = Struct {
    name: "JSONSchemaProps",
    fields: &[
        F("id", Text, NotZero),
        F("$schema", Text, NotZero),
        F("$ref", Text, Present),
        F("description", Text, NotZero),
        F("type", Text, NotZero),
        F("format", Text, NotZero),
        F("title", Text, NotZero),
        F("default", Any, Present),
        F("maximum", Float, Present),
        F("exclusiveMaximum", Flag, NotZero),
        F("minimum", Float, Present),
        F("exclusiveMinimum", Flag, NotZero),
        F("maxLength", Int64, Present),
        F("minLength", Int64, Present),
        F("pattern", Text, NotZero),
        F("maxItems", Int64, Present),
        F("minItems", Int64, Present),
        F("uniqueItems", Flag, NotZero),
        F("multipleOf", Float, Present),
        F("enum", List(&Any), NotZero),
        F("maxProperties", Int64, Present),
        F("minProperties", Int64, Present),
        F("required", TEXTS, NotZero),
        F("items", StructOrList(&SCHEMA), Present),
        F("allOf", List(&ONE_SCHEMA), NotZero),
        F("oneOf", List(&ONE_SCHEMA), NotZero),
        F("anyOf", List(&ONE_SCHEMA), NotZero),
        F("not", Shape::Struct(&SCHEMA), Present),
        F("properties", Map(&ONE_SCHEMA), NotZero),
        F("additionalProperties", StructOrFlag(&SCHEMA), Present),
        F("patternProperties", Map(&ONE_SCHEMA), NotZero),
        F("dependencies", Map(&StructOrTexts(&SCHEMA)), NotZero),
        F("additionalItems", StructOrFlag(&SCHEMA), Present),
        F("definitions", Map(&ONE_SCHEMA), NotZero),
        F("externalDocs", Shape::Struct(&EXTERNAL_DOCS), Present),
        F("example", Any, Present),
        F("nullable", Flag, NotZero),
        F("x-kubernetes-preserve-unknown-fields", Flag, Present),
        F("x-kubernetes-embedded-resource", Flag, NotZero),
        F("x-kubernetes-int-or-string", Flag, NotZero),
        F("x-kubernetes-list-map-keys", TEXTS, NotZero),
        F("x-kubernetes-list-type", Text, Present),
        F("x-kubernetes-map-type", Text, Present),
        F("x-kubernetes-validations", List(&Shape::Struct(&RULE)), NotZero),
    ],
};

static ONE_SCHEMA: Shape = Shape::Struct(&SCHEMA);

static EXTERNAL_DOCS: Struct = Struct {
    name: "ExternalDocumentation",
    fields: &[F("description", Text, NotZero), F("url", Text, NotZero)],
};

static RULE: Struct = Struct {
    name: "ValidationRule",
    fields: &[
        F("rule", Text, Always),
        F("message", Text, NotZero),
        F("messageExpression", Text, NotZero),
        F("reason", Text, Present),
        F("fieldPath", Text, NotZero),
        F("optionalOldSelf", Flag, Present),
    ],
};
