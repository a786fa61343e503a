//! Copies of another API server's objects: stored as they are, without validation, revision or history.

use std::sync::Arc;

use serde_json::Value;

use super::{Kind, Store, commit::namespace_and_name};
use crate::actors::access::uid;

impl Store {
    /// Stores an object as it is on the other server. A pod's logs are removed with it, so a later pod of the same name starts with empty
    /// logs.
    pub(crate) fn mirror(&mut self, object: Value) {
        let Some(kind) = Kind::of(&object) else { return };
        let (namespace, name) = namespace_and_name(&object);
        if self
            .get(&kind, &namespace, &name)
            .is_some_and(|before| uid(before) != uid(&object))
        {
            self.unmirror(&kind, &namespace, &name);
        }
        let objects = self.objects.entry(kind).or_default().entry(namespace).or_default();
        objects.insert(name, Arc::new(object));
        self.notify.notify_waiters();
    }

    /// Removes an object that was deleted on the other server, with its logs.
    pub(crate) fn unmirror(&mut self, kind: &Kind, namespace: &str, name: &str) {
        if let Some(objects) = self.objects.get_mut(kind)
            && let Some(names) = objects.get_mut(namespace)
        {
            names.remove(name);
            if names.is_empty() {
                objects.remove(namespace);
            }
        }
        if *kind == Kind::new("", "Pod") {
            self.log_forget(namespace, name);
        }
        self.notify.notify_waiters();
    }
}
