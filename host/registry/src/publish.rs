//! Publishes a plugin in a registry.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_client::RegistryOperation;

use crate::{
    digest::Digest,
    error::RegistryError,
    layout,
    remote::{RemoteRepository, not_found_as_none},
    source::OciSource,
    store::Store,
};

/// What happens to a tag that names another plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExistingTag {
    /// Publishing fails.
    Refuse,
    /// The tag is moved to the new plugin.
    Overwrite,
}

/// A plugin that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPlugin {
    /// The source, with the digest of its manifest.
    pub source: OciSource,
    /// The component's digest.
    pub digest: Digest,
    /// Whether the same plugin was published there before.
    pub already_existed: bool,
}

impl Store {
    /// Publishes a component under a tag, with further annotations.
    ///
    /// # Errors
    ///
    /// Returns why it isn't a plugin, or why the registry refuses it.
    pub async fn publish(
        &self,
        component: Vec<u8>,
        target: &OciSource,
        annotations: BTreeMap<String, String>,
        on_taken: OnExistingTag,
    ) -> Result<PublishedPlugin, RegistryError> {
        let not_a_plugin = |reason| RegistryError::NotAPlugin {
            reference: "the file".to_owned(),
            reason,
        };
        let plugin = capstan_stamp::read(&component).map_err(|error| not_a_plugin(error.to_string()))?;
        let limit = self.limits().max_component_bytes;
        if component.len() as u64 > limit {
            return Err(RegistryError::TooLarge {
                what: "the file".to_owned(),
                size: Some(component.len() as u64),
                limit,
            });
        }
        let artifact = layout::artifact_of(&component, &plugin, annotations).map_err(not_a_plugin)?;
        let (digest, manifest) = (artifact.component_digest, Digest::from_bytes(&artifact.manifest));
        let target = OciSource {
            manifest: None,
            ..target.clone()
        };
        let remote = RemoteRepository::connect(self.http()?, &target, RegistryOperation::Push).await?;
        let tag = target.tag.clone().unwrap_or_default();
        let there = not_found_as_none(
            remote
                .manifest(&tag, &[layout::MANIFEST_MEDIA_TYPE, layout::INDEX_MEDIA_TYPE])
                .await,
        )?;
        let was_there = match there {
            Some((_, there)) if there == manifest => true,
            Some((_, there)) if on_taken == OnExistingTag::Refuse => {
                return Err(RegistryError::TagExists {
                    reference: target.to_string(),
                    digest: there,
                });
            }
            Some(_) | None => {
                remote.push_blob(Bytes::from(component), digest).await?;
                remote
                    .push_blob(Bytes::from(artifact.config), artifact.config_digest)
                    .await?;
                remote.push_manifest(artifact.manifest).await?;
                false
            }
        };
        Ok(PublishedPlugin {
            source: target.with_manifest(manifest),
            digest,
            already_existed: was_there,
        })
    }
}
