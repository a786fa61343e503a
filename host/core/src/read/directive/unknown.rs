//! Checks for unknown words, policies and annotation names.

use super::{
    family::{ARGO_HOOK, ARGO_POLICY, HELM_HOOK, HELM_POLICY, OUR_HOOK, OUR_POLICY},
    helm::{self, HelmWord},
    reader::{Reader, annotation_pointer, join_alternatives},
    table::{ANNOTATIONS, WRITTEN_BY_HOST},
};
use crate::{
    model::error::{Diagnostic, closest_match, edit_distance},
    read::manifest::Manifest,
};

/// The hook words that don't depend on plugins: the phases and `Skip`.
pub const KNOWN_WORDS: [&str; 7] = [
    "PreDelete",
    "PreSync",
    "Sync",
    "PostSync",
    "PostDelete",
    "SyncFail",
    "Skip",
];

/// Argo CD's delete policies.
pub const KNOWN_POLICIES: [&str; 3] = ["HookSucceeded", "HookFailed", "BeforeHookCreation"];

/// Annotations of Argo CD and Helm that Capstan doesn't read and that aren't misspellings.
const FOREIGN_ANNOTATIONS: [&str; 2] = ["helm.sh/hook-output-log-policy", "helm.sh/hook-delete-timeout"];

/// Returns whether a word is a phase or `Skip`, exactly as in Argo CD.
pub fn is_known_word(word: &str) -> bool {
    KNOWN_WORDS.contains(&word)
}

/// Returns the error for a hook word that is neither a phase nor claimed by a plugin. `claimed_words` are those that plugins claim.
pub fn unknown_word_error(manifest: &Manifest, word: &str, claimed_words: &[String]) -> Diagnostic {
    let name = first_present(manifest, &[OUR_HOOK, ARGO_HOOK, HELM_HOOK]);
    let known = || KNOWN_WORDS.into_iter().chain(claimed_words.iter().map(String::as_str));
    let error = manifest.error(
        &annotation_pointer(name),
        format!("`{word}` is not a phase, and no plugin claims it"),
    );
    with_closest_match(error, word, known().collect())
}

/// Returns the error for a delete policy that no plugin claims. `known` are those that plugins claim.
pub fn unknown_policy_error(manifest: &Manifest, word: &str, known: &[String]) -> Diagnostic {
    let name = first_present(manifest, &[OUR_POLICY, ARGO_POLICY]);
    let error = manifest.error(&annotation_pointer(name), format!("`{word}` is not a delete policy"));
    let mut words: Vec<&str> = KNOWN_POLICIES.to_vec();
    words.extend(
        known
            .iter()
            .map(String::as_str)
            .filter(|word| !KNOWN_POLICIES.contains(word) && *word != "*"),
    );
    with_closest_match(error, word, words)
}

/// Returns the error for a delete policy that isn't one of Helm's.
pub(super) fn unknown_helm_policy_error(manifest: &Manifest, word: &str) -> Diagnostic {
    let error = manifest.error(
        &annotation_pointer(HELM_POLICY),
        format!("`{word}` is not a delete policy of Helm"),
    );
    with_closest_match(
        error,
        word,
        helm::DELETE_POLICIES.iter().map(|(theirs, _)| *theirs).collect(),
    )
}

fn with_closest_match(error: Diagnostic, word: &str, known: Vec<&str>) -> Diagnostic {
    match closest_match(word, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("it can be {}", join_alternatives(&known))),
    }
}

/// Returns the first of several annotations that is present, else the first one.
fn first_present<'a>(manifest: &Manifest, names: &[&'a str]) -> &'a str {
    let is_there = |name: &&&str| manifest.object.text(&annotation_pointer(name)).is_some();
    names
        .iter()
        .find(is_there)
        .or(names.first())
        .copied()
        .unwrap_or(OUR_HOOK)
}

/// Returns the error for a misspelt phase, or for Helm's word in another annotation. Short words must match except for case, because a
/// plugin's word may be one letter away.
pub(super) fn misspelt_word_error(manifest: &Manifest, name: &str, word: &str) -> Option<Diagnostic> {
    if is_known_word(word) {
        return None;
    }
    let error = manifest.error(&annotation_pointer(name), format!("`{word}` is not a phase"));
    let meant = KNOWN_WORDS.into_iter().find(|known| {
        let allowed = match known.len() {
            ..=5 => 0,
            6..=7 => 1,
            8.. => 2,
        };
        edit_distance(word, known) <= allowed
    });
    if let Some(meant) = meant {
        return Some(error.hint(format!("did you mean `{meant}`?")));
    }
    match helm::find_word(word)? {
        HelmWord::Phase(phase, _) | HelmWord::Delete(phase) => {
            Some(error.hint(format!("that is Helm's value: write `{phase}`")))
        }
        HelmWord::CrdInstall => None,
    }
}

/// Reports annotations that look like known ones and aren't.
pub(super) fn check_annotation_names(reader: &mut Reader<'_>) {
    let manifest = reader.manifest;
    let annotations = manifest.object.0.pointer("/metadata/annotations");
    let names = annotations
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flat_map(|map| map.keys());
    for name in names {
        if let Some(error) = misspelt_annotation_error(manifest, name) {
            reader.ignored_by_argo_cd(error);
        }
    }
}

/// All of `capstan.dev/` belongs to Capstan. Names of Argo CD and Helm are only reported if they begin like hooks or waves, or nearly match
/// a known name, because there are many others.
fn misspelt_annotation_error(manifest: &Manifest, name: &str) -> Option<Diagnostic> {
    let known = || ANNOTATIONS.iter().map(|row| row.name);
    if known()
        .chain(WRITTEN_BY_HOST)
        .chain(FOREIGN_ANNOTATIONS)
        .any(|known| known == name)
    {
        return None;
    }
    let (prefix, rest) = name.split_once('/')?;
    let family = || known().filter(move |known| known.split_once('/').is_some_and(|(family, _)| family == prefix));
    let short = |name: &'static str| name.split_once('/').map_or(name, |(_, rest)| rest);
    let nearest = closest_match(rest, family().map(short));
    let is_suspect = match prefix {
        "capstan.dev" => true,
        "argocd.argoproj.io" => nearest.is_some() || rest.starts_with("hook") || rest.starts_with("sync-"),
        "helm.sh" => nearest.is_some() || rest.starts_with("hook"),
        _ => false,
    };
    if !is_suspect {
        return None;
    }
    let error = manifest.key_error(&annotation_pointer(name), format!("there is no annotation `{name}`"));
    Some(match nearest {
        Some(near) => error.hint(format!("did you mean `{prefix}/{near}`?")),
        None => error.hint(format!("there is {}", join_alternatives(&family().collect::<Vec<_>>()))),
    })
}
