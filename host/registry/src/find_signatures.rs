//! Finds the signatures of a manifest in a registry: bundles that refer to it, and signatures of older versions of cosign under a tag.

use crate::{
    digest::Digest,
    error::RegistryError,
    layout::{self, Manifest},
    remote::{RemoteRepository, not_found_as_none},
    signature::{BUNDLE_MEDIA_TYPE, SIMPLE_SIGNATURE_ANNOTATION, SIMPLE_SIGNING_MEDIA_TYPE, Signature},
};

/// The most signatures that are looked at: anybody who may push could add more.
const MAX_SIGNATURES: usize = 64;

/// The annotation with the type of a bundle's attestation.
const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";

/// Reads a bundle, if the bytes are text.
pub(crate) fn parse_bundle(content: Vec<u8>) -> Option<Signature> {
    String::from_utf8(content).ok().map(Signature::Bundle)
}

/// Returns the signatures of a manifest, and the types of other artifacts that refer to it.
pub(crate) async fn find_signatures(
    remote: &RemoteRepository<'_>,
    subject: Digest,
) -> Result<(Vec<Signature>, Vec<String>), RegistryError> {
    let (mut signatures, mut attested) = (Vec::new(), Vec::new());
    for entry in remote
        .referrers(subject)
        .await?
        .manifests
        .into_iter()
        .take(MAX_SIGNATURES)
    {
        let name = entry.digest.to_string();
        let Some((text, _)) = not_found_as_none(remote.manifest(&name, &[layout::MANIFEST_MEDIA_TYPE]).await)? else {
            continue;
        };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) else {
            continue;
        };
        let kind = entry
            .artifact_type
            .or(manifest.artifact_type)
            .unwrap_or(manifest.config.media_type);
        if !kind.starts_with(BUNDLE_MEDIA_TYPE) {
            attested.push(kind);
            continue;
        }
        if let Some(predicate) = manifest.annotations.get(PREDICATE_ANNOTATION) {
            tracing::debug!(%predicate, "A bundle was found.");
        }
        for layer in manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type.starts_with(BUNDLE_MEDIA_TYPE))
            .take(1)
        {
            signatures.extend(download_text(remote, layer).await?.map(Signature::Bundle));
        }
    }
    let tag = format!("sha256-{}.sig", subject.hex());
    if let Some((text, _)) = not_found_as_none(remote.manifest(&tag, &[layout::MANIFEST_MEDIA_TYPE]).await)?
        && let Ok(manifest) = serde_json::from_slice::<Manifest>(&text)
    {
        for layer in manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type == SIMPLE_SIGNING_MEDIA_TYPE)
            .take(MAX_SIGNATURES)
        {
            let Some(signature) = layer.annotations.get(SIMPLE_SIGNATURE_ANNOTATION).cloned() else {
                continue;
            };
            signatures.extend(
                download_text(remote, layer)
                    .await?
                    .map(|payload| Signature::Simple { payload, signature }),
            );
        }
    }
    Ok((signatures, attested))
}

async fn download_text(
    remote: &RemoteRepository<'_>,
    layer: &layout::Descriptor,
) -> Result<Option<String>, RegistryError> {
    /// The most bytes of a bundle. One with a certificate and a transparency log's proof has about 10 KB.
    const MAX_BUNDLE_BYTES: u64 = 1 << 20;
    let content = remote.blob(layer.digest, "a signature", MAX_BUNDLE_BYTES).await?;
    Ok(String::from_utf8(content).ok())
}
