//! How is this object? The question, what comes with it, and the answer.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::{Failure, Mode, Object, Related};

/// Judges objects of the kinds that the manifest claims.
pub trait Health {
    /// Judges one object. `claim` is the group and kind of the manifest that led here: `apps/Deployment`, `*/*`.
    fn assess(claim: &str, input: &HealthInput<'_>) -> Result<Assessment, Failure>;
}

/// What the host passes with a health question.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthInput<'a> {
    /// The object, as far as the claim's `fields` show it.
    #[serde(borrow, default)]
    pub object: Object<'a>,
    /// The user's settings for this plugin.
    #[serde(borrow, default)]
    pub settings: Object<'a>,
    /// Whose rules the user wants.
    #[serde(rename = "compat", default)]
    pub mode: Mode,
    #[serde(borrow, default)]
    application: Object<'a>,
    #[serde(borrow, default)]
    related: Option<Object<'a>>,
}

/// What few health checks need is read only by those: it makes a component smaller and its calls shorter.
impl<'a> HealthInput<'a> {
    /// Which application the object belongs to.
    pub fn application(&self) -> Result<Application, Failure> {
        self.application.read_or_default()
    }

    /// Whether the plugin is asked again because of [`Assessment::need`]: this answer is the last one about this version
    /// of the object.
    pub fn is_second(&self) -> bool {
        self.related.is_some()
    }

    /// Says in one sentence what the pods that the plugin asked for tell, or else the newest warning about the object.
    pub fn explanation(&self) -> Result<Option<String>, Failure> {
        let related = self.related()?;
        if let Some(pods) = related.get("owned-pods")
            && let Some(text) = pods.troubles_of_pods()?
        {
            return Ok(Some(text));
        }
        let Some(events) = related.get("events") else {
            return Ok(None);
        };
        let mut warnings = events.events()?.into_iter().filter(|event| event.kind == "Warning");
        Ok(warnings
            .next()
            .map(|warning| format!("{}: {}", warning.reason, warning.message)))
    }

    /// What the plugin asked for by [`Assessment::need`]; empty the first time.
    pub fn related(&self) -> Result<BTreeMap<String, Related<'a>>, Failure> {
        self.related
            .map_or_else(|| Ok(BTreeMap::new()), |related| related.read())
    }
}

/// The application that an object or a hook belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// The name; unique within the namespace.
    #[serde(default)]
    pub name: String,
    /// The namespace that the application is deployed to.
    #[serde(default)]
    pub namespace: String,
}

/// The answer to a health question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The health of the object.
    pub status: HealthStatus,
    /// One sentence without the object's name; may be empty.
    pub message: String,
    /// Which rule judged: `Deployment/progress-deadline`.
    pub rule: String,
    /// Whether waiting is useless.
    pub is_final: bool,
    /// Ask again after so long even if nothing changes. Needed by every answer that read the clock.
    pub recheck_after: Option<Duration>,
    /// What else the plugin must see to say more: `owned-pods`, `events`, `storage-class`.
    pub need: Vec<String>,
    /// Further details as JSON, for `--output json`.
    pub details: Option<String>,
}

/// The six words of Argo CD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum HealthStatus {
    /// It does what it is for.
    Healthy,
    /// It is on its way.
    Progressing,
    /// It failed, or will not become healthy as it is.
    Degraded,
    /// It waits for somebody.
    Suspended,
    /// It is not there.
    Missing,
    /// It can't be told. A word of a later contract counts as this.
    #[default]
    Unknown,
}

impl From<String> for HealthStatus {
    fn from(word: String) -> Self {
        match &*word.to_ascii_lowercase() {
            "healthy" => Self::Healthy,
            "progressing" => Self::Progressing,
            "degraded" => Self::Degraded,
            "suspended" => Self::Suspended,
            "missing" => Self::Missing,
            _ => Self::Unknown,
        }
    }
}

impl Assessment {
    /// Says so, by the named rule; the other words of the answer can be added.
    pub fn new(status: HealthStatus, rule: impl Into<String>, message: impl Into<String>) -> Self {
        let (message, rule) = (message.into(), rule.into());
        Self {
            status,
            message,
            rule,
            is_final: false,
            recheck_after: None,
            need: Vec::new(),
            details: None,
        }
    }

    /// It does what it is for.
    pub fn healthy(rule: impl Into<String>) -> Self {
        Self::new(HealthStatus::Healthy, rule, "")
    }

    /// It is on its way; the message says what is missing.
    pub fn progressing(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Progressing, rule, message)
    }

    /// It will not become healthy as it is.
    pub fn degraded(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Degraded, rule, message)
    }

    /// It waits for somebody.
    pub fn suspended(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Suspended, rule, message)
    }

    /// It can't be told, and the message says why.
    pub fn unknown(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Unknown, rule, message)
    }

    /// Gives the sentence for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Says that no change of this status is to be expected any more.
    #[must_use]
    pub fn finally(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Asks to be asked again, even if nothing changes.
    #[must_use]
    pub fn recheck_after(mut self, wait: Duration) -> Self {
        self.recheck_after = Some(wait);
        self
    }

    /// Asks to be asked once more, with these related objects: `owned-pods`, `events`, `storage-class`. The claim's
    /// `related` must name them.
    #[must_use]
    pub fn need(mut self, related: impl Into<String>) -> Self {
        self.need.push(related.into());
        self
    }
}
