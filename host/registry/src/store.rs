//! Gets plugins from where they are: looked up anew, or as they are pinned.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use capstan_stamp::Manifest as Stamp;
use oci_client::RegistryOperation;

use crate::{
    access::{Access, Limits},
    cache::Cache,
    digest::Digest,
    error::RegistryError,
    find,
    http::{Http, Wanted},
    layout::{self, Manifest},
    lock::Locked,
    policy::Policy,
    remote::{Remote, absent},
    signature::{Signature, Subject},
    source::{OciSource, Source},
};

/// Where the signature of a file is: beside it, under its name and this.
const BESIDE: &str = ".sigstore.json";

/// Plugins, from everywhere.
pub struct Store {
    access: Access,
    /// Made when something is first downloaded: it reads the certificates of the system.
    http: OnceLock<Http>,
    cache: Option<Cache>,
    policy: Policy,
}

/// A plugin that was looked up.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// Where it comes from.
    pub source: Source,
    /// What it says of itself.
    pub stamp: Stamp,
    /// Its component.
    pub component: Component,
    /// The digest of its manifest in a registry.
    pub manifest: Option<Digest>,
    /// The annotations of that manifest.
    pub annotations: BTreeMap<String, String>,
    /// How many signatures there are, by whomever; unknown when nobody had to look.
    pub signatures: Option<usize>,
    /// The kinds of what is attested of it (provenance, a bill of materials), which nobody has verified.
    pub attested: Vec<String>,
}

/// A component that is what was pinned, and signed as it has to be. Whether it is a plugin, the sandbox finds out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The component.
    pub bytes: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// Who of those that rules name signed it.
    pub signed_by: Vec<String>,
}

/// What was found, before anybody has looked into it.
struct Found {
    component: Vec<u8>,
    /// What a signature is about: the manifest where there is one, else the component.
    manifest: Option<Vec<u8>>,
    annotations: BTreeMap<String, String>,
    signatures: Option<Vec<Signature>>,
    attested: Vec<String>,
}

/// Whether what is there is enough, or the source is to be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// The source is asked for everything but content that we have.
    Anew,
    /// Nobody is asked for what we have.
    AsPinned,
}

