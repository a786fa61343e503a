//! A plan that no cluster is asked about, for its findings alone: kinds are those of Kubernetes itself, and nothing is live.

use std::collections::BTreeSet;

use capstan_core::{
    error::near,
    lint::{self, Finding, Severity},
    manifest::Manifest,
    object::{GroupKind, ObjectKey},
    plan::{
        self, Live, Plan, Scope, Scopes,
        versions::{self, Removed, Versions},
    },
    plugins::Plugins,
    record::HookRecords,
};

use crate::{
    classify::classify,
    planning::{self, Request},
};

/// Looks at manifests without a cluster. What keeps them from being planned is a finding like others, of the rule `invalid`; what is
/// left of the set without those is looked at nonetheless. `kube_minor` is the minor version of Kubernetes 1 that the set is for; without
/// one, what the newest doesn't serve is a warning.
pub async fn lint(plugins: &dyn Plugins, mut request: Request, kube_minor: Option<u32>) -> Vec<Finding> {
    let (scopes, mut findings) = scopes(&request.manifests);
    findings.extend(
        request
            .manifests
            .iter()
            .filter_map(|one| removed_version(one, kube_minor)),
    );
    let of_definitions = versions::check(request.manifests.iter(), &Versions::new());
    let (settled, _, mut mistakes) = planning::settle(scopes, &mut request);
    let mut classified = Vec::new();
    for (manifest, directives) in settled {
        match classify(plugins, &request.application, manifest, directives, request.mode).await {
            Ok(one) => classified.push(one),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let live = Live {
        is_first_install: true,
        ..Live::default()
    };
    match planning::plan(plugins, &request, &classified, &live, &HookRecords::new(), None) {
        Ok(plan) => findings.extend(plan.findings),
        // That nothing is left is no mistake of its own.
        Err(_) if classified.is_empty() && !mistakes.is_empty() => {}
        Err(more) => {
            let wrong: BTreeSet<ObjectKey> = more.iter().filter_map(|mistake| mistake.object.clone()).collect();
            mistakes.extend(more);
            classified.retain(|one| !wrong.contains(&one.manifest.key()));
            let rest = planning::plan(plugins, &request, &classified, &live, &HookRecords::new(), None);
            findings.extend(rest.map(|plan: Plan| plan.findings).unwrap_or_default());
        }
    }
    mistakes.extend(of_definitions);
    findings.extend(mistakes.into_iter().map(Finding::of_mistake));
    lint::sort(&mut findings);
    findings
}

/// Returns what there is to say of a manifest in a version that Kubernetes no longer serves.
fn removed_version(manifest: &Manifest, kube_minor: Option<u32>) -> Option<Finding> {
    let removed = versions::removed(&manifest.object)?;
    if kube_minor.unwrap_or(versions::NEWEST) < removed.removed_in {
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
        None => finding(format!(
            "{}; for an older cluster, say `--kube-version 1.{}` or less",
            removed.hint(),
            removed.removed_in.saturating_sub(1)
        ))
        .as_(Severity::Warning),
    })
}

/// Returns the kinds of Kubernetes, and those that the set has beyond them: these are taken to live in namespaces.
fn scopes(manifests: &[Manifest]) -> (Scopes, Vec<Finding>) {
    let mut scopes = plan::built_in();
    let built_in = scopes.clone();
    let brought = plan::brought(manifests.iter());
    let mut findings = Vec::new();
    for manifest in manifests {
        let kind = manifest.object.group_kind();
        let is_document = kind == GroupKind::new("capstan.dev", "Hook");
        if scopes.contains_key(&kind) || brought.contains_key(&kind) || is_document {
            continue;
        }
        // What Kubernetes once had is told by its version.
        if let Some(removed) = versions::removed(&manifest.object) {
            scopes.insert(kind, scope_of_replacement(&built_in, removed, manifest));
            continue;
        }
        // A near miss of a kind that there is stays unknown, and is told as a mistake.
        let of_group = built_in.keys().filter(|known| known.group == kind.group);
        if near(&kind.kind, of_group.map(|known| known.kind.as_str())).is_some() {
            continue;
        }
        let message = format!("whether the cluster knows the kind {kind} can't be told without one");
        let fix = "its objects are taken to live in a namespace; `capstan plan` asks the cluster";
        findings.push(Finding::new(&lint::UNKNOWN_KIND, manifest, "/kind", message, fix));
        scopes.insert(kind, Scope::Namespaced);
    }
    (scopes, findings)
}

/// Returns where objects of a kind lived that Kubernetes no longer has: where those of the kind do that took its place.
fn scope_of_replacement(built_in: &Scopes, removed: &Removed, manifest: &Manifest) -> Scope {
    let group = removed.instead.and_then(|instead| instead.split_once('/'));
    let kind = group.map(|(group, _)| GroupKind::new(group, manifest.object.kind()));
    let scope = kind.and_then(|kind| built_in.get(&kind).copied());
    // Only pod security policies have no successor, and they are of the cluster.
    scope.unwrap_or(Scope::Cluster)
}
