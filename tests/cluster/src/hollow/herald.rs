//! Tells the API server how pods are: one task for each pod, the newest status first, as a kubelet's status manager.

use std::{collections::BTreeMap, time::Duration};

use capstan_sim::node::{NodeAction, PodId};
use k8s_openapi::api::core::v1::Pod as Resource;
use kube::{
    Api, Client, Error,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{NAME, sights::News};

/// How often an order is tried before the pod is left as it is.
const TRIES: u32 = 10;

/// Carries orders to the API server.
pub(super) struct Herald {
    client: Client,
    pods: BTreeMap<PodId, watch::Sender<DesiredStatus>>,
    tasks: JoinSet<()>,
}

/// What the API server shall know about one pod.
#[derive(Clone, Debug, Default)]
struct DesiredStatus {
    status: Value,
    removed: bool,
}

impl Herald {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            pods: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Carries one order, after those before it about the same pod.
    pub fn carry(&mut self, order: NodeAction) {
        while self.tasks.try_join_next().is_some() {}
        match order {
            NodeAction::Status(pod, status) => self.post(pod, |desired| desired.status = status),
            NodeAction::Remove(pod) => self.post(pod, |desired| desired.removed = true),
            NodeAction::Create(object) => {
                self.tasks.spawn(create(self.client.clone(), object));
            }
        }
    }

    fn post(&mut self, pod: PodId, change: impl FnOnce(&mut DesiredStatus)) {
        if let Some(known) = self.pods.get(&pod).filter(|known| !known.is_closed()) {
            known.send_modify(change);
            return;
        }
        let mut desired = DesiredStatus::default();
        change(&mut desired);
        let (sender, receiver) = watch::channel(desired);
        let pods = Api::namespaced(self.client.clone(), &pod.namespace);
        self.tasks.spawn(attend(pods, pod.clone(), receiver));
        self.pods.insert(pod, sender);
    }

    /// Ends the tasks of pods that are gone.
    pub fn hear(&mut self, news: &News) {
        let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        match news {
            News::All(kind, objects) if kind.kind == "Pod" => {
                self.pods
                    .retain(|pod, _| objects.iter().any(|object| uid(object) == pod.uid));
            }
            News::Gone(object) if object["kind"] == "Pod" => {
                let gone = uid(object);
                self.pods.retain(|pod, _| pod.uid != gone);
            }
            News::All(..) | News::Seen(_) | News::Gone(_) => {}
        }
    }
}

/// Creates what a container creates, unless it is there already.
async fn create(client: Client, object: Value) {
    let object: DynamicObject = match serde_json::from_value(object) {
        Ok(object) => object,
        Err(error) => return tracing::error!(%error, "What a container shall create is not an object."),
    };
    let types = object.types.clone().unwrap_or_default();
    let Ok(kind) = GroupVersionKind::try_from(&types) else {
        return tracing::error!(?types, "What a container shall create has no kind.");
    };
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &ApiResource::from_gvk(&kind));
    for failed in 0..TRIES {
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => return,
            Err(Error::Api(refusal)) if refusal.code < 500 => {
                if refusal.code != 409 {
                    tracing::error!(message = %refusal.message, "A container could not create an object.");
                }
                return;
            }
            Err(error) => tracing::warn!(%error, "A container could not create an object and tries again."),
        }
        sleep(Duration::from_millis(50 << failed)).await;
    }
}

/// Tells the newest about one pod until it is gone.
async fn attend(pods: Api<Resource>, pod: PodId, mut desired: watch::Receiver<DesiredStatus>) {
    let mut last_status = Value::Null;
    let mut failed = 0;
    loop {
        let newest = desired.borrow_and_update().clone();
        match write_status(&pods, &pod, &newest, &mut last_status).await {
            Ok(()) if newest.removed => return,
            Ok(()) => failed = 0,
            // 404 and 409: the pod is gone, or a namesake has taken its place.
            Err(Error::Api(refusal)) if matches!(refusal.code, 404 | 409) => return,
            Err(error) if failed == TRIES => {
                tracing::error!(%error, pod = %pod.name, "The hollow node gave up telling how a pod is.");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, pod = %pod.name, "The hollow node could not tell how a pod is and tries again.");
                sleep(Duration::from_millis(50 << failed)).await;
                failed += 1;
                continue;
            }
        }
        if desired.changed().await.is_err() {
            return;
        }
    }
}

async fn write_status(
    pods: &Api<Resource>,
    pod: &PodId,
    desired: &DesiredStatus,
    last_status: &mut Value,
) -> Result<(), Error> {
    if desired.status != *last_status {
        let patch = json!({"metadata": {"uid": pod.uid}, "status": patch(&desired.status)});
        let how = PatchParams {
            field_manager: Some(NAME.into()),
            ..PatchParams::default()
        };
        pods.patch_status(&pod.name, &how, &Patch::Strategic(patch)).await?;
        last_status.clone_from(&desired.status);
    }
    if desired.removed {
        let this = Preconditions {
            uid: Some(pod.uid.clone()),
            ..Preconditions::default()
        };
        pods.delete(&pod.name, &DeleteParams::default().grace_period(0).preconditions(this))
            .await?;
    }
    Ok(())
}

/// Writes a status as a strategic merge patch. Conditions are merged by type and field by field, so that those of
/// others stay: a reason that is no more must be taken away by name.
fn patch(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        for field in ["reason", "message"] {
            if condition[field].is_null() {
                condition[field] = Value::Null;
            }
        }
    }
    status
}
