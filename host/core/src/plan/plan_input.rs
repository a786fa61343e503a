//! Everything a plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanOptions;
use crate::{
    container::Contents,
    diff::DryRunAnswer,
    directive::Directives,
    error::Diagnostic,
    inventory::Inventory,
    manifest::Manifest,
    object::{Object, ObjectKey},
    object_word::{ObjectIndex, fits},
    operation_kind::{OperationKind, Purpose},
    ownership::Ownership,
    phase::Phase,
    plugins::{Application, PluginQuery, PluginRef},
    record::HookRecords,
};

/// A manifest, what its annotations ask for, and what it is to the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The manifest; its namespace is filled in.
    pub manifest: Manifest,
    /// What its annotations ask for.
    pub directives: Directives,
    /// What it is.
    pub role: Role,
}

/// What a manifest is to the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// It is applied and kept.
    Resource,
    /// It runs.
    Hook {
        /// The plugin that runs it.
        by: PluginRef,
        /// In these phases.
        phases: Vec<Phase>,
        /// Whether the manifest is an object of the cluster.
        has_object: bool,
        /// Other objects it may touch.
        also: Vec<String>,
    },
    /// It is left alone, for this reason.
    Skip(String),
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveObjects {
    /// The live objects of the manifests' keys, and all that carry the application's label.
    pub objects: BTreeMap<ObjectKey, Object>,
    /// Whether no sync of the application has succeeded yet, and none of its objects was there before the first one.
    pub is_first_install: bool,
    /// What earlier operations made.
    pub inventory: Inventory,
    /// The applications that are deleted and whose labels are on some of the objects.
    pub deleted_applications: BTreeSet<Application>,
    /// What lives in the namespaces and is of the definitions among the objects that may go.
    pub contents: BTreeMap<ObjectKey, Contents>,
    /// What the server says to the objects that it was asked about.
    pub answers: BTreeMap<ObjectKey, DryRunAnswer>,
    /// Pods of hooks' objects that are gone already, which are being deleted themselves: for the deletion of an application.
    pub terminating_pods: Vec<Object>,
}

/// Says why the server can't be asked about an object yet; nothing when it can.
pub type Unasked<'a> = dyn Fn(&Object) -> Option<String> + 'a;

/// Everything a plan is made of.
pub struct PlanInput<'a> {
    /// For which application.
    pub application: Application,
    /// Sync or delete.
    pub does: OperationKind,
    /// What for.
    pub purpose: Purpose,
    /// What the user wants of it.
    pub options: &'a PlanOptions,
    /// The manifests.
    pub desired: &'a [Classified],
    /// What is there.
    pub live: &'a LiveObjects,
    /// What is remembered of the hooks.
    pub records: &'a HookRecords,
    /// Who answers for what.
    pub answerer: &'a dyn Fn(&PluginQuery) -> Option<PluginRef>,
    /// The policies that are asked for every hook.
    pub policies_for_all: Vec<PluginRef>,
    /// Says why the server can't be asked about an object yet; nothing when it can. Without it, it isn't asked at all.
    pub unasked: Option<&'a Unasked<'a>>,
    /// Our name in `managedFields`.
    pub manager: &'a str,
}

/// What may go though its annotations want a confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Everything.
    pub all: bool,
    /// These, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub only: Vec<String>,
}

impl Confirmed {
    /// Says whether an object is among them.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.all || self.only.iter().any(|word| fits(word, key))
    }

    /// Returns an error for each word that names nothing of what is there, or more than one object.
    pub(super) fn check(&self, objects: &ObjectIndex) -> Vec<Diagnostic> {
        let unresolved = |word: &String| Some(objects.resolve(word).err()?.mistake("--confirm", word));
        self.only.iter().filter_map(unresolved).collect()
    }
}

impl<'a> PlanInput<'a> {
    /// Returns what tells the application's objects from those of others.
    pub(super) fn ownership(&'a self) -> Ownership<'a> {
        Ownership::new(&self.application, &self.live.inventory).after_deletion_of(&self.live.deleted_applications)
    }
}
