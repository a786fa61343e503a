//! The way of a plan, where it needs the cluster and the plugins: kinds, hook types, live objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    compat::Mode,
    directive::{self, Directives, OnTimeout},
    error::Diagnostic,
    finalizer,
    grant::{Allowance, UserGrants},
    ignore::IgnoreRule,
    inventory::Inventory,
    journal::Asked,
    lint::{self, Finding},
    manifest::Manifest,
    object::{GroupKind, Object, ObjectKey},
    operation_kind::{OperationKind, Purpose},
    plan::{self, Classified, Confirmed, Hooks, Limits, Live, Plan, Planning, Role, Scopes, Selection, Unasked},
    plugins::{Answerer, Application, Plugins},
    record::HookRecords,
    revision::Revision,
    sync_options::{NamespaceMetadata, SyncOptions},
};

use crate::{
    answers::answers,
    classify::classify,
    cluster::{Cluster, MANAGER},
    error::{ClusterError, EngineError},
    live::{contents_of, gone, look_up, terminating_pods},
    unserved,
};

/// What is to be planned.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Request {
    /// For which application.
    pub application: Application,
    /// Sync or delete.
    pub does: OperationKind,
    /// What for. To test, what the last sync stored is used, and nothing but its test hooks.
    pub purpose: Purpose,
    /// Whose rules hold.
    pub mode: Mode,
    /// What is desired. To delete, nothing: what the last sync stored is used.
    pub manifests: Vec<Manifest>,
    /// Which state of its sources that is.
    pub revision: Option<Revision>,
    /// What the user wants of it.
    pub selection: Selection,
    /// Whether what no manifest names any more is removed.
    pub prune: bool,
    /// Whether fields that others own are taken over.
    pub takes_over: bool,
    /// Whether the application's namespace is created if it isn't there.
    pub create_namespace: bool,
    /// Whether objects that Argo CD tracks become this application's.
    pub adopts: bool,
    /// The application's sync options.
    pub options: SyncOptions,
    /// Labels and annotations of its namespace, for `CreateNamespace=true`.
    pub namespace: NamespaceMetadata,
    /// What may go though its annotations want a confirmation.
    pub confirmed: Confirmed,
    /// Whether the server is asked about every object before anything is changed.
    pub checks_first: bool,
    /// What a task means that takes too long and whose annotations don't say.
    pub on_timeout: OnTimeout,
    /// Which differences don't count, beside what annotations say.
    pub ignore: Vec<IgnoreRule>,
    /// How long things may take.
    pub limits: Limits,
    /// What the user grants plugins.
    pub grants: UserGrants,
}

impl Request {
    /// Asks for a sync of these manifests, with everything else as usual.
    pub fn sync(application: Application, manifests: Vec<Manifest>) -> Request {
        Request {
            application,
            does: OperationKind::Sync,
            purpose: Purpose::Deploy,
            mode: Mode::Native,
            manifests,
            revision: None,
            selection: Selection::default(),
            prune: false,
            takes_over: false,
            create_namespace: false,
            adopts: false,
            options: SyncOptions::default(),
            namespace: NamespaceMetadata::default(),
            confirmed: Confirmed::default(),
            checks_first: true,
            on_timeout: OnTimeout::Fail,
            ignore: Vec::new(),
            limits: Limits::default(),
            grants: UserGrants::default(),
        }
    }

    /// Asks for the test hooks to be run, from what the application's last sync stored.
    pub fn test(application: Application) -> Request {
        Request {
            purpose: Purpose::Test,
            selection: Selection {
                hooks: Some(Hooks::Only),
                ..Selection::default()
            },
            ..Request::sync(application, Vec::new())
        }
    }

    /// Asks for the application to be deleted, from what its last sync stored.
    pub fn delete(application: Application) -> Request {
        Request {
            does: OperationKind::Delete,
            ..Request::sync(application, Vec::new())
        }
    }
}

