//! Reads what the annotations of a manifest ask for, as one value.
//!
//! There are three families of annotations: Capstan's (`capstan.dev/`), Argo CD's (`argocd.argoproj.io/`) and Helm's (`helm.sh/`). For each
//! question the first family with an answer wins, and a notice names the annotation that was ignored. [`ANNOTATIONS`] lists all of them.
//! Which hook words, types and policies exist depends on the plugins, so the planner checks them: see [`unknown_word_error`] and
//! [`unknown_policy_error`].

mod condition;
mod family;
mod helm;
mod options;
mod reader;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod unknown;
mod values;

pub use self::reader::{settings_of_object, settings_pointer};
pub use self::{
    condition::{RunCondition, RunConditions},
    table::{ANNOTATIONS, Annotation, WRITTEN_BY_HOST},
    types::{AnnotationFamily, Directives},
    unknown::{KNOWN_POLICIES, KNOWN_WORDS, is_known_word, unknown_policy_error, unknown_word_error},
};
use self::{family::read_hook, reader::Reader};
pub(crate) use self::{
    options::{POLICY as RESOURCE_POLICY, is_keep},
    reader::annotation_pointer,
};
pub use crate::model::compat::Mode;
use crate::{
    model::settings::{ApplyMode, OnTimeout, Permission, Wait},
    read::lint_rules,
};
use crate::{
    model::{
        error::{Diagnostic, closest_match},
        hook::{Propagation, Ttl},
        object::Object,
        remedy::Command,
    },
    read::manifest::Manifest,
};

/// Reads what a manifest's annotations ask for.
///
/// With [`Mode::ArgoCd`], mistakes that Argo CD ignores are notices instead of errors: unknown words, options and annotations, waves that
/// aren't numbers. Wrong values of Capstan's own annotations are errors in both modes.
pub fn read_directives(manifest: &Manifest, mode: Mode) -> Result<Directives, Vec<Diagnostic>> {
    let mut reader = Reader::new(manifest, mode);
    unknown::check_annotation_names(&mut reader);
    let hook = read_hook(&mut reader);
    let mut found = Directives {
        family: hook.family,
        words: hook.words,
        phases: hook.phases,
        run_if: hook.run_if,
        run_if_of_phase: hook.run_if_of_phase,
        must_fail: hook.must_fail,
        skip_reason: hook.skip_reason,
        hook_type: read_hook_type(&mut reader),
        ..Directives::default()
    };
    if let Some(words) = reader.read_words("run-if", &values::RUN_IF_VALUES) {
        found.run_if = RunConditions::from_words(words.into_iter().flatten().copied());
        found.run_if_of_phase.clear();
    }
    found.run_if_inputs = reader.list("capstan.dev/run-if-inputs");
    if !found.run_if_inputs.is_empty() && !found.run_if.includes(RunCondition::Changed) {
        reader.notice("capstan.dev/run-if-inputs has no effect without `capstan.dev/run-if: changed`");
    }
    found.phase = family::read_phase(&mut reader, &found);
    found.wave = family::read_wave(&mut reader, &found);
    found.delete_policies = family::read_delete_policies(&mut reader);
    found.ttl = Ttl {
        after_finished: reader.duration("ttl").or_else(|| {
            let seconds = manifest.object.0.pointer("/spec/ttlSecondsAfterFinished");
            seconds.and_then(serde_json::Value::as_u64)
        }),
        failed: reader.duration("ttl-failed"),
    };
    found.timeout_seconds = reader.positive_duration("timeout");
    found.on_timeout = reader.read_word("on-timeout", &values::ON_TIMEOUT_VALUES);
    found.on_vanished = reader
        .read_word("on-vanished", &values::ON_VANISHED_VALUES)
        .unwrap_or_default();
    found.wait = reader.read_word("wait", &values::WAIT_VALUES).unwrap_or_default();
    found.degraded_grace_seconds = reader.duration("degraded-grace");
    check_load_balancer(&mut reader);
    found.ignore_differences = reader.list("capstan.dev/ignore-differences");
    found.depends_on = reader.list("capstan.dev/depends-on");
    found.apply = reader.read_word("apply", &values::APPLY_VALUES).unwrap_or_default();
    found.propagation = reader.read_word("propagation", &values::PROPAGATION_VALUES);
    found.settings = reader.settings();
    found.lint_ignore = read_ignored_lint_rules(&mut reader);
    options::read_sync_options(&mut reader, &mut found);
    report_ineffective_annotations(&mut reader, found.is_hook());
    reader.finish(found)
}

/// Reads `capstan.dev/propagation` of a live object. Unknown values count as absent, because the object may be anybody's.
pub(crate) fn propagation_of_live(live: &Object) -> Option<Propagation> {
    let word = live.annotation("capstan.dev/propagation")?.trim();
    let found = values::PROPAGATION_VALUES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, propagation)| *propagation)
}

