//! Triggers: what a person asks for by an annotation.

use serde::Deserialize;

use crate::{model::text::truncated_to, plan::HookSelection};

/// The maximum length of a trigger in bytes.
pub const MAX_BYTES: usize = 4096;
/// The maximum length of an ID in bytes.
const MAX_ID_BYTES: usize = 128;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A sync, although nothing may have changed.
    Sync(SyncParameters),
    /// Roll back to the manifests of an earlier operation.
    Rollback {
        /// The number or ID of the operation whose set is deployed again.
        to: String,
    },
    /// A run of the test hooks.
    Test,
    /// A fetch of the origin, without an operation.
    Refresh,
    /// The end of a set's being held back.
    Release,
    /// The end of the operation that runs.
    Terminate,
}

/// The parameters of a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncParameters {
    /// The revision; the newest one if absent. The newest one is held back then, as by a rollback.
    pub revision: Option<String>,
    /// Which hooks run.
    pub hooks: Option<HookSelection>,
    /// Only these objects, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
    pub only: Vec<String>,
    /// Only these hooks, in the same form or by name.
    pub hook: Vec<String>,
    /// Without these hooks, in the same form or by name.
    pub skip_hook: Vec<String>,
    /// Whether objects that are no longer in the manifests are deleted; as the spec says if absent.
    pub prune: Option<bool>,
}

impl SyncParameters {
    /// Returns whether only a part of the set is synced, so that the set as a whole remains as it was.
    pub fn is_partial(&self) -> bool {
        let selects_hooks = self.hooks.is_some_and(|hooks| hooks != HookSelection::All);
        selects_hooks || !self.only.is_empty() || !self.hook.is_empty() || !self.skip_hook.is_empty()
    }
}

/// The text of a trigger isn't valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// It is too long.
    #[error("the trigger has {0} bytes, and may have {MAX_BYTES}")]
    TooLong(usize),
    /// It is empty.
    #[error("the trigger is empty: write any new text, such as the time, or JSON with `id` and `do`")]
    Empty,
    /// It begins as JSON and isn't a trigger.
    #[error("the trigger isn't valid: {0}")]
    Json(String),
    /// It has a parameter of another trigger.
    #[error("`{parameter}` can't be combined with `\"do\": \"{action}\"`")]
    Parameter {
        /// The name of the parameter in the annotation.
        parameter: &'static str,
        /// What is triggered.
        action: &'static str,
    },
    /// A rollback doesn't say to which operation.
    #[error("a rollback needs `to`: the number of an operation in the history")]
    NoTarget,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Json {
    id: String,
    #[serde(default, rename = "do")]
    action: JsonAction,
    revision: Option<String>,
    to: Option<String>,
    hooks: Option<HookSelection>,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    hook: Vec<String>,
    #[serde(default)]
    skip_hook: Vec<String>,
    prune: Option<bool>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonAction {
    #[default]
    Sync,
    Rollback,
    Test,
    Refresh,
    Release,
    Terminate,
}

impl JsonAction {
    const fn as_str(self) -> &'static str {
        match self {
            JsonAction::Sync => "sync",
            JsonAction::Rollback => "rollback",
            JsonAction::Test => "test",
            JsonAction::Refresh => "refresh",
            JsonAction::Release => "release",
            JsonAction::Terminate => "terminate",
        }
    }
}

/// Parses the text of a trigger: any text is the ID of a sync; JSON has an `id`, what to do, and parameters.
///
/// Returns the ID, too, so that a text that isn't valid is answered once.
pub fn parse(text: &str) -> (String, Result<Trigger, TriggerError>) {
    let text = text.trim();
    let own = || truncated_to(text.to_owned(), MAX_ID_BYTES);
    if text.len() > MAX_BYTES {
        return (own(), Err(TriggerError::TooLong(text.len())));
    }
    if text.is_empty() {
        return (String::new(), Err(TriggerError::Empty));
    }
    if !text.starts_with('{') {
        return (own(), Ok(Trigger::Sync(SyncParameters::default())));
    }
    match serde_json::from_str::<Json>(text) {
        Ok(json) => (truncated_to(json.id.clone(), MAX_ID_BYTES), json.trigger()),
        Err(error) => (own(), Err(TriggerError::Json(error.to_string()))),
    }
}

