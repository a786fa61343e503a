//! How every request fails.

use capstan_core::model::{error::Diagnostic, finding::Finding, place::Place, remedy::Remedies};
use serde::{Deserialize, Serialize};

/// The body of every answer whose status is 400 or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// What kind of error it is.
    pub class: ErrorClass,
    /// What is wrong; a fragment without a full stop.
    pub message: String,
    /// What may help, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The options and commands of capstan that may help.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
    /// The rights that are missing: `create applications/trigger in shop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What is no longer as it was when a plan was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<String>,
    /// Where the mistake is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// All mistakes in the manifests, if that is what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Diagnostic>,
    /// The findings that forbid a sync, if that is what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The operation that runs, if that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// The kinds of errors, by what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorClass {
    /// 400: the request itself is wrong.
    Request,
    /// 401: the server does not know who asks.
    SignIn,
    /// 403: a right is missing.
    Denied,
    /// 404: there is no such thing.
    NotFound,
    /// 409: another operation of the application runs.
    Busy,
    /// 412: the cluster is no longer as the plan saw it.
    Moved,
    /// 422: the manifests have mistakes, or lint forbids the sync.
    Manifests,
    /// 429: too much at once.
    TooMany,
    /// 502: the cluster or a plugin does not answer as it should.
    Cluster,
    /// 500: something else.
    Other,
}

impl ErrorClass {
    /// Returns the status of the answer.
    pub fn status(self) -> u16 {
        match self {
            ErrorClass::Request => 400,
            ErrorClass::SignIn => 401,
            ErrorClass::Denied => 403,
            ErrorClass::NotFound => 404,
            ErrorClass::Busy => 409,
            ErrorClass::Moved => 412,
            ErrorClass::Manifests => 422,
            ErrorClass::TooMany => 429,
            ErrorClass::Cluster => 502,
            ErrorClass::Other => 500,
        }
    }
}

impl ApiError {
    /// Makes one that says only what is wrong.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> ApiError {
        ApiError {
            class,
            message: message.into(),
            hint: None,
            remedies: Remedies::default(),
            missing: Vec::new(),
            moved: Vec::new(),
            place: None,
            mistakes: Vec::new(),
            findings: Vec::new(),
            operation: None,
        }
    }

    /// Says what may help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> ApiError {
        self.hint = Some(hint.into());
        self
    }
}
