//! Errors as answers.

use std::error::Error as _;

use axum::response::{IntoResponse, Response};
use capstan_api::{ApiError, ErrorClass};
use capstan_core::model::error::Diagnostics;
use capstan_engine::{ClusterError, EngineError};
use http::{HeaderValue, StatusCode, header};

use crate::sources::SourceError;

/// An error as an answer.
#[derive(Debug)]
pub(crate) struct Failure(pub Box<ApiError>);

impl Failure {
    /// Makes one that says only what is wrong.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Failure {
        ApiError::new(class, message).into()
    }

    /// Says what may help.
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure(Box::new(self.0.hint(hint)))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        Failure(Box::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.class.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        let message = with_causes(&error);
        let of = |class| ApiError::new(class, message.clone());
        Failure(Box::new(match error {
            EngineError::InvalidInput(mistakes) => of_mistakes(mistakes, message),
            EngineError::LintErrors(findings) => ApiError {
                findings,
                ..of(ErrorClass::Manifests).hint("nothing was changed; correct the manifests, or allow the rules")
            },
            EngineError::Cluster {
                source: ClusterError::Forbidden(missing),
                ..
            } => ApiError {
                missing: vec![missing],
                ..of(ErrorClass::Denied).hint("ask an administrator of the cluster for this permission")
            },
            EngineError::Cluster { .. } => of(ErrorClass::Cluster),
            EngineError::MissingPermissions(permissions) => ApiError {
                missing: permissions.iter().map(ToString::to_string).collect(),
                ..of(ErrorClass::Denied).hint("nothing was changed; request these permissions, or choose only objects that you may change")
            },
            EngineError::Outdated(moved) => ApiError {
                moved,
                ..of(ErrorClass::Moved).hint("nothing was changed; look at the new plan")
            },
            EngineError::Busy { .. } => of(ErrorClass::Busy).hint("wait until it ends, or terminate it first"),
            EngineError::Unfinished(operation) => ApiError {
                operation: Some(operation),
                ..of(ErrorClass::Busy).hint("continue it, or terminate it")
            },
            EngineError::LostLock(_) => of(ErrorClass::Busy).hint("another process may continue the operation"),
            EngineError::NoApplication { .. } => {
                of(ErrorClass::NotFound).hint("an application is stored by its first sync")
            }
            EngineError::NoOperation(_) => of(ErrorClass::NotFound),
            EngineError::SignalNotAwaited { ref waiting, .. } if !waiting.is_empty() => {
                of(ErrorClass::Request).hint(format!("there is {}", waiting.join(", ")))
            }
            EngineError::SignalNotAwaited { .. } => of(ErrorClass::Request),
            EngineError::InvalidState(_) => of(ErrorClass::Other).hint(
                "if it can't be restored, `capstan delete APP --abandon` deletes the stored state and lists the objects that stay in the cluster",
            ),
        }))
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        match error {
            SourceError::Unknown => Failure::new(
                ErrorClass::NotFound,
                "this server does not know where the manifests of this application are",
            )
            .hint(
                "start `capstan ui` with its sources, as in `capstan ui -f shop/`, or in a folder with a capstan.yaml",
            ),
            SourceError::Mistakes(Diagnostics(mistakes)) => {
                let message = match mistakes.len() {
                    1 => "there is a mistake in the manifests".to_owned(),
                    count => format!("there are {count} mistakes in the manifests"),
                };
                of_mistakes(mistakes, message).into()
            }
            SourceError::Other(message) => Failure::new(ErrorClass::Other, message),
        }
    }
}

fn of_mistakes(mistakes: Vec<capstan_core::model::error::Diagnostic>, message: String) -> ApiError {
    let mut error = ApiError::new(ErrorClass::Manifests, message);
    if let [only] = mistakes.as_slice() {
        error.message.clone_from(&only.message);
        let text = only.hint.free_text();
        error.hint = (!text.is_empty()).then_some(text);
        error.remedies = only.hint.clone().without_text();
        error.place.clone_from(&only.place);
    }
    error.mistakes = mistakes;
    error
}

fn with_causes(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
