//! Patterns of sources in signature rules: the beginning of a source. A pattern is parsed by the code that parses sources, so that a rule
//! can't miss a source because it is written differently.

use std::{fmt, path::Component, path::PathBuf, str::FromStr};

use crate::{
    error::SourceError,
    source::{self, Source},
};

/// The sources that a rule applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcePattern {
    /// All of them: `*`.
    All,
    /// A registry, a namespace in it, a repository, or a single tag.
    Oci {
        /// The registry, in the form of sources.
        registry: String,
        /// The segments of the repository's name, from the first one on.
        parts: Vec<String>,
        /// Whether only sources below these segments match: `oci://ghcr.io/acme/`.
        is_prefix: bool,
        /// The tag or digest, with the `:` or `@` before it.
        version: Option<String>,
    },
    /// The URLs below this one, or this one itself.
    Https(String),
    /// A file, or the files in a folder, named with a digest or without. Empty for all files below the working directory.
    Files(PathBuf),
}

impl SourcePattern {
    /// Says whether a source starts with this pattern, and the pattern ends at the end of a segment.
    pub fn matches(&self, source: &Source) -> bool {
        match (self, source) {
            (SourcePattern::All, _) => true,
            (
                SourcePattern::Oci {
                    registry,
                    parts,
                    is_prefix: is_below,
                    version,
                },
                Source::Oci(source),
            ) => {
                let theirs: Vec<&str> = source.repository.split('/').collect();
                let begins =
                    theirs.len() >= parts.len() && parts.iter().zip(&theirs).all(|(ours, theirs)| ours == theirs);
                let is_version = |version: &String| {
                    let tag = source.tag.as_ref().map(|tag| format!(":{tag}"));
                    let digest = source.manifest.map(|digest| format!("@{digest}"));
                    theirs.len() == parts.len() && [tag, digest].contains(&Some(version.clone()))
                };
                *registry == source.registry
                    && begins
                    && (!is_below || theirs.len() > parts.len())
                    && version.as_ref().is_none_or(is_version)
            }
            (SourcePattern::Https(ours), Source::Https { url, .. }) => url
                .strip_prefix(ours.as_str())
                .is_some_and(|rest| rest.is_empty() || ours.ends_with('/') || rest.starts_with(['/', '?'])),
            (SourcePattern::Files(ours), Source::File { path, .. } | Source::Path(path)) => {
                let theirs: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
                let goes_down = |part: Component<'_>| matches!(part, Component::Normal(_));
                if ours.as_os_str().is_empty() {
                    theirs.components().all(goes_down)
                } else {
                    let rest = theirs.strip_prefix(ours);
                    rest.is_ok_and(|rest| rest.components().all(goes_down))
                }
            }
            (SourcePattern::Oci { .. } | SourcePattern::Https(_) | SourcePattern::Files(_), _) => false,
        }
    }

    /// Returns how specific it is: of several matching rules, those with the largest number are used.
    pub(crate) fn specificity(&self) -> usize {
        match self {
            SourcePattern::All => 0,
            SourcePattern::Oci { .. } | SourcePattern::Https(_) | SourcePattern::Files(_) => {
                self.to_string().trim_end_matches('/').len().max(1)
            }
        }
    }
}

