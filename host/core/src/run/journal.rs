//! Journals: the inputs and plugin calls of an operation, recorded while it ran. They can be replayed without the cluster and without
//! plugins.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    kubernetes::secret::{self, remove_data},
    model::{
        compat::Mode,
        health::Assessment,
        hook::Disposal,
        object::Object,
        plugins::{
            Application, HealthQuestion, HookContext, HookQuestion, HookStep, ObservationKind, Placement,
            PlacementQuestion, PluginError, PluginRef, PolicyQuestion,
        },
        related::Related,
    },
    plan::{Plan, task::TaskId},
    run::{event::Event, input::Input, operation::Operation, view::OperationView},
};

/// An entry of a journal. Entries are in the order of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// An input of the operation.
    #[serde(rename = "Told")]
    Input(Box<Input>),
    /// A call of a plugin with its answer.
    #[serde(rename = "Asked")]
    PluginCall(Box<PluginCall>),
    /// The journal became too long: this is missing from here on.
    #[serde(rename = "Left")]
    Omitted(Omission),
}

/// What a journal that became too long leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Omission {
    /// Plugin calls about health.
    Health,
    /// All entries from here on.
    Everything,
}

/// A call of a plugin and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginCall {
    /// The time of the call; `None` while planning.
    pub at: Option<Timestamp>,
    /// The plugin that was called, and its claim.
    #[serde(rename = "by")]
    pub plugin: PluginRef,
    /// The question and the answer.
    #[serde(rename = "what")]
    pub exchange: PluginExchange,
    /// Whether the plugin saw data of a Secret. It isn't stored, so a repeated call would be another question.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub saw_secrets: bool,
}

/// The question and the answer of a plugin call, by function of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PluginExchange {
    /// How a manifest is run.
    Place {
        /// The question.
        question: PlacementQuestion,
        /// The answer.
        answer: Result<Placement, PluginError>,
    },
    /// The next step of a hook.
    Step {
        /// The hook and its operation.
        context: Box<HookContext>,
        /// The question.
        question: HookQuestion,
        /// The answer.
        answer: Result<HookStep, PluginError>,
    },
    /// The health of an object.
    Assess {
        /// The application that the object belongs to.
        application: Application,
        /// The object, without its `managedFields`.
        object: Object,
        /// The mode of the operation.
        mode: Mode,
        /// The related objects that the plugin saw.
        related: Option<Related>,
        /// The user's settings for the plugin, without those of the object.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        settings: Map<String, Value>,
        /// The assessment, or why there is none.
        answer: Result<Assessment, PluginError>,
    },
    /// What happens to a hook's object.
    Decide {
        /// The question.
        question: Box<PolicyQuestion>,
        /// The answer.
        answer: Result<Disposal, PluginError>,
    },
}

/// A borrowed [`Entry`] that is only written, to avoid copies. It has the same format.
#[derive(Debug, Serialize)]
pub enum EntryToWrite<'a> {
    /// An input of the operation.
    #[serde(rename = "Told")]
    Input(&'a Input),
    /// A plugin call about health.
    #[serde(rename = "Asked")]
    PluginCall(&'a HealthCall<'a>),
}

/// A borrowed [`PluginCall`] about health.
#[derive(Debug, Serialize)]
pub struct HealthCall<'a> {
    /// The time of the call.
    pub at: Timestamp,
    /// The plugin that was called, and its claim.
    #[serde(rename = "by")]
    pub plugin: &'a PluginRef,
    /// The question and the answer.
    #[serde(rename = "what")]
    pub exchange: HealthExchange<'a>,
}

/// A borrowed [`PluginExchange`].
#[derive(Debug, Serialize)]
pub enum HealthExchange<'a> {
    /// The health of an object.
    Assess {
        /// The application that the object belongs to.
        application: &'a Application,
        /// The object. Fields that no plugin sees aren't written.
        object: ObjectToWrite<'a>,
        /// The mode of the operation.
        mode: Mode,
        /// The related objects that the plugin saw.
        related: Option<&'a Related>,
        /// The user's settings for the plugin, without those of the object.
        #[serde(skip_serializing_if = "Option::is_none")]
        settings: Option<&'a Map<String, Value>>,
        /// The assessment, or why there is none.
        answer: &'a Result<Assessment, PluginError>,
    },
}

