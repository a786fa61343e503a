//! What the user wants of a plan. One struct goes unchanged from flags and files to the planner.

use super::{Confirmed, Limits, Selection};
use crate::{
    compat::Mode,
    directive::OnTimeout,
    ignore::IgnoreRule,
    sync_options::{NamespaceMetadata, SyncOptions},
};

/// What the user wants of a plan and of the operation that runs it.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct PlanOptions {
    /// Whose rules hold.
    pub mode: Mode,
    /// Which resources, hooks and phases take part.
    pub selection: Selection,
    /// Whether objects that no manifest names any more are removed.
    pub prune: bool,
    /// Whether fields that other field managers own are taken over.
    pub force_conflicts: bool,
    /// Whether the application's namespace is created if it isn't there.
    pub create_namespace: bool,
    /// Whether objects that Argo CD tracks become this application's.
    pub adopt: bool,
    /// The application's sync options; those that objects can have are in their directives already.
    pub sync_options: SyncOptions,
    /// Labels and annotations of the application's namespace, for `CreateNamespace=true`.
    pub namespace_metadata: NamespaceMetadata,
    /// What may be deleted though its annotations ask for a confirmation.
    pub confirmed: Confirmed,
    /// Whether the server is asked about every object by a dry run before anything is changed.
    pub dry_run_first: bool,
    /// What a timeout means for tasks whose annotations don't say.
    pub on_timeout: OnTimeout,
    /// Which differences don't count, in addition to what annotations say.
    pub ignore_differences: Vec<IgnoreRule>,
    /// How long things may take, and how often they are tried.
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
            confirmed: Confirmed::default(),
            dry_run_first: true,
            on_timeout: OnTimeout::Fail,
            ignore_differences: Vec::new(),
            limits: Limits::default(),
        }
    }
}
