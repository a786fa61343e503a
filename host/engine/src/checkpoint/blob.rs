//! Immutable, compressed pieces of what is stored: named by their content, written once, and verified whenever they are read.
//!
//! A blob's name doesn't prove what is in it: whoever may create Secrets may have taken the name before. What names a blob has its digest.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufWriter, Read as _},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::model::{
    hook::short_hash,
    object::{Object, ObjectKey},
    plugins::Application,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    cluster::{Cluster, DryRun},
    error::{ClusterError, EngineError},
};

/// How many compressed bytes one Secret holds; the API server accepts about a million. The smaller size is tried when the larger one is
/// refused, for example by a proxy.
const PART_BYTES: [usize; 2] = [700_000, 150_000];
/// The most bytes that a blob may unpack to: a manipulated blob must not fill our memory.
pub(super) const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;
/// How many names are tried when Secrets of others have them.
const MAX_NAME_ATTEMPTS: u32 = 8;
/// The annotation that counts how often a blob became needed again after nothing had named it.
const REUSE_COUNT_ANNOTATION: &str = "capstan.dev/reused";

/// A reference to a stored blob.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlobRef {
    /// The names of its Secrets, in order.
    pub parts: Vec<String>,
    /// The number of bytes when unpacked; 0 for bytes that were already compressed.
    pub bytes: u64,
    /// The number of bytes as stored; 0 if a version stored it that didn't record this.
    #[serde(default)]
    pub packed: u64,
    /// The SHA-256 digest of its bytes as they are stored, in hexadecimal; empty if version 0.1.0 stored it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

/// A value as compressed JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// The compressed bytes.
    pub data: Vec<u8>,
    /// How many bytes the JSON has.
    pub bytes: u64,
}

/// Names the Secrets and the Lease of an application.
pub(super) fn state_name(application: &Application) -> String {
    format!("capstan.{}", application.name)
}

pub(super) fn secret_key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "Secret".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The label of everything that is stored about an application. It differs from the label of the application's objects.
pub(super) const STATE_LABEL: &str = "capstan.dev/state-of";

pub(super) fn secret(application: &Application, name: &str, kind: &str, data: serde_json::Value) -> Object {
    Object(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": format!("capstan.dev/{kind}"),
        "metadata": {
            "name": name,
            "namespace": application.namespace,
            "labels": { STATE_LABEL: application.name, "app.kubernetes.io/managed-by": "capstan" },
        },
        "data": data,
    }))
}

/// Packs a value as compressed JSON.
pub(crate) fn pack(value: &impl Serialize) -> Result<Packed, EngineError> {
    let wrong = |error: &dyn std::fmt::Display| EngineError::InvalidState(error.to_string());
    let mut counted = CountingWriter {
        inner: BufWriter::new(GzEncoder::new(Vec::new(), Compression::fast())),
        bytes: 0,
    };
    serde_json::to_writer(&mut counted, value).map_err(|error| wrong(&error))?;
    let encoder = counted.inner.into_inner().map_err(|error| wrong(&error))?;
    Ok(Packed {
        data: encoder.finish().map_err(|error| wrong(&error))?,
        bytes: counted.bytes,
    })
}

/// Returns how many bytes a value has as JSON.
pub(crate) fn json_bytes(value: &impl Serialize) -> Result<u64, EngineError> {
    let mut counted = CountingWriter {
        inner: io::sink(),
        bytes: 0,
    };
    serde_json::to_writer(&mut counted, value).map_err(|error| EngineError::InvalidState(error.to_string()))?;
    Ok(counted.bytes)
}

/// Counts what is written.
struct CountingWriter<W> {
    inner: W,
    bytes: u64,
}

impl<W: io::Write> io::Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Unpacks what `pack` made.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, EngineError> {
    let mut json = Vec::new();
    GzDecoder::new(packed)
        .take(MAX_UNPACKED_BYTES)
        .read_to_end(&mut json)
        .map_err(|error| EngineError::InvalidState(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| EngineError::InvalidState(error.to_string()))
}

pub(super) fn data(object: &Object, key: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(object.text(&format!("/data/{key}"))?).ok()
}

/// Returns the SHA-256 digest of some bytes, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing into a text succeeds.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// A Secret of a blob in the version in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenBlob {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
}

/// Where blobs of one application are written.
pub(super) struct BlobWriter<'a> {
    pub cluster: &'a Cluster,
    pub application: &'a Application,
    /// The Secrets that the head names. They aren't removed.
    pub referenced: BTreeSet<String>,
    /// The blobs that were written.
    pub written: Vec<WrittenBlob>,
}

