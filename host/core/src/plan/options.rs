//! The user's options for a plan. The struct is passed unchanged from flags and files to the planner.

use super::{Confirmation, Limits, Selection};
use crate::{
    model::{compat::Mode, settings::OnTimeout},
    read::{
        ignore::IgnoreRule,
        sync_options::{NamespaceMetadata, SyncOptions},
    },
};

/// The user's options for a plan and its operation.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct PlanOptions {
    /// Whose rules the plan follows.
    pub mode: Mode,
    /// Which resources, hooks and phases are selected.
    pub selection: Selection,
    /// Whether live objects that no manifest names any more are deleted.
    pub prune: bool,
    /// Whether fields that other field managers own are taken over.
    pub force_conflicts: bool,
    /// Whether the application's namespace is created if it doesn't exist.
    pub create_namespace: bool,
    /// Whether objects that Argo CD tracks become this application's.
    pub adopt: bool,
    /// The application's sync options. Those that objects can have are already in their directives.
    pub sync_options: SyncOptions,
    /// Labels and annotations of the application's namespace, for `CreateNamespace=true`.
    pub namespace_metadata: NamespaceMetadata,
    /// The objects whose deletion the user confirmed.
    pub confirmed: Confirmation,
    /// Whether every object is sent as a dry run before anything is changed.
    pub dry_run_first: bool,
    /// What happens on a timeout of tasks without an annotation for it.
    pub on_timeout: OnTimeout,
    /// Ignored fields, in addition to those of annotations.
    pub ignore_differences: Vec<IgnoreRule>,
    /// Deadlines and retries.
    pub limits: Limits,
}

impl Default for PlanOptions {
    fn default() -> PlanOptions {
        PlanOptions {
            mode: Mode::Native,
            selection: Selection::default(),
            prune: false,
            force_conflicts: false,
            create_namespace: false,
            adopt: false,
            sync_options: SyncOptions::default(),
            namespace_metadata: NamespaceMetadata::default(),
            confirmed: Confirmation::default(),
            dry_run_first: true,
            on_timeout: OnTimeout::Fail,
            ignore_differences: Vec::new(),
            limits: Limits::default(),
        }
    }
}
