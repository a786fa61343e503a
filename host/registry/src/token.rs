//! The value of the `Authorization` header: user name and password, or a token for one repository from the registry's token server.
//! <https://distribution.github.io/distribution/spec/auth/>

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_auth::parse_challenges;
use oci_client::RegistryOperation;
use reqwest::{Url, header::HeaderValue};
use serde::Deserialize;

use crate::{
    credentials::{Auth, Credentials},
    error::RegistryError,
    http::{Http, HttpRequest},
};

/// The most bytes of an answer: a token has a few KB.
const MAX_TOKEN_BYTES: u64 = 256 << 10;

/// Our client id for a server that exchanges identity tokens.
const CLIENT_ID: &str = "capstan";

/// The authorization for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// The registry requires no token.
    None,
    /// User name and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

/// What a token is requested for.
pub(crate) struct TokenRequest<'a> {
    /// The registry's address, with its scheme.
    pub(crate) registry: &'a str,
    /// The repository in it.
    pub(crate) repository: &'a str,
    /// The intended operation.
    pub(crate) operation: RegistryOperation,
}

/// The token has one of two names, or both.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// A registry's challenge that names its token server.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
}

impl Authorization {
    /// Makes the value of the header.
    ///
    /// # Errors
    ///
    /// Returns that it can't be written in a header.
    pub(crate) fn to_header(&self) -> Result<Option<HeaderValue>, String> {
        let value = match self {
            Authorization::None => return Ok(None),
            Authorization::Basic(user, password) => format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            Authorization::Bearer(token) => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| "no header can carry them".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Finds out which authorization a registry needs, and obtains it.
pub(crate) async fn authorize(
    http: &Http,
    token_request: &TokenRequest<'_>,
    credentials: &Credentials,
) -> Result<Authorization, RegistryError> {
    if let Auth::Token(token) = &credentials.auth {
        return Ok(Authorization::Bearer(token.clone()));
    }
    let headers = http.challenges(&format!("{}/v2/", token_request.registry)).await?;
    match headers.iter().find_map(|header| parse_bearer_challenge(header)) {
        Some(challenge) => request_token(http, token_request, credentials, challenge).await,
        None => Ok(match &credentials.auth {
            Auth::Password(user, password) => Authorization::Basic(user.clone(), password.clone()),
            Auth::Anonymous | Auth::Token(_) | Auth::IdentityToken(_) => Authorization::None,
        }),
    }
}

/// Requests a token from the registry's token server.
async fn request_token(
    http: &Http,
    token_request: &TokenRequest<'_>,
    credentials: &Credentials,
    challenge: Challenge,
) -> Result<Authorization, RegistryError> {
    let wrong = |answer: String| RegistryError::UnexpectedAnswer {
        host: token_request.registry.to_owned(),
        what: format!("repository {}", token_request.repository),
        answer,
    };
    let Ok(mut url) = Url::parse(&challenge.realm) else {
        return Err(wrong(format!("`{}`, where there should be tokens", challenge.realm)));
    };
    if url.scheme() != "https" && token_request.registry.starts_with("https:") {
        return Err(wrong(format!("`{url}`, where tokens would be given without TLS")));
    }
    let actions = match token_request.operation {
        RegistryOperation::Pull => "pull",
        RegistryOperation::Push => "pull,push",
    };
    let scope = format!("repository:{}:{actions}", token_request.repository);
    let mut words = vec![("scope", scope.as_str())];
    words.extend(challenge.service.as_deref().map(|service| ("service", service)));
    let form = if let Auth::IdentityToken(token) = &credentials.auth {
        words.extend([
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", token.as_str()),
        ]);
        Some(encode_form(&words))
    } else {
        url.query_pairs_mut().extend_pairs(&words);
        None
    };
    let basic = match &credentials.auth {
        Auth::Password(user, password) => Authorization::Basic(user.clone(), password.clone()),
        Auth::Anonymous | Auth::Token(_) | Auth::IdentityToken(_) => Authorization::None,
    };
    let what = format!("a token for repository {}", token_request.repository);
    let authorization = basic.to_header().map_err(wrong)?;
    let request = HttpRequest {
        url: url.as_str(),
        accept: &[],
        authorization: authorization.as_ref(),
        form: form.as_deref(),
        credentials_description: credentials.description.as_deref(),
        description: &what,
        max_bytes: MAX_TOKEN_BYTES,
    };
    let got = match http.get(&request).await {
        // Token servers report that in several ways.
        Err(RegistryError::UnexpectedAnswer { host, what, answer }) if answer.starts_with("400") => {
            Err(RegistryError::Denied {
                host,
                what,
                who: credentials.description.clone(),
            })
        }
        settled => settled,
    }?;
    let answer: TokenAnswer = serde_json::from_slice(&got.body).map_err(|error| wrong(format!("no token: {error}")))?;
    let token = answer.token.or(answer.access_token);
    token
        .map(Authorization::Bearer)
        .ok_or_else(|| wrong("no token".to_owned()))
}

/// Finds the challenge that names a token server.
fn parse_bearer_challenge(header: &str) -> Option<Challenge> {
    let challenges = parse_challenges(header).ok()?;
    let challenge = challenges
        .iter()
        .find(|one| one.scheme.eq_ignore_ascii_case("bearer"))?;
    let value = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    Some(Challenge {
        realm: value("realm")?,
        service: value("service"),
    })
}

/// Encodes pairs as a form.
fn encode_form(words: &[(&str, &str)]) -> String {
    let mut form = Url::parse("form:").ok();
    if let Some(form) = &mut form {
        form.query_pairs_mut().extend_pairs(words);
    }
    form.as_ref().and_then(Url::query).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_tokens_is_found_among_challenges() {
        let found = |header: &str| parse_bearer_challenge(header).map(|challenge| (challenge.realm, challenge.service));
        let some = |realm: &str, service: Option<&str>| Some((realm.to_owned(), service.map(str::to_owned)));
        assert_eq!(
            found(r#"Bearer realm="https://a.io/t",service="a",scope="repository:x:pull""#),
            some("https://a.io/t", Some("a"))
        );
        assert_eq!(
            found(r#"Basic realm="a", bearer realm="https://a.io/t""#),
            some("https://a.io/t", None)
        );
        for other in ["Basic realm=\"a\"", "Bearer service=\"a\"", "", "\u{7f}"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn words_are_written_as_a_form() {
        assert_eq!(
            encode_form(&[("scope", "repository:a/b:pull"), ("t", "a&b=c d")]),
            "scope=repository%3Aa%2Fb%3Apull&t=a%26b%3Dc+d"
        );
    }

    #[test]
    fn what_no_header_can_carry_is_an_error() {
        assert!(Authorization::Bearer("a\nb".to_owned()).to_header().is_err());
        let basic = Authorization::Basic("me".to_owned(), "a\nb".to_owned())
            .to_header()
            .unwrap()
            .unwrap();
        assert_eq!(
            (basic.to_str().unwrap(), basic.is_sensitive()),
            ("Basic bWU6YQpi", true)
        );
    }
}
