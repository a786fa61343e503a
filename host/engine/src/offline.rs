//! A plan that no cluster is asked about, for its findings alone: kinds are those of Kubernetes itself, and nothing is live.

use std::collections::BTreeSet;

use capstan_core::{
    error::near,
    lint::{self, Finding},
    manifest::Manifest,
    object::{GroupKind, ObjectKey},
    plan::{self, Live, Plan, Scope, Scopes},
    plugins::Plugins,
    record::HookRecords,
};

use crate::{
    classify::classify,
    planning::{self, Request},
};

/// Looks at manifests without a cluster. What keeps them from being planned is a finding like others, of the rule `invalid`; what is
/// left of the set without those is looked at nonetheless.
pub async fn lint(plugins: &dyn Plugins, mut request: Request) -> Vec<Finding> {
    let (scopes, mut findings) = scopes(&request.manifests);
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
    findings.extend(mistakes.into_iter().map(Finding::of_mistake));
    lint::sort(&mut findings);
    findings
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