impl Json {
    fn trigger(self) -> Result<Trigger, TriggerError> {
        let action = self.action;
        let is_sync = action == JsonAction::Sync;
        let parameters = [
            ("revision", self.revision.is_some(), is_sync),
            ("hooks", self.hooks.is_some(), is_sync),
            ("only", !self.only.is_empty(), is_sync),
            ("hook", !self.hook.is_empty(), is_sync),
            ("skipHook", !self.skip_hook.is_empty(), is_sync),
            ("prune", self.prune.is_some(), is_sync),
            ("to", self.to.is_some(), action == JsonAction::Rollback),
        ];
        if let Some((parameter, ..)) = parameters.into_iter().find(|(_, is_there, fits)| *is_there && !fits) {
            let action = action.as_str();
            return Err(TriggerError::Parameter { parameter, action });
        }
        Ok(match action {
            JsonAction::Sync => Trigger::Sync(SyncParameters {
                revision: self.revision,
                hooks: self.hooks,
                only: self.only,
                hook: self.hook,
                skip_hook: self.skip_hook,
                prune: self.prune,
            }),
            JsonAction::Rollback => Trigger::Rollback {
                to: self.to.ok_or(TriggerError::NoTarget)?,
            },
            JsonAction::Test => Trigger::Test,
            JsonAction::Refresh => Trigger::Refresh,
            JsonAction::Release => Trigger::Release,
            JsonAction::Terminate => Trigger::Terminate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_triggers_a_sync_and_json_says_what() {
        let sync = Trigger::Sync(SyncParameters::default());
        assert_eq!(parse("1732835640"), ("1732835640".to_owned(), Ok(sync.clone())));
        assert_eq!(parse(r#"{"id":"7"}"#), ("7".to_owned(), Ok(sync)));
        let text =
            r#"{"id":"7","do":"sync","revision":"8af3c1d2","hooks":"none","only":["Deployment/api"],"prune":true}"#;
        let parameters = SyncParameters {
            revision: Some("8af3c1d2".to_owned()),
            hooks: Some(HookSelection::None),
            only: vec!["Deployment/api".to_owned()],
            prune: Some(true),
            ..SyncParameters::default()
        };
        assert_eq!(parse(text).1, Ok(Trigger::Sync(parameters)));
        let to = "41".to_owned();
        assert_eq!(
            parse(r#"{"id":"8","do":"rollback","to":"41"}"#).1,
            Ok(Trigger::Rollback { to })
        );
        for (action, trigger) in [
            ("test", Trigger::Test),
            ("refresh", Trigger::Refresh),
            ("release", Trigger::Release),
            ("terminate", Trigger::Terminate),
        ] {
            assert_eq!(parse(&format!(r#"{{"id":"9","do":"{action}"}}"#)).1, Ok(trigger));
        }
    }

    #[test]
    fn what_is_wrong_with_a_trigger_is_named() {
        for (text, message) in [
            ("", "is empty"),
            ("{", "isn't valid: EOF"),
            (r#"{"do":"sync"}"#, "missing field `id`"),
            (r#"{"id":"1","do":"explode"}"#, "unknown variant `explode`"),
            (r#"{"id":"1","force":true}"#, "unknown field `force`"),
            (r#"{"id":"1","do":"rollback"}"#, "needs `to`"),
            (
                r#"{"id":"1","do":"test","only":["a"]}"#,
                "`only` can't be combined with `\"do\": \"test\"`",
            ),
            (
                r#"{"id":"1","to":"41"}"#,
                "`to` can't be combined with `\"do\": \"sync\"`",
            ),
        ] {
            let error = parse(text).1.unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        let (id, error) = parse(&"x".repeat(5000));
        assert_eq!(error, Err(TriggerError::TooLong(5000)));
        assert!(id.len() <= MAX_ID_BYTES);
    }
}
