//! Where the fields of a plan's objects are written, so that a refusal of the API server can be told with its line. It isn't stored: what
//! carries on with a stored plan knows the places of whole objects only.

use std::{collections::BTreeMap, sync::Arc};

use super::Classified;
use crate::{
    field_path,
    manifest::Lines,
    object::{Object, ObjectKey},
    place::Place,
};

/// How many places of one refusal a message names.
const MAX_PLACES: usize = 3;

/// Where the fields of a plan's objects are written. Two plans don't differ by it.
#[derive(Debug, Clone, Default)]
pub struct Written(Arc<BTreeMap<ObjectKey, Lines>>);

impl PartialEq for Written {
    fn eq(&self, _: &Written) -> bool {
        true
    }
}

impl Written {
    pub(super) fn of(desired: &[Classified]) -> Written {
        let all = desired.iter().filter_map(|classified| {
            let manifest = &classified.manifest;
            // Hooks with generated names share a key.
            let is_named = manifest.object.generate_name().is_none();
            Some((manifest.key(), manifest.lines()?)).filter(|_| is_named)
        });
        Written(Arc::new(all.collect()))
    }

    /// Returns the places that a refusal of an object is about, in the order of its words; none if it names no field that is written.
    pub fn places(&self, key: &ObjectKey, object: &Object, whole: &Place, refusal: &str) -> Vec<Place> {
        let Some(lines) = self.0.get(key) else {
            return Vec::new();
        };
        let mut places: Vec<Place> = Vec::new();
        for pointer in field_path::named(refusal, &object.0) {
            let Some((line, column)) = lines.find(&pointer) else {
                continue;
            };
            let place = Place {
                line,
                column,
                ..whole.clone()
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.truncate(MAX_PLACES);
        places
    }
}
