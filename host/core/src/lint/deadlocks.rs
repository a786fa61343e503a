//! Deadlocks: an object needs something from a later phase or wave, which waits for the object. In other tools such a sync never ends.

use super::{
    Findings, Severity,
    needs::{self, Need},
    set::{ManifestSet, Provider, SetMember, Slot},
};
use crate::{
    model::{compat::Rule, object::ObjectKey, phase::Phase, settings::ApplyMode},
    plan::Role,
    read::directive::Mode,
};

/// `hook-needs-later`.
pub(super) fn hooks(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set.members.iter().filter(|member| member.is_hook()) {
        check_member(set, member, found);
    }
}

/// `health-needs-later`.
pub(super) fn resources(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in set.members.iter().filter(|member| !member.is_hook()) {
        check_member(set, member, found);
    }
}

fn check_member(set: &ManifestSet<'_>, member: &SetMember<'_>, found: &mut Findings<'_>) {
    let Some(turn) = member.first_slot().filter(|_| member.is_cluster_object()) else {
        return;
    };
    // SyncFail hooks are checked by another rule.
    if turn.phase == Phase::SyncFail {
        return;
    }
    let mut needs = base_needs(set, member);
    // An object that isn't waited for starts as soon as it has what it needs.
    if member.is_awaited() {
        needs.extend(needs::pod_needs(&member.manifest().object));
    }
    for need in needs {
        let Some(provider) = set.provider(&need.key) else {
            continue;
        };
        let Some(comes) = late_arrival(set, turn, provider) else {
            continue;
        };
        let at = LateNeed {
            member,
            turn,
            need: &need,
            provider,
            arrival: comes,
        };
        let finding = found.finding(member, &need.pointer, at.sentence(), at.fix(set.mode));
        let severity = at.severity(finding.severity);
        found.add(member, finding.with_severity(severity).with_related(provider.member));
    }
}

/// Returns the object's Namespace and the definition of its kind as needs. Argo CD moves both forward, and Capstan creates the
/// application's own namespace before anything else.
fn base_needs(set: &ManifestSet<'_>, member: &SetMember<'_>) -> Vec<Need> {
    if set.mode.has(Rule::DependenciesMoveForward) {
        return Vec::new();
    }
    let mut needs = Vec::new();
    let namespace = &member.key.namespace;
    if !namespace.is_empty() && *namespace != set.application.namespace {
        needs.push(Need {
            key: ObjectKey {
                group: String::new(),
                kind: "Namespace".to_owned(),
                namespace: String::new(),
                name: namespace.clone(),
            },
            pointer: "/metadata/namespace".to_owned(),
            verb: "lives in",
            is_certain: true,
        });
    }
    if let Some(definition) = set.definition(&member.key.group_kind()) {
        needs.push(Need {
            key: definition.key.clone(),
            pointer: "/kind".to_owned(),
            verb: "is of a kind that is defined by",
            is_certain: true,
        });
    }
    needs
}

/// When a needed object comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// In this phase and wave.
    InSlot(Slot),
    /// When the application is deleted.
    OnDelete(Phase),
    /// In no phase of this operation.
    NotPlanned,
}

/// Returns when a needed object comes; `None` if it exists already or comes in time.
fn late_arrival(set: &ManifestSet<'_>, turn: Slot, provider: Provider<'_>) -> Option<Arrival> {
    let member = provider.member;
    if set.is_live(member) {
        return None;
    }
    if let Some(first) = member.first_slot() {
        return (first > turn).then_some(Arrival::InSlot(first));
    }
    match &member.classified.role {
        Role::Skip(_) => None,
        Role::Resource if member.directives().apply == ApplyMode::Ignore => None,
        Role::Resource => Some(Arrival::NotPlanned),
        Role::Hook { phases, .. } => {
            let is_of_delete = |phase: &&Phase| matches!(phase, Phase::PreDelete | Phase::PostDelete);
            match phases.iter().find(is_of_delete) {
                Some(phase) if phases.iter().all(|phase| is_of_delete(&phase)) => Some(Arrival::OnDelete(*phase)),
                Some(_) | None => Some(Arrival::NotPlanned),
            }
        }
    }
}

/// A needed object that comes too late.
#[derive(Clone, Copy)]
struct LateNeed<'a> {
    member: &'a SetMember<'a>,
    turn: Slot,
    need: &'a Need,
    provider: Provider<'a>,
    arrival: Arrival,
}

