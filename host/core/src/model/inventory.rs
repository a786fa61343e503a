//! The objects that an application's operations created: key and UID of each.
//!
//! Labels say where to look for objects. The inventory says which of them belong to the application, even after somebody removed labels or
//! `managedFields`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::object::ObjectKey;

/// The objects that operations of one application applied or created, with their UIDs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<StoredGroup>", into = "Vec<StoredGroup>")]
pub struct Inventory {
    uids: BTreeMap<ObjectKey, String>,
}

/// The stored form: the objects of one kind in one namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredGroup {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    group: String,
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    namespace: String,
    /// UIDs by name.
    objects: BTreeMap<String, String>,
}

impl Inventory {
    /// Returns whether the inventory has an object with this key and UID.
    pub fn contains(&self, key: &ObjectKey, uid: &str) -> bool {
        self.uids.get(key).is_some_and(|known| known == uid)
    }

    /// Returns whether the inventory has an object with this key.
    pub fn contains_key(&self, key: &ObjectKey) -> bool {
        self.uids.contains_key(key)
    }

    /// Adds an object. It replaces an earlier one with the same key.
    pub fn insert(&mut self, key: ObjectKey, uid: impl Into<String>) {
        let uid = uid.into();
        if !uid.is_empty() {
            self.uids.insert(key, uid);
        }
    }

    /// Removes an object, unless another object has its key now.
    pub fn remove(&mut self, key: &ObjectKey, uid: &str) {
        if self.contains(key, uid) {
            self.uids.remove(key);
        }
    }

    /// Lists the objects with their UIDs.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &str)> {
        self.uids.iter().map(|(key, uid)| (key, uid.as_str()))
    }

    /// Returns whether the inventory has no objects.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }
}

impl From<Vec<StoredGroup>> for Inventory {
    fn from(places: Vec<StoredGroup>) -> Inventory {
        let mut inventory = Inventory::default();
        for place in places {
            for (name, uid) in place.objects {
                let key = ObjectKey {
                    group: place.group.clone(),
                    kind: place.kind.clone(),
                    namespace: place.namespace.clone(),
                    name,
                };
                inventory.insert(key, uid);
            }
        }
        inventory
    }
}

impl From<Inventory> for Vec<StoredGroup> {
    fn from(inventory: Inventory) -> Vec<StoredGroup> {
        let mut places: Vec<StoredGroup> = Vec::new();
        // Keys of one kind and namespace follow each other.
        for (key, uid) in inventory.uids {
            let is_same = |place: &StoredGroup| {
                (&place.group, &place.kind, &place.namespace) == (&key.group, &key.kind, &key.namespace)
            };
            if !places.last().is_some_and(is_same) {
                places.push(StoredGroup {
                    group: key.group,
                    kind: key.kind,
                    namespace: key.namespace,
                    objects: BTreeMap::new(),
                });
            }
            if let Some(place) = places.last_mut() {
                place.objects.insert(key.name, uid);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::of("", kind, namespace, name)
    }

    #[test]
    fn it_is_stored_by_kind_and_namespace() {
        let mut inventory = Inventory::default();
        inventory.insert(key("ConfigMap", "a", "one"), "1");
        inventory.insert(key("ConfigMap", "b", "one"), "2");
        inventory.insert(key("ConfigMap", "a", "two"), "3");
        inventory.insert(key("Namespace", "", "a"), "4");
        let stored = serde_json::to_string(&inventory).unwrap();
        assert_eq!(
            stored,
            r#"[{"kind":"ConfigMap","namespace":"a","objects":{"one":"1","two":"3"}},{"kind":"ConfigMap","namespace":"b","objects":{"one":"2"}},{"kind":"Namespace","objects":{"a":"4"}}]"#
        );
        assert_eq!(serde_json::from_str::<Inventory>(&stored).unwrap(), inventory);
    }

    #[test]
    fn another_object_of_the_same_name_is_not_in_it() {
        let mut inventory = Inventory::default();
        inventory.insert(key("ConfigMap", "a", "one"), "1");
        assert!(inventory.contains(&key("ConfigMap", "a", "one"), "1"));
        assert!(!inventory.contains(&key("ConfigMap", "a", "one"), "2"));
        inventory.insert(key("ConfigMap", "a", "one"), "2");
        inventory.remove(&key("ConfigMap", "a", "one"), "1");
        assert!(inventory.contains(&key("ConfigMap", "a", "one"), "2"));
        inventory.insert(key("ConfigMap", "a", "none"), "");
        assert!(
            !inventory.contains(&key("ConfigMap", "a", "none"), ""),
            "an object without a UID is nobody's"
        );
    }
}
