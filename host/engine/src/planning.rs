//! Makes plans with what the cluster and the plugins say: kinds, hook types, live objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    kubernetes::finalizer,
    lint,
    model::{
        error::Diagnostic,
        finding::Finding,
        grant::{Allowance, UserGrants},
        inventory::Inventory,
        object::{GroupKind, Object, ObjectKey},
        operation_kind::{OperationKind, Purpose},
        plugins::{Application, PluginRef, PluginSettings, Plugins},
        remedy::Setting,
        revision::Revision,
    },
    plan::{
        self, Classified, DesiredManifests, DryRunBlocker, FieldPlaces, HookSelection, LiveObjects, Plan, PlanInput,
        PlanOptions, Role, Scopes, hook_record::HookRecords,
    },
    read::{
        directive::{self, Directives},
        manifest::Manifest,
    },
    run::journal::PluginCall,
};

use crate::{
    classify::classify_all,
    cluster::{Cluster, FIELD_MANAGER},
    dry_run_undecided::dry_run_undecided,
    error::{ClusterError, EngineError},
    live::{deleted_applications, find_all_contents, missing_objects, read_live_objects, terminating_pods},
    unserved,
};

/// A request for a plan.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The application that is planned.
    pub application: Application,
    /// Whether the operation syncs or deletes the application.
    pub operation_kind: OperationKind,
    /// A usual operation, a rollback or a test. A test uses the state that the last sync stored, and runs nothing but its test hooks.
    pub purpose: Purpose,
    /// The desired objects. Empty for a deletion, which uses the state that the last sync stored.
    pub manifests: Vec<Manifest>,
    /// The revision of the sources.
    pub revision: Option<Revision>,
    /// The options of the plan.
    pub options: PlanOptions,
    /// The grants for plugins.
    pub grants: UserGrants,
    /// The user's settings for the plugins that assess health.
    pub plugin_settings: PluginSettings,
}

impl PlanRequest {
    /// Makes a request for a sync of these manifests, with default options.
    pub fn sync(application: Application, manifests: Vec<Manifest>) -> PlanRequest {
        PlanRequest {
            application,
            operation_kind: OperationKind::Sync,
            purpose: Purpose::Deploy,
            manifests,
            revision: None,
            options: PlanOptions::default(),
            grants: UserGrants::default(),
            plugin_settings: PluginSettings::default(),
        }
    }

    /// Makes a request to run the test hooks of the application's last sync.
    pub fn test(application: Application) -> PlanRequest {
        let mut request = PlanRequest::sync(application, Vec::new());
        request.purpose = Purpose::Test;
        request.options.selection.hooks = Some(HookSelection::Only);
        request
    }

    /// Makes a request to delete the application, as its last sync stored it.
    pub fn delete(application: Application) -> PlanRequest {
        PlanRequest {
            operation_kind: OperationKind::Delete,
            ..PlanRequest::sync(application, Vec::new())
        }
    }
}

/// A plan with everything else that an operation needs.
#[derive(Debug, Clone)]
pub struct PreparedPlan {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Every object as desired, with its namespace. A later deletion starts from these.
    pub manifests: Arc<Vec<Object>>,
    /// The revision of the sources.
    pub revision: Option<Revision>,
    /// The kinds and namespaces of the application's objects, of this set and of earlier ones.
    pub places: BTreeSet<Place>,
    /// Whether the application's namespace must be created first.
    pub creates_namespace: bool,
    /// Whether permissions are checked, and dry runs are sent for all objects, before anything is changed.
    pub has_preflight_checks: bool,
    /// The number of operations before, which shows whether another one has run since.
    pub operations: u64,
    /// Whether objects of the set existed before the application's first operation, so that no sync is a first install.
    pub was_installed: bool,
    /// The digest of the request, by [`PlanRequest::digest`]; empty in a plan that version 0.1.0 saved.
    pub request_digest: String,
    /// The calls of hook types; empty in a plan that was loaded from a file.
    pub plugin_calls: Vec<PluginCall>,
    /// The objects of earlier operations that don't exist any more; empty in a plan that was loaded from a file.
    pub missing_objects: Vec<(ObjectKey, String)>,
}

