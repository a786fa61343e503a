//! Parses the paths and queries of requests.

use std::collections::BTreeMap;

/// The decoded parameters of a request; of several with one name, the first is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the part of a URI after the question mark.
    pub fn parse(text: &str) -> Query {
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters
                .entry(percent_decode(&name.replace('+', " ")))
                .or_insert_with(|| percent_decode(&value.replace('+', " ")));
        }
        Query(parameters)
    }

    /// Sets a parameter.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
    }

    /// Returns a parameter, empty when it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns a parameter that is a number; `None` if it is absent or not a number.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).parse().ok()
    }

    /// Returns whether a parameter is there and not `false` or `0`.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value != "false" && value != "0")
    }
}

/// The meaning of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz` and similar ones.
    Health,
    /// The version of the server, at `/version`.
    Version,
    /// `/api`: the versions of the core group.
    CoreVersions,
    /// The list of groups, at `/apis`.
    Groups,
    /// The versions of a group, at `/apis/GROUP`.
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`: the resources.
    Resources {
        /// The group.
        group: String,
        /// The version.
        version: String,
    },
    /// `/openapi/...`, by the rest of the path.
    OpenApi(String),
    /// Objects of one resource.
    Objects(ObjectPath),
    /// A path that isn't served.
    NotFound,
}

/// The objects in a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPath {
    /// The group, empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource.
    pub plural: String,
    /// The namespace, empty for all or none.
    pub namespace: String,
    /// The name of a single object.
    pub name: Option<String>,
    /// A subresource of that object.
    pub subresource: Option<String>,
}

impl Route {
    /// Parses a path. It is decoded first and split then, as in API servers (`URL.Path` of Go's `net/url`), so `%2F` is a `/` like any
    /// other.
    pub fn parse(path: &str) -> Route {
        let path = percent_decode(path);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => Route::Health,
            ["version"] => Route::Version,
            ["openapi", rest @ ..] => Route::OpenApi(rest.join("/")),
            ["api"] => Route::CoreVersions,
            ["apis"] => Route::Groups,
            ["apis", group] => Route::Group((*group).into()),
            ["api", version] => Route::Resources {
                group: String::new(),
                version: (*version).into(),
            },
            ["apis", group, version] => Route::Resources {
                group: (*group).into(),
                version: (*version).into(),
            },
            ["api", version, rest @ ..] => objects("", version, rest),
            ["apis", group, version, rest @ ..] => objects(group, version, rest),
            _ => Route::NotFound,
        }
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Route {
    let text = |part: &str| Some(part.to_owned());
    let (namespace, plural, name, subresource) = match rest {
        // A namespace is also an object, and has two subresources of its own.
        ["namespaces", name, part @ ("status" | "finalize")] => ("", "namespaces", text(name), text(part)),
        ["namespaces"] => ("", "namespaces", None, None),
        ["namespaces", name] => ("", "namespaces", text(name), None),
        ["namespaces", namespace, plural] => (*namespace, *plural, None, None),
        ["namespaces", namespace, plural, name] => (*namespace, *plural, text(name), None),
        ["namespaces", namespace, plural, name, part] => (*namespace, *plural, text(name), text(part)),
        [plural] => ("", *plural, None, None),
        [plural, name] => ("", *plural, text(name), None),
        [plural, name, part] => ("", *plural, text(name), text(part)),
        _ => return Route::NotFound,
    };
    Route::Objects(ObjectPath {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        namespace: namespace.into(),
        name,
        subresource,
    })
}

/// Decodes percent encoding; bytes that aren't UTF-8 are replaced.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> (String, String, String, Option<String>, Option<String>) {
        match Route::parse(path) {
            Route::Objects(found) => (
                found.group,
                found.plural,
                found.namespace,
                found.name,
                found.subresource,
            ),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_objects() {
        let some = |text: &str| Some(text.to_owned());
        let of =
            |group: &str, plural: &str, namespace: &str| (group.to_owned(), plural.to_owned(), namespace.to_owned());
        let with = |(a, b, c), name, part| (a, b, c, name, part);
        assert_eq!(object("/api/v1/pods"), with(of("", "pods", ""), None, None));
        assert_eq!(
            object("/api/v1/namespaces/shop/pods/web/log"),
            with(of("", "pods", "shop"), some("web"), some("log"))
        );
        assert_eq!(
            object("/api/v1/namespaces/shop"),
            with(of("", "namespaces", ""), some("shop"), None)
        );
        assert_eq!(
            object("/api/v1/namespaces/shop/status"),
            with(of("", "namespaces", ""), some("shop"), some("status"))
        );
        assert_eq!(
            object("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"),
            with(
                of("rbac.authorization.k8s.io", "clusterroles", ""),
                some("system:node"),
                None
            )
        );
    }

    #[test]
    fn an_encoded_slash_separates_like_any_other() {
        assert_eq!(
            object("/api/v1/namespaces/shop%2Fsecrets"),
            object("/api/v1/namespaces/shop/secrets")
        );
        assert_eq!(object("/api/v1/pods/a%252Fb").3.as_deref(), Some("a%2Fb"));
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("labelSelector=app%3Dweb%2Ctier+in+%28a%29&watch=1&limit=5&force=false");
        assert_eq!(query.text("labelSelector"), "app=web,tier in (a)");
        assert!(query.flag("watch") && !query.flag("force") && !query.flag("pretty"));
        assert_eq!(query.number::<u64>("limit"), Some(5));
    }
}
