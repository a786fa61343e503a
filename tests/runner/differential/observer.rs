//! Records what happens in the cluster, whichever tool does it, with a watch on each kind that cases use. Resource versions give all
//! changes one order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::StreamExt as _;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams},
    core::GroupVersionKind,
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::step_result::Effect;

/// The kinds that cases use, besides those that they define.
const KINDS: [(&str, &str, &str); 16] = [
    ("", "v1", "ConfigMap"),
    ("", "v1", "Namespace"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "Pod"),
    ("", "v1", "Secret"),
    ("", "v1", "Service"),
    ("", "v1", "ServiceAccount"),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("batch", "v1", "CronJob"),
    ("batch", "v1", "Job"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "v1", "Role"),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
];

/// The duration of a watch in seconds.
const WATCH_TIMEOUT_SECONDS: u32 = 280;
/// How long a deletion may take.
const DELETION_TIMEOUT: Duration = Duration::from_secs(8);
/// The interval of polling.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Records what happens in the cluster.
pub struct Observer {
    client: Client,
    state: Arc<Mutex<ObserverState>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// A namespace that belongs to a case, with all namespaces whose names begin with it and a dash, and the cluster-scoped objects that name
/// it.
#[derive(Debug, Clone)]
pub struct Space {
    /// The name of the namespace.
    pub name: String,
    /// The prefixes of generated names.
    pub prefixes: Vec<String>,
}

impl Space {
    /// Replaces what differs in every run: the namespace's own name, and generated names.
    pub fn normalize(&self, text: &str) -> String {
        text.replace(&self.name, "SPACE")
    }

    /// Replaces the generated part of a name.
    pub fn normalize_name(&self, name: &str) -> String {
        let prefix = self.prefixes.iter().find(|prefix| name.starts_with(*prefix));
        prefix.map_or_else(|| self.normalize(name), |prefix| format!("{prefix}*"))
    }

    fn contains(&self, object: &DynamicObject) -> bool {
        match &object.metadata.namespace {
            Some(namespace) => namespace
                .strip_prefix(&self.name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
            None => object.name_any().contains(&self.name),
        }
    }
}

/// Everything that was recorded.
#[derive(Default)]
struct ObserverState {
    spaces: Vec<(Space, SpaceState)>,
    custom_kinds: Vec<ApiResource>,
    error: Option<String>,
}

/// The record of a space.
struct SpaceState {
    /// Changes up to this resource version belong to the previous step.
    from_revision: u64,
    effects: BTreeMap<(u64, String), Effect>,
    /// The existing objects, by kind, namespace and name.
    objects: BTreeMap<String, ObservedObject>,
    last: Instant,
}

/// An existing object.
struct ObservedObject {
    display_name: String,
    content: String,
    version: u64,
    is_terminating: bool,
}

impl Observer {
    /// Starts to watch.
    ///
    /// # Errors
    ///
    /// Returns why the cluster can't be watched.
    pub async fn start(client: Client) -> anyhow::Result<Observer> {
        let observer = Observer {
            client,
            state: Arc::default(),
            tasks: Arc::default(),
        };
        for (group, version, kind) in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let from = version_of(&observer.client, &resource).await?;
            observer.watch(resource, from);
        }
        Ok(observer)
    }

    /// Starts to record what happens in a space.
    pub fn observe_space(&self, name: String, prefixes: Vec<String>) -> Space {
        let space = Space { name, prefixes };
        let view = SpaceState {
            from_revision: 0,
            effects: BTreeMap::new(),
            objects: BTreeMap::new(),
            last: Instant::now(),
        };
        lock(&self.state).spaces.push((space.clone(), view));
        space
    }

    /// Forgets the changes in a space so far, but not the existing objects.
    ///
    /// # Errors
    ///
    /// Returns why the server's current resource version couldn't be read.
    pub async fn forget_effects(&self, space: &Space) -> anyhow::Result<()> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
        let from: u64 = version_of(&self.client, &resource).await?.parse()?;
        if let Some(view) = lock(&self.state).view(space) {
            view.from_revision = from;
            view.effects.retain(|(version, _), _| *version > from);
            view.last = Instant::now();
        }
        Ok(())
    }

