//! Who sees what happens in the cluster, whoever does it: a watch on each kind that cases use. Revisions give one order to all.

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

use super::told::Effect;

/// The kinds that cases use, beside those that they define.
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

/// How long a watch lasts before it is begun anew, in seconds.
const LASTS: u32 = 280;
/// How long what is going may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(8);
/// Between two looks at something that nobody tells.
const LOOK: Duration = Duration::from_millis(50);

/// Sees what happens.
pub struct Observer {
    client: Client,
    seen: Arc<Mutex<Seen>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// A namespace that a case has for itself, with all whose names begin with it and a dash, and the objects of the cluster that name it.
#[derive(Debug, Clone)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// What generated names begin with.
    pub prefixes: Vec<String>,
}

impl Space {
    /// Returns a text without what only this space has: its own name, and what was generated.
    pub fn plain(&self, text: &str) -> String {
        text.replace(&self.name, "SPACE")
    }

    /// Returns a name without what was generated.
    pub fn plain_name(&self, name: &str) -> String {
        let prefix = self.prefixes.iter().find(|prefix| name.starts_with(*prefix));
        prefix.map_or_else(|| self.plain(name), |prefix| format!("{prefix}*"))
    }

    fn has(&self, object: &DynamicObject) -> bool {
        match &object.metadata.namespace {
            Some(namespace) => namespace
                .strip_prefix(&self.name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
            None => object.name_any().contains(&self.name),
        }
    }
}

/// What was seen.
#[derive(Default)]
struct Seen {
    spaces: Vec<(Space, View)>,
    defined: Vec<ApiResource>,
    trouble: Option<String>,
}

/// What was seen of a space.
struct View {
    /// Effects up to this revision belong to what was before.
    from: u64,
    effects: BTreeMap<(u64, String), Effect>,
    /// What is there, by kind, namespace and name.
    objects: BTreeMap<String, Known>,
    last: Instant,
}

/// An object that is there.
struct Known {
    shown: String,
    content: String,
    version: u64,
    is_going: bool,
}

impl Observer {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// Returns why the cluster can't be watched.
    pub async fn start(client: Client) -> anyhow::Result<Observer> {
        let observer = Observer {
            client,
            seen: Arc::default(),
            tasks: Arc::default(),
        };
        for (group, version, kind) in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let from = version_of(&observer.client, &resource).await?;
            observer.watch(resource, from);
        }
        Ok(observer)
    }

    /// Begins to take down what happens in a space.
    pub fn space(&self, name: String, prefixes: Vec<String>) -> Space {
        let space = Space { name, prefixes };
        let view = View {
            from: 0,
            effects: BTreeMap::new(),
            objects: BTreeMap::new(),
            last: Instant::now(),
        };
        lock(&self.seen).spaces.push((space.clone(), view));
        space
    }

    /// Forgets what happened so far in a space, but not what is there.
    ///
    /// # Errors
    ///
    /// Returns why the server doesn't say where it is.
    pub async fn forget(&self, space: &Space) -> anyhow::Result<()> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
        let from: u64 = version_of(&self.client, &resource).await?.parse()?;
        if let Some(view) = lock(&self.seen).view(space) {
            view.from = from;
            view.effects.retain(|(version, _), _| *version > from);
            view.last = Instant::now();
        }
        Ok(())
    }

    /// Waits until nothing happens any more in a space.
    ///
    /// # Errors
    ///
    /// Returns why what is there of kinds of its own can't be listed.
    pub async fn settle(&self, space: &Space, quiet: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            {
                let mut seen = lock(&self.seen);
                let view = seen.view(space).context("a space that is observed")?;
                let is_going = view.objects.values().any(|known| known.is_going);
                let is_quiet = began.elapsed() >= quiet && view.last.elapsed() >= quiet;
                if is_quiet && !is_going || began.elapsed() > GONE_WITHIN {
                    break;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        // A watch on a kind that was just defined may end in silence while the server makes its mind up about it.
        let group = format!("{}.io", space.name);
        let kinds: Vec<ApiResource> = lock(&self.seen)
            .defined
            .iter()
            .filter(|kind| kind.group == group)
            .cloned()
            .collect();
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
            match api.list(&ListParams::default()).await {
                Ok(list) => {
                    for object in &list.items {
                        lock(&self.seen).take(&kind.kind, object, false);
                    }
                }
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns what happened in a space, and what is there.
    ///
    /// # Errors
    ///
    /// Returns that something can't have been seen.
    pub fn told(&self, space: &Space) -> anyhow::Result<(Vec<Effect>, BTreeMap<String, String>)> {
        let mut seen = lock(&self.seen);
        if let Some(trouble) = &seen.trouble {
            anyhow::bail!("the observer lost sight: {trouble}");
        }
        let view = seen.view(space).context("a space that is observed")?;
        let mut left = BTreeMap::new();
        for known in view.objects.values() {
            let going = if known.is_going { " (going)" } else { "" };
            let mut name = format!("{}{going}", known.shown);
            // Of what has generated names there may be many.
            while left.contains_key(&name) {
                name.push('+');
            }
            left.insert(name, known.content.clone());
        }
        Ok((view.effects.values().cloned().collect(), left))
    }

    /// Returns what is there, by kind, namespace and name, and in which version.
    pub fn versions(&self, space: &Space) -> BTreeMap<String, u64> {
        let mut seen = lock(&self.seen);
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
            seen: Arc::clone(&self.seen),
            tasks: Arc::clone(&self.tasks),
        };
        lock(&self.tasks).spawn(async move {
            if let Err(error) = seat.follow(&resource, from).await {
                lock(&seat.seen).trouble = Some(format!("{}: {error:#}", resource.kind));
            }
        });
    }

    /// Follows one kind for ever.
    async fn follow(&self, resource: &ApiResource, mut from: String) -> anyhow::Result<()> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        let params = WatchParams::default().timeout(LASTS);
        loop {
            let mut events = match api.watch(&params, &from).await {
                Ok(events) => events.boxed(),
                // A kind that was just defined is served a moment later; one that went is not any more.
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    tokio::time::sleep(LOOK).await;
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
                    self.define(&object);
                }
                lock(&self.seen).take(&resource.kind, &object, is_gone);
            }
        }
    }

    /// Watches a kind as soon as it is served.
    fn define(&self, definition: &DynamicObject) {
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
        let is_ours = lock(&self.seen).spaces.iter().any(|(space, _)| space.has(definition));
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        if is_ours && !lock(&self.seen).defined.contains(&resource) {
            lock(&self.seen).defined.push(resource.clone());
            self.watch(resource, "0".to_owned());
        }
    }
}

