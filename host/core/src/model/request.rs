//! Requests of a hook's plugin, as the contract lists them. [`grant`](crate::model::grant) decides whether they are permitted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{
    hook::Propagation,
    object::{GroupKind, Object},
};

/// A request with its ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRequest {
    /// The ID that the plugin gave it.
    pub id: u32,
    /// What the plugin requests.
    #[serde(rename = "what")]
    pub request: Request,
    /// The step of the hook that made the request, from 1. It distinguishes requests with the same ID.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub step: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(step: &u32) -> bool {
    *step == 0
}

impl HookRequest {
    /// Creates a request that isn't from a step yet.
    pub fn new(id: u32, what: Request) -> HookRequest {
        HookRequest {
            id,
            request: what,
            step: 0,
        }
    }
}

/// What a hook's plugin can request. Requests about the hook's own object need no permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Create the hook's own object.
    CreateOwn,
    /// Watch the hook's own object.
    WatchOwn,
    /// Follow the logs of the own object's pods.
    FollowLogsOwn,
    /// Delete the hook's own object.
    DeleteOwn(Propagation),
    /// Apply this object, as JSON.
    Apply(String),
    /// Read an object once.
    Get(ObjectRef),
    /// Read all objects that match.
    List(Selector),
    /// Watch another object.
    Watch(ObjectRef),
    /// Patch an object.
    Patch {
        /// The object that is patched.
        object: ObjectRef,
        /// A JSON merge patch.
        merge: String,
    },
    /// Delete another object.
    Delete {
        /// The object that is deleted.
        object: ObjectRef,
        /// What happens to its dependents.
        propagation: Propagation,
    },
    /// Make an HTTP call.
    Http(HttpRequest),
    /// Wait for a signal with this name.
    WaitSignal(String),
    /// Write a Kubernetes event about the hook.
    EmitEvent(String),
    /// A request that this version doesn't support: its name.
    #[serde(rename = "NotInThisVersion")]
    Unsupported(String),
}

/// Names an object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// The object's API version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The object's kind.
    pub kind: String,
    /// The namespace; `None` for cluster-wide kinds, and for the application's own.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// Selects objects of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// The API version of the objects: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind of the objects.
    pub kind: String,
    /// The namespace; `None` for the application's own.
    pub namespace: Option<String>,
    /// A label selector; empty for all.
    pub labels: String,
}

/// An HTTP call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    /// The method, as in `GET`.
    pub method: String,
    /// The URL, including the scheme.
    pub url: String,
    /// The names and values of the headers.
    pub headers: Vec<(String, HeaderValue)>,
    /// The body, encoded as base64, which is compact in a checkpoint.
    pub body: Option<String>,
    /// The timeout, in milliseconds.
    pub timeout_ms: u32,
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderValue {
    /// A text of the plugin.
    Text(String),
    /// The value of a Secret's key, which the host fills in.
    Secret {
        /// The text before the value: `Bearer `.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// The Secret, in the application's namespace.
        name: String,
        /// The key in it.
        key: String,
    },
}

/// The response to an HTTP call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The names of the headers, in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body, encoded as base64.
    pub body: String,
    /// Whether the body was longer and was cut.
    #[serde(rename = "cut")]
    pub is_truncated: bool,
}

/// Returns the group of an `apiVersion`; empty for the core group.
fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl ObjectRef {
    /// Returns its group and kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(group_of(&self.api_version), &self.kind)
    }
}

impl Selector {
    /// Returns their group and kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(group_of(&self.api_version), &self.kind)
    }
}

/// `Deployment api`, `Deployment other/api`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The request in a few words, without secrets: `patch Deployment api`, `http GET https://shop.example/health`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::CreateOwn => f.write_str("create its own object"),
            Request::WatchOwn => f.write_str("watch its own object"),
            Request::FollowLogsOwn => f.write_str("follow the logs of its own object"),
            Request::DeleteOwn(_) => f.write_str("delete its own object"),
            Request::Apply(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value) => write!(f, "apply {}", Object(value).key()),
                Err(_) => f.write_str("apply an object"),
            },
            Request::Get(object) => write!(f, "get {object}"),
            Request::List(selector) => {
                write!(f, "list {}", selector.group_kind())?;
                match &selector.namespace {
                    Some(namespace) => write!(f, " in {namespace}"),
                    None => Ok(()),
                }
            }
            Request::Watch(object) => write!(f, "watch {object}"),
            Request::Patch { object, .. } => write!(f, "patch {object}"),
            Request::Delete { object, .. } => write!(f, "delete {object}"),
            Request::Http(call) => {
                let bare = call.url.split(['?', '#']).next().unwrap_or_default();
                write!(f, "http {} {bare}", call.method)
            }
            Request::WaitSignal(name) => write!(f, "wait for the signal {name}"),
            Request::EmitEvent(_) => f.write_str("create Event"),
            Request::Unsupported(name) => f.write_str(name),
        }
    }
}

impl Request {
    /// Returns whether it is about the hook's own object, which needs no permission.
    pub fn is_about_own_object(&self) -> bool {
        match self {
            Request::CreateOwn | Request::WatchOwn | Request::FollowLogsOwn | Request::DeleteOwn(_) => true,
            Request::Apply(_)
            | Request::Get(_)
            | Request::List(_)
            | Request::Watch(_)
            | Request::Patch { .. }
            | Request::Delete { .. }
            | Request::Http(_)
            | Request::WaitSignal(_)
            | Request::EmitEvent(_)
            | Request::Unsupported(_) => false,
        }
    }

    /// Returns whether it changes something in the cluster.
    pub fn is_write(&self) -> bool {
        match self {
            Request::CreateOwn
            | Request::DeleteOwn(_)
            | Request::Apply(_)
            | Request::Patch { .. }
            | Request::Delete { .. }
            | Request::EmitEvent(_) => true,
            Request::WatchOwn
            | Request::FollowLogsOwn
            | Request::Get(_)
            | Request::List(_)
            | Request::Watch(_)
            | Request::Http(_)
            | Request::WaitSignal(_)
            | Request::Unsupported(_) => false,
        }
    }

    /// Returns whether later requests wait for its answer.
    pub fn blocks_later_requests(&self) -> bool {
        self.is_write() || matches!(self, Request::Watch(_))
    }
}
