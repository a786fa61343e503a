//! The sources of an application's manifests.

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    origin::ValuesFrom,
    values::{LongText, RelativePath, SecretRef, Word},
};

/// A source of manifests: exactly one of `path`, `kustomization` and `chart`. The keys mean the same as in `capstan.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.path), has(self.kustomization), has(self.chart)].filter(x, x).size() == 1",
    "message": "exactly one of path, kustomization and chart is required",
}]))]
pub struct Source {
    /// Origin of the files, by its name in `origins`; `origin` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub origin: Option<String>,
    /// File or folder of manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RelativePath>,
    /// Whether the subfolders of the folder are read, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive: Option<bool>,
    /// Folder with a kustomization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<RelativePath>,
    /// Whether the kustomization may render charts with helm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_helm: Option<bool>,
    /// Helm chart: a folder in the origin, a name in `repository`, or `oci://...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub chart: Option<String>,
    /// URL of the chart's repository, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(https?|oci)://[^@]+$"))]
    pub repository: Option<String>,
    /// Version of the chart, or a range such as `~19.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Word>,
    /// Secret with credentials for the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Release name; the application's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 53))]
    pub release_name: Option<String>,
    /// Files with values; later files take precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub value_files: Vec<RelativePath>,
    /// Values; they take precedence over the files.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "any_mapping")]
    pub values: Map<String, Value>,
    /// Values that are stored elsewhere; they take precedence over the files, and `values` over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub values_from: Vec<ValuesFrom>,
    /// Values as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set: Vec<LongText>,
    /// Values that are always strings, as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set_string: Vec<LongText>,
    /// Values as JSON, as `KEY=JSON`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set_json: Vec<LongText>,
    /// Values that are used literally, as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set_literal: Vec<LongText>,
    /// Whether the CustomResourceDefinitions in the chart's `crds/` are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_crds: Option<bool>,
    /// Kubernetes version for rendering; the cluster's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub kube_version: Option<String>,
    /// Additional API versions for rendering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub api_versions: Vec<Word>,
}

fn any_mapping(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
