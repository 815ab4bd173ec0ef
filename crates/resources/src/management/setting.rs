//! One setting of the server.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The fields; they stand beside `metadata`, as in Rancher.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "Setting",
    plural = "settings",
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "One setting of the server.",
    printcolumn(name = "Value", type_ = "string", json_path = ".value"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct SettingFields {
    /// What it is set to; empty means the default holds.
    pub value: String,
    /// What holds when nothing is set.
    #[serde(rename = "default")]
    pub default_value: String,
    /// Whether somebody set it.
    pub customized: bool,
    /// Where the value came from (`env`, `db`), empty for the default.
    pub source: String,
}

impl SettingFields {
    /// The value that holds.
    pub fn effective(&self) -> &str {
        if self.value.is_empty() { &self.default_value } else { &self.value }
    }
}
