//! The fields of an object that a claim may see. They are written to JSON without copying anything else: of a 200 KB object a health
//! check sees a few hundred bytes.

use std::collections::BTreeMap;

use capstan_core::{kubernetes::secret, model::object::Object};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::{Map, Value};

/// The fields that are visible whatever the claim's `fields` say.
const ALWAYS_VISIBLE: [&str; 7] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
    "/metadata/generation",
    "/metadata/deletionTimestamp",
];

/// The managed fields: long, and of no interest to a plugin that doesn't ask for them.
const MANAGED_FIELDS: [&str; 2] = ["metadata", "managedFields"];

/// The visible fields of objects for one claim.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection {
    default_view: View,
    secret_view: View,
}

/// The visible part of a value.
#[derive(Debug, Clone, PartialEq)]
enum View {
    Whole,
    Nothing,
    /// Of an object or array: the visible part for each key or index, and whether the rest is visible.
    Partial {
        named: BTreeMap<String, View>,
        shows_rest: bool,
    },
}

impl Projection {
    /// Compiles a claim's `fields`. Without any, everything is visible except for what no plugin needs or may see.
    pub(crate) fn new(fields: Option<&[String]>) -> Projection {
        let (mut ordinary, mut of_secrets);
        if let Some(fields) = fields {
            ordinary = View::Partial {
                named: BTreeMap::new(),
                shows_rest: false,
            };
            for pointer in ALWAYS_VISIBLE.into_iter().chain(fields.iter().map(String::as_str)) {
                ordinary.show(&pointer_keys(pointer));
            }
            of_secrets = ordinary.clone();
        } else {
            ordinary = View::Whole;
            ordinary.hide(&MANAGED_FIELDS);
            of_secrets = ordinary.clone();
        }
        // Whatever a claim names: the user decides whether a plugin sees a Secret's data, and health checks don't need it.
        for path in secret::DATA_PATHS {
            of_secrets.hide(path);
            of_secrets.hide(&[&["items", ANY_ELEMENT][..], path].concat());
        }
        Projection {
            default_view: ordinary,
            secret_view: of_secrets,
        }
    }

    /// Returns the visible part of an object, ready to be serialized.
    pub(crate) fn project<'a>(&'a self, object: &'a Object) -> ProjectedValue<'a> {
        ProjectedValue {
            value: &object.0,
            view: if secret::is_secret(object) {
                &self.secret_view
            } else {
                &self.default_view
            },
        }
    }
}

/// A value with its visible part.
#[derive(Clone, Copy)]
pub(crate) struct ProjectedValue<'a> {
    value: &'a Value,
    view: &'a View,
}

impl ProjectedValue<'_> {
    /// Says whether everything is visible.
    pub(crate) fn is_whole(&self) -> bool {
        is_whole(self.value, self.view)
    }
}

fn is_whole(value: &Value, view: &View) -> bool {
    match view {
        View::Whole => true,
        View::Nothing => false,
        View::Partial { named, shows_rest } => {
            let hides = |(key, view): (&String, &View)| value.get(key).is_some_and(|value| !is_whole(value, view));
            *shows_rest && !named.iter().any(hides)
        }
    }
}

/// The projection where claims have no `fields`: for manifests and the objects of hooks.
pub(crate) fn default_projection() -> &'static Projection {
    static DEFAULT: std::sync::LazyLock<Projection> = std::sync::LazyLock::new(|| Projection::new(None));
    &DEFAULT
}

/// Splits a JSON pointer into its keys.
fn pointer_keys(pointer: &str) -> Vec<String> {
    let unescape = |key: &str| key.replace("~1", "/").replace("~0", "~");
    pointer.split('/').skip(1).map(unescape).collect()
}

impl View {
    fn show(&mut self, path: &[String]) {
        let Some((key, rest)) = path.split_first() else {
            *self = View::Whole;
            return;
        };
        if let View::Partial { named, .. } = self {
            let nothing = View::Partial {
                named: BTreeMap::new(),
                shows_rest: false,
            };
            named.entry(key.clone()).or_insert(nothing).show(rest);
        }
    }