impl fmt::Display for SourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourcePattern::All => f.write_str("*"),
            SourcePattern::Oci {
                registry,
                parts,
                is_prefix: is_below,
                version,
            } => {
                write!(f, "oci://{registry}")?;
                for part in parts {
                    write!(f, "/{part}")?;
                }
                if *is_below {
                    f.write_str("/")?;
                }
                f.write_str(version.as_deref().unwrap_or_default())
            }
            SourcePattern::Https(url) => f.write_str(url),
            SourcePattern::Files(path) if path.as_os_str().is_empty() => f.write_str("./"),
            SourcePattern::Files(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for SourcePattern {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<SourcePattern, SourceError> {
        let wrong = |(reason, hint): (String, &str)| SourceError {
            text: text.to_owned(),
            reason,
            hint: hint.to_owned(),
        };
        if text == "*" {
            return Ok(SourcePattern::All);
        }
        if text.contains('*') {
            let hint = "write what the sources begin with, as in `oci://ghcr.io/acme/`; `*` alone is every source";
            return Err(wrong(("a `*` has no meaning here".to_owned(), hint)));
        }
        if let Some(rest) = text.strip_prefix("oci://") {
            return parse_oci(rest).map_err(wrong);
        }
        if text.starts_with("https://") {
            let url = source::normalize_url(text).map_err(wrong)?;
            return Ok(SourcePattern::Https(url));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            let reason = format!("`{scheme}:` is not a way to load a plugin");
            let hint = "a plugin is loaded from `oci://`, `https://`, `file:` or a path";
            return Err(wrong((reason, hint)));
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        if path.is_empty() || path.contains('#') {
            let hint = "write a file or a folder, without a digest; `./` is everything below the working folder";
            return Err(wrong(("it names no file".to_owned(), hint)));
        }
        let path = source::normalize_path(std::path::Path::new(path)).map_err(wrong)?;
        let parts = path.components().filter(|part| *part != Component::CurDir);
        Ok(SourcePattern::Files(parts.collect()))
    }
}

fn parse_oci(text: &str) -> Result<SourcePattern, (String, &'static str)> {
    let form = "write `oci://REGISTRY`, `oci://REGISTRY/NAMESPACE/` or `oci://REGISTRY/REPOSITORY`";
    let (registry, path) = text.split_once('/').unwrap_or((text, ""));
    let registry = source::normalize_host(registry)?;
    let (name, version) = match path.find(['@', ':']) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let is_below = name.ends_with('/') && version.is_empty();
    let name = name.strip_suffix('/').filter(|_| is_below).unwrap_or(name);
    let parts: Vec<String> = match name {
        "" => Vec::new(),
        name => name.split('/').map(str::to_owned).collect(),
    };
    // The code that parses sources checks the characters in a repository's name.
    if !parts.is_empty() {
        let example = if version.is_empty() { ":a" } else { version };
        let source: Result<Source, SourceError> = format!("oci://{registry}/{name}{example}").parse();
        source.map_err(|error| (error.reason, form))?;
    } else if !version.is_empty() {
        return Err(("it names no repository".to_owned(), form));
    }
    Ok(SourcePattern::Oci {
        registry,
        parts,
        is_prefix: is_below && !name.is_empty(),
        version: Some(version.to_owned()).filter(|version| !version.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn is_for(pattern: &str, source: &str) -> bool {
        let pattern: SourcePattern = pattern.parse().unwrap();
        pattern.matches(&source.parse().unwrap())
    }

    #[test]
    fn however_it_is_written_a_rule_is_for_the_source_that_it_means() {
        let file = format!("file:plugins/a.wasm#sha256={HEX}");
        let url = format!("https://acme.io/p/queue.wasm#sha256={HEX}");
        for (pattern, source) in [
            ("oci://localhost:443/acme/", "oci://localhost:443/acme/queue:1"),
            ("oci://localhost/acme/", "oci://localhost:443/acme/queue:1"),
            ("oci://localhost:443/acme", "oci://localhost/acme/queue:1"),
            ("oci://index.docker.io/acme", "oci://docker.io/acme/queue:1"),
            ("oci://docker.io/acme", "oci://index.docker.io/acme/queue:1"),
            ("oci://GHCR.io", "oci://ghcr.io/acme/queue:1"),
            ("oci://ghcr.io/", "oci://ghcr.io/acme/queue:1"),
            ("oci://ghcr.io/acme/queue:1", "oci://ghcr.io/acme/queue:1"),
            ("./plugins/", "plugins/a.wasm"),
            ("plugins", "./plugins/a.wasm"),
            ("plugins/./", &file),
            ("file:plugins", "plugins/a.wasm"),
            ("./", "plugins/a.wasm"),
            ("https://ACME.io:443/x/../p/", &url),
            ("https://acme.io", &url),
            ("*", &url),
        ] {
            assert!(is_for(pattern, source), "{pattern} for {source}");
        }
    }

    #[test]
    fn a_rule_ends_where_a_part_of_the_source_ends() {
        let url = format!("https://acme.io/plugins/queue.wasm#sha256={HEX}");
        for (pattern, source) in [
            ("oci://ghcr.io/acme", "oci://ghcr.io/acme-evil/queue:1"),
            ("oci://ghcr.io/acme/", "oci://ghcr.io/acme:1"),
            ("oci://ghcr.io", "oci://ghcr.io:8443/acme/queue:1"),
            ("oci://ghcr.io", "oci://ghcr.io.evil/acme/queue:1"),
            ("oci://ghcr.io/acme/queue:1", "oci://ghcr.io/acme/queue:11"),
            ("plugins", "plugins-evil/a.wasm"),
            ("plugins", "/plugins/a.wasm"),
            ("./", "../a.wasm"),
            ("./", "/a.wasm"),
            ("https://acme.io/plug", &url),
            ("https://acme.io.evil", &url),
        ] {
            assert!(!is_for(pattern, source), "{pattern} for {source}");
        }
    }

    #[test]
    fn what_can_be_for_no_source_is_a_mistake() {
        for (pattern, reason) in [
            ("oci://localhost/acme/*", "a `*` has no meaning here"),
            ("**", "a `*` has no meaning here"),
            ("oci://*.io/acme", "a `*` has no meaning here"),
            ("", "it names no file"),
            ("oci://acme", "`acme` is not a host"),
            ("oci://", "`` is not a host"),
            ("oci://ghcr.io/Acme/", "has capital letters"),
            ("oci://ghcr.io/acme//queue", "invalid reference format"),
            ("oci://ghcr.io:1", ""),
            ("s3://acme/", "`s3:` is not a way to load a plugin"),
            ("http://acme.io/", "`http:` is not a way to load a plugin"),
            ("https://me:word@acme.io/", "there are credentials in it"),
            ("plugins/../x", "it leaves a folder that it enters"),
        ] {
            match pattern.parse::<SourcePattern>() {
                Ok(_) => assert_eq!(reason, "", "{pattern} is a port's, not a tag's"),
                Err(error) => assert!(
                    error.reason.contains(reason) && !reason.is_empty(),
                    "{pattern}: {error:?}"
                ),
            }
        }
    }
}