impl Seen {
    fn view(&mut self, space: &Space) -> Option<&mut View> {
        let found = self.spaces.iter_mut().find(|(known, _)| known.name == space.name);
        found.map(|(_, view)| view)
    }

    fn take(&mut self, kind: &str, object: &DynamicObject, is_gone: bool) {
        if is_of_others(kind, object) {
            return;
        }
        let Some((space, view)) = self.spaces.iter_mut().find(|(space, _)| space.has(object)) else {
            return;
        };
        if kind == "Namespace" && object.name_any() == space.name {
            return;
        }
        view.take(space, kind, object, is_gone);
    }
}

impl View {
    fn take(&mut self, space: &Space, kind: &str, object: &DynamicObject, is_gone: bool) {
        self.last = Instant::now();
        let version: u64 = object
            .resource_version()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let name = object.name_any();
        let shown = format!("{kind}/{}", space.plain_name(&name));
        let content = content(space, kind, object);
        let key = format!("{kind}/{}/{name}", object.namespace().unwrap_or_default());
        let is_going = object.metadata.deletion_timestamp.is_some();
        let before = self.objects.remove(&key);
        let verb = match &before {
            _ if is_gone => (!before.is_some_and(|known| known.is_going)).then_some("delete"),
            None => Some("create"),
            Some(known) if is_going => (!known.is_going).then_some("delete"),
            Some(known) => (known.content != content).then_some("change"),
        };
        if !is_gone {
            let shown = shown.clone();
            let known = Known {
                shown,
                content,
                version,
                is_going,
            };
            self.objects.insert(key.clone(), known);
        }
        if let Some(verb) = verb
            && version > self.from
        {
            let side = side(verb, kind, object);
            let effect = Effect {
                verb,
                object: shown,
                side,
            };
            self.effects.insert((version, key), effect);
        }
    }
}

/// Says whether an object isn't of any set: what controllers make, and what a tool keeps for itself.
fn is_of_others(kind: &str, object: &DynamicObject) -> bool {
    !object.owner_references().is_empty()
        || (kind == "ConfigMap" && object.name_any() == "kube-root-ca.crt")
        || (kind == "ServiceAccount" && object.name_any() == "default")
        || object.labels().keys().any(|name| name.starts_with("capstan.dev/state"))
}

/// Says with whom an effect may change places: made are all of a kind in a wave side by side, deleted are all of a wave, and hooks when they
/// have had their time.
fn side(verb: &str, kind: &str, object: &DynamicObject) -> String {
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
    // Those of SyncFail have no waves.
    let wave = if hook == "SyncFail" { 0 } else { wave };
    match verb {
        "delete" if hook.is_empty() => format!("delete {wave}"),
        "delete" => "delete hooks".to_owned(),
        _ => format!("make {kind} {wave} {hook}"),
    }
}

/// Returns the phases of a hook's words, whoever's they are.
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

/// Returns what is in an object, without what the server, controllers and tools write there for themselves.
fn content(space: &Space, kind: &str, object: &DynamicObject) -> String {
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
        // How long a finished Job stays is also how Capstan keeps its verdict from being lost.
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
    space.plain(&whole.to_string())
}

async fn version_of(client: &Client, resource: &ApiResource) -> anyhow::Result<String> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let list = api.list(&ListParams::default().limit(1)).await?;
    list.metadata.resource_version.context("a list has a version")
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