/// A kind, and a namespace with objects of it; empty for cluster-scoped kinds.
pub type Place = (GroupKind, String);

/// The state that earlier operations of the application left, as far as planning needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PreviousObjects {
    pub places: BTreeSet<Place>,
    pub was_deployed: bool,
    pub operations: u64,
    pub hooks: HookRecords,
    pub inventory: Inventory,
}

pub(crate) async fn make_plan(
    cluster: &Cluster,
    plugins: &dyn Plugins,
    mut request: PlanRequest,
    past: PreviousObjects,
) -> Result<PreparedPlan, EngineError> {
    if request.options.create_namespace {
        request.options.sync_options.create_namespace = Some(true);
    }
    cluster.refresh_for(kinds_of_plan(&request, &past)).await;
    let (manifests_with_directives, scopes, mut errors) = prepare_manifests(cluster.discovery().scopes(), &mut request);
    let classified = classify_all(plugins, &request, manifests_with_directives, &mut errors).await;
    unserved::explain_unknown_kinds(cluster, &mut errors).await;
    if request.operation_kind == OperationKind::Sync {
        errors.extend(unserved::check_versions(cluster, &classified));
    }
    errors.extend(unserved::check_removals(cluster, &request, &past).await);
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
    let objects = read_live_objects(cluster, &request.application, keys, &places)
        .await
        .map_err(EngineError::during("reading what is live"))?;
    let has_resource = classified
        .iter()
        .any(|one| matches!(one.role, Role::Resource) && objects.contains_key(&one.manifest.key()));
    // Objects after a first sync that failed were created by that sync: the next one is a first install still.
    let was_installed = has_resource && past.operations == 0;
    let gone = missing_objects(cluster, &past.inventory, &objects);
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
    live.contents = find_all_contents(cluster, &request, &classified, &live).await;
    tracing::debug!(%namespace, manifests = classified.len(), live = live.objects.len(), "planning");
    let checks_first = request.options.dry_run_first;
    let has_errors = !errors.is_empty();
    let discovery = cluster.discovery();
    let dry_run_blocker = |object: &Object| -> Option<String> {
        let namespace = object.namespace();
        if discovery
            .resource(&object.group_kind(), Some(object.version()))
            .is_none()
        {
            return Some(format!("the kind {} is not defined yet", object.group_kind()));
        }
        let is_missing = missing.created_by_set.contains(namespace);
        is_missing.then(|| format!("the namespace {namespace} doesn't exist yet"))
    };
    // The rest of a set with mistakes is planned, too, so that all mistakes are reported together.
    let dry_run_blocker: Option<&DryRunBlocker<'_>> = if checks_first { Some(&dry_run_blocker) } else { None };
    let mut made = build_plan(plugins, &request, &classified, &live, &past.hooks, dry_run_blocker);
    if let (Ok(plan_without), false) = (&made, has_errors) {
        live.answers = dry_run_undecided(cluster, plan_without, &live.objects).await;
        if !live.answers.is_empty() {
            made = build_plan(plugins, &request, &classified, &live, &past.hooks, dry_run_blocker);
        }
    }
    let plan = match made {
        Ok(mut plan) if !has_errors => {
            // Tests check what is deployed; its notices were shown when it was deployed.
            if request.purpose != Purpose::Test {
                plan.findings = lint_findings(&request, &classified, &live, &plan);
            }
            plan.plugin_settings.clone_from(&request.plugin_settings);
            with_allowances(plan, plugins, &request.grants)
        }
        Ok(_) => return Err(EngineError::InvalidInput(sort_by_location(errors))),
        // An empty rest isn't a mistake of its own.
        Err(_) if has_errors && classified.is_empty() => {
            return Err(EngineError::InvalidInput(sort_by_location(errors)));
        }
        Err(more) => {
            errors.extend(more);
            return Err(EngineError::InvalidInput(sort_by_location(errors)));
        }
    };
    let plan = Plan {
        field_places: FieldPlaces::of(classified.iter().map(|one| &one.manifest)),
        ..plan
    };
    Ok(PreparedPlan {
        plan: Arc::new(plan),
        manifests: Arc::new(classified.into_iter().map(|one| one.manifest.object).collect()),
        revision: request.revision,
        places,
        creates_namespace: missing.is_own_missing,
        has_preflight_checks: checks_first,
        operations: past.operations,
        was_installed,
        request_digest: String::new(),
        plugin_calls: Vec::new(),
        missing_objects: gone,
    })
}

