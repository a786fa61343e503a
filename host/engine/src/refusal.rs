//! What the API server has against an object, with the places of the fields that it names.

use capstan_core::{
    model::place::Place,
    plan::{Plan, task::Task},
};

use crate::error::ClusterError;

/// Why the API server refuses an object of a plan.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// The server's answer.
    pub error: ClusterError,
    /// Where the fields that it names are written, or else the object. Empty where trying again may help, and for what no manifest
    /// describes.
    pub places: Vec<Place>,
}

impl Refusal {
    /// Looks up the places that a refusal is about.
    pub(crate) fn of(plan: &Plan, task: &Task, error: ClusterError) -> Refusal {
        let places = match (&task.object, &task.place) {
            (Some(_), Some(_)) if error.is_temporary() => Vec::new(),
            (Some(object), Some(whole)) => plan.field_places.places(object, whole, &error.to_string()),
            (None, _) | (_, None) => Vec::new(),
        };
        Refusal { error, places }
    }

    /// Writes it in one line, as the events of an operation have it: with the places if it is about fields.
    pub(crate) fn line(&self) -> String {
        let is_about_fields = matches!(
            self.error,
            ClusterError::Invalid(_) | ClusterError::Immutable(_) | ClusterError::UnknownFields(_)
        );
        if !is_about_fields || self.places.is_empty() {
            return self.error.to_string();
        }
        let places: Vec<String> = self.places.iter().map(ToString::to_string).collect();
        format!("{}; it is written in {}", self.error, places.join(", "))
    }
}