/// Checks `capstan.dev/load-balancer`, which the plugins for Services and Ingresses read themselves.
fn check_load_balancer(reader: &mut Reader<'_>) {
    let is_annotated = reader
        .read_word("load-balancer", &values::LOAD_BALANCER_VALUES)
        .is_some();
    if is_annotated && !matches!(reader.manifest.object.kind(), "Service" | "Ingress") {
        reader.notice("capstan.dev/load-balancer has no effect on an object that is neither a Service nor an Ingress");
    }
}

/// Annotations of Capstan that only have an effect on hooks.
const HOOK_ANNOTATIONS: [&str; 6] = [
    "capstan.dev/delete-policy",
    "capstan.dev/ttl",
    "capstan.dev/ttl-failed",
    "capstan.dev/on-vanished",
    "capstan.dev/run-if",
    "capstan.dev/run-if-inputs",
];

/// Annotations of Capstan that only have an effect on ordinary objects. `capstan.dev/phase` isn't listed: on a hook it is an error.
const RESOURCE_ANNOTATIONS: [&str; 4] = [
    "capstan.dev/ignore-differences",
    "capstan.dev/wait",
    "capstan.dev/degraded-grace",
    "capstan.dev/apply",
];

/// Adds a notice for each annotation of Capstan that has no effect on this object.
fn report_ineffective_annotations(reader: &mut Reader<'_>, is_hook: bool) {
    let (in_vain, whom) = if is_hook {
        (RESOURCE_ANNOTATIONS.as_slice(), "a hook")
    } else {
        (HOOK_ANNOTATIONS.as_slice(), "an object that is not a hook")
    };
    for name in in_vain
        .iter()
        .filter(|name| reader.text(name).is_some())
        .collect::<Vec<_>>()
    {
        reader.notice(format!("{name} has no effect on {whom}"));
    }
}

/// Returns the hook's type: `capstan.dev/hook-type`, else `spec.type` of a `kind: Hook` document.
fn read_hook_type(reader: &mut Reader<'_>) -> Option<String> {
    if let Some(name) = reader.text("capstan.dev/hook-type") {
        let name = name.trim().to_owned();
        if name.is_empty() {
            reader.report(
                "capstan.dev/hook-type",
                "`capstan.dev/hook-type` is empty",
                "write the name of a hook type",
            );
            return None;
        }
        return Some(name);
    }
    let object = &reader.manifest.object;
    if !reader::is_hook_document(object) {
        return None;
    }
    report_unknown_hook_fields(reader);
    let object = &reader.manifest.object;
    let name = object.text("/spec/type").map(str::trim).filter(|name| !name.is_empty());
    if name.is_none() {
        let error = reader
            .manifest
            .error("/spec/type", "a document of `kind: Hook` needs `spec.type`");
        reader.push(error.hint(["write the name of a hook type".into(), Command::ListPlugins.into()]));
    }
    name.map(str::to_owned)
}

/// Adds a notice for each field of a `kind: Hook` document that isn't read.
fn report_unknown_hook_fields(reader: &mut Reader<'_>) {
    const KNOWN: [&str; 2] = ["type", "settings"];
    let spec = reader
        .manifest
        .object
        .0
        .pointer("/spec")
        .and_then(serde_json::Value::as_object);
    let names = spec.into_iter().flat_map(serde_json::Map::keys);
    let unknown: Vec<String> = names.filter(|name| !KNOWN.contains(&name.as_str())).cloned().collect();
    for name in unknown {
        let annotation = format!("capstan.dev/{name}");
        let hint = if ANNOTATIONS.iter().any(|known| known.name == annotation) {
            format!("write the annotation `{annotation}`")
        } else {
            match closest_match(&name, KNOWN) {
                Some(known) => format!("did you mean `spec.{known}`?"),
                None => "a document of `kind: Hook` has `spec.type` and `spec.settings`".to_owned(),
            }
        };
        reader.notice(format!("`spec.{name}` has no effect ({hint})"));
    }
}

/// Returns the lint rules that `capstan.dev/lint-ignore` names.
fn read_ignored_lint_rules(reader: &mut Reader<'_>) -> Vec<String> {
    const NAME: &str = "capstan.dev/lint-ignore";
    let rules = reader.list(NAME);
    for rule in rules.iter().filter(|rule| !lint_rules::is_rule(rule)) {
        let hint = match closest_match(rule, lint_rules::rule_ids()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "each finding names its rule in brackets".to_owned(),
        };
        reader.report(NAME, format!("there is no lint rule `{rule}`"), hint);
    }
    rules
}
