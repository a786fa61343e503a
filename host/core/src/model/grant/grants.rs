//! Permissions as manifests request them and users grant them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HostPattern, KindPattern, Url, kind_pattern::narrower};
use crate::model::{name::ObjectName, object::GroupKind};

/// The word for the application's own namespace.
const OWN_NAMESPACE: &str = ".";

/// Permissions of a plugin. Empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Grants {
    /// Access to objects of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<ClusterGrant>,
    /// HTTP calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Values of Secrets in the application's namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretGrant>,
    /// What a health plugin may see besides its object: `owned-pods`, `events`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
}

/// Verbs on kinds in namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenClusterGrant")]
pub struct ClusterGrant {
    /// The permitted verbs.
    pub verbs: Vec<Verb>,
    /// The kinds of the objects.
    pub kinds: Vec<KindPattern>,
    /// The namespaces: names, `.` for the application's own, `*` for all namespaces and cluster-wide objects.
    pub namespaces: Vec<String>,
    /// The exact names of the objects; `None` for all. Like `resourceNames` of a Kubernetes `PolicyRule`, a list of names permits nothing
    /// that has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
}

/// A [`ClusterGrant`] before it is validated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenClusterGrant {
    verbs: Vec<Verb>,
    kinds: Vec<KindPattern>,
    #[serde(default = "own_namespace")]
    namespaces: Vec<String>,
    #[serde(default)]
    names: Option<Vec<String>>,
}

impl TryFrom<WrittenClusterGrant> for ClusterGrant {
    type Error = String;

    fn try_from(written: WrittenClusterGrant) -> Result<ClusterGrant, String> {
        if let Some(names) = &written.names {
            if names.is_empty() {
                return Err("`names` is empty; leave it out to mean objects of any name".to_owned());
            }
            if names.iter().any(|name| name == "*") {
                return Err("`names` are exact; leave it out to mean objects of any name".to_owned());
            }
            for name in names {
                ObjectName::new(name).map_err(|error| error.to_string())?;
            }
            if let Some(verb) = written.verbs.iter().find(|verb| !verb.names_one_object()) {
                return Err(format!(
                    "`{verb}` has no name, so a grant with `names` can't allow it; write another grant for it"
                ));
            }
        }
        Ok(ClusterGrant {
            verbs: written.verbs,
            kinds: written.kinds,
            namespaces: written.namespaces,
            names: written.names,
        })
    }
}

/// What a plugin may do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Read one object.
    Get,
    /// List all objects.
    List,
    /// Watch one object.
    Watch,
    /// Create or apply one object.
    Apply,
    /// Patch one object.
    Patch,
    /// Delete one object.
    Delete,
    /// Create an `Event`.
    Create,
}

impl Verb {
    /// Returns whether the verb is used on one object by its name.
    fn names_one_object(self) -> bool {
        match self {
            Verb::Get | Verb::Watch | Verb::Apply | Verb::Patch | Verb::Delete => true,
            Verb::List | Verb::Create => false,
        }
    }
}

/// HTTP methods on hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpGrant {
    /// The permitted hosts.
    pub hosts: Vec<HostPattern>,
    /// The permitted methods; `*` for all.
    #[serde(default = "read_methods")]
    pub methods: Vec<String>,
    /// Whether loopback and link-local addresses are permitted, too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub local: bool,
}

/// Values of Secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretGrant {
    /// The names of the Secrets; `*` for all.
    pub names: Vec<String>,
    /// Their keys; `*` for all, which is the default.
    #[serde(default = "any_name")]
    pub keys: Vec<String>,
    /// Whether the plugin itself may see the values if it may read the Secret. Otherwise only the host uses them, in headers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shown: bool,
}

fn own_namespace() -> Vec<String> {
    vec![OWN_NAMESPACE.to_owned()]
}

fn any_name() -> Vec<String> {
    vec!["*".to_owned()]
}

