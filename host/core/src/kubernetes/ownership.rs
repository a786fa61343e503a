//! Decides to which application a live object belongs, and whether it may be deleted. All code that needs to know asks here.
//!
//! An application is identified by its namespace and name. Two labels name both on every object that it applies or creates; version 0.1.0
//! wrote only the name. Labels can be copied by people and by controllers, so a label only says where to look. An object belongs to the
//! application if its inventory has the key and UID, or if the application's field manager owns the label.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{
    compat::{Mode, Rule},
    inventory::Inventory,
    object::{Object, labels},
    plugins::Application,
    remedy::{Notice, Setting},
};

/// The field manager of everything that Capstan applies.
pub const FIELD_MANAGER: &str = "capstan";
/// The prefix of the field managers for hooks' plugins.
pub const HOOK_FIELD_MANAGER_PREFIX: &str = "capstan-hook-";

/// Annotations of the tools whose hooks are taken over.
const HOOK_ANNOTATIONS: [&str; 3] = ["argocd.argoproj.io/hook", "helm.sh/hook", "capstan.dev/hook"];

/// The owner of an object, by its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The application of the operation.
    Ours,
    /// It has only the name label, with this application's name: version 0.1.0 created it, for this application or for one of the same name
    /// in another namespace.
    OursByNameOnly,
    /// Another application: its name, and its namespace if it differs.
    Another(String),
    /// No application: the object carries no label of one.
    Nobody,
}

/// Whether an object may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It may be deleted.
    Allowed,
    /// It doesn't belong to the application, for this reason.
    NotOurs(String),
    /// It may be another application's: the user has to confirm it, for this reason.
    Unconfirmed(Notice),
}

/// What distinguishes an application's objects from those of others.
#[derive(Debug, Clone, Copy)]
pub struct Ownership<'a> {
    application: &'a Application,
    inventory: &'a Inventory,
    /// Deleted applications that left objects with their labels.
    deleted: &'a BTreeSet<Application>,
}

const NO_APPLICATIONS: &BTreeSet<Application> = &BTreeSet::new();

/// Sets the application's labels on an object that it creates.
pub fn add_labels(object: &mut Object, application: &Application) {
    object.set_label(labels::APPLICATION, &application.name);
    object.set_label(labels::NAMESPACE, &application.namespace);
}

/// Returns the label selector for the application's objects. It also finds objects of version 0.1.0, so [`Ownership::owner`] must check the
/// result.
pub fn label_selector(application: &Application) -> String {
    format!("{}={}", labels::APPLICATION, application.name)
}

/// Returns the label selector for watches of the application's objects. In its own namespace the name is enough; elsewhere there may be
/// objects of another application of that name.
pub fn watch_label_selector(application: &Application, namespace: &str) -> String {
    let by_name = label_selector(application);
    if namespace == application.namespace {
        by_name
    } else {
        format!("{by_name},{}={}", labels::NAMESPACE, application.namespace)
    }
}

/// Returns whether [`watch_label_selector`] selects an object.
pub fn is_watched(object: &Object, application: &Application) -> bool {
    let is_named = object.label(labels::APPLICATION) == Some(&application.name);
    let is_placed = object.label(labels::NAMESPACE) == Some(&application.namespace);
    is_named && (is_placed || object.namespace() == application.namespace)
}

/// Returns the owner of an object, by its labels.
pub fn owner(live: &Object, application: &Application) -> Owner {
    let Some(name) = live.label(labels::APPLICATION) else {
        return Owner::Nobody;
    };
    let namespace = live.label(labels::NAMESPACE);
    match namespace {
        None if name == application.name => Owner::OursByNameOnly,
        Some(namespace) if name == application.name && namespace == application.namespace => Owner::Ours,
        Some(namespace) if namespace != application.namespace => {
            Owner::Another(format!("{name} of the namespace {namespace}"))
        }
        Some(_) | None => Owner::Another(name.to_owned()),
    }
}

/// Returns the application that an object's labels name; `None` if there are no labels or only the name, as in version 0.1.0.
pub fn labelled_application(live: &Object) -> Option<Application> {
    Some(Application {
        name: live.label(labels::APPLICATION)?.to_owned(),
        namespace: live.label(labels::NAMESPACE)?.to_owned(),
    })
}

