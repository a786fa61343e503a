//! The source of a plugin, as the user writes it.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use oci_client::Reference;

use crate::{digest::Digest, error::SourceError};

/// The source of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A repository of an OCI registry: `oci://ghcr.io/acme/queue:1.2`, with or without `@sha256:...`.
    Oci(OciSource),
    /// A URL, with the component's digest: `https://acme.io/queue.wasm#sha256=...`.
    Https {
        /// The URL, without its fragment.
        url: String,
        /// The component's digest.
        digest: Digest,
    },
    /// A file, with its digest: `file:queue.wasm#sha256=...`.
    File {
        /// The file's path.
        path: PathBuf,
        /// The component's digest.
        digest: Digest,
    },
    /// A file without a digest.
    Path(PathBuf),
}

/// A tag or a digest in a repository of an OCI registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciSource {
    /// The registry, as HOST or HOST:PORT.
    pub registry: String,
    /// The repository in it.
    pub repository: String,
    /// The tag; `None` if the source names a digest only.
    pub tag: Option<String>,
    /// The digest of the manifest. With it, the tag is only for people.
    pub manifest: Option<Digest>,
}

impl OciSource {
    /// Returns the reference of this tag or digest.
    pub(crate) fn reference(&self) -> Reference {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        match (&self.manifest, &self.tag) {
            (Some(digest), _) => Reference::with_digest(registry, repository, digest.to_string()),
            (None, tag) => Reference::with_tag(registry, repository, tag.clone().unwrap_or_default()),
        }
    }

    /// Returns the same repository with a manifest's digest.
    #[must_use]
    pub fn with_manifest(&self, manifest: Digest) -> OciSource {
        OciSource {
            manifest: Some(manifest),
            ..self.clone()
        }
    }
}

impl Source {
    /// Returns the component's digest, if the source contains it.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Source::Https { digest, .. } | Source::File { digest, .. } => Some(*digest),
            Source::Oci(_) | Source::Path(_) => None,
        }
    }

    /// Returns the path of the source's file, relative to a folder.
    pub fn file_path(&self, folder: &Path) -> Option<PathBuf> {
        match self {
            Source::File { path, .. } | Source::Path(path) => Some(folder.join(path)),
            Source::Oci(_) | Source::Https { .. } => None,
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let wrong = |reason: &str, hint: &str| SourceError {
            text: text.to_owned(),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        };
        if let Some(rest) = text.strip_prefix("oci://") {
            return parse_oci(rest)
                .map(Source::Oci)
                .map_err(|(reason, hint)| wrong(&reason, hint));
        }
        let is_url = text.starts_with("https://");
        let Some(rest) = text.strip_prefix("file:").or(is_url.then_some(text)) else {
            if let Some((scheme, _)) = text.split_once("://") {
                let hint = "a plugin is loaded from `oci://`, `https://`, `file:` or a path";
                return Err(wrong(&format!("`{scheme}:` is not a way to load a plugin"), hint));
            }
            if text.is_empty() {
                return Err(wrong(
                    "it names nothing",
                    "name a file, or `oci://REGISTRY/REPOSITORY:TAG`",
                ));
            }
            let path = normalize_path(Path::new(text)).map_err(|(reason, hint)| wrong(&reason, hint))?;
            return Ok(Source::Path(path));
        };
        let hint = "write its SHA-256 behind it: `#sha256=` and the 64 hex digits that `sha256sum` prints";
        let Some((place, pin)) = rest.split_once('#') else {
            return Err(wrong("it has no digest", hint));
        };
        let digest = pin
            .strip_prefix("sha256=")
            .map(|digits| format!("sha256:{digits}").parse());
        let Some(Ok(digest)) = digest else {
            return Err(wrong(&format!("`#{pin}` is not a digest"), hint));
        };
        if is_url {
            let url = normalize_url(place).map_err(|(reason, hint)| SourceError {
                text: without_credentials(place),
                ..wrong(&reason, hint)
            })?;
            return Ok(Source::Https { url, digest });
        }
        let path = normalize_path(Path::new(place)).map_err(|(reason, hint)| wrong(&reason, hint))?;
        Ok(Source::File { path, digest })
    }
}

pub(crate) type ParseProblem = (String, &'static str);

fn parse_oci(text: &str) -> Result<OciSource, ParseProblem> {
    let form = "write `oci://REGISTRY/REPOSITORY:TAG`, with or without `@sha256:...`";
    let (name, manifest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest.parse().map_err(|reason| (reason, form))?)),
        None => (text, None),
    };
    let Some((registry, path)) = name.split_once('/') else {
        return Err(("it names no repository".to_owned(), form));
    };
    let (repository, tag) = match path.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag.to_owned())),
        None => (path, None),
    };
    if tag.is_none() && manifest.is_none() {
        let hint = "name a tag, as in `:1.2.0`, or a digest; Capstan doesn't guess which";
        return Err(("it has neither a tag nor a digest".to_owned(), hint));
    }
    let registry = normalize_host(registry)?;
    if repository.contains(|letter: char| letter.is_ascii_uppercase()) {
        return Err((
            format!("`{repository}` has capital letters, which no repository may have"),
            form,
        ));
    }
    // The distribution specification says which characters are allowed in each part.
    let whole: Result<Reference, _> = format!("{registry}/{path}").parse();
    whole.map_err(|error| (error.to_string(), form))?;
    Ok(OciSource {
        registry,
        repository: repository.to_owned(),
        tag,
        manifest,
    })
}

