//! The four patches, and who owns which field.
//!
//! * `schema.rs`: which lists are maps, which maps are one value, by the types of the kinds;
//! * `fields.rs`: sets of field paths, as `metadata.managedFields` has them; `walk.rs`: which fields an object has, and
//!   which differ between two;
//! * `managed.rs`: the entries of `managedFields`, and what plain writes do to them;
//! * `merge.rs`, `server.rs`: server-side apply; `strategic.rs`: strategic merge patches.
//!
//! JSON patches and JSON merge patches are the `json-patch` crate's.

pub(crate) mod fields;
pub(crate) mod managed;
pub(crate) mod merge;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod strategic;
pub(crate) mod walk;

use serde_json::Value;

use self::strategic::MergeError;
use crate::{kinds::Resource, status::StatusError};

/// The patch formats, by media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchFormat {
    /// RFC 6902, `application/json-patch+json`.
    Json,
    /// RFC 7396, `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// Server-side apply, `application/apply-patch+yaml`.
    Apply,
}

impl PatchFormat {
    /// Returns the format a request names; custom kinds take no strategic patches.
    pub fn from_content_type(content_type: &str, resource: &Resource) -> Result<PatchFormat, StatusError> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        match media {
            "application/json-patch+json" => Ok(PatchFormat::Json),
            "application/merge-patch+json" => Ok(PatchFormat::Merge),
            "application/strategic-merge-patch+json" if !resource.is_custom => Ok(PatchFormat::Strategic),
            "application/apply-patch+yaml" => Ok(PatchFormat::Apply),
            _ if resource.is_custom => Err(StatusError::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ])),
            _ => Err(StatusError::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ])),
        }
    }
}

/// Applies a patch of one of the first three formats to a live object, and returns the result.
pub(crate) fn apply_patch(
    format: PatchFormat,
    resource: &Resource,
    live: &Value,
    patch: Value,
) -> Result<Value, StatusError> {
    let mut object = live.clone();
    match format {
        PatchFormat::Json => {
            let patch: json_patch::Patch = serde_json::from_value(patch)
                .map_err(|error| StatusError::bad_request(format!("error decoding patch: {error}")))?;
            json_patch::patch(&mut object, &patch).map_err(|error| {
                let message = format!("the server rejected our request due to an error in our request: {error}");
                StatusError::new(422, "Invalid", message)
            })?;
        }
        PatchFormat::Merge => json_patch::merge(&mut object, &patch),
        PatchFormat::Strategic | PatchFormat::Apply => {
            strategic::merge(&mut object, patch, &schema::root_rule(resource)).map_err(|error| match error {
                MergeError::Internal(why) => StatusError::new(500, "", why),
                MergeError::BadFormat(why) => StatusError::bad_request(why),
            })?;
        }
    }
    Ok(object)
}
