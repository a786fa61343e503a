//! Immutable, compressed pieces of what is stored: named by their content, written once.

use std::io::{self, BufWriter, Read as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    hook::short_hash,
    object::{Object, ObjectKey},
    plugins::Application,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    cluster::{Cluster, Rehearsal},
    error::{ClusterError, EngineError},
};

/// How many compressed bytes one Secret holds; the API server takes about a million.
const PART: usize = 700_000;
/// What a blob may unpack to: a stored state that was tampered with must not fill our memory.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Names a stored blob.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlobRef {
    /// The names of its Secrets, in order.
    pub parts: Vec<String>,
    /// How many bytes it is when unpacked; 0 of what was packed already.
    pub bytes: u64,
    /// How many bytes it is as it is stored; 0 if it was stored before this was taken down.
    #[serde(default)]
    pub packed: u64,
}

/// Names the Secrets and the Lease of an application.
pub(super) fn name(application: &Application) -> String {
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

/// The label by which everything stored about an application is found. It is another than that of its objects.
pub(super) const STATE_OF: &str = "capstan.dev/state-of";

pub(super) fn secret(application: &Application, name: &str, kind: &str, data: serde_json::Value) -> Object {
    Object(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": format!("capstan.dev/{kind}"),
        "metadata": {
            "name": name,
            "namespace": application.namespace,
            "labels": { STATE_OF: application.name, "app.kubernetes.io/managed-by": "capstan" },
        },
        "data": data,
    }))
}

/// Packs a value as compressed JSON.
pub(super) fn pack(value: &impl Serialize) -> Result<(Vec<u8>, u64), EngineError> {
    let wrong = |error: &dyn std::fmt::Display| EngineError::Stored(error.to_string());
    let mut counted = Counted {
        inner: BufWriter::new(GzEncoder::new(Vec::new(), Compression::fast())),
        bytes: 0,
    };
    serde_json::to_writer(&mut counted, value).map_err(|error| wrong(&error))?;
    let encoder = counted.inner.into_inner().map_err(|error| wrong(&error))?;
    Ok((encoder.finish().map_err(|error| wrong(&error))?, counted.bytes))
}

/// Counts what is written.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: io::Write> io::Write for Counted<W> {
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
        .take(MOST_BYTES)
        .read_to_end(&mut json)
        .map_err(|error| EngineError::Stored(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| EngineError::Stored(error.to_string()))
}

pub(super) fn data(object: &Object, key: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(object.text(&format!("/data/{key}"))?).ok()
}

/// Stores a value. Storing the same one twice is storing it once.
pub(super) async fn write(
    cluster: &Cluster,
    application: &Application,
    value: &impl Serialize,
) -> Result<BlobRef, EngineError> {
    let (packed, bytes) = pack(value)?;
    let blob = write_packed(cluster, application, &packed).await?;
    Ok(BlobRef { bytes, ..blob })
}

/// Stores bytes as they are.
pub(super) async fn write_packed(
    cluster: &Cluster,
    application: &Application,
    packed: &[u8],
) -> Result<BlobRef, EngineError> {
    let mut parts = Vec::new();
    for part in packed.chunks(PART) {
        let part = BASE64_STANDARD.encode(part);
        let name = format!("{}.{}", name(application), short_hash(&[&part]));
        let mut secret = secret(application, &name, "blob", json!({ "part": part }));
        secret.0["immutable"] = json!(true);
        match cluster.create(&secret, Rehearsal::No).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => parts.push(name),
            Err(error) => return Err(EngineError::while_("storing what is needed to carry on")(error)),
        }
    }
    Ok(BlobRef {
        parts,
        bytes: 0,
        packed: packed.len() as u64,
    })
}

/// Reads a stored value.
pub(super) async fn read<T: DeserializeOwned>(
    cluster: &Cluster,
    application: &Application,
    blob: &BlobRef,
) -> Result<T, EngineError> {
    unpack(&read_packed(cluster, application, blob).await?)
}

/// Reads stored bytes as they are.
pub(super) async fn read_packed(
    cluster: &Cluster,
    application: &Application,
    blob: &BlobRef,
) -> Result<Vec<u8>, EngineError> {
    let mut packed = Vec::new();
    for name in &blob.parts {
        let key = secret_key(&application.namespace, name);
        let secret = cluster
            .get(&key)
            .await
            .map_err(EngineError::while_("reading what is stored"))?;
        let part = secret.as_ref().and_then(|secret| data(secret, "part"));
        packed.extend(part.ok_or_else(|| EngineError::Stored(format!("{key} is missing or empty")))?);
    }
    Ok(packed)
}
