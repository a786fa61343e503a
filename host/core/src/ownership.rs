//! Whose a live object is, and why it may not be removed. Everything that decides about either asks here.
//!
//! An application is its namespace and its name. Two labels name both on everything that it applies or creates; version 0.1.0 wrote
//! the name alone. Labels can be copied, by people and by controllers that pass on what they find on their own objects. So a label
//! says where to look; what the application made is what its inventory names by key and UID, and objects on which its field
//! manager owns the application's label.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    compat::{Mode, Rule},
    inventory::Inventory,
    object::{Object, labels},
    plugins::Application,
};

/// The application's name in `managedFields`.
pub const MANAGER: &str = "capstan";
/// What the names of the field managers begin with that act for hooks' plugins.
pub const MANAGER_OF_HOOKS: &str = "capstan-hook-";

/// Annotations of the tools whose hooks are taken over.
const HOOK_ANNOTATIONS: [&str; 3] = ["argocd.argoproj.io/hook", "helm.sh/hook", "capstan.dev/hook"];

/// Whose an object is, by its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This application's.
    Ours,
    /// Only the name is on it, and it is this application's: version 0.1.0 made it, for this application or for one of the same name
    /// in another namespace.
    OursByOldLabel,
    /// Another application's: its name, and its namespace where that tells it apart.
    Another(String),
    /// No application's.
    Nobody,
}

/// Whether an object may be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It may.
    Allowed,
    /// It isn't the application's own, for this reason.
    NotOurs(String),
    /// It may be another application's: `--confirm` is needed, for this reason.
    Unconfirmed(String),
}

/// What an application knows by which its objects are told from those of others.
#[derive(Debug, Clone, Copy)]
pub struct Ownership<'a> {
    application: &'a Application,
    inventory: &'a Inventory,
    /// The applications that are deleted and have left objects with their labels.
    deleted: &'a BTreeSet<Application>,
}

const NONE: &BTreeSet<Application> = &BTreeSet::new();

/// Writes the application's labels on an object that it is about to make.
pub fn mark(object: &mut Object, application: &Application) {
    object.set_label(labels::APPLICATION, &application.name);
    object.set_label(labels::NAMESPACE, &application.namespace);
}

/// Returns the label selector that finds the application's objects in a namespace, or those in none when `namespace` is empty. What it
/// finds is to be judged by [`Ownership::owner`]: it finds objects of version 0.1.0, too.
pub fn selector(application: &Application) -> String {
    format!("{}={}", labels::APPLICATION, application.name)
}

/// Returns the label selector by which the application's objects are watched: in its own namespace the name is enough, elsewhere there
/// may be objects of an application of the same name.
pub fn watch_selector(application: &Application, namespace: &str) -> String {
    let by_name = selector(application);
    if namespace == application.namespace {
        by_name
    } else {
        format!("{by_name},{}={}", labels::NAMESPACE, application.namespace)
    }
}

/// Says whether [`watch_selector`] finds an object.
pub fn is_watched(object: &Object, application: &Application) -> bool {
    let is_named = object.label(labels::APPLICATION) == Some(&application.name);
    let is_placed = object.label(labels::NAMESPACE) == Some(&application.namespace);
    is_named && (is_placed || object.namespace() == application.namespace)
}

/// Returns whose an object is, by its labels.
pub fn owner(live: &Object, application: &Application) -> Owner {
    let Some(name) = live.label(labels::APPLICATION) else {
        return Owner::Nobody;
    };
    let namespace = live.label(labels::NAMESPACE);
    match namespace {
        None if name == application.name => Owner::OursByOldLabel,
        Some(namespace) if name == application.name && namespace == application.namespace => Owner::Ours,
        Some(namespace) if namespace != application.namespace => {
            Owner::Another(format!("{name} of the namespace {namespace}"))
        }
        Some(_) | None => Owner::Another(name.to_owned()),
    }
}

/// Returns the application that an object's labels name; nothing if they name none, or only its name, as version 0.1.0 wrote them.
pub fn labelled(live: &Object) -> Option<Application> {
    Some(Application {
        name: live.label(labels::APPLICATION)?.to_owned(),
        namespace: live.label(labels::NAMESPACE)?.to_owned(),
    })
}

