//! The state of the cluster: objects, revisions, finalizers and history.
//!
//! One [`Store`] is one cluster. Controllers and the API server write through the same functions, so both are subject to the same
//! validation, optimistic lock and garbage collection. Every write gets the next revision and wakes the watches ([`SharedStore::changed`]).
//! Nothing here waits, and nothing here knows HTTP.
//!
//! * `create.rs`, `update.rs`, `delete.rs`: the writes; `commit.rs`: their common end;
//! * `defaults.rs`, `validate.rs`, `immutable.rs`: the defaults and the validation of the API server;
//! * `typed.rs`: the changes that Go makes when it decodes and encodes an object;
//! * `definition.rs`: custom kinds; `namespace.rs`: creation and deletion of namespaces;
//! * `mirror.rs`: copies of another API server's objects;
//! * `history.rs`: the log for watches; `logs.rs`: the logs of containers; `save.rs`: the state as a file.

mod commit;
mod create;
mod defaults;
mod definition;
mod delete;
mod history;
mod immutable;
mod logs;
mod mirror;
mod namespace;
mod save;
mod shared;
mod typed;
mod update;
mod validate;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

pub(crate) use self::validate::check_shape;
pub use self::{
    commit::Writer,
    delete::{Deletion, Propagation},
    history::{ChangeType, History, HistoryEntry},
    logs::{ContainerLogs, LogLine},
    save::RestoreError,
    shared::{NextChange, SharedStore},
};
use crate::kinds::{Resource, built_in};

/// The identity of a kind, whatever its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl Kind {
    /// Returns the kind of that group and name.
    pub fn new(group: &str, kind: &str) -> Kind {
        Kind {
            group: group.into(),
            kind: kind.into(),
        }
    }

    /// Returns the kind an object says it has.
    pub fn of(object: &Value) -> Option<Kind> {
        let version = object.get("apiVersion")?.as_str()?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        Some(Kind::new(group, object.get("kind")?.as_str()?))
    }
}

/// Objects of one kind by namespace and name.
type Objects = BTreeMap<String, BTreeMap<String, Arc<Value>>>;

/// The objects of one simulated cluster, with their history.
#[derive(Debug)]
pub struct Store {
    resources: BTreeMap<Kind, Resource>,
    objects: BTreeMap<Kind, Objects>,
    revision: u64,
    history: History,
    logs: ContainerLogs,
    seed: u64,
    random: ChaCha8Rng,
    epoch: Timestamp,
    start: Instant,
    notify: Arc<Notify>,
}

impl Store {
    /// Returns a cluster with the initial namespaces, whose clock shows `epoch` now.
    pub fn new(seed: u64, epoch: Timestamp) -> Store {
        let mut store = Store::empty(seed, epoch);
        store.create_initial_namespaces();
        store
    }

    /// Returns a cluster without objects.
    fn empty(seed: u64, epoch: Timestamp) -> Store {
        Store {
            resources: built_in(),
            objects: BTreeMap::new(),
            revision: 0,
            history: History::default(),
            logs: ContainerLogs::default(),
            seed,
            random: ChaCha8Rng::seed_from_u64(seed),
            epoch,
            start: Instant::now(),
            notify: Arc::default(),
        }
    }

    /// Returns the time in the cluster: the epoch plus the time that has passed on tokio's clock.
    pub fn now(&self) -> Timestamp {
        self.epoch
            .saturating_add(Instant::now() - self.start)
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns the time in the form of `metadata`, in whole seconds.
    pub(crate) fn now_text(&self) -> String {
        Timestamp::from_second(self.now().as_second())
            .unwrap_or(self.epoch)
            .to_string()
    }

    /// Returns the revision of the last write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the resource of a kind, if it is served.
    pub fn resource(&self, kind: &Kind) -> Option<&Resource> {
        self.resources.get(kind)
    }

    /// Returns every served kind, sorted by group and kind.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// Returns one object; the namespace of cluster-scoped kinds is empty.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.get_shared(kind, namespace, name).map(AsRef::as_ref)
    }

    /// Returns the objects of a kind, sorted by namespace and name.
    pub fn list(&self, kind: &Kind) -> Vec<&Value> {
        let objects = self
            .objects
            .get(kind)
            .into_iter()
            .flat_map(BTreeMap::values)
            .flat_map(BTreeMap::values);
        objects.map(AsRef::as_ref).collect()
    }

    /// Returns every object, sorted by kind, namespace and name.
    pub fn all(&self) -> impl Iterator<Item = (&Kind, &Value)> {
        self.objects.iter().flat_map(|(kind, objects)| {
            objects
                .values()
                .flat_map(BTreeMap::values)
                .map(move |object| (kind, object.as_ref()))
        })
    }

    /// Returns the history, for watches.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Clears the history: watches from an older revision get an error that it expired.
    pub fn compact(&mut self) {
        self.history.compact(self.revision);
        self.notify.notify_waiters();
    }

    fn get_shared(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(kind)?.get(namespace)?.get(name)
    }

    /// Returns a random UUID, the same for the same seed and history.
    fn uid(&mut self) -> String {
        let high = self.random.next_u64();
        let low = self.random.next_u64();
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
        let (d, e) = (0x8000 | ((low >> 48) & 0x3fff), low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
    }

    /// Returns five characters for a generated name, from the alphabet the API server uses.
    fn random_suffix(&mut self) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut draw = self.random.next_u64();
        let mut suffix = String::new();
        for _ in 0..5 {
            let at = usize::try_from(draw % 27).unwrap_or_default();
            suffix.extend(ALPHABET.get(at).map(|byte| char::from(*byte)));
            draw /= 27;
        }
        suffix
    }
}
