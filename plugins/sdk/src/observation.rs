//! What happened: the one thing that a hook type is told when it shall go on.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{HealthStatus, Object};

/// An observation, and the request that it answers.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The number of the ask that it answers.
    pub answers: Option<u32>,
    /// What was observed.
    pub what: Observation<'a>,
}

/// What the host can report to a hook type.
#[derive(Debug)]
pub enum Observation<'a> {
    /// The own object is there.
    Created(Object<'a>),
    /// A watched or read object, now.
    Object {
        /// The complete object, as the cluster has it now.
        object: Object<'a>,
        /// How it is, judged by whoever claims its kind.
        health: Judged,
    },
    /// A watched object is no longer there, or was never found.
    Gone,
    /// A deletion is complete.
    Deleted,
    /// An ask without an answer of its own was performed.
    Done,
    /// The answer to a list, to be read as a list of the plugin's own type.
    Objects(Object<'a>),
    /// Lines of the own object's pods, to be read as `Vec<LogLine>`.
    Log(Object<'a>),
    /// The answer to a call.
    Http {
        /// The HTTP status code.
        status: u16,
        /// The headers as a JSON object of names and values.
        headers: Object<'a>,
        /// The body; the first 64 KiB of it.
        body: Vec<u8>,
        /// Whether the body had more than that.
        is_cut: bool,
    },
    /// A signal that the hook waits for was sent.
    Signal {
        /// The signal's name.
        name: String,
        /// The user who sent it, or the system.
        by: String,
        /// What was sent with it, as JSON.
        value: Object<'a>,
    },
    /// The time asked for has come.
    Woke,
    /// The ask was not performed, and never will be.
    Refused(String),
    /// The ask was tried and failed.
    Failed {
        /// The error of the API server or of the connection.
        reason: String,
        /// Whether it may work later.
        is_temporary: bool,
    },
    /// A kind of a later contract.
    Unknown(String),
}

/// The health of an object, as the plugin that claims its kind sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Judged {
    /// The verdict; unknown if the host said nothing.
    pub status: HealthStatus,
    /// One sentence; may be empty.
    pub message: String,
    /// The rule that decided: `Deployment/progress-deadline`.
    pub rule: String,
    /// Whether waiting is useless.
    #[serde(rename = "final")]
    pub is_final: bool,
}

/// A line of a pod's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// The name of the pod.
    pub pod: String,
    /// The name of the container.
    pub container: String,
    /// The line, without a line break.
    pub text: String,
}

/// An observation as JSON: flat, because serde can't borrow from a tagged enum.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawObservation<'a> {
    kind: String,
    answers: Option<u32>,
    #[serde(borrow)]
    object: Object<'a>,
    health: Option<Judged>,
    #[serde(borrow)]
    objects: Object<'a>,
    #[serde(borrow)]
    lines: Object<'a>,
    status: u16,
    #[serde(borrow)]
    headers: Object<'a>,
    body: String,
    cut: bool,
    name: String,
    by: String,
    #[serde(borrow)]
    value: Object<'a>,
    reason: String,
    temporary: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Seen<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = RawObservation::deserialize(deserializer)?;
        let what = match &*flat.kind {
            "created" => Observation::Created(flat.object),
            "object" => Observation::Object {
                object: flat.object,
                health: flat.health.unwrap_or_default(),
            },
            "gone" => Observation::Gone,
            "deleted" => Observation::Deleted,
            "done" => Observation::Done,
            "objects" => Observation::Objects(flat.objects),
            "log" => Observation::Log(flat.lines),
            "http" => Observation::Http {
                status: flat.status,
                headers: flat.headers,
                body: crate::base64::decode(&flat.body).ok_or_else(|| D::Error::custom("`body` is not base64"))?,
                is_cut: flat.cut,
            },
            "signal" => Observation::Signal {
                name: flat.name,
                by: flat.by,
                value: flat.value,
            },
            "woke" => Observation::Woke,
            "refused" => Observation::Refused(flat.reason),
            "failed" => Observation::Failed {
                reason: flat.reason,
                is_temporary: flat.temporary,
            },
            _ => Observation::Unknown(flat.kind),
        };
        Ok(Self {
            answers: flat.answers,
            what,
        })
    }
}