fn read_methods() -> Vec<String> {
    vec!["GET".to_owned(), "HEAD".to_owned()]
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Grants {
    /// Returns whether nothing is permitted.
    pub fn is_empty(&self) -> bool {
        *self == Grants::default()
    }

    /// Replaces `.` by the application's namespace.
    #[must_use]
    pub fn with_own_namespace(mut self, namespace: &str) -> Grants {
        for grant in &mut self.cluster {
            for name in grant.namespaces.iter_mut().filter(|name| *name == OWN_NAMESPACE) {
                namespace.clone_into(name);
            }
        }
        self
    }

    /// Returns what both permit.
    #[must_use]
    pub fn intersect(&self, other: &Grants) -> Grants {
        Grants {
            cluster: intersect_pairs(&self.cluster, &other.cluster, ClusterGrant::intersect),
            http: intersect_pairs(&self.http, &other.http, HttpGrant::intersect),
            secrets: intersect_pairs(&self.secrets, &other.secrets, SecretGrant::intersect),
            related: intersect_words(&self.related, &other.related),
        }
    }

    /// Returns whether a verb is permitted on objects of a kind in a namespace; an empty namespace stands for cluster-wide objects. Without
    /// a name, all objects must be permitted.
    pub fn allows_object(&self, verb: Verb, kind: &GroupKind, namespace: &str, name: Option<&str>) -> bool {
        self.cluster
            .iter()
            .any(|grant| grant.missing(verb, kind, namespace, name).is_empty())
    }

    /// Returns the one thing that a grant lacks to permit an access, as in "the verb patch"; `None` if every grant lacks more.
    pub(super) fn missing_for_object(
        &self,
        verb: Verb,
        kind: &GroupKind,
        namespace: &str,
        name: Option<&str>,
    ) -> Option<String> {
        let lacks = self
            .cluster
            .iter()
            .map(|grant| grant.missing(verb, kind, namespace, name));
        lacks
            .filter_map(|lacks| <[String; 1]>::try_from(lacks).ok())
            .map(|[lack]| lack)
            .next()
    }

    /// As [`Grants::missing_for_object`], for a call of a URL.
    pub(super) fn missing_for_call(&self, method: &str, url: &Url) -> Option<String> {
        let lacks = self.http.iter().map(|grant| grant.missing(method, url));
        lacks
            .filter_map(|lacks| <[String; 1]>::try_from(lacks).ok())
            .map(|[lack]| lack)
            .next()
    }

    /// As [`Grants::missing_for_object`], for the value of a Secret's key.
    pub(super) fn missing_for_secret(&self, name: &str, key: &str) -> Option<String> {
        let knows_name = self.secrets.iter().any(|grant| includes(&grant.names, name));
        let knows_key = self.secrets.iter().any(|grant| includes(&grant.keys, key));
        match (knows_name, knows_key) {
            (true, _) => Some(format!("the key `{key}`")),
            (false, true) => Some(format!("the name `{name}`")),
            (false, false) => None,
        }
    }

    /// Returns whether a URL may be called: `None` if not, else whether loopback and link-local addresses are permitted.
    pub fn allows_call(&self, method: &str, url: &Url) -> Option<bool> {
        let grants = self.http.iter().filter(|grant| {
            grant.methods.iter().any(|one| one == "*" || one == method)
                && grant.hosts.iter().any(|host| host.matches(&url.host, url.port))
        });
        let mut locals = grants.map(|grant| grant.local).collect::<Vec<_>>();
        if url.is_restricted_host() {
            locals.retain(|local| *local);
        }
        locals.into_iter().max()
    }

    /// Returns whether the host may put the value of a Secret's key into a header.
    pub fn allows_secret(&self, name: &str, key: &str) -> bool {
        self.secrets
            .iter()
            .any(|grant| includes(&grant.names, name) && includes(&grant.keys, key))
    }

    /// Returns whether the plugin may see the value of a Secret's key.
    pub fn shows_secret(&self, name: &str, key: &str) -> bool {
        self.secrets
            .iter()
            .any(|grant| grant.shown && includes(&grant.names, name) && includes(&grant.keys, key))
    }

    /// Describes the permissions for users, one line each.
    pub fn describe(&self) -> Vec<String> {
        let cluster = self.cluster.iter().map(ToString::to_string);
        let http = self.http.iter().map(ToString::to_string);
        let secrets = self.secrets.iter().map(ToString::to_string);
        let related = (!self.related.is_empty()).then(|| format!("see {}", self.related.join(", ")));
        cluster.chain(http).chain(secrets).chain(related).collect()
    }
}

fn includes(words: &[String], word: &str) -> bool {
    words.iter().any(|one| one == "*" || one == word)
}

/// Returns the intersections of each item of one list with each of the other.
fn intersect_pairs<T: PartialEq>(one: &[T], other: &[T], and: impl Fn(&T, &T) -> Option<T>) -> Vec<T> {
    let mut both = Vec::new();
    for first in one {
        for second in other {
            if let Some(found) = and(first, second)
                && !both.contains(&found)
            {
                both.push(found);
            }
        }
    }
    both
}

fn intersect_words(one: &[String], other: &[String]) -> Vec<String> {
    intersect_pairs(one, other, |one, two| narrower(one, two))
}

impl ClusterGrant {
    fn intersect(&self, other: &ClusterGrant) -> Option<ClusterGrant> {
        let verbs = intersect_pairs(&self.verbs, &other.verbs, |one, two| (one == two).then_some(*one));
        let kinds = intersect_pairs(&self.kinds, &other.kinds, KindPattern::intersect);
        let namespaces = intersect_words(&self.namespaces, &other.namespaces);
        let names = match (&self.names, &other.names) {
            (Some(one), Some(two)) => Some(intersect_pairs(one, two, |one, two| (one == two).then(|| one.clone()))),
            (Some(names), None) | (None, Some(names)) => Some(names.clone()),
            (None, None) => None,
        };
        let has_no_name = names.as_ref().is_some_and(Vec::is_empty);
        // A grant with names permits nothing that has no name.
        let verbs: Vec<Verb> = verbs
            .into_iter()
            .filter(|verb| names.is_none() || verb.names_one_object())
            .collect();
        let is_empty = verbs.is_empty() || kinds.is_empty() || namespaces.is_empty() || has_no_name;
        (!is_empty).then_some(ClusterGrant {
            verbs,
            kinds,
            namespaces,
            names,
        })
    }

    /// Lists what the grant lacks to permit an access.
    fn missing(&self, verb: Verb, kind: &GroupKind, namespace: &str, name: Option<&str>) -> Vec<String> {
        let has_namespace = |one: &String| one == "*" || (!namespace.is_empty() && one == namespace);
        let has_name = |names: &Vec<String>| name.is_some_and(|name| names.iter().any(|one| one == name));
        let mut lacks = Vec::new();
        if !self.verbs.contains(&verb) {
            lacks.push(format!("the verb `{verb}`"));
        }
        if !self.kinds.iter().any(|pattern| pattern.matches(kind)) {
            lacks.push(format!("the kind `{kind}`"));
        }
        if !self.namespaces.iter().any(has_namespace) {
            lacks.push(match namespace {
                "" => "the namespace `*`".to_owned(),
                _ => format!("the namespace `{namespace}`"),
            });
        }
        if self.names.as_ref().is_some_and(|names| !has_name(names)) {
            lacks.push(match name {
                Some(name) => format!("the name `{name}`"),
                None => "a grant without `names`".to_owned(),
            });
        }
        lacks
    }
}

impl HttpGrant {
    /// Lists what the grant lacks to permit a call.
    fn missing(&self, method: &str, url: &Url) -> Vec<String> {
        let mut lacks = Vec::new();
        if !self.methods.iter().any(|one| one == "*" || one == method) {
            lacks.push(format!("the method `{method}`"));
        }
        if !self.hosts.iter().any(|host| host.matches(&url.host, url.port)) {
            lacks.push(format!("the host `{}:{}`", url.host, url.port));
        }
        if url.is_restricted_host() && !self.local {
            lacks.push("`local: true`, since it is this machine or its link".to_owned());
        }
        lacks
    }

    fn intersect(&self, other: &HttpGrant) -> Option<HttpGrant> {
        let hosts = intersect_pairs(&self.hosts, &other.hosts, HostPattern::intersect);
        let methods = intersect_words(&self.methods, &other.methods);
        (!hosts.is_empty() && !methods.is_empty()).then_some(HttpGrant {
            hosts,
            methods,
            local: self.local && other.local,
        })
    }
}

impl SecretGrant {
    fn intersect(&self, other: &SecretGrant) -> Option<SecretGrant> {
        let (names, keys) = (
            intersect_words(&self.names, &other.names),
            intersect_words(&self.keys, &other.keys),
        );
        (!names.is_empty() && !keys.is_empty()).then_some(SecretGrant {
            names,
            keys,
            shown: self.shown && other.shown,
        })
    }
}

fn join<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Apply => "apply",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::Create => "create",
        })
    }
}

/// `get, patch apps/Deployment in shop`, `get ConfigMap settings in shop`.
impl fmt::Display for ClusterGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.namespaces.iter().any(|name| name == "*") {
            "anywhere in the cluster".to_owned()
        } else {
            format!("in {}", join(&self.namespaces)).replace("in .", "in the application's namespace")
        };
        write!(f, "{} {}", join(&self.verbs), join(&self.kinds))?;
        if let Some(names) = &self.names {
            write!(f, " {}", join(names))?;
        }
        write!(f, " {place}")
    }
}

/// `http GET, HEAD to api.example.com`.
impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http {} to {}", join(&self.methods), join(&self.hosts))?;
        f.write_str(if self.local { ", this machine included" } else { "" })
    }
}

/// `use Secret token in headers`.
impl fmt::Display for SecretGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, how) = if self.shown {
            ("see", "")
        } else {
            ("use", " in headers")
        };
        write!(f, "{verb} Secret {}", join(&self.names))?;
        if !includes(&self.keys, "*") {
            write!(f, " ({})", join(&self.keys))?;
        }
        f.write_str(how)
    }
}
