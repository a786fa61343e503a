//! How repositories are reached: which ones, with which certificates, as whom.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Url, header::HeaderValue};

use crate::{
    error::GitError,
    limits::Limits,
    url::{UrlPrefix, host},
};

/// How repositories are reached. None of this belongs to a single repository.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Certificates of CAs to trust beside those of the system, in PEM; may be empty.
    pub ca_certificates: Vec<u8>,
    /// Which client certificate is shown to a server that asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The repositories that may be fetched; any if empty.
    pub allowed: Vec<UrlPrefix>,
    /// Hosts without TLS, as HOST or HOST:PORT.
    pub plain_http: Vec<String>,
    /// Whether a repository may be on this machine, its link, or at the address of a metadata service.
    pub allows_local: bool,
    /// Bounds for each fetch.
    pub limits: Limits,
}

impl Access {
    /// Checks whether a URL may be requested. Resolved addresses are checked when a connection is made.
    pub(crate) fn check(&self, url: &Url) -> Result<(), GitError> {
        let is_plain = url.scheme() == "http" && self.plain_http.contains(&host(url));
        if url.scheme() != "https" && !is_plain {
            return Err(GitError::PlainHttp {
                url: url.to_string(),
                host: host(url),
            });
        }
        if !self.allowed.is_empty() && !self.allowed.iter().any(|prefix| prefix.matches(url)) {
            return Err(GitError::NotAllowed {
                url: url.to_string(),
                allowed: self.allowed.iter().map(ToString::to_string).collect(),
            });
        }
        if self.allows_local {
            return Ok(());
        }
        capstan_outbound::check_literal(url.host_str().unwrap_or_default()).map_err(|refused| GitError::LocalAddress {
            url: url.to_string(),
            name: refused.name,
            address: refused.address,
        })
    }
}

/// A client certificate with its private key. It is never shown.
#[derive(Clone)]
pub struct ClientCertificate {
    pem: Vec<u8>,
}

impl ClientCertificate {
    /// Returns a certificate, with those of intermediate CAs behind it, and its private key, all in PEM. They are checked when a client is
    /// made.
    pub fn new(certificates: &[u8], private_key: &[u8]) -> ClientCertificate {
        ClientCertificate {
            pem: [certificates, b"\n", private_key].concat(),
        }
    }

    pub(crate) fn pem(&self) -> &[u8] {
        &self.pem
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client certificate")
    }
}

/// Credentials for one repository. They are sent to its host only, and are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: Option<String>,
    authorization: HeaderValue,
}

impl Credentials {
    /// Returns a user with a password or token.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the user's name.
    pub fn basic(user: &str, password: &str) -> Result<Credentials, GitError> {
        if user.contains(':') || user.contains(char::is_control) {
            return Err(GitError::Credentials {
                reason: "the user's name has a `:` or a control character in it".to_owned(),
            });
        }
        if password.contains(char::is_control) {
            return Err(control_character("the password"));
        }
        let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
        Credentials::from_header(Some(user.to_owned()), &format!("Basic {pair}"))
    }

    /// Returns a token that is sent as `Authorization: Bearer`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the token.
    pub fn bearer(token: &str) -> Result<Credentials, GitError> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(control_character("the token"));
        }
        Credentials::from_header(None, &format!("Bearer {token}"))
    }

    fn from_header(user: Option<String>, text: &str) -> Result<Credentials, GitError> {
        let mut authorization = HeaderValue::from_str(text).map_err(|_| control_character("the value"))?;
        authorization.set_sensitive(true);
        Ok(Credentials { user, authorization })
    }

    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Returns who this is, for people.
    pub(crate) fn description(&self) -> String {
        match &self.user {
            Some(user) => format!("the user `{user}`"),
            None => "the bearer token".to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description())
    }
}

fn control_character(what: &str) -> GitError {
    GitError::Credentials {
        reason: format!("{what} is empty, or has a line break, a space or a control character in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_show_a_user_and_no_secret() {
        let basic = Credentials::basic("alice", "s3cret").unwrap();
        let bearer = Credentials::bearer("s3cret").unwrap();
        let shown = format!("{basic:?} {bearer:?} {:?}", bearer.authorization());
        assert_eq!(shown, "the user `alice` the bearer token Sensitive");
        for wrong in ["", "a b", "s3cret\n", "s3cr\u{e9}t"] {
            let error = Credentials::bearer(wrong).unwrap_err().to_string();
            assert!(!error.contains("s3cr"), "{error}");
        }
        assert!(Credentials::basic("a:b", "x").is_err());
        let error = Credentials::basic("alice", "s3cret\n").unwrap_err().to_string();
        assert!(error.contains("line break") && !error.contains("s3cret"), "{error}");
    }
}
