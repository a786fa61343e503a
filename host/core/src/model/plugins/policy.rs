//! What delete policies are asked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Application;
use crate::model::{
    hook::{HookOutcome, Occasion, RunId, Ttl},
    object::Object,
    phase::Phase,
    wave::Wave,
};

/// The question to a delete policy about one object of a hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyQuestion {
    /// The application's name and namespace.
    pub application: Application,
    /// The user's settings for this policy.
    pub settings: Map<String, Value>,
    /// When the policy is asked.
    pub occasion: Occasion,
    /// The words of the hook's delete policies.
    pub policies: Vec<String>,
    /// The hook's object.
    pub object: Object,
    /// The run that created the object.
    pub hook: PolicyHook,
    /// The hook's outcome; `None` before its end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lowercase")]
    pub outcome: Option<HookOutcome>,
    /// The operation's outcome; `None` before its end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lowercase")]
    pub operation_outcome: Option<HookOutcome>,
    /// When the hook's object finished. Serialized as milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "milliseconds")]
    pub finished_at: Option<Timestamp>,
    /// The number of newer objects of this hook: 0 for the newest.
    pub rank: u32,
    /// Whether objects of this kind end by themselves.
    pub runs_to_completion: bool,
    /// How long the object is kept.
    pub ttl: Ttl,
    /// `argocd` in compat mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<String>,
}

/// The run that created a hook's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyHook {
    /// The ID of the hook's run.
    pub run: RunId,
    /// The phase of the hook's run.
    pub phase: Phase,
    /// The wave of the hook's run.
    pub wave: Wave,
}

/// Serializes outcomes as `succeeded` and `failed`, as in the contract.
mod lowercase {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::HookOutcome;

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "HookOutcome", rename_all = "lowercase")]
    enum Word {
        Succeeded,
        Failed,
    }

    #[derive(Serialize, Deserialize)]
    struct Outcome(#[serde(with = "Word")] HookOutcome);

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        clippy::ref_option,
        reason = "serde passes a reference"
    )]
    pub fn serialize<S: Serializer>(outcome: &Option<HookOutcome>, serializer: S) -> Result<S::Ok, S::Error> {
        outcome.map(Outcome).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HookOutcome>, D::Error> {
        Ok(Option::<Outcome>::deserialize(deserializer)?.map(|outcome| outcome.0))
    }
}

/// Serializes a time as milliseconds since 1970.
mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millisecond).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let at = Option::<i64>::deserialize(deserializer)?;
        at.map(Timestamp::from_millisecond)
            .transpose()
            .map_err(D::Error::custom)
    }
}