/// A plan, and what an operation needs beside it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Every object as it is desired, with its namespace: what a later deletion starts from.
    pub manifests: Arc<Vec<Object>>,
    /// Which state of its sources they are.
    pub revision: Option<Revision>,
    /// Where the application's objects live, of this set and of earlier ones.
    pub places: BTreeSet<Place>,
    /// Whether the application's namespace must be made first.
    pub makes_namespace: bool,
    /// Whether permissions are asked about before anything is changed, and every object.
    pub checks_first: bool,
    /// How many operations there had been: whether another one came between.
    pub operations: u64,
    /// Whether objects of the set were there before the application's first operation, so that no sync is a first install.
    pub was_installed: bool,
    /// The digest of the request that it was made of, by [`Request::digest`]; empty in a plan that version 0.1.0 saved.
    pub request: String,
    /// What hook types were asked; nothing once it was saved.
    pub asked: Vec<Asked>,
    /// What earlier operations made and isn't there any more; nothing once it was saved.
    pub gone: Vec<(ObjectKey, String)>,
}

/// A kind, and the namespace in which there are objects of it; empty for kinds without.
pub type Place = (GroupKind, String);

/// What an application left behind, as far as planning needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    pub places: BTreeSet<Place>,
    pub was_deployed: bool,
    pub operations: u64,
    pub hooks: HookRecords,
    pub inventory: Inventory,
}

pub(crate) async fn make(
    cluster: &Cluster,
    plugins: &dyn Plugins,
    mut request: Request,
    past: Past,
) -> Result<Planned, EngineError> {
    if request.create_namespace {
        request.options.create_namespace = Some(true);
    }
    cluster.refresh_for(kinds(&request, &past)).await;
    let (settled, scopes, mut errors) = settle(cluster.discovery().scopes(), &mut request);
    let mut classified = Vec::with_capacity(settled.len());
    for (manifest, directives) in settled {
        match classify(plugins, &request.application, manifest, directives, request.mode).await {
            Ok(one) => classified.push(one),
            Err(error) => errors.push(error),
        }
    }
    unserved::explain(cluster, &mut errors).await;
    if request.does == OperationKind::Sync {
        errors.extend(unserved::versions(cluster, &classified));
    }
    errors.extend(unserved::removals(cluster, &request, &past).await);
    let namespace = &request.application.namespace;
    let missing = check_namespaces(cluster, &request, &classified, &mut errors).await?;
    let places = places(&past, &classified, &scopes);
    let own = (!request.namespace.is_empty()).then(|| namespace_key(&request.application.namespace));
    let keys = classified
        .iter()
        .filter(|one| !matches!(one.role, Role::Skip(_)))
        .map(|one| one.manifest.key())
        .chain(own)
        .chain(past.inventory.iter().map(|(key, _)| key.clone()));
    let objects = look_up(cluster, &request.application, keys, &places)
        .await
        .map_err(EngineError::while_("reading what is live"))?;
    let has_resource = classified
        .iter()
        .any(|one| matches!(one.role, Role::Resource) && objects.contains_key(&one.manifest.key()));
    // What is there after a first sync that failed is what that one made: the next one is a first install still.
    let was_installed = has_resource && past.operations == 0;
    let gone = gone(cluster, &past.inventory, &objects);
    let mut live = Live {
        is_first_install: !past.was_deployed && !was_installed,
        objects,
        inventory: past.inventory,
        contents: BTreeMap::new(),
        answers: BTreeMap::new(),
        terminating_pods: terminating_pods(cluster, &request, &classified).await,
    };
    live.contents = contents_of(cluster, &request, &classified, &live).await;
    tracing::debug!(%namespace, manifests = classified.len(), live = live.objects.len(), "planning");
    let checks_first = request.checks_first;
    let has_errors = !errors.is_empty();
    let discovery = cluster.discovery();
    let unasked = |object: &Object| -> Option<String> {
        let namespace = object.namespace();
        if discovery
            .resource(&object.group_kind(), Some(object.version()))
            .is_none()
        {
            return Some(format!("the kind {} is yet to be defined", object.group_kind()));
        }
        let is_missing = missing.brought.contains(namespace);
        is_missing.then(|| format!("the namespace {namespace} is yet to be made"))
    };
    // What is left of a set with mistakes is planned, too, so that all mistakes are told together.
    let unasked: Option<&Unasked<'_>> = if checks_first { Some(&unasked) } else { None };
    let mut made = plan(plugins, &request, &classified, &live, &past.hooks, unasked);
    if let (Ok(plan_without), false) = (&made, has_errors) {
        live.answers = answers(cluster, plan_without, &live.objects).await;
        if !live.answers.is_empty() {
            made = plan(plugins, &request, &classified, &live, &past.hooks, unasked);
        }
    }
    let plan = match made {
        Ok(mut plan) if !has_errors => {
            // Tests look at what is deployed: what is to be said of it was said then.
            if request.purpose != Purpose::Test {
                plan.findings = findings(&request, &classified, &live, &plan);
            }
            with_allowances(plan, plugins, &request.grants)
        }
        Ok(_) => return Err(EngineError::Plan(sorted(errors))),
        // That nothing is left is no mistake of its own.
        Err(_) if has_errors && classified.is_empty() => return Err(EngineError::Plan(sorted(errors))),
        Err(more) => {
            errors.extend(more);
            return Err(EngineError::Plan(sorted(errors)));
        }
    };
    Ok(Planned {
        plan: Arc::new(plan),
        manifests: Arc::new(classified.into_iter().map(|one| one.manifest.object).collect()),
        revision: request.revision,
        places,
        makes_namespace: missing.is_own,
        checks_first,
        operations: past.operations,
        was_installed,
        request: String::new(),
        asked: Vec::new(),
        gone,
    })
}

