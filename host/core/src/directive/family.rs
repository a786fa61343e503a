//! The questions that more than one family of annotations answers: hook, wave and delete policies.
//!
//! Ours: the first family that answers wins, and the user is told which annotation was passed over. Argo CD's rules (its
//! `gitops-engine/pkg/sync/hook` and `syncwaves`) mix: a hook annotation without a valid word falls back to Helm's, Helm's delete
//! hooks count beside Argo CD's, policies are joined, weights count on every object.

use std::collections::BTreeMap;

use super::{
    Directives, Family, Mode, RunIf,
    helm::{self, HelmWord},
    reader::{Reader, one_of, pointer},
    unknown,
};
use crate::{error::near, phase::Phase, wave::Wave};

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

/// What the hook annotation says.
#[derive(Debug, Default)]
pub(super) struct Hook {
    pub family: Family,
    pub words: Vec<String>,
    pub phases: Vec<Phase>,
    pub run_if: RunIf,
    pub run_if_of_phase: BTreeMap<Phase, RunIf>,
}

/// Reads the hook annotation.
pub(super) fn hook_of(reader: &mut Reader<'_>) -> Hook {
    if reader.text(OUR_HOOK).is_some() {
        reader.passed_over(OUR_HOOK, &[ARGO_HOOK, HELM_HOOK]);
        let words = words_of(reader, OUR_HOOK);
        return hook(Family::Capstan, words);
    }
    if reader.text(ARGO_HOOK).is_some() {
        let words = words_of(reader, ARGO_HOOK);
        return match reader.mode {
            Mode::Native => {
                reader.passed_over(ARGO_HOOK, &[HELM_HOOK]);
                hook(Family::ArgoCd, words)
            }
            Mode::ArgoCd => mixed(reader, words),
        };
    }
    if reader.text(HELM_HOOK).is_some() {
        return helm_hook(reader);
    }
    Hook::default()
}

fn hook(family: Family, words: Vec<String>) -> Hook {
    Hook {
        family,
        phases: words.iter().filter_map(|word| word.parse().ok()).collect(),
        words,
        ..Hook::default()
    }
}

/// Reads the words of our annotation or of Argo CD's, and judges those that are nearly a phase.
fn words_of(reader: &mut Reader<'_>, name: &str) -> Vec<String> {
    let words = reader.list(name);
    for word in &words {
        if let Some(error) = unknown::misspelt_word(reader.manifest, name, word) {
            reader.ignored_by_argo_cd(error);
        }
    }
    if words.is_empty() {
        let error = reader
            .manifest
            .error(&pointer(name), format!("`{name}` names no phase"));
        let phases: Vec<&str> = Phase::ALL.into_iter().map(Phase::as_str).collect();
        reader.ignored_by_argo_cd(error.hint(format!("write {}", one_of(&phases))));
        return vec![SKIP.to_owned()];
    }
    words
}

/// Argo CD's way with its own annotation beside Helm's.
fn mixed(reader: &mut Reader<'_>, words: Vec<String>) -> Hook {
    let is_delete = |word: &String| matches!(word.parse(), Ok(Phase::PreDelete | Phase::PostDelete));
    let is_sync = |word: &String| unknown::is_known_word(word) && !is_delete(word);
    let helm = if reader.text(HELM_HOOK).is_some() {
        helm_hook(reader)
    } else {
        Hook::default()
    };
    let from_helm = !words.iter().any(is_sync) && helm.words.iter().any(|word| is_sync(word) && word != SKIP);
    let mut all = words.clone();
    for word in &helm.words {
        let counts = is_delete(word) || (from_helm && is_sync(word));
        if counts && !all.contains(word) {
            all.push(word.clone());
            reader.notice(format!(
                "read {HELM_HOOK} beside {ARGO_HOOK} for {word}, as Argo CD does"
            ));
        }
    }
    if all == words {
        reader.passed_over(ARGO_HOOK, &[HELM_HOOK]);
    }
    if all.iter().filter(|word| is_sync(word)).count() > 1 {
        all.retain(|word| word != SKIP);
    }
    hook(if from_helm { Family::Helm } else { Family::ArgoCd }, all)
}

fn helm_hook(reader: &mut Reader<'_>) -> Hook {
    let words = reader.list(HELM_HOOK);
    if words == ["crd-install"] {
        reader.notice(format!(
            "{HELM_HOOK}: crd-install makes no hook; the object is applied like any other"
        ));
        return Hook::default();
    }
    let mut conditions: Vec<(Phase, RunIf)> = Vec::new();
    for word in &words {
        match helm::word(word) {
            Some(HelmWord::Phase(phase, condition)) => match conditions.iter_mut().find(|(known, _)| *known == phase) {
                Some((_, other)) if *other != condition => *other = RunIf::Always,
                Some(_) => {}
                None => conditions.push((phase, condition)),
            },
            Some(HelmWord::CrdInstall) => reader.notice(format!("{HELM_HOOK}: {word} beside other words is ignored")),
            Some(HelmWord::Elsewhere(when)) => reader.notice(format!("{HELM_HOOK}: {word} {when}")),
            None => unknown_helm_word(reader, word),
        }
    }
    if conditions.is_empty() {
        reader.notice(format!(
            "no word of {HELM_HOOK} belongs to a deployment; the object is left alone"
        ));
        return hook(Family::Helm, vec![SKIP.to_owned()]);
    }
    let found = hook(
        Family::Helm,
        conditions.iter().map(|(phase, _)| phase.to_string()).collect(),
    );
    match reader.mode {
        Mode::ArgoCd => found,
        Mode::Native => with_conditions(found, &conditions),
    }
}