impl<'a> Ownership<'a> {
    /// Makes one of the application and of what its operations made.
    pub fn new(application: &'a Application, inventory: &'a Inventory) -> Ownership<'a> {
        Ownership {
            application,
            inventory,
            deleted: NONE,
        }
    }

    /// Does so where these applications are deleted: what they left belongs to nobody.
    #[must_use]
    pub fn after_deletion_of(self, deleted: &'a BTreeSet<Application>) -> Ownership<'a> {
        Ownership { deleted, ..self }
    }

    /// Returns whose an object is, by its labels.
    pub fn owner(&self, live: &Object) -> Owner {
        match owner(live, self.application) {
            Owner::Another(_) if self.was_left(live).is_some() => Owner::Nobody,
            owner => owner,
        }
    }

    /// Returns the deleted application that left an object.
    pub fn was_left(&self, live: &Object) -> Option<&'a Application> {
        self.deleted.get(&labelled(live)?)
    }

    /// Says whether an object that is about to be applied becomes the application's just now.
    pub fn is_adopted(&self, live: &Object) -> bool {
        self.owner(live) == Owner::Nobody
    }

    /// Returns the application that an object belongs to, if it is another one.
    pub fn another(&self, live: &Object) -> Option<String> {
        match self.owner(live) {
            Owner::Another(name) => Some(name),
            Owner::Ours | Owner::OursByOldLabel | Owner::Nobody => None,
        }
    }

    /// Says whether an operation of this application made an object.
    pub fn has_made(&self, live: &Object) -> bool {
        if self.inventory.has(&live.key(), live.uid()) {
            return true;
        }
        match self.owner(live) {
            Owner::Ours | Owner::OursByOldLabel => has_labelled(live),
            Owner::Another(_) | Owner::Nobody => false,
        }
    }

    /// Says whether an object is the application's own: it made the object, and nobody else controls it.
    pub fn is_own(&self, live: &Object) -> bool {
        self.not_ours(live).is_none()
    }

    /// Says whether an object may be removed. `is_confirmed`: whether the user's `--confirm` names it.
    pub fn removal(&self, live: &Object, is_confirmed: bool) -> Removal {
        if let Some(reason) = self.not_ours(live) {
            return Removal::NotOurs(reason);
        }
        let is_known = self.inventory.has(&live.key(), live.uid());
        let is_at_home = live.namespace() == self.application.namespace;
        if self.owner(live) == Owner::OursByOldLabel && !is_known && !is_at_home && !is_confirmed {
            return Removal::Unconfirmed(format!(
                "version 0.1.0 made it, for this application or for another one named {}: `--confirm {}`",
                self.application.name,
                live.key().short()
            ));
        }
        Removal::Allowed
    }

    /// Returns why an object isn't the application's own.
    fn not_ours(&self, live: &Object) -> Option<String> {
        match self.owner(live) {
            Owner::Another(name) => return Some(format!("it belongs to the application {name}")),
            Owner::Ours | Owner::OursByOldLabel if !self.has_made(live) => {
                return Some("it carries this application's labels, but this application didn't make it".to_owned());
            }
            Owner::Nobody if !self.has_made(live) => return Some("this application didn't make it".to_owned()),
            Owner::Ours | Owner::OursByOldLabel | Owner::Nobody => {}
        }
        let controller = foreign_controller(live)?;
        Some(format!("{controller} controls it (`ownerReferences`)"))
    }

    /// Says whether a hook's object may take the place of a live one of its name: one that a hook of this application made, that was an
    /// ordinary object of it, or that the tool made which ran this hook before us, whose annotations it carries.
    pub fn gives_way(&self, live: &Object, runs_to_completion: bool, mode: Mode) -> bool {
        match self.owner(live) {
            Owner::Another(_) => false,
            Owner::Nobody if !self.has_made(live) => {
                let ran_elsewhere = HOOK_ANNOTATIONS.iter().any(|name| live.annotation(name).is_some());
                ran_elsewhere && foreign_controller(live).is_none()
            }
            Owner::Ours | Owner::OursByOldLabel | Owner::Nobody => {
                // Of several hooks with one name each takes the place of the one before.
                let is_of_hook = live.label(labels::HOOK).is_some();
                // Helpers are applied over; what runs is replaced, by Argo CD's rules also when it was no hook's.
                let takes_resources = !runs_to_completion || mode.has(Rule::EveryKindIsReplaced);
                let is_annotated = HOOK_ANNOTATIONS.iter().any(|name| live.annotation(name).is_some());
                let fits = is_of_hook || takes_resources || is_annotated;
                fits && self.is_own(live)
            }
        }
    }

    /// Says in words that a hook's object can't be made since its name is taken.
    pub fn taken(&self, live: &Object) -> String {
        match self.owner(live) {
            Owner::Another(name) => format!("{} belongs to the application {name}", live.key()),
            Owner::Ours | Owner::OursByOldLabel | Owner::Nobody => {
                format!("{} is there already and was made by nobody's hook", live.key())
            }
        }
    }
}

/// What to do about an object that belongs to another application.
pub const ANOTHERS_HINT: &str = "remove it from one of the two; if that application is no more, take its label `capstan.dev/application` \
     off the object";

/// What to do about a hook's object whose name is taken.
pub const TAKEN_HINT: &str = "delete it or give the hook another name";

/// Says whether a manager of ours owns the application's label.
fn has_labelled(live: &Object) -> bool {
    let label = format!("f:{}", labels::APPLICATION);
    our_fields(live).any(|fields| {
        let labels = fields.get("f:metadata").and_then(|metadata| metadata.get("f:labels"));
        labels.is_some_and(|labels| labels.get(&label).is_some())
    })
}

/// Returns the fields that managers of ours own.
fn our_fields(live: &Object) -> impl Iterator<Item = &Value> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let manager = entry.get("manager").and_then(Value::as_str)?;
        let is_ours = manager == MANAGER || manager.starts_with(MANAGER_OF_HOOKS);
        is_ours.then(|| entry.get("fieldsV1")).flatten()
    })
}

/// Returns the controller that looks after an object, as `Kind/name`, unless a manifest of ours names it.
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