/// Lists the kinds in a plan.
fn kinds_of_plan<'a>(
    request: &'a PlanRequest,
    past: &'a PreviousObjects,
) -> impl Iterator<Item = (GroupKind, Option<&'a str>)> {
    let desired = request.manifests.iter().map(|manifest| {
        let object = &manifest.object;
        (object.group_kind(), Some(object.version()))
    });
    let made = past.inventory.iter().map(|(key, _)| (key.group_kind(), None));
    desired.chain(made)
}

/// Adds to a plan what the plugins of its hooks may do.
fn with_allowances(mut plan: Plan, plugins: &dyn Plugins, grants: &UserGrants) -> Plan {
    let hooks = plan.tasks.iter().filter_map(|task| task.hook());
    let by: BTreeSet<&PluginRef> = hooks.map(|hook| &hook.plugin).collect();
    let mut allowances: Vec<Allowance> = Vec::new();
    for by in by {
        let requested = plugins.requested_grants(by);
        if !requested.is_empty() && !allowances.iter().any(|known| known.digest == by.digest) {
            allowances.push(grants.allowance_for(by, requested, &plan.application));
        }
    }
    plan.allowances = allowances;
    plan
}

/// Makes the plan of a request, or returns all mistakes.
pub(crate) fn build_plan(
    plugins: &dyn Plugins,
    request: &PlanRequest,
    desired: &[Classified],
    live: &LiveObjects,
    records: &HookRecords,
    dry_run_blocker: Option<&DryRunBlocker<'_>>,
) -> Result<Plan, Vec<Diagnostic>> {
    plan::make_plan(&PlanInput {
        application: request.application.clone(),
        operation_kind: request.operation_kind,
        purpose: request.purpose,
        options: &request.options,
        desired: DesiredManifests::new(desired),
        live,
        records,
        plugin_for: &|need| plugins.plugin_for(need),
        policies_for_all: plugins.policies_for_all(),
        dry_run_blocker,
        manager: FIELD_MANAGER,
    })
}

/// Returns the findings of lint about a plan.
pub(crate) fn lint_findings(
    request: &PlanRequest,
    desired: &[Classified],
    live: &LiveObjects,
    plan: &Plan,
) -> Vec<Finding> {
    let (application, desired) = (&request.application, plan::in_written_order(desired));
    lint::lint(&lint::ManifestSet::new(
        request.options.mode,
        request.operation_kind,
        application,
        live,
        desired,
        &plan.tasks,
    ))
}

/// Sorts mistakes by their place in the files.
fn sort_by_location(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    errors.sort_by(|a, b| a.place.cmp(&b.place));
    errors
}