/// Lists the kinds that a plan is about.
fn kinds<'a>(request: &'a Request, past: &'a Past) -> impl Iterator<Item = (GroupKind, Option<&'a str>)> {
    let desired = request.manifests.iter().map(|manifest| {
        let object = &manifest.object;
        (object.group_kind(), Some(object.version()))
    });
    let made = past.inventory.iter().map(|(key, _)| (key.group_kind(), None));
    desired.chain(made)
}

/// Says what the plugins of a plan's hooks may have done.
fn with_allowances(mut plan: Plan, plugins: &dyn Plugins, grants: &UserGrants) -> Plan {
    let hooks = plan.tasks.iter().filter_map(|task| task.hook());
    let by: BTreeSet<&Answerer> = hooks.map(|hook| &hook.by).collect();
    let mut allowances: Vec<Allowance> = Vec::new();
    for by in by {
        let requested = plugins.requested(by);
        if !requested.is_empty() && !allowances.iter().any(|known| known.digest == by.digest) {
            allowances.push(grants.allow(by, requested, &plan.application));
        }
    }
    plan.allowances = allowances;
    plan
}

/// Makes the plan of what is asked for, or says everything that is wrong.
pub(crate) fn plan(
    plugins: &dyn Plugins,
    request: &Request,
    desired: &[Classified],
    live: &Live,
    records: &HookRecords,
    unasked: Option<&Unasked<'_>>,
) -> Result<Plan, Vec<Diagnostic>> {
    plan::make(&Planning {
        application: request.application.clone(),
        mode: request.mode,
        does: request.does,
        purpose: request.purpose,
        desired,
        live,
        records,
        answerer: &|need| plugins.answerer(need),
        policies_for_all: plugins.policies_for_all(),
        selection: request.selection.clone(),
        prune: request.prune,
        takes_over: request.takes_over,
        adopts: request.adopts,
        options: request.options.clone(),
        namespace: request.namespace.clone(),
        confirmed: request.confirmed.clone(),
        unasked,
        on_timeout: request.on_timeout,
        ignore: &request.ignore,
        manager: MANAGER,
        limits: request.limits,
    })
}

/// Returns what lint finds in a plan.
pub(crate) fn findings(request: &Request, desired: &[Classified], live: &Live, plan: &Plan) -> Vec<Finding> {
    let (application, desired) = (&request.application, plan::in_order(desired));
    lint::lint(&lint::Set::new(
        request.mode,
        request.does,
        application,
        live,
        desired,
        &plan.tasks,
    ))
}

/// Puts mistakes in the order in which they are written.
fn sorted(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    errors.sort_by(|a, b| a.place.cmp(&b.place));
    errors
}