    /// Hides the value at a path; [`ANY_ELEMENT`] in the path stands for every element of an array.
    fn hide(&mut self, path: &[&str]) {
        let Some((key, rest)) = path.split_first() else { return };
        if *self == View::Whole {
            *self = View::Partial {
                named: BTreeMap::new(),
                shows_rest: true,
            };
        }
        let View::Partial { named, shows_rest } = self else {
            return;
        };
        let shows_rest = *shows_rest;
        if *key == ANY_ELEMENT {
            let others = named.iter_mut().filter(|(name, _)| *name != ANY_ELEMENT);
            others.for_each(|(_, view)| view.hide(rest));
        }
        if rest.is_empty() {
            if shows_rest || named.contains_key(*key) {
                named.insert((*key).to_owned(), View::Nothing);
            }
        } else if shows_rest {
            named.entry((*key).to_owned()).or_insert(View::Whole).hide(rest);
        } else if let Some(view) = named.get_mut(*key) {
            view.hide(rest);
        }
    }

    /// Says whether anything of the value is visible, even if that is only an empty object.
    fn shows(&self, value: &Value) -> bool {
        match self {
            View::Whole => true,
            View::Nothing => false,
            View::Partial { shows_rest, .. } => *shows_rest || value.is_object() || value.is_array(),
        }
    }
}

impl Serialize for ProjectedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.view, self.value) {
            (View::Nothing, _) => serializer.serialize_unit(),
            (View::Partial { named, shows_rest }, Value::Object(map)) => {
                serialize_object(map, named, *shows_rest, serializer)
            }
            (View::Partial { named, shows_rest }, Value::Array(items)) => {
                serialize_array(items, named, *shows_rest, serializer)
            }
            (View::Whole | View::Partial { .. }, value) => value.serialize(serializer),
        }
    }
}

fn serialize_object<S: Serializer>(
    map: &Map<String, Value>,
    named: &BTreeMap<String, View>,
    shows_rest: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_map(None)?;
    if shows_rest {
        for (key, value) in map {
            let view = named.get(key).unwrap_or(&View::Whole);
            if view.shows(value) {
                out.serialize_entry(key, &ProjectedValue { value, view })?;
            }
        }
    } else {
        for (key, view) in named {
            if let Some(value) = map.get(key)
                && view.shows(value)
            {
                out.serialize_entry(key, &ProjectedValue { value, view })?;
            }
        }
    }
    out.end()
}

/// Stands for every element of an array. No JSON pointer finds anything in an array by this key.
const ANY_ELEMENT: &str = "*";

