//! Plans manifests without a cluster, for the findings of lint: the kinds are those of Kubernetes itself, and no object is live.

use std::collections::BTreeSet;

use capstan_core::{
    kubernetes::ownership,
    lint,
    model::{
        error::{Diagnostic, closest_match},
        finding::{Finding, Severity},
        object::{GroupKind, ObjectKey, labels},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, Plugins},
        remedy::{Command, Setting},
    },
    plan::{
        self, Classified, LiveObjects, Role, Scope, Scopes,
        container::Container,
        hook_record::HookRecords,
        versions::{self, RemovedVersion, Versions},
    },
    read::{directive::RunCondition, manifest::Manifest},
};

use crate::{
    classify::classify_all,
    planning::{self, PlanRequest},
};

/// Lints manifests without a cluster, as each kind of operation would plan them. A mistake that keeps manifests from being planned
/// becomes a finding of the rule `invalid`, and the rest of the set is linted nonetheless. `kube_minor` is the minor version of
/// Kubernetes 1 that the set is for; without it, a version that the newest Kubernetes doesn't serve is a warning.
pub async fn lint(plugins: &dyn Plugins, mut request: PlanRequest, kube_minor: Option<u32>) -> Vec<Finding> {
    let (scopes, mut findings) = scopes(&request.manifests);
    findings.extend(
        request
            .manifests
            .iter()
            .filter_map(|one| removed_version(one, kube_minor)),
    );
    let of_definitions = versions::check_versions(request.manifests.iter(), &Versions::new());
    let (settled, _, mut mistakes) = planning::prepare_manifests(scopes, &mut request);
    let mut classified = classify_all(plugins, &request, settled, &mut mistakes).await;
    let new = LiveObjects {
        is_first_install: true,
        ..LiveObjects::default()
    };
    match lint_operation(plugins, &request, &classified, &new) {
        Ok(found) => findings.extend(found),
        // An empty rest isn't a mistake of its own.
        Err(_) if classified.is_empty() && !mistakes.is_empty() => {}
        Err(more) => {
            let wrong: BTreeSet<ObjectKey> = more.iter().filter_map(|mistake| mistake.object.clone()).collect();
            mistakes.extend(more);
            classified.retain(|one| !wrong.contains(&one.manifest.key()));
            findings.extend(lint_operation(plugins, &request, &classified, &new).unwrap_or_default());
        }
    }
    let deployed = after_install(&request.application, &classified);
    for later in later_operations(&request, &classified) {
        match lint_operation(plugins, &later, &classified, &deployed) {
            Ok(found) => add_new(&mut findings, found),
            Err(more) => {
                let is_new = |one: &Diagnostic| !mistakes.iter().any(|known| known.message == one.message);
                let more: Vec<Diagnostic> = more.into_iter().filter(is_new).collect();
                mistakes.extend(more);
            }
        }
    }
    mistakes.extend(of_definitions);
    findings.extend(mistakes.into_iter().map(Finding::from_invalid_input));
    lint::sort_findings(&mut findings);
    findings
}

/// Returns the findings of one operation.
fn lint_operation(
    plugins: &dyn Plugins,
    request: &PlanRequest,
    classified: &[Classified],
    live: &LiveObjects,
) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let plan = planning::build_plan(plugins, request, classified, live, &HookRecords::new(), None)?;
    Ok(planning::lint_findings(request, classified, live, &plan))
}

/// Returns the operations after the first install that hooks of the set may be part of.
fn later_operations(request: &PlanRequest, classified: &[Classified]) -> Vec<PlanRequest> {
    let phases: BTreeSet<Phase> = classified
        .iter()
        .flat_map(|one| match &one.role {
            Role::Hook { phases, .. } => phases.as_slice(),
            Role::Resource | Role::Skip(_) => &[],
        })
        .copied()
        .collect();
    let of_delete = [Phase::PreDelete, Phase::PostDelete];
    let mut later = Vec::new();
    if phases.iter().any(|phase| !of_delete.contains(phase)) {
        let purposes = [Purpose::Deploy, Purpose::Rollback];
        later.extend(purposes.map(|purpose| PlanRequest {
            purpose,
            ..request.clone()
        }));
        let mut test = PlanRequest::test(request.application.clone());
        test.options.mode = request.options.mode;
        later.push(test);
    }
    if phases.iter().any(|phase| of_delete.contains(phase)) {
        later.push(PlanRequest {
            operation_kind: OperationKind::Delete,
            ..request.clone()
        });
    }
    later
}

