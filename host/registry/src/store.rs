//! Fetches plugins from their sources: the current ones, or the pinned ones.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use capstan_stamp::Manifest as Stamp;

use crate::{
    access::{Access, Limits},
    cache::Cache,
    digest::Digest,
    error::RegistryError,
    find_component::{FoundComponent, LookupMode},
    http::Http,
    lock::LockedPlugin,
    policy::SignaturePolicy,
    signature::{Signature, SignedContent},
    source::Source,
};

/// Fetches plugins from all kinds of sources.
pub struct Store {
    access: Access,
    /// Made for the first download, since it reads the system's certificates.
    http: OnceLock<Http>,
    cache: Option<Cache>,
    policy: SignaturePolicy,
}

/// A plugin that was looked up at its source.
#[derive(Debug, Clone)]
pub struct ResolvedPlugin {
    /// Where it comes from.
    pub source: Source,
    /// The manifest that the plugin contains.
    pub stamp: Stamp,
    /// The component, with a digest that was checked.
    pub component: VerifiedComponent,
    /// The digest of its manifest in a registry; `None` for other sources.
    pub manifest: Option<Digest>,
    /// The annotations of that manifest.
    pub annotations: BTreeMap<String, String>,
    /// The number of signatures, by any signer; `None` when no signature was looked for.
    pub signature_count: Option<usize>,
    /// The types of its attestations (provenance, a bill of materials), which aren't verified.
    pub attestations: Vec<String>,
}

/// A component with the pinned digest and the required signatures. Whether it is a plugin, the sandbox checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedComponent {
    /// The component.
    pub bytes: Vec<u8>,
    /// The digest of the component's bytes.
    pub digest: Digest,
    /// The signers in the rules that signed it.
    pub signed_by: Vec<String>,
}

impl Store {
    /// Makes one that caches downloads in a folder; without a folder, nothing is cached.
    pub fn new(access: Access, folder: Option<PathBuf>, policy: SignaturePolicy) -> Store {
        let cache = folder.and_then(|folder| {
            Cache::open(&folder)
                .inspect_err(
                    |error| tracing::warn!(folder = %folder.display(), %error, "Downloaded plugins are not cached."),
                )
                .ok()
        });
        Store {
            access,
            http: OnceLock::new(),
            cache,
            policy,
        }
    }

    pub(crate) fn http(&self) -> Result<&Http, RegistryError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = Http::new(self.access.clone())?;
        Ok(self.http.get_or_init(|| made))
    }

    /// Looks a source up, whatever is pinned. Relative paths start at `folder`.
    ///
    /// # Errors
    ///
    /// Returns why it isn't found, or which signatures are missing.
    pub async fn resolve(&self, source: &Source, folder: &Path) -> Result<ResolvedPlugin, RegistryError> {
        let mut found = self.find(source, folder, None, LookupMode::Refresh).await?;
        let component = self.check_component(source, &mut found, None)?;
        let stamp = capstan_stamp::read(&component.bytes).map_err(|error| RegistryError::NotAPlugin {
            reference: source.to_string(),
            reason: error.to_string(),
        })?;
        let signatures = found.signatures.as_deref();
        let kinds = signatures
            .unwrap_or_default()
            .iter()
            .filter_map(Signature::attestation_type);
        let mut attested: Vec<String> = kinds.chain(found.attestations).collect();
        attested.sort();
        attested.dedup();
        let plain = |found: &[Signature]| found.iter().filter(|one| one.attestation_type().is_none()).count();
        Ok(ResolvedPlugin {
            source: source.clone(),
            stamp,
            manifest: found.manifest.as_deref().map(Digest::from_bytes),
            annotations: found.annotations,
            signature_count: signatures.map(plain),
            attestations: attested,
            component,
        })
    }

    /// Returns the component that is pinned by a lock or in its source. Nothing is requested that is cached.
    ///
    /// # Errors
    ///
    /// Returns why it isn't found, that it isn't pinned, or which signatures are missing.
    pub async fn load(
        &self,
        source: &Source,
        folder: &Path,
        locked: Option<&LockedPlugin>,
        lock: &Path,
    ) -> Result<VerifiedComponent, RegistryError> {
        let of_source = match source {
            Source::Oci(source) => source.manifest,
            Source::Https { .. } | Source::File { .. } | Source::Path(_) => None,
        };
        let manifest = of_source.or(locked.and_then(|locked| locked.manifest_digest));
        if matches!(source, Source::Oci(_)) && manifest.is_none() {
            return Err(RegistryError::NotLocked {
                source_text: source.to_string(),
                lock: lock.to_owned(),
            });
        }
        let mut found = self.find(source, folder, manifest, LookupMode::UseCache).await?;
        let expected = locked.map(|locked| locked.digest);
        match self.check_component(source, &mut found, expected) {
            // It may have been signed since. If that can't be checked, the cached signatures are used.
            Err(RegistryError::Unsigned(unmet)) => match self.find(source, folder, manifest, LookupMode::Refresh).await
            {
                Ok(mut found) => self.check_component(source, &mut found, expected),
                Err(error) => {
                    tracing::debug!(%error, "New signatures can't be looked up.");
                    Err(unmet.into())
                }
            },
            settled => settled,
        }
    }

    /// Returns the component, if its digest and signatures are right.
    fn check_component(
        &self,
        source: &Source,
        found: &mut FoundComponent,
        expected: Option<Digest>,
    ) -> Result<VerifiedComponent, RegistryError> {
        let digest = Digest::from_bytes(&found.component);
        if let Some(expected) = source.digest().or(expected).filter(|expected| *expected != digest) {
            return Err(RegistryError::WrongDigest {
                what: source.to_string(),
                expected,
                found: digest,
            });
        }
        let subject = SignedContent::new(found.manifest.as_deref().unwrap_or(&found.component));
        let signatures = found.signatures.as_deref().unwrap_or_default();
        let signed_by = self.policy.check(source, subject, signatures)?;
        Ok(VerifiedComponent {
            bytes: std::mem::take(&mut found.component),
            digest,
            signed_by,
        })
    }

    pub(crate) fn limits(&self) -> Limits {
        self.access.limits
    }

    /// Says whether a source has to be signed.
    pub(crate) fn requires_signature(&self, source: &Source) -> bool {
        self.policy.requires_signature(source)
    }

    pub(crate) fn cached_blob(&self, digest: Digest) -> Option<Vec<u8>> {
        self.cache.as_ref()?.blob(digest)
    }

    pub(crate) fn cached_signatures(&self, subject: Digest) -> Option<Vec<Signature>> {
        self.cache.as_ref()?.signatures(subject)
    }

    pub(crate) fn cache_blob(&self, digest: Digest, content: &[u8]) {
        if let Some(cache) = &self.cache {
            cache.store(digest, content);
        }
    }

    pub(crate) fn cache_signatures(&self, subject: Digest, signatures: &[Signature]) {
        if let Some(cache) = &self.cache {
            cache.store_signatures(subject, signatures);
        }
    }
}