impl<'a> HealthCall<'a> {
    /// Creates a call from a question and its answer.
    pub fn new(
        by: &'a PluginRef,
        question: &HealthQuestion<'a>,
        answer: &'a Result<Assessment, PluginError>,
    ) -> HealthCall<'a> {
        HealthCall {
            at: question.now,
            plugin: by,
            exchange: HealthExchange::Assess {
                application: question.application,
                object: ObjectToWrite(question.object),
                mode: question.mode,
                related: question.related,
                settings: question.settings,
                answer,
            },
        }
    }

    /// Returns a hash of question, object version and answer. An equal call needn't be recorded again.
    pub fn hash(&self) -> u64 {
        let HealthExchange::Assess {
            object,
            mode,
            related,
            answer,
            ..
        } = &self.exchange;
        let mut hasher = DefaultHasher::new();
        (
            &self.plugin.digest,
            &self.plugin.claim,
            object.0.uid(),
            object.0.resource_version(),
        )
            .hash(&mut hasher);
        // Everything that is written to the journal can be serialized.
        let rest = serde_json::to_vec(&(mode, related, answer)).unwrap_or_default();
        rest.hash(&mut hasher);
        hasher.finish()
    }
}

/// An object that is written without `managedFields` and without data of Secrets.
#[derive(Debug)]
pub struct ObjectToWrite<'a>(&'a Object);

impl Serialize for ObjectToWrite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if secret::is_secret(self.0) {
            let mut bare = self.0.clone();
            remove_data(&mut bare);
            if let Some(metadata) = bare.0.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
            return bare.0.serialize(serializer);
        }
        let Some(members) = self.0.0.as_object() else {
            return self.0.0.serialize(serializer);
        };
        serializer.collect_map(members.iter().map(|(name, value)| {
            let left_out = if name == "metadata" { "managedFields" } else { "" };
            (name, WithoutMember(value, left_out))
        }))
    }
}

/// A value that is written without one of its members.
struct WithoutMember<'a>(&'a Value, &'a str);

impl Serialize for WithoutMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_object() {
            Some(members) if !self.1.is_empty() => {
                serializer.collect_map(members.iter().filter(|(name, _)| *name != self.1))
            }
            Some(_) | None => self.0.serialize(serializer),
        }
    }
}

impl PluginCall {
    /// Creates a call, without data of Secrets.
    pub fn new(at: Option<Timestamp>, by: &PluginRef, mut what: PluginExchange) -> PluginCall {
        let is_granted = match &what {
            PluginExchange::Step { context, .. } => !context.grants.secrets.is_empty(),
            PluginExchange::Place { .. } | PluginExchange::Assess { .. } | PluginExchange::Decide { .. } => false,
        };
        let had_secrets = what.strip_secrets();
        PluginCall {
            at,
            plugin: by.clone(),
            exchange: what,
            saw_secrets: had_secrets && is_granted,
        }
    }
}

impl PluginExchange {
    /// Removes data of Secrets; returns whether there was any.
    fn strip_secrets(&mut self) -> bool {
        match self {
            PluginExchange::Place { question, .. } => remove_data(&mut question.object),
            PluginExchange::Assess { object, .. } => remove_data(object),
            PluginExchange::Decide { question, .. } => remove_data(&mut question.object),
            PluginExchange::Step { context, question, .. } => {
                let own = remove_data(&mut context.object);
                let HookQuestion::Advance { observation, .. } = question else {
                    return own;
                };
                own | match &mut observation.kind {
                    ObservationKind::Created(object) | ObservationKind::Object { object, .. } => remove_data(object),
                    ObservationKind::Objects(objects) => {
                        objects.iter_mut().fold(false, |had, object| remove_data(object) | had)
                    }
                    ObservationKind::Gone
                    | ObservationKind::Deleted
                    | ObservationKind::Done
                    | ObservationKind::Log(_)
                    | ObservationKind::Http(_)
                    | ObservationKind::Signal { .. }
                    | ObservationKind::Woke
                    | ObservationKind::Refused(_)
                    | ObservationKind::Failed { .. } => false,
                }
            }
        }
    }
}

/// The result of a replay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replayed {
    /// The events, equal to those of the original run.
    pub events: Vec<Event>,
    /// The view at the end of the journal.
    pub view: OperationView,
    /// Whether the journal ends before the operation.
    pub is_incomplete: bool,
}

