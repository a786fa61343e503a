//! Carries out the requests of hook types. Only requests that the gate permits are carried out, and every one may be carried out twice.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    kubernetes::ownership::{self, HOOK_FIELD_MANAGER_PREFIX},
    model::{
        grant::{Permitted, authorize, is_capstan_state},
        hook::short_hash,
        object::{Object, ObjectKey, labels},
        plugins::{HeaderValue, HookRequest, HttpRequest, LogLine, ObservationKind, PluginQuery, Request},
    },
    plan::{
        Scope,
        propagation::PropagationRules,
        task::{Task, TaskId},
    },
    run::{
        effect::{ObjectIdentity, PendingObservationKind},
        input::{Answer, InputKind},
    },
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{EffectExecutor, PreparedEffect};
use crate::{
    cluster::{DeleteOutcome, DryRun},
    error::ClusterError,
    outbound_http::HttpCall,
};

/// The most bytes of all objects of a list together: a plugin's input is limited.
const MAX_LISTED_BYTES: usize = 1 << 20;
/// How long lines of a log are collected before they are passed to a plugin.
const LOG_BATCH_INTERVAL: Duration = Duration::from_millis(250);
/// The most lines that are passed to a plugin at once. A line has at most 16 KiB.
const MAX_BATCH_LINES: usize = 256;

/// The tasks that pass log lines on to plugins.
#[derive(Default)]
pub(crate) struct LogForwarders(BTreeMap<TaskId, JoinHandle<()>>);

impl LogForwarders {
    fn replace(&mut self, task: &TaskId, with: JoinHandle<()>) {
        if let Some(before) = self.0.insert(task.clone(), with) {
            before.abort();
        }
    }

    pub fn end(&mut self, task: &TaskId) {
        if let Some(before) = self.0.remove(task) {
            before.abort();
        }
    }
}

impl Drop for LogForwarders {
    fn drop(&mut self) {
        for running in self.0.values() {
            running.abort();
        }
    }
}

impl EffectExecutor {
    /// Carries out a plugin's request. Returns `None` for requests whose answer comes later.
    pub(super) async fn perform_request(
        &self,
        task: &Task,
        ask: &HookRequest,
        order: &PreparedEffect,
    ) -> Option<Answer> {
        let permitted = match authorize(&ask.request, &self.plan.requester(task)) {
            Ok(permitted) => permitted,
            Err(reason) => return Some(Answer::Observation(PendingObservationKind::Refused(reason))),
        };
        let answer = match permitted.request() {
            Request::CreateOwn => self.create_hook_object_when_served(task, order.attempt).await,
            Request::FollowLogsOwn => {
                self.forward_logs(task, ask);
                return None;
            }
            Request::WaitSignal(name) => {
                let hook = task.key.name.trim_end_matches('*');
                for happened in self.signals.add_waiter(&task.id, hook, ask, name) {
                    self.inbox.push_answer(happened).await;
                }
                return None;
            }
            Request::Apply(text) => self.apply_other(task, &permitted, text).await,
            Request::Patch { merge, .. } => self.patch_other(task, &permitted, merge).await,
            Request::Delete { propagation, .. } => self.delete_other(task, &permitted, *propagation).await,
            Request::Watch(_) => self.permitted_key(&permitted).map(Answer::Resolved),
            Request::Http(call) => self.call_url(task, ask, call, &permitted, order).await,
            Request::EmitEvent(text) => self.emit_event(task, ask, text, order).await,
            // The operation itself answers these, or they are read when the plugin is called.
            Request::WatchOwn
            | Request::DeleteOwn(_)
            | Request::Get(_)
            | Request::List(_)
            | Request::Unsupported(_) => Ok(Answer::Observation(PendingObservationKind::Done)),
        };
        Some(answer.unwrap_or_else(|error| {
            Answer::Observation(PendingObservationKind::Failed {
                temporary: error.is_temporary(),
                reason: error.map_messages(|text| self.logs.redact(text)).to_string(),
            })
        }))
    }