/// Elements keep their positions, so that their pointers stay right: hidden elements before a visible one become null.
fn serialize_array<S: Serializer>(
    items: &[Value],
    named: &BTreeMap<String, View>,
    shows_rest: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let each = named.get(ANY_ELEMENT);
    let rest = each.unwrap_or(if shows_rest { &View::Whole } else { &View::Nothing });
    // In most arrays no single element is named: then there is nothing to look up.
    let has_numbers = named.len() > usize::from(each.is_some());
    let of = |index: usize| {
        let own = has_numbers.then(|| named.get(&index.to_string())).flatten();
        own.unwrap_or(rest)
    };
    let end = if shows_rest || each.is_some() {
        items.len()
    } else {
        let last = named.keys().filter_map(|key| key.parse::<usize>().ok()).max();
        last.map_or(0, |last| items.len().min(last.saturating_add(1)))
    };
    let mut out = serializer.serialize_seq(None)?;
    for (index, value) in items.iter().take(end).enumerate() {
        let view = of(index);
        let view = if view.shows(value) { view } else { &View::Nothing };
        out.serialize_element(&ProjectedValue { value, view })?;
    }
    out.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(fields: Option<&[&str]>, object: Value) -> Value {
        let fields = fields.map(|fields| fields.iter().map(|&field| field.to_owned()).collect::<Vec<_>>());
        let projection = Projection::new(fields.as_deref());
        serde_json::to_value(projection.project(&Object(object))).unwrap()
    }

    fn secret() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": "s", "managedFields": [{"manager": "kubectl"}],
                "annotations": {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{}}"},
            },
            "data": {"password": "aHVudGVyMg=="}, "stringData": {"password": "hunter2"},
        })
    }

    #[test]
    fn without_fields_all_is_seen_but_managed_fields() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1, "b": [1, null, {"c": false}]},
            "metadata": {"name": "c", "managedFields": [], "labels": {"managedFields": "stays"}},
        });
        let mut expected = object.clone();
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(seen(None, object), expected);
    }

    #[test]
    fn an_empty_list_of_fields_shows_only_who_the_object_is() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "spec": {"a": 1}, "status": 1,
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 3, "deletionTimestamp": "t",
                         "labels": {"l": "v"}, "managedFields": []},
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 3, "deletionTimestamp": "t"},
        });
        assert_eq!(seen(Some(&[]), object), expected);
    }

    #[test]
    fn fields_show_what_they_point_to_in_its_place() {
        let object = json!({
            "kind": "Pod", "metadata": {"annotations": {"helm.sh/hook": "x", "a~b": "y", "other": "z"}},
            "spec": {"list": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}, 3], "paused": true, "flat": 1},
        });
        let fields = [
            "/metadata/annotations/helm.sh~1hook",
            "/metadata/annotations/a~0b",
            "/spec/list/1/image",
            "/spec/flat/deep",
            "/spec/paused",
            "/status/phase",
        ];
        let expected = json!({
            "kind": "Pod", "metadata": {"annotations": {"helm.sh/hook": "x", "a~b": "y"}},
            "spec": {"list": [null, {"image": "j"}], "paused": true},
        });
        assert_eq!(seen(Some(&fields), object.clone()), expected);
        assert_eq!(
            seen(Some(&["/spec/list/0/name", "/spec"]), object.clone())["spec"],
            object["spec"]
        );
        assert_eq!(
            seen(Some(&["/spec", "/spec/list/0/name"]), object.clone())["spec"],
            object["spec"]
        );
    }

    #[test]
    fn a_star_names_every_element_of_an_array_and_is_an_ordinary_key_of_an_object() {
        let object = json!({
            "kind": "Pod",
            "spec": {"list": [{"name": "a", "image": "i"}, {"name": "b"}, 3, {"image": "k"}], "*": {"name": 1, "other": 2}},
        });
        let spec = |fields: &[&str]| seen(Some(fields), object.clone())["spec"].take();
        assert_eq!(
            spec(&["/spec/list/*/name"]),
            json!({"list": [{"name": "a"}, {"name": "b"}, null, {}]})
        );
        assert_eq!(spec(&["/spec/*/name"]), json!({"*": {"name": 1}}));
        let both = spec(&["/spec/list/*/name", "/spec/list/0/image"]);
        assert_eq!(both, json!({"list": [{"image": "i"}, {"name": "b"}, null, {}]}));
    }

    #[test]
    fn the_data_of_a_secret_is_seen_by_no_health_check_whatever_it_names() {
        let hidden = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "annotations": {"a": "b"}},
        });
        assert_eq!(seen(None, secret()), hidden);
        assert_eq!(
            seen(Some(&["/metadata"]), secret())["metadata"],
            json!({"name": "s", "annotations": {"a": "b"}, "managedFields": [{"manager": "kubectl"}]})
        );
        assert_eq!(
            seen(Some(&["/metadata/annotations"]), secret())["metadata"]["annotations"],
            json!({"a": "b"})
        );
        for fields in [&["/data"], &["/data/password"], &["/stringData/password"]] {
            let seen = seen(Some(fields), secret());
            assert_eq!((seen.get("data"), seen.get("stringData")), (None, None), "{fields:?}");
        }
        let annotation = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
        assert_eq!(
            seen(Some(&[annotation]), secret())["metadata"]["annotations"],
            json!({})
        );
        let (one, two) = (secret(), secret());
        let mut item = hidden.clone();
        item["metadata"]["managedFields"] = one["metadata"]["managedFields"].clone();
        for kind in ["SecretList", "List"] {
            let list = json!({"apiVersion": "v1", "kind": kind, "items": [one, two]});
            assert_eq!(seen(None, list.clone())["items"], json!([item, item]));
            for field in ["/items", "/items/0", "/items/0/data", "/items/*/stringData/password"] {
                let text = seen(Some(&[field]), list.clone()).to_string();
                assert!(
                    !text.contains("aHVudGVyMg") && !text.contains("hunter2"),
                    "{field}: {text}"
                );
            }
        }
        let mut foreign = secret();
        foreign["apiVersion"] = json!("example.com/v1");
        assert_eq!(seen(None, foreign.clone())["data"], foreign["data"]);
    }
}
