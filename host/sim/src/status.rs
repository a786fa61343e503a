//! Errors of the API server: a `Status` with a code, a reason and the message of a real server.

use serde_json::{Value, json};

/// An error of the API server.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct StatusError {
    /// The HTTP code.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`.
    pub reason: String,
    /// The text for people.
    pub message: String,
    /// The `details` of the `Status`, null when there are none.
    pub details: Value,
}

/// One cause of an `Invalid` error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCause {
    /// The class, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// The path of the field.
    pub field: String,
    /// What is wrong, without the path.
    pub message: String,
}

impl StatusCause {
    /// Returns the cause for an invalid value.
    pub fn invalid(field: &str, value: &Value, why: &str) -> StatusCause {
        StatusCause {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    /// Returns the cause for a missing value.
    pub fn required(field: &str, why: &str) -> StatusCause {
        let tail = if why.is_empty() {
            String::new()
        } else {
            format!(": {why}")
        };
        StatusCause {
            reason: "FieldValueRequired",
            field: field.into(),
            message: format!("Required value{tail}"),
        }
    }

    /// Returns the cause for a duplicate value.
    pub fn duplicate(field: &str, value: &Value) -> StatusCause {
        StatusCause {
            reason: "FieldValueDuplicate",
            field: field.into(),
            message: format!("Duplicate value: {value}"),
        }
    }

    /// Returns the cause for a value that isn't allowed.
    pub fn forbidden(field: &str, why: &str) -> StatusCause {
        StatusCause {
            reason: "FieldValueForbidden",
            field: field.into(),
            message: format!("Forbidden: {why}"),
        }
    }

    /// Returns the cause for a value that isn't one of the supported ones.
    pub fn unsupported(field: &str, value: &Value, choice: &[&str]) -> StatusCause {
        let choice: Vec<String> = choice.iter().map(|one| format!("\"{one}\"")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", choice.join(", "));
        StatusCause {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message,
        }
    }
}

/// Returns the name of a resource in messages: `jobs.batch`, or `pods` for the core group.
pub fn qualified_resource(plural: &str, group: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}

impl StatusError {
    /// Returns an error without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> StatusError {
        StatusError {
            code,
            reason: reason.into(),
            message: message.into(),
            details: Value::Null,
        }
    }

    fn with_details(mut self, plural: &str, group: &str, name: &str) -> StatusError {
        self.details = json!({ "name": name, "kind": plural });
        if !group.is_empty() {
            self.details["group"] = json!(group);
        }
        self
    }

    /// The object doesn't exist.
    pub fn not_found(plural: &str, group: &str, name: &str) -> StatusError {
        let message = format!("{} \"{name}\" not found", qualified_resource(plural, group));
        StatusError::new(404, "NotFound", message).with_details(plural, group, name)
    }

    /// The path isn't served.
    pub fn no_such_path() -> StatusError {
        let mut refusal = StatusError::new(404, "NotFound", "the server could not find the requested resource");
        refusal.details = json!({});
        refusal
    }

    /// The object exists already.
    pub fn already_exists(plural: &str, group: &str, name: &str) -> StatusError {
        let message = format!("{} \"{name}\" already exists", qualified_resource(plural, group));
        StatusError::new(409, "AlreadyExists", message).with_details(plural, group, name)
    }

    /// The request conflicts with the object's state.
    pub fn conflict(plural: &str, group: &str, name: &str, why: &str) -> StatusError {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            qualified_resource(plural, group)
        );
        StatusError::new(409, "Conflict", message).with_details(plural, group, name)
    }

    /// The object was changed in the meantime.
    pub fn modified(plural: &str, group: &str, name: &str) -> StatusError {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        StatusError::conflict(plural, group, name, why)
    }

    /// The object is invalid.
    pub fn invalid(kind: &str, group: &str, name: &str, causes: &[StatusCause]) -> StatusError {
        let texts: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let texts = if let [one] = texts.as_slice() {
            one.clone()
        } else {
            format!("[{}]", texts.join(", "))
        };
        let message = format!("{} \"{name}\" is invalid: {texts}", qualified_resource(kind, group));
        let mut refusal = StatusError::new(422, "Invalid", message).with_details(kind, group, name);
        refusal.details["causes"] = causes
            .iter()
            .map(|cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field }))
            .collect();
        refusal
    }

    /// The request isn't permitted.
    pub fn forbidden(plural: &str, group: &str, name: &str, why: &str) -> StatusError {
        let message = format!("{} \"{name}\" is forbidden: {why}", qualified_resource(plural, group));
        StatusError::new(403, "Forbidden", message).with_details(plural, group, name)
    }

    /// The request is malformed.
    pub fn bad_request(message: impl Into<String>) -> StatusError {
        StatusError::new(400, "BadRequest", message)
    }

    /// The resource doesn't support this verb.
    pub fn method_not_allowed() -> StatusError {
        StatusError::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// The resource doesn't support this type of patch.
    pub fn unsupported_media_type(accepted: &[&str]) -> StatusError {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        StatusError::new(415, "UnsupportedMediaType", message)
    }

    /// The body of the request is too large.
    pub fn too_large(limit: usize) -> StatusError {
        let message = format!("Request entity too large: limit is {limit}");
        StatusError::new(413, "RequestEntityTooLarge", message)
    }

    /// The revision that a watch requests is no longer in the history.
    pub fn expired(requested: u64, oldest: u64) -> StatusError {
        StatusError::new(
            410,
            "Expired",
            format!("too old resource version: {requested} ({oldest})"),
        )
    }

    /// Returns the `Status` object in the body of the answer.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}