/// Replays a journal: gives an operation the recorded inputs again.
pub fn replay<'a>(plan: Arc<Plan>, operation: &str, entries: impl IntoIterator<Item = &'a Entry>) -> Replayed {
    let mut again = Operation::new(plan, operation);
    let mut replayed = Replayed {
        view: OperationView {
            operation: operation.to_owned(),
            ..OperationView::default()
        },
        ..Replayed::default()
    };
    for entry in entries {
        match entry {
            Entry::Input(input) => {
                let events = again.step((**input).clone()).events;
                for event in &events {
                    replayed.view.fold(event);
                }
                replayed.events.extend(events);
            }
            Entry::Omitted(Omission::Everything) => replayed.is_incomplete = true,
            Entry::PluginCall(_) | Entry::Omitted(Omission::Health) => {}
        }
    }
    replayed
}

/// Lists the tasks that differ between two views of an operation.
pub fn changed_tasks(one: &OperationView, other: &OperationView) -> Vec<TaskId> {
    let mut ids: Vec<&TaskId> = one
        .tasks
        .iter()
        .chain(&other.tasks)
        .map(|task| &task.outline.id)
        .collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .filter(|id| one.task(id) != other.task(id))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{
        grant::Grants,
        hook::{OnVanished, RunId},
        operation_kind::OperationKind,
        phase::Phase,
        plugins::{HookRunInfo, Observation, OperationInfo, Progress},
        wave::Wave,
    };

    fn by() -> PluginRef {
        PluginRef {
            plugin: "queue".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "00".to_owned(),
            claim: "queue".to_owned(),
        }
    }

    fn step(grants: Grants, object: Object) -> PluginExchange {
        PluginExchange::Step {
            context: Box::new(HookContext {
                application: Application {
                    name: "shop".to_owned(),
                    namespace: "shop".to_owned(),
                },
                settings: Map::new(),
                hook: HookRunInfo {
                    run: RunId("run".to_owned()),
                    phase: Phase::PreSync,
                    wave: Wave(0),
                    attempt: 1,
                    on_vanished: OnVanished::Fail,
                },
                operation: OperationInfo {
                    id: "1-abcde".to_owned(),
                    kind: OperationKind::Sync,
                },
                object: Object(json!({ "kind": "Hook" })),
                cause: None,
                grants,
                mode: Mode::Native,
            }),
            question: HookQuestion::Advance {
                state: vec![1],
                observation: Observation {
                    request_id: Some(1),
                    kind: ObservationKind::Objects(vec![object]),
                },
            },
            answer: Ok(HookStep {
                progress: Progress::Running,
                message: String::new(),
                requests: Vec::new(),
                state: Vec::new(),
                wake_after_ms: None,
            }),
        }
    }

    #[test]
    fn the_data_of_secrets_is_not_kept_and_who_was_shown_it_is_known() {
        let a_secret = || Object(json!({ "apiVersion": "v1", "kind": "Secret", "data": { "key": "c2VjcmV0" } }));
        let granted: Grants = serde_json::from_value(json!({ "secrets": [{ "names": ["token"] }] })).unwrap();
        for (grants, saw_secrets) in [(granted, true), (Grants::default(), false)] {
            let call = PluginCall::new(None, &by(), step(grants, a_secret()));
            let text = serde_json::to_string(&Entry::PluginCall(Box::new(call.clone()))).unwrap();
            assert!(!text.contains("c2VjcmV0"), "{text}");
            assert_eq!(call.saw_secrets, saw_secrets);
            let Entry::PluginCall(back) = serde_json::from_str(&text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!((back.plugin, back.saw_secrets), (call.plugin, saw_secrets));
        }
        assert!(!json!(ObjectToWrite(&a_secret())).to_string().contains("c2VjcmV0"));
        // A list of them, and kubectl's copy of the manifest.
        let list = Object(json!({ "apiVersion": "v1", "kind": "SecretList", "items": [
            { "data": { "key": "c2VjcmV0" }, "metadata": { "annotations": { secret::LAST_APPLIED: "c2VjcmV0" } } },
        ] }));
        assert!(!json!(ObjectToWrite(&list)).to_string().contains("c2VjcmV0"));
        let call = PluginCall::new(None, &by(), step(Grants::default(), list));
        assert!(!serde_json::to_string(&call).unwrap().contains("c2VjcmV0"));
        let other = Object(json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "key": "text" } }));
        let call = PluginCall::new(None, &by(), step(Grants::default(), other));
        assert!(serde_json::to_string(&call).unwrap().contains("\"text\""));
    }
}
