//! Reads the annotations that exist in several families: hook, wave and delete policies.
//!
//! Natively the first family with a value wins, and a notice names the ignored annotation. Argo CD (`gitops-engine/pkg/sync/hook` and
//! `syncwaves`) mixes them: a hook annotation without a valid word falls back to Helm's, Helm's delete hooks count beside Argo CD's,
//! policies are joined, and weights apply to every object.

use std::collections::BTreeMap;

use super::{
    AnnotationFamily, Directives, Mode, RunCondition, RunConditions,
    helm::{self, HelmWord, TEST_FAILURE},
    reader::{Reader, annotation_pointer, join_alternatives},
    unknown,
};
use crate::model::{
    compat::Rule,
    error::{Diagnostic, closest_match},
    phase::Phase,
    wave::Wave,
};

pub(super) const OUR_HOOK: &str = "capstan.dev/hook";
pub(super) const ARGO_HOOK: &str = "argocd.argoproj.io/hook";
pub(super) const HELM_HOOK: &str = "helm.sh/hook";
pub(super) const OUR_POLICY: &str = "capstan.dev/delete-policy";
pub(super) const ARGO_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
pub(super) const HELM_POLICY: &str = "helm.sh/hook-delete-policy";
const OUR_WAVE: &str = "capstan.dev/wave";
const ARGO_WAVE: &str = "argocd.argoproj.io/sync-wave";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";
const SKIP: &str = "Skip";

/// The values of the hook annotation.
#[derive(Debug, Default)]
pub(super) struct Hook {
    pub family: AnnotationFamily,
    pub words: Vec<String>,
    pub phases: Vec<Phase>,
    pub run_if: RunConditions,
    pub run_if_of_phase: BTreeMap<Phase, RunConditions>,
    /// Whether it is a Helm test that must fail.
    pub must_fail: bool,
    /// Why the object is skipped, if the annotation doesn't say `Skip`.
    pub skip_reason: Option<String>,
}

/// Reads the hook annotation.
pub(super) fn read_hook(reader: &mut Reader<'_>) -> Hook {
    if reader.text(OUR_HOOK).is_some() {
        reader.notice_ignored(OUR_HOOK, &[ARGO_HOOK, HELM_HOOK]);
        let words = read_hook_words(reader, OUR_HOOK);
        return hook_with_words(AnnotationFamily::Capstan, words);
    }
    if reader.text(ARGO_HOOK).is_some() {
        let words = read_hook_words(reader, ARGO_HOOK);
        return argo_cd_hook(reader, words);
    }
    if reader.text(HELM_HOOK).is_some() {
        return helm_hook(reader);
    }
    Hook::default()
}

fn hook_with_words(family: AnnotationFamily, words: Vec<String>) -> Hook {
    Hook {
        family,
        phases: words.iter().filter_map(|word| word.parse().ok()).collect(),
        words,
        ..Hook::default()
    }
}

/// Reads the words of Capstan's or Argo CD's annotation, and reports misspelt phases.
fn read_hook_words(reader: &mut Reader<'_>, name: &str) -> Vec<String> {
    let words = reader.list(name);
    for word in &words {
        if let Some(error) = unknown::misspelt_word_error(reader.manifest, name, word) {
            report_wrong_value(reader, name, error);
        }
    }
    if words.is_empty() {
        let error = reader
            .manifest
            .error(&annotation_pointer(name), format!("`{name}` names no phase"));
        let phases: Vec<&str> = Phase::ALL.into_iter().map(Phase::as_str).collect();
        report_wrong_value(
            reader,
            name,
            error.hint(format!("write {}", join_alternatives(&phases))),
        );
    }
    words
}

/// Adds an error about an annotation's value. Argo CD ignores mistakes in its own and Helm's annotations, and doesn't know Capstan's.
fn report_wrong_value(reader: &mut Reader<'_>, name: &str, error: Diagnostic) {
    if name.starts_with("capstan.dev/") {
        reader.push(error);
    } else {
        reader.ignored_by_argo_cd(error);
    }
}

