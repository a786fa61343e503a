//! Finds a component and its signatures, in the cache or at its source.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use oci_client::RegistryOperation;

use crate::{
    digest::Digest,
    error::RegistryError,
    find_signatures,
    http::HttpRequest,
    layout::{self, Manifest},
    remote::{RemoteRepository, not_found_as_none},
    signature::Signature,
    source::{OciSource, Source},
    store::Store,
};

/// The suffix of the signature of a file or URL.
const SIGNATURE_SUFFIX: &str = ".sigstore.json";

/// A component as it was found, not verified yet.
pub(crate) struct FoundComponent {
    pub(crate) component: Vec<u8>,
    /// The signed content: the manifest where there is one, else the component.
    pub(crate) manifest: Option<Vec<u8>>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) signatures: Option<Vec<Signature>>,
    pub(crate) attestations: Vec<String>,
}

/// Whether cached content is enough.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupMode {
    /// Everything is requested from the source, except for content that is cached by its digest.
    Refresh,
    /// Nothing is requested that is cached.
    UseCache,
}

impl Store {
    pub(crate) async fn find(
        &self,
        source: &Source,
        folder: &Path,
        manifest: Option<Digest>,
        look: LookupMode,
    ) -> Result<FoundComponent, RegistryError> {
        let is_asked = look == LookupMode::Refresh || self.requires_signature(source);
        match source {
            Source::Oci(oci) => self.find_oci(source, oci, manifest, look).await,
            Source::Https { url, digest } => {
                let component = if let Some(component) = self.cached_blob(*digest) {
                    component
                } else {
                    let component = self
                        .download(url, &source.to_string(), self.limits().max_component_bytes)
                        .await?;
                    if Digest::from_bytes(&component) == *digest {
                        self.cache_blob(*digest, &component);
                    }
                    component
                };
                let kept = self.cached_signatures(*digest);
                let signatures = match kept.filter(|_| look == LookupMode::UseCache) {
                    Some(kept) => Some(kept),
                    None if is_asked => {
                        let beside = signature_url(url);
                        let bundle =
                            not_found_as_none(self.download(&beside, &beside, self.limits().max_document_bytes).await)?;
                        let signatures: Vec<Signature> =
                            bundle.into_iter().filter_map(find_signatures::parse_bundle).collect();
                        self.cache_signatures(*digest, &signatures);
                        Some(signatures)
                    }
                    None => None,
                };
                Ok(FoundComponent::alone(component, signatures))
            }
            Source::File { .. } | Source::Path(_) => {
                let path = source.file_path(folder).unwrap_or_default();
                let component = read_file(&path, self.limits().max_component_bytes)?;
                let mut beside = path.into_os_string();
                beside.push(SIGNATURE_SUFFIX);
                let beside = PathBuf::from(beside);
                let signatures = if beside.is_file() {
                    let bundle = read_file(&beside, self.limits().max_document_bytes)?;
                    find_signatures::parse_bundle(bundle).into_iter().collect()
                } else {
                    Vec::new()
                };
                Ok(FoundComponent::alone(component, Some(signatures)))
            }
        }
    }

    async fn find_oci(
        &self,
        source: &Source,
        oci: &OciSource,
        pinned: Option<Digest>,
        look: LookupMode,
    ) -> Result<FoundComponent, RegistryError> {
        // Logging in costs two requests, and isn't needed for cached content.
        let mut remote = None;
        let cached = pinned
            .filter(|_| look == LookupMode::UseCache)
            .and_then(|digest| self.cached_blob(digest));
        let text = if let Some(text) = cached {
            text
        } else {
            let name = match (pinned.or(oci.manifest), &oci.tag) {
                (Some(digest), _) => digest.to_string(),
                (None, tag) => tag.clone().unwrap_or_default(),
            };
            let open = self.connect(&mut remote, oci).await?;
            let (text, digest) = open
                .manifest(&name, &[layout::MANIFEST_MEDIA_TYPE, layout::INDEX_MEDIA_TYPE])
                .await?;
            self.cache_blob(digest, &text);
            text
        };
        let not_a_plugin = |reason| RegistryError::NotAPlugin {
            reference: source.to_string(),
            reason,
        };
        let (manifest, layer) = Manifest::parse_plugin(&text).map_err(not_a_plugin)?;
        let limit = self.limits().max_component_bytes;
        if layer.size > limit {
            return Err(RegistryError::TooLarge {
                what: source.to_string(),
                size: Some(layer.size),
                limit,
            });
        }
        let component = if let Some(component) = self.cached_blob(layer.digest) {
            component
        } else {
            let open = self.connect(&mut remote, oci).await?;
            let component = open.blob(layer.digest, &source.to_string(), limit).await?;
            self.cache_blob(layer.digest, &component);
            component
        };
        let subject = Digest::from_bytes(&text);
        let kept = self.cached_signatures(subject);
        let (signatures, attested) = match kept.filter(|_| look == LookupMode::UseCache) {
            Some(kept) => (Some(kept), Vec::new()),
            None if look == LookupMode::Refresh || self.requires_signature(source) => {
                let open = self.connect(&mut remote, oci).await?;
                let (signatures, attested) = find_signatures::find_signatures(open, subject).await?;
                self.cache_signatures(subject, &signatures);
                (Some(signatures), attested)
            }
            None => (None, Vec::new()),
        };
        Ok(FoundComponent {
            component,
            manifest: Some(text),
            annotations: manifest.annotations,
            signatures,
            attestations: attested,
        })
    }

    /// Logs in to the registry, unless that was done before.
    async fn connect<'a, 'b>(
        &'a self,
        remote: &'b mut Option<RemoteRepository<'a>>,
        source: &OciSource,
    ) -> Result<&'b RemoteRepository<'a>, RegistryError> {
        let open = match remote.take() {
            Some(open) => open,
            None => RemoteRepository::connect(self.http()?, source, RegistryOperation::Pull).await?,
        };
        Ok(remote.insert(open))
    }

    async fn download(&self, url: &str, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let request = HttpRequest {
            url,
            accept: &[],
            authorization: None,
            form: None,
            credentials_description: None,
            description: what,
            max_bytes: limit,
        };
        self.http()?.get(&request).await.map(|got| got.body)
    }
}

impl FoundComponent {
    fn alone(component: Vec<u8>, signatures: Option<Vec<Signature>>) -> FoundComponent {
        FoundComponent {
            component,
            manifest: None,
            annotations: BTreeMap::new(),
            signatures,
            attestations: Vec::new(),
        }
    }
}

/// Returns the URL of the signature of the file at a URL.
fn signature_url(url: &str) -> String {
    let Ok(mut beside) = reqwest::Url::parse(url) else {
        return format!("{url}{SIGNATURE_SUFFIX}");
    };
    let path = format!("{}{SIGNATURE_SUFFIX}", beside.path());
    beside.set_path(&path);
    beside.into()
}

/// Reads a file with at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, RegistryError> {
    let wrong = |error: std::io::Error| RegistryError::from_io(path, &error);
    let size = std::fs::metadata(path).map_err(wrong)?.len();
    if size > limit {
        return Err(RegistryError::TooLarge {
            what: path.display().to_string(),
            size: Some(size),
            limit,
        });
    }
    std::fs::read(path).map_err(wrong)
}
