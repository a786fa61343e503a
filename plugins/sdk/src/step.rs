//! The answer of a hook type: how far the hook is, and what the host shall do.

use std::time::Duration;

use crate::{AbortReason, HookInput};

/// How far a hook is, and what the host shall do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How far it is.
    pub progress: Progress,
    /// One sentence without the hook's name; for a failure, the reason that users see.
    pub message: String,
    /// What the host shall do, in this order. At most 64.
    pub asks: Vec<Ask>,
    /// Ask again after so long (100 ms or more), unless something else comes first.
    pub wake_after: Option<Duration>,
    /// Further details as JSON, for `--output json`.
    pub details: Option<String>,
}

/// How far a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not at its end.
    Running,
    /// The hook ended and succeeded.
    Succeeded,
    /// A verdict; the message is the reason.
    Failed,
}

/// One thing the host shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The plugin's own number; the observation that answers carries it.
    pub id: u32,
    /// What the host shall do.
    pub what: Request,
}

/// What a hook type may ask for. A refusal is an observation, never a trap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Create the hook's own object.
    CreateOwn,
    /// Follow the own object.
    WatchOwn,
    /// Bring the last log lines of the own object's pods.
    FollowLogsOwn,
    /// Delete the own object.
    DeleteOwn(Propagation),
    /// Apply this object (JSON).
    Apply(String),
    /// Read an object once.
    Get(ObjectRef),
    /// Read all objects that match.
    List(Selector),
    /// Follow another object.
    Watch(ObjectRef),
    /// Change some of an object, by a JSON merge patch.
    Patch(ObjectRef, String),
    /// Delete another object.
    Delete(ObjectRef, Propagation),
    /// Call a URL.
    Http(HttpRequest),
    /// Wait for a signal from a person or another system.
    WaitSignal(String),
    /// Write a Kubernetes event about the hook.
    EmitEvent(String),
}

/// What becomes of the objects that a deleted object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// The dependents are deleted first.
    Foreground,
    /// The dependents are deleted afterwards.
    Background,
    /// The dependents are kept.
    Orphan,
}

/// Which object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The object's API version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The object's kind.
    pub kind: String,
    /// None for kinds without a namespace, and for the application's own namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// Which objects of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The API version of the objects: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind of the objects.
    pub kind: String,
    /// None for the application's own namespace.
    pub namespace: Option<String>,
    /// A label selector in kubectl's words; empty for all.
    pub labels: String,
}

/// A call of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method: `GET`, `POST`.
    pub method: String,
    /// The URL, including the scheme.
    pub url: String,
    /// The names and values of the headers.
    pub headers: Vec<(String, HeaderValue)>,
    /// The body; `None` for a request without one.
    pub body: Option<Vec<u8>>,
    /// At most a minute.
    pub timeout: Duration,
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// A text of the plugin.
    Text(String),
    /// A key of a Secret, which the host fills in and the plugin never sees.
    Secret {
        /// The Secret's name, in the application's namespace.
        name: String,
        /// The key in it.
        key: String,
    },
    /// The same after a text that isn't secret: `Bearer `. Hosts of contract 0.1.0 as it was published refuse such a call.
    PrefixedSecret {
        /// What stands before the value.
        prefix: String,
        /// The Secret's name, in the application's namespace.
        name: String,
        /// The key in it.
        key: String,
    },
}

impl Step {
    fn new(progress: Progress, message: impl Into<String>) -> Self {
        Self {
            progress,
            message: message.into(),
            asks: Vec::new(),
            wake_after: None,
            details: None,
        }
    }

    /// The hook goes on; the message says what it waits for.
    pub fn running(message: impl Into<String>) -> Self {
        Self::new(Progress::Running, message)
    }

    /// The hook has done its work.
    pub fn succeeded(message: impl Into<String>) -> Self {
        Self::new(Progress::Succeeded, message)
    }

    /// The hook has failed, for this reason.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::new(Progress::Failed, reason)
    }

    /// The hook has failed because it was told to stop.
    pub fn aborted(input: &HookInput<'_>) -> Self {
        Self::failed(match input.reason {
            Some(AbortReason::Terminated) => "terminated",
            Some(AbortReason::Deadline) => "stopped: its time is over",
            Some(AbortReason::Failed) => "stopped: something else has failed",
            Some(AbortReason::Unknown) | None => "stopped",
        })
    }

    /// Asks the host to do this. `id` is the plugin's own number, which the answer carries.
    #[must_use]
    pub fn ask(mut self, id: u32, what: Request) -> Self {
        self.asks.push(Ask { id, what });
        self
    }

    /// Asks to be woken after so long, unless something else comes first.
    #[must_use]
    pub fn wake_after(mut self, wait: Duration) -> Self {
        self.wake_after = Some(wait);
        self
    }
}