impl BlobWriter<'_> {
    /// Stores a value. Storing the same value twice stores it once.
    pub async fn write(&mut self, packed: &Packed) -> Result<BlobRef, EngineError> {
        let blob = self.write_bytes(&packed.data).await?;
        Ok(BlobRef {
            bytes: packed.bytes,
            ..blob
        })
    }

    /// Stores bytes as they are.
    pub async fn write_bytes(&mut self, bytes: &[u8]) -> Result<BlobRef, EngineError> {
        let [usual, small] = PART_BYTES;
        let parts = match self.write_parts(bytes, usual).await {
            Err(error) if error.is_too_large() && bytes.len() > small => self.write_parts(bytes, small).await,
            other => other,
        };
        Ok(BlobRef {
            parts: parts.map_err(EngineError::during("storing what is needed to continue"))?,
            bytes: 0,
            packed: bytes.len() as u64,
            sha256: sha256(bytes),
        })
    }

    async fn write_parts(&mut self, bytes: &[u8], size: usize) -> Result<Vec<String>, ClusterError> {
        let mut parts = Vec::new();
        for part in bytes.chunks(size) {
            parts.push(self.write_part(part).await?);
        }
        Ok(parts)
    }

    async fn write_part(&mut self, part: &[u8]) -> Result<String, ClusterError> {
        let part = BASE64_STANDARD.encode(part);
        let first = format!("{}.{}", state_name(self.application), short_hash(&[&part]));
        let mut name = first.clone();
        for _ in 0..MAX_NAME_ATTEMPTS {
            let mut secret = secret(self.application, &name, "blob", json!({ "part": part }));
            secret.0["immutable"] = json!(true);
            match self.cluster.create(&secret, DryRun::No).await {
                Ok(made) => return Ok(self.made(&made)),
                Err(ClusterError::AlreadyExists(_)) => {}
                Err(error) => return Err(error),
            }
            match self.cluster.get(&secret.key()).await? {
                Some(found) if found.text("/data/part") == Some(&part) => {
                    if self.referenced.contains(&name) {
                        return Ok(name);
                    }
                    if let Some(reused) = self.reuse(found).await? {
                        return Ok(self.made(&reused));
                    }
                }
                // It was removed in the meantime.
                None => {}
                // This name is random: others can't take it in advance.
                Some(_) => name = format!("{first}-{:016x}", RandomState::new().hash_one(&part)),
            }
        }
        let key = secret_key(&self.application.namespace, &first);
        Err(ClusterError::Other(format!(
            "{key} isn't what Capstan would have stored under this name"
        )))
    }

    fn made(&mut self, secret: &Object) -> String {
        self.written.push(WrittenBlob {
            name: secret.name().to_owned(),
            uid: secret.uid().to_owned(),
            resource_version: secret.resource_version().to_owned(),
        });
        secret.name().to_owned()
    }

    /// Marks a blob that nothing names as needed. That changes its resource version, so a driver that listed it before can't remove it
    /// any more. Returns `None` if it was removed in the meantime.
    async fn reuse(&self, mut found: Object) -> Result<Option<Object>, ClusterError> {
        let count: u64 = found
            .annotation(REUSE_COUNT_ANNOTATION)
            .and_then(|count| count.parse().ok())
            .unwrap_or_default();
        found.set(
            &["metadata", "annotations", REUSE_COUNT_ANNOTATION],
            json!((count + 1).to_string()),
        );
        found.set_label(STATE_LABEL, &self.application.name);
        match self.cluster.replace(&found, DryRun::No).await {
            Ok(reused) => Ok(Some(reused)),
            Err(ClusterError::NotFound(_) | ClusterError::ObjectChanged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads a stored value.
pub(super) async fn read<T: DeserializeOwned>(
    cluster: &Cluster,
    application: &Application,
    blob: &BlobRef,
) -> Result<T, EngineError> {
    unpack(&read_bytes(cluster, application, blob).await?)
}

/// Reads stored bytes as they are, and verifies that they are what was stored.
pub(super) async fn read_bytes(
    cluster: &Cluster,
    application: &Application,
    blob: &BlobRef,
) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    for name in &blob.parts {
        let key = secret_key(&application.namespace, name);
        let secret = cluster
            .get(&key)
            .await
            .map_err(EngineError::during("reading what is stored"))?;
        let part = secret.as_ref().and_then(|secret| data(secret, "part"));
        let part = part.ok_or_else(|| EngineError::InvalidState(format!("{key} is missing or empty")))?;
        // Version 0.1.0 stored no digest; the name has 50 bits of one.
        if blob.sha256.is_empty() && !name.ends_with(&format!(".{}", short_hash(&[&BASE64_STANDARD.encode(&part)]))) {
            return Err(EngineError::InvalidState(format!(
                "{key} is not what was stored under this name"
            )));
        }
        bytes.extend(part);
    }
    if !blob.sha256.is_empty() && sha256(&bytes) != blob.sha256 {
        let names = blob.parts.join(", ");
        return Err(EngineError::InvalidState(format!(
            "the content of Secret {names} of namespace {} doesn't match the digest recorded when it was stored",
            application.namespace
        )));
    }
    Ok(bytes)
}
