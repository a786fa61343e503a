//! The way of a plan, where it needs the cluster and the plugins: kinds, hook types, live objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    directive::{self, Directives},
    error::Diagnostic,
    finalizer,
    grant::{Allowance, UserGrants},
    inventory::Inventory,
    journal::PluginCall,
    lint::{self, Finding},
    manifest::Manifest,
    object::{GroupKind, Object, ObjectKey},
    operation_kind::{OperationKind, Purpose},
    plan::{self, Classified, FieldPlaces, Hooks, LiveObjects, Plan, PlanInput, PlanOptions, Role, Scopes, Unasked},
    plugins::{Application, PluginRef, PluginSettings, Plugins},
    record::HookRecords,
    revision::Revision,
};

use crate::{
    answers::answers,
    classify::classify_all,
    cluster::{Cluster, MANAGER},
    error::{ClusterError, EngineError},
    live::{contents_of, deleted_applications, gone, look_up, terminating_pods},
    unserved,
};

/// What is to be planned.
#[derive(Debug, Clone)]
pub struct Request {
    /// For which application.
    pub application: Application,
    /// Sync or delete.
    pub does: OperationKind,
    /// What for. To test, what the last sync stored is used, and nothing but its test hooks.
    pub purpose: Purpose,
    /// What is desired. To delete, nothing: what the last sync stored is used.
    pub manifests: Vec<Manifest>,
    /// Which state of its sources that is.
    pub revision: Option<Revision>,
    /// What the user wants of it.
    pub options: PlanOptions,
    /// What the user grants plugins.
    pub grants: UserGrants,
    /// The user's settings for the plugins that judge health.
    pub plugin_settings: PluginSettings,
}

impl Request {
    /// Asks for a sync of these manifests, with everything else as usual.
    pub fn sync(application: Application, manifests: Vec<Manifest>) -> Request {
        Request {
            application,
            does: OperationKind::Sync,
            purpose: Purpose::Deploy,
            manifests,
            revision: None,
            options: PlanOptions::default(),
            grants: UserGrants::default(),
            plugin_settings: PluginSettings::default(),
        }
    }

    /// Asks for the test hooks to be run, from what the application's last sync stored.
    pub fn test(application: Application) -> Request {
        let mut request = Request::sync(application, Vec::new());
        request.purpose = Purpose::Test;
        request.options.selection.hooks = Some(Hooks::Only);
        request
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
    pub asked: Vec<PluginCall>,
    /// What earlier operations made and isn't there any more; nothing once it was saved.
    pub gone: Vec<(ObjectKey, String)>,
}

/// A kind, and the namespace in which there are objects of it; empty for kinds without.
pub type Place = (GroupKind, String);

/// What an application left behind, as far as planning needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PreviousObjects {
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
    past: PreviousObjects,
) -> Result<Planned, EngineError> {
    if request.options.create_namespace {
        request.options.sync_options.create_namespace = Some(true);
    }
    cluster.refresh_for(kinds(&request, &past)).await;
    let (settled, scopes, mut errors) = settle(cluster.discovery().scopes(), &mut request);
    let classified = classify_all(plugins, &request, settled, &mut errors).await;
    unserved::explain(cluster, &mut errors).await;
    if request.does == OperationKind::Sync {
        errors.extend(unserved::versions(cluster, &classified));
    }
    errors.extend(unserved::removals(cluster, &request, &past).await);
    let namespace = &request.application.namespace;
    let missing = check_namespaces(cluster, &request, &classified, &mut errors).await?;
    let places = places(&past, &classified, &scopes);
    let own = (!request.options.namespace_metadata.is_empty()).then(|| namespace_key(&request.application.namespace));
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
    let mut live = LiveObjects {
        is_first_install: !past.was_deployed && !was_installed,
        objects,
        inventory: past.inventory,
        deleted_applications: BTreeSet::new(),
        contents: BTreeMap::new(),
        answers: BTreeMap::new(),
        terminating_pods: terminating_pods(cluster, &request, &classified).await,
    };
    live.deleted_applications = deleted_applications(cluster, &request.application, &classified, &live.objects).await;
    live.contents = contents_of(cluster, &request, &classified, &live).await;
    tracing::debug!(%namespace, manifests = classified.len(), live = live.objects.len(), "planning");
    let checks_first = request.options.dry_run_first;
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
            plan.plugin_settings.clone_from(&request.plugin_settings);
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
    let plan = Plan {
        written: FieldPlaces::of(classified.iter().map(|one| &one.manifest)),
        ..plan
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
fn kinds<'a>(request: &'a Request, past: &'a PreviousObjects) -> impl Iterator<Item = (GroupKind, Option<&'a str>)> {
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
    let by: BTreeSet<&PluginRef> = hooks.map(|hook| &hook.by).collect();
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
    live: &LiveObjects,
    records: &HookRecords,
    unasked: Option<&Unasked<'_>>,
) -> Result<Plan, Vec<Diagnostic>> {
    plan::make(&PlanInput {
        application: request.application.clone(),
        does: request.does,
        purpose: request.purpose,
        options: &request.options,
        desired,
        live,
        records,
        answerer: &|need| plugins.answerer(need),
        policies_for_all: plugins.policies_for_all(),
        unasked,
        manager: MANAGER,
    })
}

/// Returns what lint finds in a plan.
pub(crate) fn findings(request: &Request, desired: &[Classified], live: &LiveObjects, plan: &Plan) -> Vec<Finding> {
    let (application, desired) = (&request.application, plan::in_order(desired));
    lint::lint(&lint::ManifestSet::new(
        request.options.mode,
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
        match directive::directives(&manifest, request.options.mode) {
            Ok(mut directives) => {
                request.options.sync_options.settle(&mut directives);
                settled.push((manifest, directives));
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let placed = plan::settle(&mut settled, &scopes, &request.application.namespace);
    plan::leave_out_repeated(&mut settled, request.options.mode);
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
struct MissingNamespaces {
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
) -> Result<MissingNamespaces, EngineError> {
    let mut missing = MissingNamespaces::default();
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
                let why = finalizer::held_up_by(&found).unwrap_or_default();
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
        if is_own && (request.options.sync_options.create_namespace == Some(true) || is_brought) {
            missing.is_own = true;
            continue;
        }
        if is_brought {
            missing.brought.insert(namespace);
            continue;
        }
        errors.push(match manifest {
            Some(manifest) if !is_own => manifest
                .error("/metadata/namespace", format!("the namespace `{namespace}` isn't there"))
                .hint("add a Namespace to the manifests, or create it first"),
            // The manifests have it from the command.
            _ => Diagnostic::new(format!("the application's namespace `{namespace}` isn't there")).hint(
                "`-n`, `capstan.yaml` or the kubeconfig names it; `--create-namespace` makes it, or add a Namespace to the manifests",
            ),
        });
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
fn places(past: &PreviousObjects, classified: &[Classified], scopes: &Scopes) -> BTreeSet<Place> {
    let mut places = past.places.clone();
    for one in classified.iter().filter(|one| !matches!(one.role, Role::Skip(_))) {
        let key = one.manifest.key();
        if scopes.contains_key(&key.group_kind()) {
            places.insert((key.group_kind(), key.namespace));
        }
    }
    places
}