impl LateNeed<'_> {
    fn is_of_pods(self) -> bool {
        !matches!(self.need.key.kind.as_str(), "Namespace" | "CustomResourceDefinition")
    }

    fn sentence(self) -> String {
        let LateNeed { member, need, turn, .. } = self;
        let here = match self.arrival {
            Arrival::InSlot(other) => turn.describe_beside(other),
            Arrival::OnDelete(_) | Arrival::NotPlanned => turn.phase.to_string(),
        };
        let who = if member.is_hook() {
            format!("{} runs in {here} and {} {}", member.key, need.verb, need.key)
        } else {
            format!("{}, in {here}, {} {}", member.key, need.verb, need.key)
        };
        let brings = if self.provider.is_generator {
            format!("{} makes", self.provider.member.key)
        } else {
            "comes".to_owned()
        };
        let when = match self.arrival {
            Arrival::InSlot(other) => format!("which {brings} in {} only", other.describe_beside(turn)),
            Arrival::OnDelete(phase) => format!("which {brings} in {phase} only"),
            Arrival::NotPlanned => "which doesn't exist and is not part of this operation".to_owned(),
        };
        format!("{who}, {when}: {}", self.consequence())
    }

    fn consequence(self) -> String {
        if !self.is_of_pods() {
            return "it can't be made".to_owned();
        }
        if !self.need.is_certain {
            return "its images may not be pulled".to_owned();
        }
        if self.member.is_of_kind("batch", "CronJob") {
            return "a run before that doesn't start".to_owned();
        }
        let begins = match self.arrival {
            Arrival::InSlot(other) => format!(", and {} never begins", other.describe_beside(self.turn)),
            Arrival::OnDelete(_) | Arrival::NotPlanned => String::new(),
        };
        if self.member.is_hook() {
            format!("its pods never start{begins}")
        } else {
            format!("it never becomes healthy{begins}")
        }
    }

    /// Returns the rule's severity, or a lower one if it isn't certain that it goes wrong.
    fn severity(self, usual: Severity) -> Severity {
        if !self.is_of_pods() {
            return usual;
        }
        if self.member.is_of_kind("batch", "CronJob") {
            return Severity::Note;
        }
        // Without a health check for Rollouts, they count as healthy.
        let may_do =
            !self.need.is_certain || self.member.may_time_out() || self.member.is_of_kind("argoproj.io", "Rollout");
        if may_do { Severity::Warning } else { usual }
    }

    fn fix(self, mode: Mode) -> String {
        let Slot { phase, wave } = self.turn;
        let other = self.provider.member;
        let name = other.key.kind_and_name();
        let is_hook = other.is_hook();
        match (self.arrival, mode) {
            (Arrival::NotPlanned, _) => format!("include {name}, or sync it first"),
            (Arrival::InSlot(at), Mode::Native) if at.phase == phase => {
                format!("give {name} the wave {wave} or an earlier one: `capstan.dev/wave: \"{wave}\"`")
            }
            (Arrival::InSlot(at), Mode::ArgoCd) if at.phase == phase => {
                format!("give {name} the wave {wave} or an earlier one: `argocd.argoproj.io/sync-wave: \"{wave}\"`")
            }
            (Arrival::InSlot(_) | Arrival::OnDelete(_), Mode::Native) if is_hook && phase == Phase::Sync => {
                format!("remove the hook annotation of {name}: it is then applied in {phase} and stays")
            }
            (Arrival::InSlot(_) | Arrival::OnDelete(_), Mode::Native) if is_hook => {
                format!(
                    "let {name} run in {phase}, too; or remove its hook annotation and write `capstan.dev/phase: {phase}`"
                )
            }
            (Arrival::InSlot(at), Mode::Native) => {
                let and_wave = if at.wave > wave {
                    format!(" and `capstan.dev/wave: \"{wave}\"`")
                } else {
                    String::new()
                };
                format!(
                    "`capstan.dev/phase: {phase}`{and_wave} on {name} applies it before; it stays an ordinary object"
                )
            }
            (Arrival::InSlot(_) | Arrival::OnDelete(_), _) => {
                format!("make {name} a hook of {phase}, in an earlier wave: `argocd.argoproj.io/hook: {phase}`")
            }
        }
    }
}

#[cfg(test)]
mod tests;
