//! The way of a text to a plan, with scripted plugins and a cluster that is empty or has it all.

use capstan_core::{
    lint,
    model::{
        error::Diagnostic,
        finding::Finding,
        object::{Object, labels},
        operation_kind::{OperationKind, Purpose},
        plugins::{Application, PluginQuery, PluginRef},
    },
    plan::{
        self, Classified, DesiredManifests, LiveObjects, Plan, PlanInput, PlanOptions, Role, Scope,
        hook_record::HookRecords,
    },
    read::{
        directive::{self, Directives, Mode},
        manifest::{self, Manifest},
    },
};

/// What is done with a text.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub mode: Mode,
    pub operation_kind: OperationKind,
    pub purpose: Purpose,
    /// Whether the cluster has everything already, and more.
    pub is_live: bool,
    pub prunes: bool,
}

fn plugin_ref(claim: &str) -> PluginRef {
    PluginRef {
        plugin: "any".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: claim.to_owned(),
    }
}

fn plugin_for(need: &PluginQuery) -> Option<PluginRef> {
    let is_claimed = match need {
        PluginQuery::HookType(name) => name != "nobody",
        PluginQuery::HookWord(word) => word == "Skip" || word == "Mine",
        PluginQuery::HookKind(_) => true,
        PluginQuery::Health(kind) => kind.kind != "Nobody",
        PluginQuery::Policy(name) => directive::KNOWN_POLICIES.contains(&name.as_str()) || name == "KeepThree",
    };
    is_claimed.then(|| plugin_ref(&need.to_string()))
}

fn role(manifest: &Manifest, directives: &Directives, mode: Mode) -> Result<Role, Box<Diagnostic>> {
    if !directives.is_hook() {
        return Ok(Role::Resource);
    }
    let others = directives
        .words
        .iter()
        .filter(|word| word.parse::<capstan_core::model::phase::Phase>().is_err());
    for word in others {
        if word == "Skip" {
            return Ok(Role::Skip("Skip".to_owned()));
        }
        if plugin_for(&PluginQuery::HookWord(word.clone())).is_none() && mode == Mode::Native {
            let error = directive::unknown_word_error(manifest, word, &["Mine".to_owned()]);
            return Err(Box::new(error));
        }
    }
    Ok(Role::Hook {
        by: plugin_ref("hook"),
        phases: directives.phases.clone(),
        has_object: directives.hook_type.is_none(),
        also: Vec::new(),
    })
}

/// Decodes a text and plans it.
pub fn read_and_plan(text: &str, setup: Setup) -> Result<Plan, Vec<Diagnostic>> {
    make(&manifest::decode("fuzz.yaml", text)?, setup)
}

/// Plans manifests.
pub fn make(manifests: &[Manifest], setup: Setup) -> Result<Plan, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut manifests_with_directives = Vec::new();
    for manifest in manifests {
        match directive::read_directives(manifest, setup.mode) {
            Ok(directives) => manifests_with_directives.push((manifest.clone(), directives)),
            Err(wrong) => errors.extend(wrong),
        }
    }
    let mut scopes = plan::built_in_scopes();
    // The cluster doesn't serve yet what the set defines: the definition of the set says the scope.
    let defined = plan::defined_scopes(manifests_with_directives.iter().map(|(manifest, _)| manifest));
    for (manifest, _) in &manifests_with_directives {
        let kind = manifest.object.group_kind();
        if kind.group.rsplit('.').next() == Some("io") && !defined.contains_key(&kind) {
            scopes.entry(kind).or_insert(Scope::Namespaced);
        }
    }
    errors.extend(
        plan::resolve_namespaces(&mut manifests_with_directives, &scopes, "shop")
            .err()
            .unwrap_or_default(),
    );
    plan::leave_out_repeated(&mut manifests_with_directives, setup.mode);
    let mut desired = Vec::new();
    for (manifest, directives) in manifests_with_directives {
        match role(&manifest, &directives, setup.mode) {
            Ok(role) => desired.push(Classified {
                manifest,
                directives,
                role,
            }),
            Err(error) => errors.push(*error),
        }
    }
    let live = live(&desired, setup.is_live);
    // What is left of a set with mistakes is planned, too, as the engine does.
    let made = plan::make_plan(&PlanInput {
        application: Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        },
        operation_kind: setup.operation_kind,
        options: &PlanOptions {
            mode: setup.mode,
            prune: setup.prunes,
            ..PlanOptions::default()
        },
        purpose: setup.purpose,
        desired: DesiredManifests::new(&desired),
        live: &live,
        records: &HookRecords::new(),
        plugin_for: &plugin_for,
        policies_for_all: vec![plugin_ref("*")],
        dry_run_blocker: None,
        manager: "capstan",
    });
    match made {
        Ok(mut plan) if errors.is_empty() => {
            if setup.purpose != Purpose::Test {
                plan.findings = findings(&plan, &desired, &live);
            }
            Ok(plan)
        }
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

fn findings(plan: &Plan, desired: &[Classified], live: &LiveObjects) -> Vec<Finding> {
    let desired = plan::in_written_order(desired);
    let set = lint::ManifestSet::new(
        plan.mode,
        plan.operation_kind,
        &plan.application,
        live,
        desired,
        &plan.tasks,
    );
    lint::lint(&set)
}

/// What is there: each object as it is desired, and a copy of it that no manifest names. Of several manifests of one object the same one
/// is there in whatever order they are read.
fn live(desired: &[Classified], is_live: bool) -> LiveObjects {
    let mut live = LiveObjects {
        is_first_install: !is_live,
        ..LiveObjects::default()
    };
    if !is_live {
        return live;
    }
    let mut sorted: Vec<&Object> = desired.iter().map(|one| &one.manifest.object).collect();
    sorted.sort_by_cached_key(|object| object.0.to_string());
    for object in sorted {
        let mut object = object.clone();
        if object.generate_name().is_some() || !object.0.is_object() {
            continue;
        }
        if object
            .0
            .pointer("/metadata/labels")
            .is_some_and(|labels| !labels.is_object())
        {
            continue;
        }
        object.set_label(labels::APPLICATION, "shop");
        object.set_label(labels::NAMESPACE, "shop");
        object.set_metadata_text("uid", "u1");
        live.inventory.insert(object.key(), "u1");
        live.objects.insert(object.key(), object.clone());
        let name = format!("{}-left", object.name());
        object.set_metadata_text("name", &name);
        live.inventory.insert(object.key(), "u1");
        live.objects.insert(object.key(), object);
    }
    live
}