impl<'a> Ownership<'a> {
    /// Creates it for an application and its inventory.
    pub fn new(application: &'a Application, inventory: &'a Inventory) -> Ownership<'a> {
        Ownership {
            application,
            inventory,
            deleted: NO_APPLICATIONS,
        }
    }

    /// Adds deleted applications. What they left belongs to nobody.
    #[must_use]
    pub fn after_deletion_of(self, deleted: &'a BTreeSet<Application>) -> Ownership<'a> {
        Ownership { deleted, ..self }
    }

    /// Returns the owner of an object, by its labels.
    pub fn owner(&self, live: &Object) -> Owner {
        match owner(live, self.application) {
            Owner::Another(_) if self.left_by(live).is_some() => Owner::Nobody,
            owner => owner,
        }
    }

    /// Returns the deleted application that left an object.
    pub fn left_by(&self, live: &Object) -> Option<&'a Application> {
        self.deleted.get(&labelled_application(live)?)
    }

    /// Returns whether an object becomes the application's when it is applied.
    pub fn has_no_owner(&self, live: &Object) -> bool {
        self.owner(live) == Owner::Nobody
    }

    /// Returns the other application that an object belongs to, if there is one.
    pub fn other_owner(&self, live: &Object) -> Option<String> {
        match self.owner(live) {
            Owner::Another(name) => Some(name),
            Owner::Ours | Owner::OursByNameOnly | Owner::Nobody => None,
        }
    }

    /// Returns whether an operation of this application created or applied an object.
    pub fn has_created(&self, live: &Object) -> bool {
        if self.inventory.contains(&live.key(), live.uid()) {
            return true;
        }
        match self.owner(live) {
            Owner::Ours | Owner::OursByNameOnly => owns_label(live),
            Owner::Another(_) | Owner::Nobody => false,
        }
    }

    /// Returns whether an object belongs to the application: it created the object, and nothing else controls it.
    pub fn is_own(&self, live: &Object) -> bool {
        self.not_ours(live).is_none()
    }

    /// Says whether an object may be removed. `is_confirmed`: whether the user has confirmed that.
    pub fn removal(&self, live: &Object, is_confirmed: bool) -> Removal {
        if let Some(reason) = self.not_ours(live) {
            return Removal::NotOurs(reason);
        }
        let is_known = self.inventory.contains(&live.key(), live.uid());
        let is_at_home = live.namespace() == self.application.namespace;
        if self.owner(live) == Owner::OursByNameOnly && !is_known && !is_at_home && !is_confirmed {
            let why = format!(
                "version 0.1.0 created it, for this application or for another one named {}",
                self.application.name
            );
            let confirm = Setting::Confirm {
                object: live.key().kind_and_name(),
                with_contents: false,
            };
            return Removal::Unconfirmed(Notice::new(why, confirm));
        }
        Removal::Allowed
    }

    /// Returns why an object doesn't belong to the application.
    fn not_ours(&self, live: &Object) -> Option<String> {
        match self.owner(live) {
            Owner::Another(name) => return Some(format!("it belongs to the application {name}")),
            Owner::Ours | Owner::OursByNameOnly if !self.has_created(live) => {
                return Some("it carries this application's labels, but this application didn't create it".to_owned());
            }
            Owner::Nobody if !self.has_created(live) => return Some("this application didn't create it".to_owned()),
            Owner::Ours | Owner::OursByNameOnly | Owner::Nobody => {}
        }
        let controller = foreign_controller(live)?;
        Some(format!("{controller} controls it (`ownerReferences`)"))
    }

    /// Returns whether a hook's object may replace or be applied over a live object of its name: an object of a hook or an ordinary object
    /// of this application, or one with the annotations of the tool that ran the hook before.
    pub fn may_be_replaced_by_hook(&self, live: &Object, runs_to_completion: bool, mode: Mode) -> bool {
        match self.owner(live) {
            Owner::Another(_) => false,
            Owner::Nobody if !self.has_created(live) => {
                let ran_elsewhere = HOOK_ANNOTATIONS.iter().any(|name| live.annotation(name).is_some());
                ran_elsewhere && foreign_controller(live).is_none()
            }
            Owner::Ours | Owner::OursByNameOnly | Owner::Nobody => {
                // Each of several hooks with one name replaces the object of the one before.
                let is_of_hook = live.label(labels::HOOK).is_some();
                // Helpers are applied over. What runs to completion is replaced; in compat mode also if it wasn't a hook's object.
                let takes_resources = !runs_to_completion || mode.has(Rule::EveryKindIsReplaced);
                let is_annotated = HOOK_ANNOTATIONS.iter().any(|name| live.annotation(name).is_some());
                let fits = is_of_hook || takes_resources || is_annotated;
                fits && self.is_own(live)
            }
        }
    }

    /// Returns the message that a hook's object can't be created because its name is taken.
    pub fn name_taken_message(&self, live: &Object) -> String {
        match self.owner(live) {
            Owner::Another(name) => format!("{} belongs to the application {name}", live.key()),
            Owner::Ours | Owner::OursByNameOnly | Owner::Nobody => {
                format!("{} already exists and was not created by a hook", live.key())
            }
        }
    }
}

/// The hint for an object of another application.
pub const OTHER_OWNER_HINT: &str = "remove it from one of the two; if the other application no longer exists, remove the label `capstan.dev/application` from the object";

/// The hint for a hook's object whose name is taken.
pub const NAME_TAKEN_HINT: &str = "delete it or give the hook another name";

/// Returns whether one of Capstan's field managers owns the application's label.
fn owns_label(live: &Object) -> bool {
    let label = format!("f:{}", labels::APPLICATION);
    our_fields(live).any(|fields| {
        let labels = fields.get("f:metadata").and_then(|metadata| metadata.get("f:labels"));
        labels.is_some_and(|labels| labels.get(&label).is_some())
    })
}

/// Returns the field sets that Capstan's field managers own.
fn our_fields(live: &Object) -> impl Iterator<Item = &Value> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let manager = entry.get("manager").and_then(Value::as_str)?;
        let is_ours = manager == FIELD_MANAGER || manager.starts_with(HOOK_FIELD_MANAGER_PREFIX);
        is_ours.then(|| entry.get("fieldsV1")).flatten()
    })
}

/// Returns the controller of an object, as `Kind/name`, unless one of Capstan's manifests names it.
fn foreign_controller(live: &Object) -> Option<String> {
    let references = live.0.pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let controller = references
        .iter()
        .find(|reference| reference.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |field: &str| controller.get(field).and_then(Value::as_str).unwrap_or_default();
    let entry = format!("k:{{\"uid\":\"{}\"}}", text("uid"));
    let is_ours = our_fields(live).any(|fields| {
        let references = fields
            .get("f:metadata")
            .and_then(|metadata| metadata.get("f:ownerReferences"));
        references.is_some_and(|references| references.get(&entry).is_some())
    });
    (!is_ours).then(|| format!("{}/{}", text("kind"), text("name")))
}

#[cfg(test)]
mod tests;