/// Reads the annotations of the manifests and fills in their namespaces. Returns the manifests that can be planned, and the mistakes in
/// the others.
pub(crate) fn prepare_manifests(
    mut scopes: Scopes,
    request: &mut PlanRequest,
) -> (Vec<(Manifest, Directives)>, Scopes, Vec<Diagnostic>) {
    let manifests = std::mem::take(&mut request.manifests);
    let mut manifests_with_directives = Vec::with_capacity(manifests.len());
    let mut errors: Vec<Diagnostic> = Vec::new();
    for manifest in manifests {
        match directive::read_directives(&manifest, request.options.mode) {
            Ok(mut directives) => {
                request.options.sync_options.fill_in(&mut directives);
                manifests_with_directives.push((manifest, directives));
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let placed = plan::resolve_namespaces(&mut manifests_with_directives, &scopes, &request.application.namespace);
    plan::leave_out_repeated(&mut manifests_with_directives, request.options.mode);
    match placed {
        Ok(brought) => scopes.extend(brought),
        Err(wrong) => {
            scopes.extend(plan::defined_scopes(
                manifests_with_directives.iter().map(|(manifest, _)| manifest),
            ));
            manifests_with_directives.retain(|(manifest, _)| scopes.contains_key(&manifest.object.group_kind()));
            // The kind of an object that is being deleted may have been deleted before it.
            if request.operation_kind == OperationKind::Sync {
                errors.extend(wrong);
            }
        }
    }
    (manifests_with_directives, scopes, errors)
}

/// The namespaces that don't exist.
#[derive(Debug, Default)]
struct MissingNamespaces {
    /// The names of those that the set itself creates.
    created_by_set: BTreeSet<String>,
    /// Whether the application's own namespace is to be created before anything else.
    is_own_missing: bool,
}

/// Checks that every namespace exists or is created by the set.
async fn check_namespaces(
    cluster: &Cluster,
    request: &PlanRequest,
    classified: &[Classified],
    errors: &mut Vec<Diagnostic>,
) -> Result<MissingNamespaces, EngineError> {
    let mut missing = MissingNamespaces::default();
    if request.operation_kind == OperationKind::Delete {
        return Ok(missing);
    }
    let brought: BTreeSet<&str> = classified
        .iter()
        .filter(|one| one.manifest.object.kind() == "Namespace" && one.manifest.object.group().is_empty())
        .map(|one| one.manifest.object.name())
        .collect();
    let mut namespaces: BTreeMap<String, Option<&Manifest>> = classified
        .iter()
        .filter(|one| !matches!(one.role, Role::Skip(_)))
        .map(|one| (one.manifest.object.namespace().to_owned(), Some(&one.manifest)))
        .filter(|(namespace, _)| !namespace.is_empty())
        .collect();
    namespaces.entry(request.application.namespace.clone()).or_default();
    for (namespace, manifest) in namespaces {
        let is_own = namespace == request.application.namespace;
        let is_there = match cluster.get(&namespace_key(&namespace)).await {
            Ok(Some(found)) if found.is_terminating() => {
                let message = format!("the namespace `{namespace}` is being deleted");
                let why = finalizer::deletion_blocker(&found).unwrap_or_default();
                errors.push(Diagnostic::new(message).hint(format!("wait until it is gone; it waits for this: {why}")));
                continue;
            }
            Ok(found) => found.is_some(),
            // A user without the permission to read namespaces may still deploy into one.
            Err(ClusterError::Forbidden(_)) => true,
            Err(error) => return Err(EngineError::during("looking for the namespaces")(error)),
        };
        if is_there {
            continue;
        }
        let is_brought = brought.contains(namespace.as_str());
        if is_own && (request.options.sync_options.create_namespace == Some(true) || is_brought) {
            missing.is_own_missing = true;
            continue;
        }
        if is_brought {
            missing.created_by_set.insert(namespace);
            continue;
        }
        errors.push(match manifest {
            Some(manifest) if !is_own => manifest
                .error(
                    "/metadata/namespace",
                    format!("the namespace `{namespace}` doesn't exist"),
                )
                .hint("add a Namespace to the manifests, or create it first"),
            // The manifests have this namespace from the command line.
            _ => Diagnostic::new(format!("the application's namespace `{namespace}` isn't there")).hint([
                Setting::Namespace.into(),
                Setting::CreateNamespace.into(),
                "or add a Namespace to the manifests".into(),
            ]),
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