/// Returns a hook that Argo CD ignores. It is neither run nor applied, as with the word `Skip`.
fn skipped_hook(family: AnnotationFamily, reason: String) -> Hook {
    Hook {
        skip_reason: Some(reason),
        ..hook_with_words(family, vec![SKIP.to_owned()])
    }
}

/// Reads Argo CD's annotation, together with Helm's in compat mode.
fn argo_cd_hook(reader: &mut Reader<'_>, words: Vec<String>) -> Hook {
    let is_delete = |word: &String| matches!(word.parse(), Ok(Phase::PreDelete | Phase::PostDelete));
    let is_sync = |word: &String| unknown::is_known_word(word) && !is_delete(word);
    let helm: Vec<String> = helm_conditions(&reader.list(HELM_HOOK), reader.mode)
        .iter()
        .map(|(phase, _)| phase.to_string())
        .collect();
    let from_helm = reader.mode.has(Rule::HelmHookBesideOurs) && !words.iter().any(is_sync) && helm.iter().any(is_sync);
    let deletes_count = reader.mode.has(Rule::DeleteHooksOfBoth);
    let mut all = words.clone();
    for word in &helm {
        let rule = if is_delete(word) {
            Rule::DeleteHooksOfBoth
        } else {
            Rule::HelmHookBesideOurs
        };
        let counts = (deletes_count && is_delete(word)) || (from_helm && is_sync(word));
        if counts && !all.contains(word) {
            all.push(word.clone());
            reader.record_rule(rule);
            reader.notice(format!(
                "read {HELM_HOOK} beside {ARGO_HOOK} for {word}, as Argo CD does"
            ));
        }
    }
    if all == words {
        reader.notice_ignored(ARGO_HOOK, &[HELM_HOOK]);
    }
    if reader.mode.has(Rule::SkipBesideOthers)
        && all.iter().any(|word| word == SKIP)
        && all.iter().filter(|word| is_sync(word)).count() > 1
    {
        reader.record_rule(Rule::SkipBesideOthers);
        all.retain(|word| word != SKIP);
    }
    let family = if from_helm {
        AnnotationFamily::Helm
    } else {
        AnnotationFamily::ArgoCd
    };
    if all.is_empty() && reader.mode.has(Rule::MistakesAreIgnored) {
        return skipped_hook(family, format!("`{ARGO_HOOK}` has no value that Argo CD knows"));
    }
    hook_with_words(family, all)
}

fn helm_hook(reader: &mut Reader<'_>) -> Hook {
    let words = reader.list(HELM_HOOK);
    if words == ["crd-install"] {
        reader.notice(format!(
            "{HELM_HOOK}: crd-install makes no hook; the object is applied like any other"
        ));
        return Hook::default();
    }
    for word in &words {
        match helm::find_word(word) {
            Some(HelmWord::CrdInstall) => reader.notice(format!("{HELM_HOOK}: {word} beside other words is ignored")),
            Some(known) if !known.is_hook(reader.mode) => {
                reader.record_rule(Rule::HelmHooksAlwaysRun);
                reader.notice(format!("{HELM_HOOK}: {word} is ignored, as by Argo CD"));
            }
            Some(HelmWord::Phase(..) | HelmWord::Delete(_)) => {}
            None => unknown_helm_word(reader, word),
        }
    }
    let must_fail = words.iter().any(|word| word == TEST_FAILURE);
    if let Some(other) = words
        .iter()
        .find(|word| matches!(word.as_str(), "test" | "test-success"))
        && must_fail
        && !reader.mode.has(Rule::HelmHooksAlwaysRun)
    {
        let message = format!("`{other}` expects the test to succeed and `{TEST_FAILURE}` expects it to fail");
        reader.report(HELM_HOOK, message, "keep one of the two");
    }
    let conditions = helm_conditions(&words, reader.mode);
    if conditions.is_empty() {
        reader.notice(format!(
            "no value of {HELM_HOOK} applies to a sync; the object is skipped"
        ));
        let reason = format!("no value of `{HELM_HOOK}` applies to a sync");
        return skipped_hook(AnnotationFamily::Helm, reason);
    }
    let found = hook_with_words(
        AnnotationFamily::Helm,
        conditions.iter().map(|(phase, _)| phase.to_string()).collect(),
    );
    let is_any = |condition: &RunConditions| {
        condition.includes(RunCondition::FirstInstall) && condition.includes(RunCondition::Upgrade)
    };
    let differs = conditions.iter().any(|(_, condition)| !is_any(condition));
    if reader.mode.has(Rule::HelmHooksAlwaysRun) {
        if differs {
            reader.record_rule(Rule::HelmHooksAlwaysRun);
        }
        return found;
    }
    Hook {
        must_fail,
        ..with_conditions(found, &conditions)
    }
}

