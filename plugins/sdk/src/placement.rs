//! Where a hook goes: the question asked while planning, and its answer.

use serde::Deserialize;

use crate::{Application, Failure, Object, OnVanished};

/// What the host passes when it asks where a manifest goes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceInput<'a> {
    /// The manifest as it is written.
    #[serde(borrow, default)]
    pub object: Object<'a>,
    /// The user's settings for this hook.
    #[serde(borrow, default)]
    pub settings: Object<'a>,
    #[serde(borrow, default)]
    application: Object<'a>,
    /// The words of the hook annotation, in order.
    #[serde(default)]
    pub words: Vec<String>,
    /// Those of them that are phases.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// What the user wants if the object vanishes before its verdict.
    #[serde(default)]
    pub on_vanished: OnVanished,
}

impl PlaceInput<'_> {
    /// Which application the manifest belongs to.
    pub fn application(&self) -> Result<Application, Failure> {
        self.application.read_or_default()
    }
}

/// When a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Phase {
    /// Before the manifests are applied.
    PreSync,
    /// Together with the manifests.
    Sync,
    /// After all manifests are healthy.
    PostSync,
    /// After another phase has failed.
    SyncFail,
    /// Before the application is deleted.
    PreDelete,
    /// After the application is deleted.
    PostDelete,
    /// A word of a later contract.
    Other(String),
}

impl From<String> for Phase {
    fn from(word: String) -> Self {
        match &*word {
            "PreSync" => Self::PreSync,
            "Sync" => Self::Sync,
            "PostSync" => Self::PostSync,
            "SyncFail" => Self::SyncFail,
            "PreDelete" => Self::PreDelete,
            "PostDelete" => Self::PostDelete,
            _ => Self::Other(word),
        }
    }
}

/// What the plan shall do with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// Run it as a hook.
    Run(Placed),
    /// Leave it alone: not applied, not pruned, shown with this reason.
    Skip(String),
}

/// How a manifest runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The phases to run in. One object in two phases is two hooks.
    pub phases: Vec<Phase>,
    /// Whether the manifest is an object of the cluster; otherwise it is settings only and never sent there.
    pub has_object: bool,
    /// Other objects the hook may touch, as JSON: shown in the plan.
    pub also: Vec<String>,
    /// Further details as JSON, for `--output json`.
    pub details: Option<String>,
}

impl Placement {
    /// Runs the manifest, an object of the cluster, in the phases that the user wrote.
    pub fn run(input: &PlaceInput<'_>) -> Self {
        Self::Run(Placed {
            phases: input.phases.clone(),
            has_object: true,
            also: Vec::new(),
            details: None,
        })
    }

    /// Runs a manifest that is settings only (`kind: Hook`), in the phases that the user wrote.
    pub fn run_without_object(input: &PlaceInput<'_>) -> Self {
        Self::Run(Placed {
            phases: input.phases.clone(),
            has_object: false,
            also: Vec::new(),
            details: None,
        })
    }

    /// Leaves the manifest alone, for this reason.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}
