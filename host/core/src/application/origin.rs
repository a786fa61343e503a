//! Where manifests come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Name, RelativePath, SecretRef, Word};

/// Where files come from: exactly one of `git`, `oci` and `bucket`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.git), has(self.oci), has(self.bucket)].filter(x, x).size() == 1",
    "message": "exactly one of git, oci and bucket is required",
}]))]
pub struct Origin {
    /// A Git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitOrigin>,
    /// An artifact in an OCI registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciOrigin>,
    /// A bucket of an object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketOrigin>,
    /// Folder or file inside the origin; the whole origin if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RelativePath>,
}

/// A Git repository and a revision of it: at most one of `branch`, `tag`, `semver`, `commit` and `ref`; `HEAD` without any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.branch), has(self.tag), has(self.semver), has(self.commit), has(self.ref)].filter(x, x).size() <= 1",
    "message": "at most one of branch, tag, semver, commit and ref is allowed",
}]))]
pub struct GitOrigin {
    /// URL of the repository: `https://` or `ssh://`, without a password.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^(https?://[^@/]+/|ssh://([^@/:]+@)?[^@/]+/).+$")
    )]
    pub url: String,
    /// Branch whose newest commit is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Word>,
    /// Tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Word>,
    /// Range of versions, such as `~1.4`; the tag with the newest version in it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<Word>,
    /// Full commit ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^([0-9a-f]{40}|[0-9a-f]{64})$"))]
    pub commit: Option<String>,
    /// Any other reference, such as `refs/pull/420/head`.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^refs/.+$"))]
    pub reference: Option<String>,
    /// Secret with `username` and `password`, `bearerToken`, `identity` and `known_hosts`, or `ca.crt`, `tls.crt` and `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Whether submodules are fetched, only from the same host and with the same credentials.
    #[serde(default)]
    pub submodules: bool,
    /// Signatures that are required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitVerification>,
}

/// Signatures that a commit or a tag must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitVerification {
    /// What must be signed.
    #[serde(default)]
    pub of: SignedObjects,
    /// Secret with the allowed keys: OpenPGP keys as `*.asc`, SSH keys as `*.sshpub`.
    pub secret_ref: SecretRef,
}

/// What must be signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignedObjects {
    /// The commit.
    #[default]
    Commit,
    /// The tag.
    Tag,
    /// The commit and the tag.
    Both,
}

/// An artifact in an OCI registry and a version of it: at most one of `tag`, `semver` and `digest`; `latest` without any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.tag), has(self.semver), has(self.digest)].filter(x, x).size() <= 1",
    "message": "at most one of tag, semver and digest is allowed",
}]))]
pub struct OciOrigin {
    /// URL of the repository: `oci://HOST/PATH`, without a tag.
    #[schemars(length(max = 2048), regex(pattern = r"^oci://[^@]+$"))]
    pub url: String,
    /// Tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Word>,
    /// Range of versions, such as `~1.4`; the tag with the newest version in it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<Word>,
    /// Digest of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// Media type of the layer with the files; the first layer if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<Word>,
    /// Secret with credentials, of type `kubernetes.io/dockerconfigjson`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Signatures that are required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<OciVerification>,
}

/// Signatures that an artifact must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OciVerification {
    /// Secret with the allowed cosign keys as `*.pub`.
    pub secret_ref: SecretRef,
}

/// A bucket of an object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketOrigin {
    /// URL of the object store.
    #[schemars(length(max = 2048), regex(pattern = r"^https?://[^@/]+/?$"))]
    pub endpoint: String,
    /// Name of the bucket.
    pub name: Word,
    /// Prefix of the objects that are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<RelativePath>,
    /// Region of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Word>,
    /// Secret with `accesskey` and `secretkey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Values of a chart that are stored elsewhere: exactly one of `configMap`, `secret` and `origin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.configMap), has(self.secret), has(self.origin)].filter(x, x).size() == 1",
    "message": "exactly one of configMap, secret and origin is required",
}]))]
pub struct ValuesFrom {
    /// ConfigMap in the application's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<Name>,
    /// Secret in the application's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Name>,
    /// Origin, by its name in `origins`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Name>,
    /// Key in the ConfigMap or Secret, or path of a file in the origin; `values.yaml` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub key: Option<String>,
    /// Whether it may be absent.
    #[serde(default)]
    pub optional: bool,
}