/// Returns the phases of Helm's words, each with its conditions.
fn helm_conditions(words: &[String], mode: Mode) -> Vec<(Phase, RunConditions)> {
    let mut conditions: Vec<(Phase, RunConditions)> = Vec::new();
    let known = words.iter().filter_map(|word| helm::find_word(word));
    for word in known.filter(|word| word.is_hook(mode)) {
        let (phase, when) = match word {
            HelmWord::Phase(phase, when) => (phase, Some(when)),
            HelmWord::Delete(phase) => (phase, None),
            HelmWord::CrdInstall => continue,
        };
        match (conditions.iter_mut().find(|(known, _)| *known == phase), when) {
            (Some((_, condition)), Some(when)) => condition.insert(when),
            (Some(_), None) => {}
            (None, Some(when)) => conditions.push((phase, RunConditions::from_words([when]))),
            (None, None) => conditions.push((phase, RunConditions::default())),
        }
    }
    conditions
}

fn unknown_helm_word(reader: &mut Reader<'_>, word: &str) {
    let known: Vec<&str> = helm::HOOK_WORDS.iter().map(|(known, _)| *known).collect();
    let error = reader
        .manifest
        .error(&annotation_pointer(HELM_HOOK), format!("`{word}` is not a Helm hook"));
    let error = if unknown::is_known_word(word) {
        error.hint(format!("that is Argo CD's value: write it into `{ARGO_HOOK}`"))
    } else if let Some(near) = closest_match(word, known.iter().copied()) {
        error.hint(format!("did you mean `{near}`?"))
    } else {
        error.hint(format!("Helm knows {}", join_alternatives(&known)))
    };
    reader.ignored_by_argo_cd(error);
}

/// Adds the conditions of the phases: once for the hook if all phases have the same.
fn with_conditions(mut hook: Hook, conditions: &[(Phase, RunConditions)]) -> Hook {
    let first = conditions.first().map(|(_, condition)| condition.clone());
    let first = first.unwrap_or_default();
    if conditions.iter().all(|(_, condition)| *condition == first) {
        hook.run_if = first;
    } else {
        hook.run_if_of_phase = conditions.iter().cloned().collect();
    }
    hook
}

/// Reads the phase of an ordinary object.
pub(super) fn read_phase(reader: &mut Reader<'_>, found: &Directives) -> Option<Phase> {
    const NAME: &str = "capstan.dev/phase";
    let accepted = [
        ("PreSync", Phase::PreSync),
        ("Sync", Phase::Sync),
        ("PostSync", Phase::PostSync),
    ];
    let word = reader.text(NAME)?;
    if found.is_hook() {
        reader.report(
            NAME,
            format!("`{NAME}` is for objects that are not hooks, and this is one"),
            format!("write the phase into `{OUR_HOOK}`"),
        );
        return None;
    }
    reader.read_word("phase", &accepted).filter(|phase| {
        let is_exact = phase.as_str() == word.trim();
        if !is_exact {
            reader.report(
                NAME,
                format!("`{word}` is not a phase"),
                format!("did you mean `{phase}`?"),
            );
        }
        is_exact
    })
}

