//! `argocd.argoproj.io/sync-options`, and Helm's `keep`.
//!
//! An option counts only as the exact text, and of several values for one key the first wins (Argo CD,
//! `gitops-engine/pkg/sync/resource/annotations.go`).

use super::{
    Directives, Mode, Permission,
    reader::{Reader, one_of, pointer},
};
use crate::error::near;

const NAME: &str = "argocd.argoproj.io/sync-options";
const POLICY: &str = "helm.sh/resource-policy";

/// The options that an object can have, and their values.
const OPTIONS: [(&str, &[&str]); 8] = [
    ("Prune", &["true", "false", "confirm"]),
    ("Delete", &["true", "false", "confirm"]),
    ("PruneLast", &["true", "false"]),
    ("Replace", &["true", "false"]),
    ("Force", &["true", "false"]),
    ("ServerSideApply", &["true", "false"]),
    ("Validate", &["true", "false"]),
    ("SkipDryRunOnMissingResource", &["true", "false"]),
];

/// Options that only an Application can have.
const OF_APPLICATIONS: [&str; 7] = [
    "ApplyOutOfSyncOnly",
    "ClientSideApplyMigration",
    "CreateNamespace",
    "DisableClientSideApplyMigration",
    "FailOnSharedResource",
    "PrunePropagationPolicy",
    "RespectIgnoreDifferences",
];

/// Reads the options into the directives.
pub(super) fn read(reader: &mut Reader<'_>, found: &mut Directives) {
    let mut seen: Vec<String> = Vec::new();
    let (mut prune, mut delete) = (None, None);
    for option in reader.list(NAME) {
        let (key, value) = option.split_once('=').unwrap_or((&option, ""));
        if !is_known(reader, key, value) {
            continue;
        }
        if seen.iter().any(|other| other == key) {
            reader.notice(format!("{NAME} has {key} twice; the first one counts"));
            continue;
        }
        seen.push(key.to_owned());
        let is_true = value == "true";
        match key {
            "Prune" => prune = Some(permission(value)),
            "Delete" => delete = Some(permission(value)),
            "PruneLast" => found.prune_last = is_true,
            "Replace" => found.replace = is_true,
            "Force" => found.force = is_true,
            "ServerSideApply" => found.server_side = Some(is_true),
            "Validate" => found.skip_validation = !is_true,
            "SkipDryRunOnMissingResource" => found.skip_dry_run_on_missing = is_true,
            _ => {}
        }
    }
    let keeps = keeps(reader);
    // Helm keeps such an object in upgrades, too; Argo CD only when the application is deleted
    if keeps && delete.is_none() {
        delete = Some(Permission::No);
    }
    if keeps && prune.is_none() && reader.mode == Mode::Native {
        prune = Some(Permission::No);
    }
    found.prune = prune.unwrap_or_default();
    found.delete = delete.unwrap_or_default();
}

fn permission(value: &str) -> Permission {
    match value {
        "false" => Permission::No,
        "confirm" => Permission::Confirm,
        _ => Permission::Yes,
    }
}

/// Says whether an option is one, and tells the user if not.
fn is_known(reader: &mut Reader<'_>, key: &str, value: &str) -> bool {
    if OF_APPLICATIONS.contains(&key) {
        reader.notice(format!(
            "{NAME}: {key} is an option of applications; on an object it has no effect"
        ));
        return false;
    }
    let Some((_, values)) = OPTIONS.iter().find(|(known, _)| *known == key) else {
        let known = OPTIONS.iter().map(|(known, _)| *known);
        match near(key, known) {
            Some(near) => {
                let error = reader
                    .manifest
                    .error(&pointer(NAME), format!("there is no sync option `{key}`"));
                reader.ignored_by_argo_cd(error.hint(format!("did you mean `{near}`?")));
            }
            None => reader.notice(format!("{NAME}: {key} is not known and ignored")),
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
    let error = reader.manifest.error(&pointer(NAME), message);
    reader.ignored_by_argo_cd(error.hint(format!("it can be {}", one_of(values))));
    false
}

/// Says whether Helm's resource policy keeps the object.
fn keeps(reader: &mut Reader<'_>) -> bool {
    let Some(policy) = reader.text(POLICY) else {
        return false;
    };
    if policy.trim().eq_ignore_ascii_case("keep") {
        return true;
    }
    let error = reader
        .manifest
        .error(&pointer(POLICY), format!("`{policy}` is no resource policy of Helm"));
    reader.ignored_by_argo_cd(error.hint("the only one is `keep`"));
    false
}