/// Takes the manifests, reads their annotations and fills in the namespaces; returns what can be planned, and what is wrong with the
/// rest.
pub(crate) fn settle(
    mut scopes: Scopes,
    request: &mut Request,
) -> (Vec<(Manifest, Directives)>, Scopes, Vec<Diagnostic>) {
    let manifests = std::mem::take(&mut request.manifests);
    let mut settled = Vec::with_capacity(manifests.len());
    let mut errors: Vec<Diagnostic> = Vec::new();
    for manifest in manifests {
        match directive::directives(&manifest, request.mode) {
            Ok(mut directives) => {
                request.options.settle(&mut directives);
                settled.push((manifest, directives));
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let placed = plan::settle(&mut settled, &scopes, &request.application.namespace);
    plan::leave_out_repeated(&mut settled, request.mode);
    match placed {
        Ok(brought) => scopes.extend(brought),
        Err(wrong) => {
            scopes.extend(plan::brought(settled.iter().map(|(manifest, _)| manifest)));
            settled.retain(|(manifest, _)| scopes.contains_key(&manifest.object.group_kind()));
            // What is being deleted may be of a kind that was deleted before it.
            if request.does == OperationKind::Sync {
                errors.extend(wrong);
            }
        }
    }
    (settled, scopes, errors)
}

/// The namespaces that aren't there.
#[derive(Debug, Default)]
struct Missing {
    /// Those that the set brings.
    brought: BTreeSet<String>,
    /// Whether the application's own is to be made before anything else.
    is_own: bool,
}

/// Checks that every namespace is there or brought.
async fn check_namespaces(
    cluster: &Cluster,
    request: &Request,
    classified: &[Classified],
    errors: &mut Vec<Diagnostic>,
) -> Result<Missing, EngineError> {
    let mut missing = Missing::default();
    if request.does == OperationKind::Delete {
        return Ok(missing);
    }
    let brought: BTreeSet<&str> = classified
        .iter()
        .filter(|one| one.manifest.object.kind() == "Namespace" && one.manifest.object.group().is_empty())
        .map(|one| one.manifest.object.name())
        .collect();
    let mut wanted: BTreeMap<String, Option<&Manifest>> = classified
        .iter()
        .filter(|one| !matches!(one.role, Role::Skip(_)))
        .map(|one| (one.manifest.object.namespace().to_owned(), Some(&one.manifest)))
        .filter(|(namespace, _)| !namespace.is_empty())
        .collect();
    wanted.entry(request.application.namespace.clone()).or_default();
    for (namespace, manifest) in wanted {
        let is_own = namespace == request.application.namespace;
        let is_there = match cluster.get(&namespace_key(&namespace)).await {
            Ok(Some(found)) if found.is_terminating() => {
                let message = format!("the namespace `{namespace}` is being deleted");
                let why = finalizer::held_up_by(&found);
                errors.push(Diagnostic::new(message).hint(format!("wait for its end; it waits for this: {why}")));
                continue;
            }
            Ok(found) => found.is_some(),
            // Who may not look at namespaces may still work in one.
            Err(ClusterError::Forbidden(_)) => true,
            Err(error) => return Err(EngineError::while_("looking for the namespaces")(error)),
        };
        if is_there {
            continue;
        }
        let is_brought = brought.contains(namespace.as_str());
        if is_own && (request.options.create_namespace == Some(true) || is_brought) {
            missing.is_own = true;
            continue;
        }
        if is_brought {
            missing.brought.insert(namespace);
            continue;
        }
        let message = format!("the namespace `{namespace}` isn't there");
        let error = match manifest {
            Some(manifest) => manifest.error("/metadata/namespace", message),
            None => Diagnostic::new(message),
        };
        errors.push(error.hint(if is_own {
            "`--create-namespace` makes it; or add a Namespace to the manifests, or name another with `-n`"
        } else {
            "add a Namespace to the manifests, or create it first"
        }));
    }
    Ok(missing)
}

pub(crate) fn namespace_key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}

/// Joins the places of earlier sets and of this one.
fn places(past: &Past, classified: &[Classified], scopes: &Scopes) -> BTreeSet<Place> {
    let mut places = past.places.clone();
    for one in classified.iter().filter(|one| !matches!(one.role, Role::Skip(_))) {
        let key = one.manifest.key();
        if scopes.contains_key(&key.group_kind()) {
            places.insert((key.group_kind(), key.namespace));
        }
    }
    places
}