/// Returns the objects in the cluster after a first install: those of the set, and those of its hooks that no policy removes.
fn after_install(application: &Application, classified: &[Classified]) -> LiveObjects {
    let mut live = LiveObjects::default();
    for one in classified {
        let stays = match &one.role {
            Role::Resource => true,
            Role::Hook { phases, has_object, .. } => {
                let of_sync = [Phase::PreSync, Phase::Sync, Phase::PostSync];
                let runs = phases.iter().any(|phase| {
                    let condition = one.directives.condition(*phase);
                    of_sync.contains(phase) && condition.is_none_or(|when| when.includes(RunCondition::FirstInstall))
                });
                let is_removed = one
                    .directives
                    .delete_policies
                    .iter()
                    .any(|policy| policy == "HookSucceeded");
                // These stay as long as there are objects in them.
                let holds_others = Container::is_container_kind(&one.manifest.object.group_kind());
                let goes = is_removed && !holds_others;
                *has_object && runs && !goes && one.manifest.object.generate_name().is_none()
            }
            Role::Skip(_) => false,
        };
        if !stays {
            continue;
        }
        let (key, mut object) = (one.manifest.key(), one.manifest.object.clone());
        ownership::add_labels(&mut object, application);
        if matches!(one.role, Role::Hook { .. }) {
            object.set_label(labels::HOOK, PLACEHOLDER_UID);
        }
        object.set_metadata_text("uid", PLACEHOLDER_UID);
        live.inventory.insert(key.clone(), PLACEHOLDER_UID);
        live.objects.insert(key, object);
    }
    live
}

/// The UID of every object without a cluster.
const PLACEHOLDER_UID: &str = "offline";

/// Adds the findings that no other operation has.
fn add_new(findings: &mut Vec<Finding>, found: Vec<Finding>) {
    for one in found {
        let is_known = findings
            .iter()
            .any(|known| known.rule == one.rule && known.key == one.key && known.place == one.place);
        if !is_known {
            findings.push(one);
        }
    }
}

/// Returns the finding about a manifest in a version that Kubernetes doesn't serve any more.
fn removed_version(manifest: &Manifest, kube_minor: Option<u32>) -> Option<Finding> {
    let removed = versions::find_removed(&manifest.object)?;
    if kube_minor.unwrap_or(versions::NEWEST_MINOR) < removed.removed_in {
        return None;
    }
    let object = &manifest.object;
    let message = format!(
        "Kubernetes 1.{} and later don't serve {} as {}/{}",
        removed.removed_in,
        object.kind(),
        object.group(),
        object.version()
    );
    let finding = |fix: String| Finding::new(&lint::REMOVED_VERSION, manifest, "/apiVersion", message.clone(), fix);
    Some(match kube_minor {
        Some(_) => finding(removed.hint()),
        None => finding(removed.hint())
            .helped_by(Setting::KubernetesVersion {
                newest_minor: removed.removed_in.saturating_sub(1),
            })
            .with_severity(Severity::Warning),
    })
}

/// Returns the kinds of Kubernetes, and the other kinds of the set, which are assumed to be namespaced.
fn scopes(manifests: &[Manifest]) -> (Scopes, Vec<Finding>) {
    let mut scopes = plan::built_in_scopes();
    let built_in = scopes.clone();
    let brought = plan::defined_scopes(manifests.iter());
    let mut findings = Vec::new();
    for manifest in manifests {
        let kind = manifest.object.group_kind();
        let is_document = kind == GroupKind::new("capstan.dev", "Hook");
        if scopes.contains_key(&kind) || brought.contains_key(&kind) || is_document {
            continue;
        }
        // A version that Kubernetes served before is reported as such.
        if let Some(removed) = versions::find_removed(&manifest.object) {
            scopes.insert(kind, scope_of_replacement(&built_in, removed, manifest));
            continue;
        }
        // A misspelt kind stays unknown, and is reported as a mistake.
        let of_group = built_in.keys().filter(|known| known.group == kind.group);
        if closest_match(&kind.kind, of_group.map(|known| known.kind.as_str())).is_some() {
            continue;
        }
        let message = format!("without a cluster it is unknown whether the kind {kind} exists");
        let fix = "its objects are assumed to be namespaced";
        let finding = Finding::new(&lint::UNKNOWN_KIND, manifest, "/kind", message, fix);
        findings.push(finding.helped_by(Command::Plan));
        scopes.insert(kind, Scope::Namespaced);
    }
    (scopes, findings)
}

/// Returns the scope of a kind that Kubernetes doesn't have any more: that of its successor.
fn scope_of_replacement(built_in: &Scopes, removed: &RemovedVersion, manifest: &Manifest) -> Scope {
    let group = removed.replacement.and_then(|instead| instead.split_once('/'));
    let kind = group.map(|(group, _)| GroupKind::new(group, manifest.object.kind()));
    let scope = kind.and_then(|kind| built_in.get(&kind).copied());
    // Only PodSecurityPolicy has no successor, and it is cluster-scoped.
    scope.unwrap_or(Scope::Cluster)
}