/// Reads the wave.
pub(super) fn read_wave(reader: &mut Reader<'_>, found: &Directives) -> Wave {
    let weight_counts = found.is_hook() || reader.mode.has(Rule::WeightOnEveryObject);
    if !weight_counts && reader.text(HELM_WEIGHT).is_some() {
        reader.notice(format!("{HELM_WEIGHT} is read for hooks only"));
    }
    let sources = [OUR_WAVE, ARGO_WAVE, HELM_WEIGHT];
    for (index, name) in sources.into_iter().enumerate() {
        let Some(text) = reader.text(name) else { continue };
        if name == HELM_WEIGHT && !weight_counts {
            break;
        }
        if let Some(wave) = parse_wave(reader, text) {
            if name == HELM_WEIGHT && !found.is_hook() {
                reader.record_rule(Rule::WeightOnEveryObject);
            }
            let others: Vec<&str> = sources
                .into_iter()
                .skip(index + 1)
                .filter(|other| *other != HELM_WEIGHT || weight_counts)
                .collect();
            reader.notice_ignored(name, &others);
            return wave;
        }
        let message = if text.trim().is_empty() {
            format!("`{name}` is empty")
        } else {
            format!("`{text}` is not a wave")
        };
        let error = reader.manifest.error(&annotation_pointer(name), message).hint(format!(
            "a wave is a whole number from {} to {}, as in `-1`, `0` or `5`",
            i32::MIN,
            i32::MAX
        ));
        report_wrong_value(reader, name, error);
        if name == OUR_WAVE || !reader.mode.has(Rule::WaveFallsBack) {
            break;
        }
        reader.record_rule(Rule::WaveFallsBack);
    }
    Wave::default()
}

/// Parses a wave. In Argo CD a wave has 64 bits and no white space around it.
fn parse_wave(reader: &mut Reader<'_>, text: &str) -> Option<Wave> {
    if !reader.mode.has(Rule::WideWaves) {
        return text.trim().parse().ok().map(Wave);
    }
    let wide: i64 = text.parse().ok()?;
    let nearest = i32::try_from(wide).unwrap_or(if wide < 0 { i32::MIN } else { i32::MAX });
    if i64::from(nearest) != wide {
        reader.record_rule(Rule::WideWaves);
        reader.notice(format!("the wave {wide} is out of range; {nearest} is used"));
    }
    Some(Wave(nearest))
}

/// Reads the words of the delete policies. Helm's are returned as Argo CD's.
pub(super) fn read_delete_policies(reader: &mut Reader<'_>) -> Vec<String> {
    if reader.text(OUR_POLICY).is_some() {
        reader.notice_ignored(OUR_POLICY, &[ARGO_POLICY, HELM_POLICY]);
        let ours = reader.list(OUR_POLICY);
        if ours.is_empty() {
            let hint = format!("write {}", join_alternatives(&unknown::KNOWN_POLICIES));
            reader.report(OUR_POLICY, format!("`{OUR_POLICY}` names no policy"), hint);
        }
        return ours;
    }
    let mut words = reader.list(ARGO_POLICY);
    let helm = reader.list(HELM_POLICY);
    if !words.is_empty() && !helm.is_empty() {
        if !reader.mode.has(Rule::PoliciesAreJoined) {
            reader.notice_ignored(ARGO_POLICY, &[HELM_POLICY]);
            return words;
        }
        reader.record_rule(Rule::PoliciesAreJoined);
        reader.notice(format!("joined {ARGO_POLICY} and {HELM_POLICY}, as Argo CD does"));
    }
    for word in helm {
        let Some((_, ours)) = helm::DELETE_POLICIES.iter().find(|(theirs, _)| *theirs == word) else {
            let error = unknown::unknown_helm_policy_error(reader.manifest, &word);
            reader.ignored_by_argo_cd(error);
            continue;
        };
        if !words.iter().any(|known| known == ours) {
            words.push((*ours).to_owned());
        }
    }
    words
}
