//! Who makes a request, and what they may do.

use std::{collections::BTreeMap, fmt, io};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use capstan_api::{ApiError, ErrorClass, Verb};
use capstan_core::model::plugins::Application;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

/// How many random bytes a token has.
const TOKEN_BYTES: usize = 32;

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, as it is stored with operations: `anna on laptop`.
    pub name: String,
}

/// Says who makes a request, and what they may do.
#[async_trait]
pub trait Access: Send + Sync {
    /// Says who makes a request.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorClass::SignIn`] for strangers.
    async fn user(&self, headers: &HeaderMap) -> Result<User, ApiError>;

    /// Returns those of `verbs` that a user may not use, each with the right that is missing. Without an application, it is about all.
    ///
    /// # Errors
    ///
    /// Returns why that can't be found out.
    async fn missing(
        &self,
        user: &User,
        application: Option<&Application>,
        verbs: &[Verb],
    ) -> Result<BTreeMap<Verb, String>, ApiError>;
}

/// What one user has to know. Comparing it takes a time that says nothing about it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Makes a token that nobody can guess.
    ///
    /// # Errors
    ///
    /// Returns that the system gives no random bytes.
    pub fn random() -> io::Result<Token> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Token(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the text of the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares digests, whose bytes a stranger can't choose, and all of them.
    fn is(&self, given: &str) -> bool {
        let (own, other) = (Sha256::digest(&self.0), Sha256::digest(given));
        let differs = own
            .iter()
            .zip(&other)
            .fold(0, |differs, (own, other)| differs | (own ^ other));
        std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// One user, who knows a token and may do everything. The cluster still refuses what their credentials may not do.
#[derive(Debug, Clone)]
pub struct TokenAccess {
    /// The token that every request must have.
    pub token: Token,
    /// The user as whom each request with the token acts.
    pub user: User,
}

#[async_trait]
impl Access for TokenAccess {
    async fn user(&self, headers: &HeaderMap) -> Result<User, ApiError> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let bearer = given
            .next()
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match (bearer, given.next()) {
            (Some(bearer), None) if self.token.is(bearer) => Ok(self.user.clone()),
            _ => Err(
                ApiError::new(ErrorClass::SignIn, "the token is missing or not the right one")
                    .hint("open the address that `capstan ui` printed; each start has a new token"),
            ),
        }
    }

    async fn missing(&self, _: &User, _: Option<&Application>, _: &[Verb]) -> Result<BTreeMap<Verb, String>, ApiError> {
        Ok(BTreeMap::new())
    }
}