impl Store {
    /// Makes one that keeps what it downloads in a folder; without one, nothing is kept.
    pub fn new(access: Access, folder: Option<PathBuf>, policy: Policy) -> Store {
        let cache = folder.and_then(|folder| {
            Cache::open(folder.clone())
                .inspect_err(
                    |error| tracing::warn!(folder = %folder.display(), %error, "Downloaded plugins are not kept."),
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

    /// Looks a source up, whatever was pinned. A path starts at a folder.
    ///
    /// # Errors
    ///
    /// Returns why there is no plugin, or that it isn't signed as it has to be.
    pub async fn resolve(&self, source: &Source, folder: &Path) -> Result<Plugin, RegistryError> {
        let mut found = self.find(source, folder, None, Look::Anew).await?;
        let component = self.checked(source, &mut found, None)?;
        let stamp = capstan_stamp::read(&component.bytes).map_err(|error| RegistryError::NotAPlugin {
            reference: source.to_string(),
            reason: error.to_string(),
        })?;
        let signatures = found.signatures.as_deref();
        let kinds = signatures.unwrap_or_default().iter().filter_map(Signature::attests);
        let mut attested: Vec<String> = kinds.chain(found.attested).collect();
        attested.sort();
        attested.dedup();
        let plain = |found: &[Signature]| found.iter().filter(|one| one.attests().is_none()).count();
        Ok(Plugin {
            source: source.clone(),
            stamp,
            manifest: found.manifest.as_deref().map(Digest::of),
            annotations: found.annotations,
            signatures: signatures.map(plain),
            attested,
            component,
        })
    }

    /// Returns the component that is pinned, by a lock or by its source itself. Nobody is asked for what we have.
    ///
    /// # Errors
    ///
    /// Returns why there is no such plugin, that nothing pins it, or that it isn't signed as it has to be.
    pub async fn load(
        &self,
        source: &Source,
        folder: &Path,
        locked: Option<&Locked>,
        lock: &Path,
    ) -> Result<Component, RegistryError> {
        let of_source = match source {
            Source::Oci(source) => source.manifest,
            Source::Https { .. } | Source::File { .. } | Source::Path(_) => None,
        };
        let manifest = of_source.or(locked.and_then(|locked| locked.manifest));
        if matches!(source, Source::Oci(_)) && manifest.is_none() {
            return Err(RegistryError::NotLocked {
                source_text: source.to_string(),
                lock: lock.to_owned(),
            });
        }
        let mut found = self.find(source, folder, manifest, Look::AsPinned).await?;
        let expected = locked.map(|locked| locked.digest);
        match self.checked(source, &mut found, expected) {
            // It may have been signed since. Where that can't be found out, what we know counts.
            Err(RegistryError::Unsigned(unmet)) => match self.find(source, folder, manifest, Look::Anew).await {
                Ok(mut found) => self.checked(source, &mut found, expected),
                Err(error) => {
                    tracing::debug!(%error, "Whether it was signed since can't be found out.");
                    Err(unmet.into())
                }
            },
            settled => settled,
        }
    }

    /// Takes the component of what was found, if it is what was pinned and signed as it has to be.
    fn checked(
        &self,
        source: &Source,
        found: &mut Found,
        expected: Option<Digest>,
    ) -> Result<Component, RegistryError> {
        let digest = Digest::of(&found.component);
        if let Some(expected) = source.digest().or(expected).filter(|expected| *expected != digest) {
            return Err(RegistryError::WrongDigest {
                what: source.to_string(),
                expected,
                found: digest,
            });
        }
        let subject = Subject::of(found.manifest.as_deref().unwrap_or(&found.component));
        let signatures = found.signatures.as_deref().unwrap_or_default();
        let signed_by = self.policy.check(source, subject, signatures)?;
        Ok(Component {
            bytes: std::mem::take(&mut found.component),
            digest,
            signed_by,
        })
    }

    async fn find(
        &self,
        source: &Source,
        folder: &Path,
        manifest: Option<Digest>,
        look: Look,
    ) -> Result<Found, RegistryError> {
        let is_asked = look == Look::Anew || self.policy.demands(source);
        match source {
            Source::Oci(oci) => self.find_oci(source, oci, manifest, look).await,
            Source::Https { url, digest } => {
                let component = match self.cached(*digest) {
                    Some(component) => component,
                    None => self.download(url, &source.to_string(), self.limits().component).await?,
                };
                self.keep_if(*digest, &component);
                let kept = self.cache.as_ref().and_then(|cache| cache.signatures(*digest));
                let signatures = match kept.filter(|_| look == Look::AsPinned) {
                    Some(kept) => Some(kept),
                    None if is_asked => {
                        let beside = format!("{url}{BESIDE}");
                        let bundle = absent(self.download(&beside, &beside, self.limits().document).await)?;
                        let signatures: Vec<Signature> = bundle.into_iter().filter_map(find::bundle).collect();
                        self.keep_signatures(*digest, &signatures);
                        Some(signatures)
                    }
                    None => None,
                };
                Ok(Found::alone(component, signatures))
            }
            Source::File { .. } | Source::Path(_) => {
                let path = source.file(folder).unwrap_or_default();
                let component = read(&path, self.limits().component)?;
                let mut beside = path.into_os_string();
                beside.push(BESIDE);
                let beside = PathBuf::from(beside);
                let signatures = if beside.is_file() {
                    let bundle = read(&beside, self.limits().document)?;
                    find::bundle(bundle).into_iter().collect()
                } else {
                    Vec::new()
                };
                Ok(Found::alone(component, Some(signatures)))
            }
        }
    }

    async fn find_oci(
        &self,
        source: &Source,
        oci: &OciSource,
        pinned: Option<Digest>,
        look: Look,
    ) -> Result<Found, RegistryError> {
        // Logging in costs two requests, and is not needed for what we have.
        let mut remote = None;
        let cached = pinned
            .filter(|_| look == Look::AsPinned)
            .and_then(|digest| self.cached(digest));
        let text = match cached {
            Some(text) => text,
            None => {
                let asked = match pinned {
                    Some(digest) => oci.at(digest),
                    None => oci.clone(),
                };
                let name = match (&asked.manifest, &asked.tag) {
                    (Some(digest), _) => digest.to_string(),
                    (None, tag) => tag.clone().unwrap_or_default(),
                };
                let open = self.open(&mut remote, &asked).await?;
                let (text, digest) = open.manifest(&name, &[layout::MANIFEST, layout::INDEX]).await?;
                self.keep(digest, &text);
                text
            }
        };
        let not_a_plugin = |reason| RegistryError::NotAPlugin {
            reference: source.to_string(),
            reason,
        };
        let (manifest, layer) = Manifest::of_plugin(&text).map_err(not_a_plugin)?;
        let limit = self.limits().component;
        if layer.size > limit {
            return Err(RegistryError::TooLarge {
                what: source.to_string(),
                size: Some(layer.size),
                limit,
            });
        }
        let component = match self.cached(layer.digest) {
            Some(component) => component,
            None => {
                let open = self.open(&mut remote, oci).await?;
                let component = open.blob(layer.digest, &source.to_string(), limit).await?;
                self.keep(layer.digest, &component);
                component
            }
        };
        let subject = Digest::of(&text);
        let kept = self.cache.as_ref().and_then(|cache| cache.signatures(subject));
        let (signatures, attested) = match kept.filter(|_| look == Look::AsPinned) {
            Some(kept) => (Some(kept), Vec::new()),
            None if look == Look::Anew || self.policy.demands(source) => {
                let open = self.open(&mut remote, oci).await?;
                let (signatures, attested) = find::in_registry(open, subject).await?;
                self.keep_signatures(subject, &signatures);
                (Some(signatures), attested)
            }
            None => (None, Vec::new()),
        };
        Ok(Found {
            component,
            manifest: Some(text),
            annotations: manifest.annotations,
            signatures,
            attested,
        })
    }

    /// Logs in, the first time.
    async fn open<'a, 'b>(
        &'a self,
        remote: &'b mut Option<Remote<'a>>,
        source: &OciSource,
    ) -> Result<&'b Remote<'a>, RegistryError> {
        let open = match remote.take() {
            Some(open) => open,
            None => Remote::open(self.http()?, source, RegistryOperation::Pull).await?,
        };
        Ok(remote.insert(open))
    }

    async fn download(&self, url: &str, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let wanted = Wanted {
            url,
            accept: &[],
            authorization: None,
            who: None,
            what,
            limit,
        };
        self.http()?.get(&wanted).await.map(|got| got.body)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.access.limits
    }

    fn cached(&self, digest: Digest) -> Option<Vec<u8>> {
        self.cache.as_ref()?.blob(digest)
    }

    pub(crate) fn keep(&self, digest: Digest, content: &[u8]) {
        if let Some(cache) = &self.cache {
            cache.keep(digest, content);
        }
    }

    /// Keeps what is what it should be.
    fn keep_if(&self, digest: Digest, content: &[u8]) {
        if Digest::of(content) == digest {
            self.keep(digest, content);
        }
    }

    fn keep_signatures(&self, subject: Digest, signatures: &[Signature]) {
        if let Some(cache) = &self.cache {
            cache.keep_signatures(subject, signatures);
        }
    }
}

impl Found {
    fn alone(component: Vec<u8>, signatures: Option<Vec<Signature>>) -> Found {
        Found {
            component,
            manifest: None,
            annotations: BTreeMap::new(),
            signatures,
            attested: Vec::new(),
        }
    }
}

/// Reads a file that is not too large.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, RegistryError> {
    let wrong = |error: std::io::Error| RegistryError::of_file(path, &error);
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
