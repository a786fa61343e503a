//! Everything a plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlanOptions, in_written_order};
use crate::{
    kubernetes::ownership::Ownership,
    model::{
        error::Diagnostic,
        inventory::Inventory,
        object::{Object, ObjectKey},
        object_specifier::{ObjectIndex, matches},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, PluginQuery, PluginRef},
        remedy::ObjectOption,
    },
    plan::{container::Contents, diff::DryRunAnswer, hook_record::HookRecords},
    read::{directive::Directives, manifest::Manifest},
};

/// A manifest with its directives and its role.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The manifest, with its namespace filled in.
    pub manifest: Manifest,
    /// What its annotations ask for.
    pub directives: Directives,
    /// How it is used.
    pub role: Role,
}

/// How a manifest is used in a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// It is applied and kept.
    Resource,
    /// It is run as a hook.
    Hook {
        /// The plugin that runs it.
        by: PluginRef,
        /// The phases in which the hook runs.
        phases: Vec<Phase>,
        /// Whether the manifest is an object of the cluster.
        has_object: bool,
        /// Other objects that it may change.
        also: Vec<String>,
    },
    /// It is skipped, for this reason.
    Skip(String),
}

/// The state of the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveObjects {
    /// The live objects of the manifests' keys, and all with the application's label.
    pub objects: BTreeMap<ObjectKey, Object>,
    /// Whether no sync of the application has succeeded yet, and none of its objects existed before the first one.
    pub is_first_install: bool,
    /// What earlier operations created.
    pub inventory: Inventory,
    /// Deleted applications whose labels are on some of the objects.
    pub deleted_applications: BTreeSet<Application>,
    /// The contents of the Namespaces and definitions that may be deleted.
    pub contents: BTreeMap<ObjectKey, Contents>,
    /// The server's answers to dry runs.
    pub answers: BTreeMap<ObjectKey, DryRunAnswer>,
    /// For the deletion of an application: pods of hooks' objects that are gone already, while the pods are still being deleted.
    pub terminating_pods: Vec<Object>,
}

/// Returns why no dry run of an object is possible yet; `None` if it is possible.
pub type DryRunBlocker<'a> = dyn Fn(&Object) -> Option<String> + Sync + 'a;

/// Everything that a plan is made from.
pub struct PlanInput<'a> {
    /// The application's name and namespace.
    pub application: Application,
    /// Whether the operation syncs or deletes the application.
    pub operation_kind: OperationKind,
    /// Whether a sync deploys, rolls back or tests.
    pub purpose: Purpose,
    /// The user's options.
    pub options: &'a PlanOptions,
    /// The manifests with their directives and roles.
    pub desired: DesiredManifests<'a>,
    /// The state of the cluster.
    pub live: &'a LiveObjects,
    /// The last runs of the hooks.
    pub records: &'a HookRecords,
    /// Returns the plugin for a query.
    pub plugin_for: &'a dyn Fn(&PluginQuery) -> Option<PluginRef>,
    /// The policies that are asked for every hook.
    pub policies_for_all: Vec<PluginRef>,
    /// Returns why no dry run of an object is possible yet. `None` if there are no dry runs at all.
    pub dry_run_blocker: Option<&'a DryRunBlocker<'a>>,
    /// Capstan's field manager.
    pub manager: &'a str,
}

/// The manifests of a set in the order in which they were read. The plan must not depend on that order, so only the order in which they
/// are written can be had.
#[derive(Clone, Copy)]
pub struct DesiredManifests<'a>(&'a [Classified]);

impl<'a> DesiredManifests<'a> {
    /// Wraps manifests in any order.
    pub fn new(desired: &'a [Classified]) -> DesiredManifests<'a> {
        DesiredManifests(desired)
    }

    /// Returns the manifests sorted by their places.
    pub fn in_written_order(self) -> Vec<&'a Classified> {
        in_written_order(self.0)
    }
}

/// The objects whose deletion the user confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// Whether all objects are confirmed.
    pub all: bool,
    /// These objects, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub only: Vec<String>,
}

impl Confirmation {
    /// Returns whether the deletion of an object is confirmed.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.all || self.only.iter().any(|word| matches(word, key))
    }

    /// Returns an error for each word that names no object, or more than one.
    pub(super) fn check(&self, objects: &ObjectIndex) -> Vec<Diagnostic> {
        let unresolved = |word: &String| {
            Some(
                objects
                    .resolve(word)
                    .err()?
                    .into_diagnostic(ObjectOption::Confirm, word),
            )
        };
        self.only.iter().filter_map(unresolved).collect()
    }
}

impl<'a> PlanInput<'a> {
    /// Returns what distinguishes the application's objects from those of others.
    pub(super) fn ownership(&'a self) -> Ownership<'a> {
        Ownership::new(&self.application, &self.live.inventory).after_deletion_of(&self.live.deleted_applications)
    }
}
