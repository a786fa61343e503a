//! URLs of repositories.

use std::fmt;

use reqwest::Url;

use crate::error::GitError;

/// The longest URL in bytes.
const MAX_URL_BYTES: usize = 2048;

/// The URL of a repository that can be fetched: `https`, or `http` for a host where that is allowed. It has no user, query or fragment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepositoryUrl(Url);

impl RepositoryUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it, without a user and password that may be in it.
    pub fn parse(text: &str) -> Result<RepositoryUrl, GitError> {
        let wrong = |reason: &str, hint: &str| GitError::Url {
            text: without_user(text),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        };
        if text.len() > MAX_URL_BYTES {
            return Err(wrong("it is longer than 2048 bytes", ""));
        }
        // The parser of URLs would drop tabs and line breaks, and read a backslash as a slash.
        if text.contains(|letter: char| letter.is_control() || letter.is_whitespace() || letter == '\\') {
            return Err(wrong("it has a space, a backslash or a control character", ""));
        }
        let lower = text.to_ascii_lowercase();
        if ["%2f", "%5c", "%00"].iter().any(|encoded| lower.contains(encoded)) {
            return Err(wrong(
                "it has an encoded slash, backslash or NUL in it",
                "write the path as it is",
            ));
        }
        if !lower.starts_with("https://") && !lower.starts_with("http://") {
            let hint = "only https is supported: write `https://HOST/PATH`, with an access token in the credentials";
            return Err(wrong("it doesn't begin with `https://`", hint));
        }
        let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string(), "write `https://HOST/PATH`"))?;
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            let hint = "a URL is shown in many places: put user and password into the credentials";
            return Err(wrong("it has a user in it", hint));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(
                "it has a `?` or `#` in it",
                "write only the repository's address",
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.is_empty() {
            return Err(wrong("it has no path", "write `https://HOST/PATH`"));
        }
        url.set_path(&path);
        Ok(RepositoryUrl(url))
    }

    /// Returns the host with its port, if that isn't the usual one.
    pub fn host(&self) -> String {
        host(&self.0)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the host of a URL with its port, if that isn't the usual one.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Says whether two URLs lead to the same server.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Repositories that may be fetched: all whose URLs begin with a prefix, such as `https://git.example.com/` or
/// `https://git.example.com/acme`. A prefix ends between two parts of a path: the second one doesn't match `/acme-other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlPrefix(Url);

impl UrlPrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it.
    pub fn parse(text: &str) -> Result<UrlPrefix, GitError> {
        let bare = text.trim_end_matches('/');
        // A prefix may have no path, a repository must have one.
        let has_path = bare.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        let whole = if has_path { bare.to_owned() } else { format!("{bare}/x") };
        let mut url = RepositoryUrl::parse(&whole)?.0;
        if !has_path {
            url.set_path("/");
        }
        Ok(UrlPrefix(url))
    }

    pub(crate) fn matches(&self, url: &Url) -> bool {
        let parts = |url: &Url| -> Vec<String> {
            let path = url.path().trim_matches('/').to_owned();
            path.split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        is_same_origin(&self.0, url) && parts(url).starts_with(&parts(&self.0))
    }
}

impl fmt::Display for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the part of a URL before its path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Returns a URL without the user and password in it. The text may be no URL at all.
fn without_user(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    // Of a password with a slash or an `@` in it, nothing may be left.
    match rest.rfind('@') {
        Some(at) => format!("{scheme}...{}", rest.get(at..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What a repository's URLs have in common, however they are written: with or without `.git`, a user, `https` or `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryIdentity {
    host: String,
    /// The port of `http` or `https`, if it isn't the usual one. A port of `ssh` says nothing about that of `https`.
    web_port: Option<u16>,
    is_web: bool,
    path: String,
}

impl RepositoryIdentity {
    /// Reads any form in which hosting services write a repository's address: `https://HOST/PATH.git`, `ssh://git@HOST:22/PATH`,
    /// `git@HOST:PATH`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<RepositoryIdentity> {
        let text = text.trim();
        if text.len() > MAX_URL_BYTES {
            return None;
        }
        let (scheme, authority, path) = if let Some((scheme, rest)) = text.split_once("://") {
            let (authority, path) = rest.split_once('/')?;
            (scheme.to_ascii_lowercase(), authority, path)
        } else {
            // The short form of SSH.
            let (authority, path) = text.split_once(':')?;
            (
                "ssh".to_owned(),
                Some(authority).filter(|host| !host.contains('/'))?,
                path,
            )
        };
        let (is_web, usual) = match scheme.as_str() {
            "https" => (true, 443),
            "http" => (true, 80),
            "ssh" | "git" | "git+ssh" => (false, 0),
            _ => return None,
        };
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(host_and_port)?;
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        if host.is_empty() || path.is_empty() {
            return None;
        }
        Some(RepositoryIdentity {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            web_port: port.filter(|port| is_web && *port != usual),
            is_web,
            path: path.to_owned(),
        })
    }

    /// Says whether both are the same repository.
    pub fn is_same(&self, other: &RepositoryIdentity) -> bool {
        self.host == other.host
            && self.path == other.path
            && (!self.is_web || !other.is_web || self.web_port == other.web_port)
    }
}

impl From<&RepositoryUrl> for RepositoryIdentity {
    fn from(url: &RepositoryUrl) -> RepositoryIdentity {
        let url = url.url();
        let path = url.path().trim_matches('/');
        RepositoryIdentity {
            host: url.host_str().unwrap_or_default().trim_end_matches('.').to_owned(),
            web_port: url.port(),
            is_web: true,
            path: path
                .strip_suffix(".git")
                .unwrap_or(path)
                .trim_end_matches('/')
                .to_owned(),
        }
    }
}

/// Splits `HOST:PORT`; an IPv6 address has brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { 0 };
    match text.get(end..)?.split_once(':') {
        Some((_, "")) => Some((text.get(..text.len() - 1)?, None)),
        Some((rest, port)) => Some((text.get(..end + rest.len())?, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_refused_says_why_and_never_shows_a_password() {
        for (text, reason) in [
            ("https://user:s3cret@git.example.com/a", "user in it"),
            ("https://@git.example.com/a", "user in it"),
            ("https://user:s3c/r@et@git.example.com/a", "s"),
            ("ssh://git:s3cret@git.example.com/a", "doesn't begin with `https://`"),
            ("user:s3cret@git.example.com:a/b", "doesn't begin with `https://`"),
            ("file:///etc", "doesn't begin with `https://`"),
            ("https://git.example.com", "no path"),
            ("https://git.example.com//", "no path"),
            ("https://git.example.com/a?token=1", "`?` or `#`"),
            ("https://git.example.com/a#b", "`?` or `#`"),
            ("https://git.example.com/a\n/b", "control character"),
            ("https://git.example.com\\@other.example/a", "backslash"),
            ("https://git.example.com/acme/..%2Fother/a", "encoded slash"),
            ("https:///a", "s"),
        ] {
            let error = RepositoryUrl::parse(text)
                .map(|url| url.to_string())
                .unwrap_err()
                .to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("s3c"), "{error}");
        }
        assert!(RepositoryUrl::parse(&format!("https://a.example/{}", "x".repeat(2048))).is_err());
        assert_eq!(
            RepositoryUrl::parse("HTTPS://Git.Example.COM:443/a/../b.git/")
                .unwrap()
                .to_string(),
            "https://git.example.com/b.git"
        );
    }

    #[test]
    fn a_prefix_ends_between_two_parts_of_a_path() {
        let allows = |prefix: &str, url: &str| {
            UrlPrefix::parse(prefix)
                .unwrap()
                .matches(RepositoryUrl::parse(url).unwrap().url())
        };
        for prefix in [
            "https://git.example.com/acme",
            "https://git.example.com/acme/",
            "https://git.example.com",
        ] {
            assert!(allows(prefix, "https://git.example.com/acme/shop.git"), "{prefix}");
            assert!(
                !allows(prefix, "https://git.example.com.evil.example/acme/shop"),
                "{prefix}"
            );
            assert!(!allows(prefix, "https://git.example.com:8443/acme/shop"), "{prefix}");
            assert!(!allows(prefix, "http://git.example.com/acme/shop"), "{prefix}");
        }
        assert!(!allows(
            "https://git.example.com/acme",
            "https://git.example.com/acme-other/shop"
        ));
        assert!(!allows(
            "https://git.example.com/acme",
            "https://git.example.com/acme/../other/shop"
        ));
        assert!(!allows(
            "https://git.example.com/acme",
            "https://git.example.com/acme/%2e%2e/other/shop"
        ));
        assert!(UrlPrefix::parse("git.example.com").is_err());
    }

    #[test]
    fn addresses_of_one_repository_are_the_same_however_they_are_written() {
        let own = RepositoryIdentity::from(&RepositoryUrl::parse("https://git.example.com/acme/shop.git").unwrap());
        for same in [
            "https://git.example.com/acme/shop",
            "https://Git.Example.com:443/acme/shop.git/",
            "http://git.example.com/acme/shop",
            "https://user:token@git.example.com/acme/shop.git",
            "ssh://git@git.example.com:2222/acme/shop.git",
            "git@git.example.com:acme/shop.git",
            "git://git.example.com/acme/shop",
            "https://git.example.com/acme/shop?x=1#y",
        ] {
            let other = RepositoryIdentity::parse(same).unwrap();
            assert!(own.is_same(&other) && other.is_same(&own), "{same}");
        }
        for another in [
            "https://git.example.com/acme/shop2",
            "https://git.example.com/acme",
            "https://git.example.com:8443/acme/shop",
            "https://git.example.com.evil.example/acme/shop",
            "https://evil.example/git.example.com/acme/shop",
            "https://git.example.com@evil.example/acme/shop",
            "git@evil.example:acme/shop.git",
            "https://git.example.com/Acme/shop",
        ] {
            assert!(!own.is_same(&RepositoryIdentity::parse(another).unwrap()), "{another}");
        }
        for none in [
            "",
            "shop",
            "https://",
            "https://git.example.com",
            "/srv/git/shop",
            "javascript:alert(1)//x",
        ] {
            let identity = RepositoryIdentity::parse(none);
            assert!(identity.is_none_or(|other| !own.is_same(&other)), "{none}");
        }
    }
}
