//! The options of an application's operations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{LongText, Timeout, Word};

/// Options of every operation of the application. They mean the same as in `capstan.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Plan and run by the rules of another tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Compat>,
    /// Argo CD sync options for all objects whose annotations don't set them, as `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub sync_options: Vec<Word>,
    /// Fields whose differences are ignored, since others manage them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub ignore_differences: Vec<IgnoreDifferences>,
    /// Labels and annotations of the application's namespace, with `createNamespace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
    /// Whether objects that are no longer in the manifests are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Objects whose deletion is confirmed although their annotations require confirmation, as `KIND[.GROUP]/[NAMESPACE/]NAME`, or `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub confirm: Vec<LongText>,
    /// Whether fields that other field managers own are taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_conflicts: Option<bool>,
    /// Whether objects that Argo CD tracks are taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<bool>,
    /// Whether the application's namespace is created if it doesn't exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// Whether every object is sent to the API server as a dry run before the first change; true if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_first: Option<bool>,
    /// Time limit for an operation; 6h if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// Time limit for each phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_timeout: Option<Timeout>,
    /// Time limit for each wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave_timeout: Option<Timeout>,
    /// What happens on a timeout of an object whose annotations don't say; `fail` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<TimeoutAction>,
    /// How many times a failed operation is retried, from the failed wave on; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub retry: Option<u32>,
    /// Pause before the first retry; it doubles with each retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_pause: Option<Timeout>,
    /// Longest pause between retries; 3m if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_longest_pause: Option<Timeout>,
    /// Hooks that don't run, as `KIND[.GROUP]/[NAMESPACE/]NAME` or by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub skip_hook: Vec<LongText>,
}

/// Another tool, by whose rules operations are planned and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Compat {
    /// Argo CD.
    Argocd,
}

/// What happens on a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeoutAction {
    /// The object fails.
    Fail,
    /// The operation continues without it.
    Continue,
}

/// An Argo CD rule for fields that others manage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IgnoreDifferences {
    /// API group of the objects; empty for the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub group: Option<String>,
    /// Kind of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Word>,
    /// Name of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Word>,
    /// Namespace of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Word>,
    /// JSON pointers (RFC 6901) of the fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub json_pointers: Vec<LongText>,
    /// Field managers whose fields are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub managed_fields_managers: Vec<Word>,
}

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, LongText>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, LongText>,
}