fn unknown_helm_word(reader: &mut Reader<'_>, word: &str) {
    let known: Vec<&str> = helm::WORDS.iter().map(|(known, _)| *known).collect();
    let error = reader
        .manifest
        .error(&pointer(HELM_HOOK), format!("`{word}` is no hook of Helm"));
    let error = if unknown::is_known_word(word) {
        error.hint(format!("that is Argo CD's word: write it into `{ARGO_HOOK}`"))
    } else if let Some(near) = near(word, known.iter().copied()) {
        error.hint(format!("did you mean `{near}`?"))
    } else {
        error.hint(format!("Helm knows {}", one_of(&known)))
    };
    reader.ignored_by_argo_cd(error);
}

/// Adds in which operations each phase runs: once for all where all agree.
fn with_conditions(mut hook: Hook, conditions: &[(Phase, RunIf)]) -> Hook {
    let first = conditions.first().map_or(RunIf::Always, |(_, condition)| *condition);
    if conditions.iter().all(|(_, condition)| *condition == first) {
        hook.run_if = first;
    } else {
        hook.run_if_of_phase = conditions.iter().copied().collect();
    }
    hook
}

/// Reads the phase of an ordinary object.
pub(super) fn phase_of(reader: &mut Reader<'_>, found: &Directives) -> Option<Phase> {
    const NAME: &str = "capstan.dev/phase";
    let accepted = [
        ("PreSync", Phase::PreSync),
        ("Sync", Phase::Sync),
        ("PostSync", Phase::PostSync),
    ];
    let word = reader.text(NAME)?;
    if found.is_hook() {
        reader.wrong(
            NAME,
            format!("`{NAME}` is for objects that are no hooks, and this is one"),
            format!("write the phase into `{OUR_HOOK}`"),
        );
        return None;
    }
    reader.word("phase", &accepted).filter(|phase| {
        let is_exact = phase.as_str() == word.trim();
        if !is_exact {
            reader.wrong(
                NAME,
                format!("`{word}` is no phase"),
                format!("did you mean `{phase}`?"),
            );
        }
        is_exact
    })
}

/// Reads the wave.
pub(super) fn wave_of(reader: &mut Reader<'_>, found: &Directives) -> Wave {
    let weight_counts = match reader.mode {
        Mode::Native => found.is_hook(),
        Mode::ArgoCd => true,
    };
    if !weight_counts && reader.text(HELM_WEIGHT).is_some() {
        reader.notice(format!("{HELM_WEIGHT} is read for hooks only"));
    }
    let sources = [OUR_WAVE, ARGO_WAVE, HELM_WEIGHT];
    for (index, name) in sources.into_iter().enumerate() {
        let Some(text) = reader.text(name) else { continue };
        if name == HELM_WEIGHT && !weight_counts {
            break;
        }
        if let Ok(wave) = text.trim().parse() {
            let others: Vec<&str> = sources
                .into_iter()
                .skip(index + 1)
                .filter(|other| *other != HELM_WEIGHT || weight_counts)
                .collect();
            reader.passed_over(name, &others);
            return Wave(wave);
        }
        let error = reader
            .manifest
            .error(&pointer(name), format!("`{text}` is no wave"))
            .hint("a wave is a whole number of at most 32 bits, as in `-1`, `0` or `5`");
        if name == OUR_WAVE {
            reader.push(error);
            break;
        }
        reader.ignored_by_argo_cd(error);
        if reader.mode == Mode::Native {
            break;
        }
    }
    Wave::default()
}

/// Reads the words of the delete policies, Helm's as Argo CD's.
pub(super) fn policies_of(reader: &mut Reader<'_>) -> Vec<String> {
    let ours = reader.list(OUR_POLICY);
    if !ours.is_empty() {
        reader.passed_over(OUR_POLICY, &[ARGO_POLICY, HELM_POLICY]);
        return ours;
    }
    let mut words = reader.list(ARGO_POLICY);
    let helm = reader.list(HELM_POLICY);
    if !words.is_empty() && !helm.is_empty() {
        match reader.mode {
            Mode::Native => {
                reader.passed_over(ARGO_POLICY, &[HELM_POLICY]);
                return words;
            }
            Mode::ArgoCd => reader.notice(format!("joined {ARGO_POLICY} and {HELM_POLICY}, as Argo CD does")),
        }
    }
    for word in helm {
        let known = helm::POLICIES.iter().find(|(theirs, _)| *theirs == word);
        let word = known.map_or(word, |(_, ours)| (*ours).to_owned());
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
