//! The state as a file, so that a simulated cluster can continue in later commands.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ContainerLogs, Kind, Store, commit::namespace_and_name, typed};

/// Why a saved state cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the saved state is damaged")]
pub struct RestoreError(#[from] serde_json::Error);

/// The contents of the file. History isn't saved: watches start again, and older revisions are expired.
#[derive(Serialize, Deserialize)]
struct SavedStore {
    seed: u64,
    /// The position in the random numbers, as a string since JSON numbers end at 64 bits.
    #[serde(rename = "draws")]
    random_position: String,
    now: Timestamp,
    revision: u64,
    objects: Vec<Value>,
    lines: ContainerLogs,
}

impl Store {
    /// Returns the whole state except for the history.
    pub fn save(&self) -> Value {
        let saved = SavedStore {
            seed: self.seed,
            random_position: self.random.get_word_pos().to_string(),
            now: self.now(),
            revision: self.revision,
            objects: self.all().map(|(_, object)| object.clone()).collect(),
            lines: self.logs.clone(),
        };
        // All names are strings and all numbers finite, so this can't fail.
        serde_json::to_value(saved).unwrap_or_else(|_| json!({}))
    }

    /// Returns the saved cluster. Its clock continues from the saved time.
    pub fn restore(value: Value) -> Result<Store, RestoreError> {
        let saved: SavedStore = serde_json::from_value(value)?;
        let mut store = Store::empty(saved.seed, saved.now);
        store
            .random
            .set_word_pos(saved.random_position.parse().unwrap_or_default());
        store.revision = saved.revision;
        store.history.compact(saved.revision);
        store.logs = saved.lines;
        for object in saved.objects {
            let Some(kind) = Kind::of(&object) else { continue };
            if kind == Kind::new("apiextensions.k8s.io", "CustomResourceDefinition") {
                store.serve_definition(&object);
            }
            let object = match store.resources.get(&kind) {
                Some(resource) => typed::as_stored(resource, object),
                None => object,
            };
            let (namespace, name) = namespace_and_name(&object);
            let objects = store.objects.entry(kind).or_default().entry(namespace).or_default();
            objects.insert(name, Arc::new(object));
        }
        Ok(store)
    }
}
