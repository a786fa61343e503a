//! The places of the fields of a plan's objects, so that a refusal by the API server can be shown with its line. They aren't stored: a
//! driver that continues an operation has them if it has the same manifests, else only the places of whole objects.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    kubernetes::field_path,
    model::{object::Object, place::Place},
    read::manifest::{FieldLines, Manifest},
};

/// The maximum number of places that a message names for one refusal.
const MAX_PLACES: usize = 3;

/// The places of the fields of a plan's objects, by the places of the objects. They don't count when plans are compared.
#[derive(Debug, Clone, Default)]
pub struct FieldPlaces(Arc<BTreeMap<Place, FieldLines>>);

impl PartialEq for FieldPlaces {
    fn eq(&self, _: &FieldPlaces) -> bool {
        true
    }
}

impl FieldPlaces {
    /// Collects the places of all fields of manifests, in 12 bytes each.
    pub fn of<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> FieldPlaces {
        let all = manifests
            .into_iter()
            .filter_map(|manifest| Some((manifest.place("")?, manifest.lines()?)));
        FieldPlaces(Arc::new(all.collect()))
    }

    /// Returns the places of the fields that a refusal of an object names, in their order; if there are none, `whole`, the place of the
    /// object.
    pub fn places(&self, object: &Object, whole: &Place, refusal: &str) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        if let Some(lines) = self.0.get(whole) {
            for pointer in field_path::pointers_in_message(refusal, &object.0) {
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
        }
        places.truncate(MAX_PLACES);
        if places.is_empty() {
            places.push(whole.clone());
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::manifest::decode;

    const TWICE: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: a
  labels: { colour: red }
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: a
  annotations: { colour: red }
  labels:
    odd: one
";

    fn places(manifests: &[Manifest], at: usize, refusal: &str) -> Vec<u32> {
        let whole = manifests[at].place("").unwrap();
        let places = FieldPlaces::of(manifests).places(&manifests[at].object, &whole, refusal);
        places.into_iter().map(|place| place.line).collect()
    }

    #[test]
    fn a_refusal_is_told_with_the_lines_of_the_fields_that_it_names() {
        let manifests = decode("a.yaml", TWICE).unwrap();
        let refusal =
            "ServiceAccount \"a\" is invalid: metadata.labels[odd]: Invalid value, metadata.annotations: Invalid value";
        assert_eq!(places(&manifests, 1, refusal), [13, 11]);
    }

    #[test]
    fn two_objects_of_one_name_have_places_of_their_own() {
        let manifests = decode("a.yaml", TWICE).unwrap();
        assert_eq!(places(&manifests, 0, "metadata.labels: Invalid value"), [5]);
        assert_eq!(places(&manifests, 1, "metadata.labels: Invalid value"), [12]);
    }

    #[test]
    fn without_a_field_that_is_known_the_whole_object_counts() {
        let manifests = decode("a.yaml", TWICE).unwrap();
        assert_eq!(places(&manifests, 1, "no field is named here"), [7]);
        let whole = manifests[1].place("").unwrap();
        let stored = FieldPlaces::default();
        let refusal = "metadata.labels: Invalid value";
        assert_eq!(
            stored.places(&manifests[1].object, &whole, refusal),
            std::slice::from_ref(&whole)
        );
    }
}