/// Normalizes a URL for rules and locks.
pub(crate) fn normalize_url(written: &str) -> Result<String, ParseProblem> {
    let url = reqwest::Url::parse(written).map_err(|error| (error.to_string(), "name a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "they would appear in every log; use an address without them";
        return Err(("there are credentials in it".to_owned(), hint));
    }
    Ok(url.into())
}

/// Returns an invalid URL without a password.
fn without_credentials(written: &str) -> String {
    match written.rsplit_once('@') {
        Some((_, rest)) => format!("https://...@{rest}"),
        None => written.to_owned(),
    }
}

/// Normalizes a host for rules and locks.
pub(crate) fn normalize_host(written: &str) -> Result<String, ParseProblem> {
    let lower = written.to_ascii_lowercase();
    // With TLS, this port is the default.
    let host = lower.strip_suffix(":443").unwrap_or(&lower);
    let is_host = host == "localhost" || host.contains(['.', ':']);
    if !is_host || host.ends_with('.') || host.starts_with('.') {
        let hint = "write the registry in full, as in `ghcr.io`";
        return Err((format!("`{written}` is not a host"), hint));
    }
    Ok(if host == "index.docker.io" { "docker.io" } else { host }.to_owned())
}

/// Normalizes a path for rules and locks: `./a.wasm` and `a.wasm` are the same source.
pub(crate) fn normalize_path(path: &Path) -> Result<PathBuf, ParseProblem> {
    let mut is_inside = false;
    for part in path.components() {
        match part {
            Component::Normal(_) => is_inside = true,
            Component::ParentDir if is_inside => {
                return Err((
                    "it leaves a folder that it enters".to_owned(),
                    "write the path without `..` in its middle",
                ));
            }
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let plain: PathBuf = parts.collect();
    // A path that would be parsed as another source without its `./` keeps that.
    let is_clear = !plain.as_os_str().is_empty() && !plain.to_string_lossy().contains(':');
    Ok(if is_clear { plain } else { path.to_owned() })
}

impl fmt::Display for OciSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.manifest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Oci(source) => source.fmt(f),
            Source::Https { url, digest } => write!(f, "{url}#sha256={}", digest.hex()),
            Source::File { path, digest } => write!(f, "file:{}#sha256={}", path.display(), digest.hex()),
            Source::Path(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for text in [
            "oci://ghcr.io/acme/queue:1.2".to_owned(),
            format!("oci://127.0.0.1:5000/queue:1@sha256:{HEX}"),
            format!("oci://localhost/a/b/c@sha256:{HEX}"),
            format!("https://acme.io/queue.wasm?v=2#sha256={HEX}"),
            format!("file:plugins/queue.wasm#sha256={HEX}"),
            "plugins/queue.wasm".to_owned(),
            "/tmp/queue.wasm".to_owned(),
            "../queue.wasm".to_owned(),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        // What means the same is the same, so that neither a rule nor a lock can be missed.
        for (written, meant) in [
            ("./a/./b.wasm", "a/b.wasm"),
            ("./file:b.wasm", "./file:b.wasm"),
            ("oci://GHCR.io:443/acme/queue:1", "oci://ghcr.io/acme/queue:1"),
            ("oci://index.docker.io/acme/queue:1", "oci://docker.io/acme/queue:1"),
        ] {
            let source = written.parse::<Source>().unwrap();
            assert_eq!(source.to_string(), meant);
            assert_eq!(meant.parse::<Source>().unwrap(), source);
        }
        let url = format!("https://ACME.io:443/a/../queue.wasm#sha256={HEX}")
            .parse::<Source>()
            .unwrap();
        assert_eq!(url.to_string(), format!("https://acme.io/queue.wasm#sha256={HEX}"));
    }

    #[test]
    fn what_is_no_source_says_what_is_missing() {
        let short = format!("file:a#sha256={}", &HEX[1..]);
        for (text, reason) in [
            ("", "it names nothing"),
            ("oci://ghcr.io", "it names no repository"),
            ("oci://ghcr.io/acme/queue", "it has neither a tag nor a digest"),
            ("oci://acme/queue:1", "`acme` is not a host"),
            ("oci://ghcr.io./acme/queue:1", "`ghcr.io.` is not a host"),
            ("plugins/../queue.wasm", "it leaves a folder that it enters"),
            ("oci://ghcr.io/Acme/queue:1", "`Acme/queue` has capital letters"),
            ("oci://ghcr.io/acme/queue:a b", "invalid reference format"),
            ("oci://ghcr.io/acme/queue:1@sha256:12", "`sha256:12` is not a digest"),
            ("https://acme.io/queue.wasm", "it has no digest"),
            ("file:queue.wasm", "it has no digest"),
            ("file:queue.wasm#md5=12", "`#md5=12` is not a digest"),
            (&short, "is not a digest"),
            ("http://acme.io/queue.wasm", "`http:` is not a way to load a plugin"),
            ("s3://acme/queue.wasm", "`s3:` is not a way to load a plugin"),
        ] {
            let error = text.parse::<Source>().unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error:?}");
            assert!(!error.hint.is_empty());
        }
        let secret = format!("https://me:pass@acme.io/queue.wasm#sha256={HEX}").parse::<Source>();
        assert_eq!(secret.unwrap_err().reason, "there are credentials in it");
    }
}
