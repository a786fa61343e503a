//! The health of a `CustomResourceDefinition`: its kind can be used once it is established.
//!
//! Argo CD calls one that is not established degraded, which fails a wave in the moment between its creation and its
//! first use.

use capstan_sdk::Assessment;
use serde::Deserialize;

use crate::condition::{Condition, with};

/// What of it is looked at.
#[derive(Deserialize)]
pub struct Definition {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

/// Judges a `CustomResourceDefinition`.
pub fn assess(definition: &Definition) -> Assessment {
    let conditions = &definition.status.conditions;
    if with(conditions, "Terminating", "True").is_some() {
        return Assessment::progressing("CustomResourceDefinition/terminating", "being deleted");
    }
    if let Some(refused) = with(conditions, "NamesAccepted", "False") {
        return Assessment::degraded("CustomResourceDefinition/names", &refused.message);
    }
    if let Some(flaw) = with(conditions, "NonStructuralSchema", "True") {
        return Assessment::degraded("CustomResourceDefinition/schema", &flaw.message);
    }
    if with(conditions, "Established", "True").is_some() {
        return Assessment::healthy("CustomResourceDefinition/established").message("established");
    }
    Assessment::progressing("CustomResourceDefinition/established", "not established yet")
}
