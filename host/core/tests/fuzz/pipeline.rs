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
pub struct Way {
    pub mode: Mode,
    pub does: OperationKind,
    pub purpose: Purpose,
    /// Whether the cluster has everything already, and more.
    pub is_live: bool,
    pub prunes: bool,
}

fn answerer(claim: &str) -> PluginRef {
    PluginRef {
        plugin: "any".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: claim.to_owned(),
    }
}

fn who(need: &PluginQuery) -> Option<PluginRef> {
    let is_claimed = match need {
        PluginQuery::HookType(name) => name != "nobody",
        PluginQuery::HookWord(word) => word == "Skip" || word == "Mine",
        PluginQuery::HookKind(_) => true,
        PluginQuery::Health(kind) => kind.kind != "Nobody",
        PluginQuery::Policy(name) => directive::KNOWN_POLICIES.contains(&name.as_str()) || name == "KeepThree",
    };
    is_claimed.then(|| answerer(&need.to_string()))
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
        if who(&PluginQuery::HookWord(word.clone())).is_none() && mode == Mode::Native {
            let error = directive::unknown_word_error(manifest, word, &["Mine".to_owned()]);
            return Err(Box::new(error));
        }
    }
    Ok(Role::Hook {
        by: answerer("hook"),
        phases: directives.phases.clone(),
        has_object: directives.hook_type.is_none(),
        also: Vec::new(),
    })
}

/// Decodes a text and plans it.
pub fn read_and_plan(text: &str, way: Way) -> Result<Plan, Vec<Diagnostic>> {
    make(&manifest::decode("fuzz.yaml", text)?, way)
}

/// Plans manifests.
pub fn make(manifests: &[Manifest], way: Way) -> Result<Plan, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut settled = Vec::new();
    for manifest in manifests {
        match directive::read_directives(manifest, way.mode) {
            Ok(directives) => settled.push((manifest.clone(), directives)),
            Err(wrong) => errors.extend(wrong),
        }
    }
    let mut scopes = plan::built_in_scopes();
    // The cluster doesn't serve yet what the set defines: the definition of the set says the scope.
    let defined = plan::defined_scopes(settled.iter().map(|(manifest, _)| manifest));
    for (manifest, _) in &settled {
        let kind = manifest.object.group_kind();
        if kind.group.rsplit('.').next() == Some("io") && !defined.contains_key(&kind) {
            scopes.entry(kind).or_insert(Scope::Namespaced);
        }
    }
    errors.extend(
        plan::resolve_namespaces(&mut settled, &scopes, "shop")
            .err()
            .unwrap_or_default(),
    );
    plan::leave_out_repeated(&mut settled, way.mode);
    let mut desired = Vec::new();
    for (manifest, directives) in settled {
        match role(&manifest, &directives, way.mode) {
            Ok(role) => desired.push(Classified {
                manifest,
                directives,
                role,
            }),
            Err(error) => errors.push(*error),
        }
    }
    let live = live(&desired, way.is_live);
    // What is left of a set with mistakes is planned, too, as the engine does.
    let made = plan::make_plan(&PlanInput {
        application: Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        },
        does: way.does,
        options: &PlanOptions {
            mode: way.mode,
            prune: way.prunes,
            ..PlanOptions::default()
        },
        purpose: way.purpose,
        desired: DesiredManifests::new(&desired),
        live: &live,
        records: &HookRecords::new(),
        answerer: &who,
        policies_for_all: vec![answerer("*")],
        unasked: None,
        manager: "capstan",
    });
    match made {
        Ok(mut plan) if errors.is_empty() => {
            if way.purpose != Purpose::Test {
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
    let mut wanted: Vec<&Object> = desired.iter().map(|one| &one.manifest.object).collect();
    wanted.sort_by_cached_key(|object| object.0.to_string());
    for object in wanted {
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