    /// Waits until nothing happens in a space any more.
    ///
    /// # Errors
    ///
    /// Returns why the objects of the case's own kinds can't be listed.
    pub async fn wait_until_quiet(&self, space: &Space, quiet: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            {
                let mut seen = lock(&self.state);
                let view = seen.view(space).context("a space that is observed")?;
                let is_going = view.objects.values().any(|known| known.is_terminating);
                let is_quiet = began.elapsed() >= quiet && view.last.elapsed() >= quiet;
                if is_quiet && !is_going || began.elapsed() > DELETION_TIMEOUT {
                    break;
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        // A watch on a kind that was just defined may end silently before the server is ready.
        let group = format!("{}.io", space.name);
        let kinds: Vec<ApiResource> = lock(&self.state)
            .custom_kinds
            .iter()
            .filter(|kind| kind.group == group)
            .cloned()
            .collect();
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
            match api.list(&ListParams::default()).await {
                Ok(list) => {
                    for object in &list.items {
                        lock(&self.state).record(&kind.kind, object, false);
                    }
                }
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns the changes in a space, and the existing objects.
    ///
    /// # Errors
    ///
    /// Returns that a change may have been missed.
    pub fn effects_and_objects(&self, space: &Space) -> anyhow::Result<(Vec<Effect>, BTreeMap<String, String>)> {
        let mut seen = lock(&self.state);
        if let Some(trouble) = &seen.error {
            anyhow::bail!("the observer lost sight: {trouble}");
        }
        let view = seen.view(space).context("a space that is observed")?;
        let mut left = BTreeMap::new();
        for known in view.objects.values() {
            let going = if known.is_terminating { " (going)" } else { "" };
            let mut name = format!("{}{going}", known.display_name);
            // There may be several objects with generated names.
            while left.contains_key(&name) {
                name.push('+');
            }
            left.insert(name, known.content.clone());
        }
        Ok((view.effects.values().cloned().collect(), left))
    }

    /// Returns the resource versions of existing objects, by kind, namespace and name.
    pub fn versions(&self, space: &Space) -> BTreeMap<String, u64> {
        let mut seen = lock(&self.state);
        let objects = seen.view(space).map(|view| view.objects.iter());
        let versions = objects
            .into_iter()
            .flatten()
            .map(|(key, known)| (key.clone(), known.version));
        versions.collect()
    }

    fn watch(&self, resource: ApiResource, from: String) {
        let seat = Observer {
            client: self.client.clone(),
            state: Arc::clone(&self.state),
            tasks: Arc::clone(&self.tasks),
        };
        lock(&self.tasks).spawn(async move {
            if let Err(error) = seat.follow(&resource, from).await {
                lock(&seat.state).error = Some(format!("{}: {error:#}", resource.kind));
            }
        });
    }

    /// Watches one kind forever.
    async fn follow(&self, resource: &ApiResource, mut from: String) -> anyhow::Result<()> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        let params = WatchParams::default().timeout(WATCH_TIMEOUT_SECONDS);
        loop {
            let mut events = match api.watch(&params, &from).await {
                Ok(events) => events.boxed(),
                // A kind that was just defined is served a moment later; a deleted one isn't served any more.
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            while let Some(event) = events.next().await {
                let (object, is_gone) = match event? {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                    WatchEvent::Deleted(object) => (object, true),
                    WatchEvent::Bookmark(mark) => {
                        from = mark.metadata.resource_version;
                        continue;
                    }
                    WatchEvent::Error(status)
                        if resource.group.rsplit('.').next() == Some("io") && status.code == 410 =>
                    {
                        break;
                    }
                    WatchEvent::Error(status) => anyhow::bail!("{status:?}"),
                };
                from = object.resource_version().unwrap_or(from);
                if resource.kind == "CustomResourceDefinition" {
                    self.watch_defined_kind(&object);
                }
                lock(&self.state).record(&resource.kind, &object, is_gone);
            }
        }
    }

    /// Starts to watch a kind as soon as it is served.
    fn watch_defined_kind(&self, definition: &DynamicObject) {
        let word = |pointer: &str| {
            definition
                .data
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (group, kind, plural) = (
            word("/spec/group"),
            word("/spec/names/kind"),
            word("/spec/names/plural"),
        );
        let gvk = GroupVersionKind::gvk(group, word("/spec/versions/0/name"), kind);
        let is_ours = lock(&self.state)
            .spaces
            .iter()
            .any(|(space, _)| space.contains(definition));
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        if is_ours && !lock(&self.state).custom_kinds.contains(&resource) {
            lock(&self.state).custom_kinds.push(resource.clone());
            self.watch(resource, "0".to_owned());
        }
    }
}

impl ObserverState {
    fn view(&mut self, space: &Space) -> Option<&mut SpaceState> {
        let found = self.spaces.iter_mut().find(|(known, _)| known.name == space.name);
        found.map(|(_, view)| view)
    }

    fn record(&mut self, kind: &str, object: &DynamicObject, is_gone: bool) {
        if is_generated(kind, object) {
            return;
        }
        let Some((space, view)) = self.spaces.iter_mut().find(|(space, _)| space.contains(object)) else {
            return;
        };
        if kind == "Namespace" && object.name_any() == space.name {
            return;
        }
        view.record(space, kind, object, is_gone);
    }
}

impl SpaceState {
    fn record(&mut self, space: &Space, kind: &str, object: &DynamicObject, is_gone: bool) {
        self.last = Instant::now();
        let version: u64 = object
            .resource_version()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let name = object.name_any();
        let shown = format!("{kind}/{}", space.normalize_name(&name));
        let content = normalized_content(space, kind, object);
        let key = format!("{kind}/{}/{name}", object.namespace().unwrap_or_default());
        let is_going = object.metadata.deletion_timestamp.is_some();
        let before = self.objects.remove(&key);
        let verb = match &before {
            _ if is_gone => (!before.is_some_and(|known| known.is_terminating)).then_some("delete"),
            None => Some("create"),
            Some(known) if is_going => (!known.is_terminating).then_some("delete"),
            Some(known) => (known.content != content).then_some("change"),
        };
        if !is_gone {
            let shown = shown.clone();
            let known = ObservedObject {
                display_name: shown,
                content,
                version,
                is_terminating: is_going,
            };
            self.objects.insert(key.clone(), known);
        }
        if let Some(verb) = verb
            && version > self.from_revision
        {
            let side = parallel_group(verb, kind, object);
            let effect = Effect {
                verb,
                object: shown,
                parallel_group: side,
            };
            self.effects.insert((version, key), effect);
        }
    }
}

/// Says whether an object doesn't belong to any set: objects of controllers, and a tool's own state.
fn is_generated(kind: &str, object: &DynamicObject) -> bool {
    !object.owner_references().is_empty()
        || (kind == "ConfigMap" && object.name_any() == "kube-root-ca.crt")
        || (kind == "ServiceAccount" && object.name_any() == "default")
        || object.labels().keys().any(|name| name.starts_with("capstan.dev/state"))
}

/// Returns the group of changes that may happen in any order: creations of one kind in a wave, deletions in a wave, and deletions of
/// hooks after their time.
fn parallel_group(verb: &str, kind: &str, object: &DynamicObject) -> String {
    let annotation = |name: &str| object.annotations().get(name).map(String::as_str).unwrap_or_default();
    let number = |name: &str| annotation(name).trim().parse::<i64>().ok();
    let wave = number("argocd.argoproj.io/sync-wave")
        .or_else(|| number("helm.sh/hook-weight"))
        .unwrap_or_default();
    let words = format!(
        "{},{}",
        annotation("argocd.argoproj.io/hook"),
        annotation("helm.sh/hook")
    );
    let hook = phases(&words);
    // Hooks of SyncFail have no waves.
    let wave = if hook == "SyncFail" { 0 } else { wave };
    match verb {
        "delete" if hook.is_empty() => format!("delete {wave}"),
        "delete" => "delete hooks".to_owned(),
        _ => format!("make {kind} {wave} {hook}"),
    }
}

/// Returns the phases of a hook annotation, of Argo CD or Helm.
fn phases(words: &str) -> String {
    let phases: BTreeSet<&str> = words
        .split(',')
        .filter_map(|word| match word.trim() {
            "" => None,
            "pre-install" | "pre-upgrade" => Some("PreSync"),
            "post-install" | "post-upgrade" => Some("PostSync"),
            other => Some(other),
        })
        .collect();
    Vec::from_iter(phases).join(",")
}

/// Returns the content of an object, without the fields that the server, controllers and tools manage.
fn normalized_content(space: &Space, kind: &str, object: &DynamicObject) -> String {
    let mut data = object.data.clone();
    let mut remove = |pointer: &str| {
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(Value::Object(members)) = data.pointer_mut(parent)
        {
            members.remove(name);
        }
    };
    remove("/status");
    match kind {
        "Service" => ["/spec/clusterIP", "/spec/clusterIPs", "/spec/healthCheckNodePort"]
            .map(&mut remove)
            .into(),
        "PersistentVolumeClaim" => vec![remove("/spec/volumeName")],
        "Pod" => vec![remove("/spec")],
        "ServiceAccount" => vec![remove("/secrets")],
        // Capstan also uses the TTL of a finished Job to keep its result from being lost.
        "Job" => [
            "/spec/selector",
            "/spec/template/metadata/labels",
            "/spec/ttlSecondsAfterFinished",
        ]
        .map(&mut remove)
        .into(),
        _ => Vec::new(),
    };
    let is_ours = |name: &str| {
        !name.contains("kubernetes.io/")
            && !name.starts_with("capstan.dev/")
            && name != "argocd.argoproj.io/tracking-id"
    };
    let kept = |all: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        all.iter()
            .filter(|(name, _)| is_ours(name))
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect()
    };
    // A Job without labels gets those of its pods.
    let labels = if kind == "Job" {
        BTreeMap::new()
    } else {
        kept(object.labels())
    };
    let whole = serde_json::json!({ "labels": labels, "annotations": kept(object.annotations()), "data": data });
    space.normalize(&whole.to_string())
}

async fn version_of(client: &Client, resource: &ApiResource) -> anyhow::Result<String> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let list = api.list(&ListParams::default().limit(1)).await?;
    list.metadata.resource_version.context("a list has a version")
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