    /// Stops everything that still runs for a hook.
    pub fn release(&self, task: &TaskId) {
        self.signals.release(task);
        self.logs.unsubscribe(task);
        self.log_forwarders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .end(task);
    }

    /// Returns the key of the requested object. A request that isn't allowed for the kind's actual scope is an error like a missing
    /// permission.
    fn permitted_key(&self, permitted: &Permitted<'_>) -> Result<ObjectKey, ClusterError> {
        let kind = permitted.kind();
        let discovery = self.cluster.discovery();
        let known = discovery
            .kind(&kind)
            .ok_or_else(|| ClusterError::UnknownKind(kind.to_string()))?;
        permitted
            .key(known.scope == Scope::Namespaced)
            .map_err(ClusterError::Forbidden)
    }

    fn field_manager(task: &Task) -> String {
        let hook = task.hook().map(|hook| hook.hook.0.as_str()).unwrap_or_default();
        format!("{HOOK_FIELD_MANAGER_PREFIX}{hook}")
    }

    async fn apply_other(&self, task: &Task, permitted: &Permitted<'_>, text: &str) -> Result<Answer, ClusterError> {
        let key = self.permitted_key(permitted)?;
        let value: Value = serde_json::from_str(text).map_err(|error| ClusterError::Invalid(error.to_string()))?;
        let mut object = Object(value);
        if let Some(metadata) = object.0.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("namespace");
        }
        if !key.namespace.is_empty() {
            object.set_metadata_text("namespace", &key.namespace);
        }
        let live = self.cluster.get(&key).await?;
        self.check_owner(live.as_ref())?;
        // Existing fields stay with their owners.
        if live.is_none_or(|live| live.label(labels::APPLIED_BY).is_some()) {
            ownership::add_labels(&mut object, &self.plan.application);
            object.set_label(labels::OPERATION, &self.operation);
            if let Some(hook) = task.hook() {
                object.set_label(labels::APPLIED_BY, &hook.hook.0);
            }
        }
        let made = self.cluster.apply_as(&object, &Self::field_manager(task)).await?;
        if object.label(labels::APPLICATION).is_some() {
            self.record_created(&made);
        }
        Ok(Answer::Modified {
            key,
            action: "applied".to_owned(),
        })
    }

    async fn patch_other(&self, task: &Task, permitted: &Permitted<'_>, merge: &str) -> Result<Answer, ClusterError> {
        let key = self.permitted_key(permitted)?;
        let patch: Value = serde_json::from_str(merge).map_err(|error| ClusterError::Invalid(error.to_string()))?;
        let live = self.cluster.get(&key).await?;
        self.check_owner(live.as_ref())?;
        self.cluster
            .merge_patch_as(&key, &Self::field_manager(task), &patch)
            .await?;
        Ok(Answer::Modified {
            key,
            action: "changed".to_owned(),
        })
    }

    async fn delete_other(
        &self,
        task: &Task,
        permitted: &Permitted<'_>,
        propagation: capstan_core::model::hook::Propagation,
    ) -> Result<Answer, ClusterError> {
        let key = self.permitted_key(permitted)?;
        let Some(live) = self.cluster.get(&key).await? else {
            return Ok(Answer::Observation(PendingObservationKind::Deleted));
        };
        self.check_owner(Some(&live))?;
        self.check_removal(&live)?;
        self.check_empty(&key, live.uid(), task).await?;
        let rules = PropagationRules {
            annotation: None,
            application: self.plan.propagation,
        };
        let propagation = rules.with_live_annotation(&live).decide(propagation);
        match self.cluster.delete(&key, live.uid(), propagation).await? {
            DeleteOutcome::AlreadyGone => Ok(Answer::Observation(PendingObservationKind::Deleted)),
            DeleteOutcome::Accepted(_) => Ok(Answer::DeletionAccepted(ObjectIdentity {
                uid: live.uid().to_owned(),
                key,
            })),
        }
    }

    async fn call_url(
        &self,
        task: &Task,
        ask: &HookRequest,
        call: &HttpRequest,
        permitted: &Permitted<'_>,
        order: &PreparedEffect,
    ) -> Result<Answer, ClusterError> {
        let (mut headers, mut secrets) = (Vec::new(), Vec::new());
        for (name, value) in &call.headers {
            let value = match value {
                HeaderValue::Text(text) => text.clone(),
                HeaderValue::Secret { prefix, name, key } => {
                    let value = self.read_secret_value(name, key).await?;
                    let header = format!("{prefix}{value}");
                    secrets.push(value);
                    header
                }
            };
            headers.push((name.clone(), value));
        }
        let run = task.hook().map(|hook| self.run_id(hook, task.phase, order.attempt).0);
        headers.push((
            "idempotency-key".to_owned(),
            format!("{}/{}", run.unwrap_or_default(), ask.id),
        ));
        let body = call.body.as_deref().unwrap_or_default();
        let call = HttpCall {
            method: call.method.clone(),
            url: call.url.clone(),
            headers,
            body: BASE64_STANDARD.decode(body).unwrap_or_default(),
            timeout: Duration::from_millis(u64::from(call.timeout_ms)),
            may_be_local: permitted.may_be_local(),
            secrets,
        };
        Ok(Answer::Observation(match self.http.call(&call).await {
            Ok(answer) => PendingObservationKind::Http(answer),
            Err(error) => PendingObservationKind::Failed {
                reason: error.reason,
                temporary: error.is_temporary,
            },
        }))
    }

    /// Reads the value of a Secret's key, for a header.
    async fn read_secret_value(&self, name: &str, key: &str) -> Result<String, ClusterError> {
        let at = ObjectKey {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: self.plan.application.namespace.clone(),
            name: name.to_owned(),
        };
        let secret = self.cluster.get(&at).await?;
        let secret = secret.ok_or_else(|| ClusterError::NotFound(at.to_string()))?;
        let value = secret
            .0
            .get("data")
            .and_then(|data| data.get(key))
            .and_then(Value::as_str);
        let value = value.and_then(|value| BASE64_STANDARD.decode(value).ok());
        let value = value.and_then(|value| String::from_utf8(value).ok());
        // Secrets that were made with an editor often end with a line break.
        let value = value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
        value.ok_or_else(|| ClusterError::NotFound(format!("a text under the key `{key}` of {at}")))
    }

    async fn emit_event(
        &self,
        task: &Task,
        ask: &HookRequest,
        text: &str,
        order: &PreparedEffect,
    ) -> Result<Answer, ClusterError> {
        let namespace = &self.plan.application.namespace;
        let run = task.hook().map(|hook| self.run_id(hook, task.phase, order.attempt).0);
        let id = short_hash(&[
            run.as_deref().unwrap_or_default(),
            &ask.id.to_string(),
            &ask.step.to_string(),
        ]);
        let hook = task.key.name.trim_end_matches(['*', '-']);
        let now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        // For a hook whose object isn't in the application's namespace, the event is about the Lease.
        let about = match order.target.as_ref().filter(|own| own.key.namespace == *namespace) {
            Some(own) => json!({
                "apiVersion": task.object.as_ref().map(Object::api_version), "kind": own.key.kind,
                "name": own.key.name, "namespace": namespace, "uid": own.uid,
            }),
            None => json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "name": format!("capstan.{}", self.plan.application.name), "namespace": namespace,
            }),
        };
        let event = Object(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": format!("{hook}.{id}"), "namespace": namespace },
            "involvedObject": about, "reason": "Hook", "type": "Normal",
            "message": format!("{hook}: {text}"),
            "source": { "component": "capstan" },
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        }));
        match self.cluster.create(&event, DryRun::No).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => Ok(Answer::Observation(PendingObservationKind::Done)),
            Err(error) => Err(error),
        }
    }

    /// Passes the log lines of a hook's pods on to its plugin, in batches.
    fn forward_logs(&self, task: &Task, ask: &HookRequest) {
        let lines = self.logs.subscribe(&task.id);
        let inbox = self.inbox.clone();
        let (id, ask) = (task.id.clone(), (ask.id, ask.step));
        let passing = tokio::spawn(async move {
            let mut lines = lines;
            while let Some(gathered) = next_batch(&mut lines).await {
                let answered = InputKind::RequestAnswered {
                    task: id.clone(),
                    request_id: ask.0,
                    step: ask.1,
                    answer: Answer::Observation(PendingObservationKind::Log(gathered)),
                };
                if !inbox.push_answer(answered).await {
                    return;
                }
            }
        });
        self.log_forwarders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .replace(&task.id, passing);
    }

    /// Reads the objects that a plugin asked for, as they are now.
    pub(super) async fn read(&self, task: &Task, request: &Request) -> ObservationKind {
        let permitted = match authorize(request, &self.plan.requester(task)) {
            Ok(permitted) => permitted,
            Err(reason) => return ObservationKind::Refused(reason),
        };
        let read = if let Request::List(selector) = request {
            self.list_others(&permitted, &selector.labels).await
        } else {
            match self.permitted_key(&permitted) {
                Ok(key) => self.read_other(&key).await,
                Err(error) => Err(error),
            }
        };
        read.unwrap_or_else(|error| ObservationKind::Failed {
            temporary: error.is_temporary(),
            reason: error.map_messages(|text| self.logs.redact(text)).to_string(),
        })
    }

    async fn list_others(&self, permitted: &Permitted<'_>, selector: &str) -> Result<ObservationKind, ClusterError> {
        let place = self.permitted_key(permitted)?;
        let mut objects = self
            .cluster
            .list(&place.group_kind(), &place.namespace, selector)
            .await?;
        let kind = place.group_kind();
        objects
            .retain(|object| object.label("capstan.dev/state-of").is_none() && !is_capstan_state(&kind, object.name()));
        let mut bytes = 0;
        for object in &mut objects {
            if let Some(metadata) = object.0.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
            bytes += object.0.to_string().len();
        }
        if bytes > MAX_LISTED_BYTES {
            return Err(ClusterError::Invalid(format!(
                "{} objects with {} KiB, where {} may be; name them more narrowly by labels",
                objects.len(),
                bytes >> 10,
                MAX_LISTED_BYTES >> 10
            )));
        }
        Ok(ObservationKind::Objects(objects))
    }

    /// Reads an object that isn't the hook's own, with an assessment by the plugin of its kind.
    pub(super) async fn read_other(&self, key: &ObjectKey) -> Result<ObservationKind, ClusterError> {
        Ok(match self.cluster.get(key).await? {
            None => ObservationKind::Gone,
            Some(object) => {
                let health_plugin = self.plugins.plugin_for(&PluginQuery::Health(key.group_kind()));
                let health = self.health_assessor.assess(health_plugin.as_ref(), &object).await;
                ObservationKind::Object { object, health }
            }
        })
    }
}

/// Returns the next batch of lines: those of [`LOG_BATCH_INTERVAL`], or as many as are passed to a plugin at once. `None` when there are no more.
async fn next_batch(lines: &mut mpsc::Receiver<LogLine>) -> Option<Vec<LogLine>> {
    let mut gathered = vec![lines.recv().await?];
    let until = Instant::now() + LOG_BATCH_INTERVAL;
    while gathered.len() < MAX_BATCH_LINES
        && let Ok(Some(line)) = timeout_at(until, lines.recv()).await
    {
        gathered.push(line);
    }
    Some(gathered)
}

/// Says whether all conflicting fields were changed by our hooks. The manifests win over them.
pub(crate) fn are_changes_of_hooks(error: &ClusterError) -> bool {
    let is_hooks = |manager: &str| manager.trim_start_matches('"').starts_with(HOOK_FIELD_MANAGER_PREFIX);
    if let ClusterError::FieldConflicts(conflicts) = error {
        conflicts.iter().all(|conflict| is_hooks(&conflict.manager))
    } else {
        false
    }
}
