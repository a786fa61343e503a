//! `argocd.argoproj.io/sync-options`, and Helm's `keep`.
//!
//! An option counts only as the exact text, and of several values for one key the first wins (Argo CD,
//! `gitops-engine/pkg/sync/resource/annotations.go`).

use super::{
    Directives, Permission,
    reader::{Reader, annotation_pointer, join_alternatives},
};
use crate::{
    model::{compat::Rule, error::closest_match},
    read::sync_options::{NO_CLIENT_SIDE_APPLY, OptionScope, SYNC_OPTIONS, SyncOption, find_option},
};

const SYNC_OPTIONS_ANNOTATION: &str = "argocd.argoproj.io/sync-options";
/// Helm's annotation for objects that are kept.
pub(crate) const POLICY: &str = "helm.sh/resource-policy";

/// Reads the sync options into the directives.
pub(super) fn read_sync_options(reader: &mut Reader<'_>, found: &mut Directives) {
    let mut seen: Vec<String> = Vec::new();
    let (mut prune, mut delete) = (None, None);
    for option in reader.list(SYNC_OPTIONS_ANNOTATION) {
        let (key, value) = option.split_once('=').unwrap_or((&option, ""));
        if !is_known(reader, key, value) {
            continue;
        }
        if seen.iter().any(|other| other == key) {
            reader.notice(format!(
                "{SYNC_OPTIONS_ANNOTATION} has {key} twice; the first one counts"
            ));
            continue;
        }
        seen.push(key.to_owned());
        let is_true = value == "true";
        match key {
            "Prune" => prune = Some(Permission::from_option_value(value)),
            "Delete" => delete = Some(Permission::from_option_value(value)),
            "PruneLast" => found.prune_last = is_true,
            "Replace" => found.replace = is_true,
            "Force" => found.force = is_true,
            "ServerSideApply" => {
                found.server_side = Some(is_true);
                if !is_true {
                    reader.notice(format!("{SYNC_OPTIONS_ANNOTATION}: {NO_CLIENT_SIDE_APPLY}"));
                }
            }
            "Validate" => found.skip_validation = !is_true,
            "SkipDryRunOnMissingResource" => found.skip_dry_run_on_missing = is_true,
            _ => {}
        }
    }
    let keeps = has_keep_policy(reader);
    // Helm keeps such an object in upgrades, too; Argo CD only when the application is deleted
    if keeps && delete.is_none() {
        seen.push("Delete".to_owned());
        delete = Some(Permission::No);
    }
    if keeps && prune.is_none() {
        if reader.mode.has(Rule::KeepEndsAtPrune) {
            reader.record_rule(Rule::KeepEndsAtPrune);
        } else {
            seen.push("Prune".to_owned());
            prune = Some(Permission::No);
        }
    }
    found.named_options = seen;
    found.prune = prune.unwrap_or_default();
    found.delete = delete.unwrap_or_default();
}

/// Returns whether an option and its value are valid for objects; otherwise adds an error or a notice.
fn is_known(reader: &mut Reader<'_>, key: &str, value: &str) -> bool {
    let option = find_option(key);
    if option.is_some_and(|option| option.scope == OptionScope::Application) {
        reader.notice(format!(
            "{SYNC_OPTIONS_ANNOTATION}: {key} is an option of applications; on an object it has no effect"
        ));
        return false;
    }
    let Some(SyncOption { values, .. }) = option else {
        let of_objects = SYNC_OPTIONS.iter().filter(|option| option.scope == OptionScope::Both);
        match closest_match(key, of_objects.map(|option| option.name)) {
            Some(near) => {
                let error = reader.manifest.error(
                    &annotation_pointer(SYNC_OPTIONS_ANNOTATION),
                    format!("there is no sync option `{key}`"),
                );
                reader.ignored_by_argo_cd(error.hint(format!("did you mean `{near}`?")));
            }
            None => reader.notice(format!("{SYNC_OPTIONS_ANNOTATION}: {key} is not known and ignored")),
        }
        return false;
    };
    if values.contains(&value) {
        return true;
    }
    let message = if value.is_empty() {
        format!("the sync option `{key}` has no value")
    } else {
        format!("the sync option `{key}` can't be `{value}`")
    };
    let error = reader
        .manifest
        .error(&annotation_pointer(SYNC_OPTIONS_ANNOTATION), message);
    reader.ignored_by_argo_cd(error.hint(format!("it can be {}", join_alternatives(values))));
    false
}

/// Returns whether Helm's resource policy keeps the object. Helm and Argo CD ignore every other value; lint warns about those.
fn has_keep_policy(reader: &Reader<'_>) -> bool {
    reader.text(POLICY).is_some_and(is_keep)
}

/// Returns whether a value of [`POLICY`] is `keep`.
pub(crate) fn is_keep(policy: &str) -> bool {
    policy.trim().eq_ignore_ascii_case("keep")
}
