//! Argo CD's sync options of an application. The annotation of an object overrides them.
//!
//! [`SYNC_OPTIONS`] lists all of them. They apply in both modes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    model::{
        compat::{Mode, Rule},
        error::{Diagnostic, closest_match},
        hook::Propagation,
        settings::Permission,
    },
    read::directive::Directives,
};

/// Where an option can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionScope {
    /// For an application, and for an object by `argocd.argoproj.io/sync-options`.
    Both,
    /// For an application only.
    Application,
}

/// A sync option of Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncOption {
    /// The option's name.
    pub name: &'static str,
    /// Its possible values; the first one is the default.
    pub values: &'static [&'static str],
    /// Where it can be set.
    pub scope: OptionScope,
    /// Its meaning, for the documentation.
    pub meaning: &'static str,
}

const fn option(
    name: &'static str,
    values: &'static [&'static str],
    whose: OptionScope,
    meaning: &'static str,
) -> SyncOption {
    SyncOption {
        name,
        values,
        scope: whose,
        meaning,
    }
}

const TRUE_BY_DEFAULT: &[&str] = &["true", "false"];
const FALSE_BY_DEFAULT: &[&str] = &["false", "true"];

/// The sync options of Argo CD.
pub const SYNC_OPTIONS: [SyncOption; 14] = [
    option(
        "Prune",
        &["true", "false", "confirm"],
        OptionScope::Both,
        "`false`: the object stays when it is no longer in the manifests; `confirm`: it stays until `--confirm` names it. Nothing is pruned without `--prune`",
    ),
    option(
        "PruneLast",
        FALSE_BY_DEFAULT,
        OptionScope::Both,
        "the object is pruned after everything else",
    ),
    option(
        "PrunePropagationPolicy",
        &["background", "foreground", "orphan"],
        OptionScope::Application,
        "propagation policy for pruned and recreated objects and for objects of hooks; with Capstan's rules also for deletions with the application. The default with Argo CD's rules is `foreground`. `capstan.dev/propagation` takes precedence",
    ),
    option(
        "Delete",
        &["true", "false", "confirm"],
        OptionScope::Both,
        "`false`: the object stays when the application is deleted; `confirm`: until `--confirm` names it",
    ),
    option(
        "Validate",
        TRUE_BY_DEFAULT,
        OptionScope::Both,
        "`false`: fields that the server doesn't know are dropped instead of causing an error; for ordinary objects they are listed",
    ),
    option(
        "SkipDryRunOnMissingResource",
        FALSE_BY_DEFAULT,
        OptionScope::Both,
        "the object's kind may be unknown until the object is applied",
    ),
    option(
        "Replace",
        FALSE_BY_DEFAULT,
        OptionScope::Both,
        "the live object is replaced as a whole instead of merged",
    ),
    option(
        "Force",
        FALSE_BY_DEFAULT,
        OptionScope::Both,
        "the object is deleted and recreated if a field can't be changed",
    ),
    option(
        "ServerSideApply",
        TRUE_BY_DEFAULT,
        OptionScope::Both,
        "server-side apply is always used: `false` is reported and has no effect",
    ),
    option(
        "ClientSideApplyMigration",
        TRUE_BY_DEFAULT,
        OptionScope::Application,
        "`false`: fields that `kubectl apply` owns are not taken over, and changing them is a conflict",
    ),
    option(
        "ApplyOutOfSyncOnly",
        FALSE_BY_DEFAULT,
        OptionScope::Application,
        "the health of unchanged objects isn't awaited. Unchanged objects are never sent to the server, with or without this option",
    ),
    option(
        "CreateNamespace",
        FALSE_BY_DEFAULT,
        OptionScope::Application,
        "the application's namespace is created if it doesn't exist, like `--create-namespace`",
    ),
    option(
        "RespectIgnoreDifferences",
        FALSE_BY_DEFAULT,
        OptionScope::Application,
        "fields in `ignoreDifferences` keep their live values; without this option compat mode applies them, and Capstan's rules keep them",
    ),
    option(
        "FailOnSharedResource",
        FALSE_BY_DEFAULT,
        OptionScope::Application,
        "an object of another application is an error; with Capstan's rules it always is",
    ),
];

/// Returns an option by its name.
pub fn find_option(name: &str) -> Option<&'static SyncOption> {
    SYNC_OPTIONS.iter().find(|option| option.name == name)
}

/// Labels and annotations of an application's namespace (`managedNamespaceMetadata`), for `CreateNamespace=true`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceMetadata {
    /// The labels of the namespace.
    pub labels: BTreeMap<String, String>,
    /// The annotations of the namespace.
    pub annotations: BTreeMap<String, String>,
}

impl NamespaceMetadata {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

/// The sync options of an application. `None` means that an option isn't set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOptions {
    /// Whether objects that left the manifests may be pruned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<Permission>,
    /// Whether objects are pruned after everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_last: Option<bool>,
    /// The propagation of deletions (`PrunePropagationPolicy`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// Whether objects may be deleted with the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<Permission>,
    /// Whether fields that the server doesn't know are a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate: Option<bool>,
    /// Whether kinds may be unknown until their objects are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_dry_run_on_missing: Option<bool>,
    /// Whether objects are replaced instead of applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
    /// Whether objects that can't be changed are deleted and created again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// The value of `ServerSideApply`. Capstan always uses server-side apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side: Option<bool>,
    /// Whether fields that `kubectl apply` owns become Capstan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate: Option<bool>,
    /// Whether unchanged objects are skipped without waiting for their health.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_sync_only: Option<bool>,
    /// Whether the application's namespace is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// Whether ignored fields keep their live values when an object is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respect_ignored: Option<bool>,
    /// Whether an object of another application is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_on_shared: Option<bool>,
    /// Notices for the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl SyncOptions {
    /// Parses options in the form `NAME=VALUE`. Of several values for one name the first one counts, as in Argo CD.
    ///
    /// # Errors
    ///
    /// Returns all invalid options. In compat mode they are ignored and become `notices`.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>, mode: Mode) -> Result<SyncOptions, Vec<Diagnostic>> {
        let mut options = SyncOptions::default();
        let mut errors = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            match parse_option(word) {
                Ok((name, _)) if seen.contains(&name) => {
                    options
                        .notices
                        .push(format!("the sync option {name} is there twice; the first one counts"));
                }
                Ok((name, value)) => {
                    seen.push(name);
                    options.set(name, value);
                }
                Err(error) if mode.has(Rule::MistakesAreIgnored) => {
                    options.notices.push(format!("{}; it is ignored", error.message));
                }
                Err(error) => errors.push(*error),
            }
        }
        if options.server_side == Some(false) {
            options.notices.push(NO_CLIENT_SIDE_APPLY.to_owned());
        }
        if !mode.has(Rule::SharedObjectsAreTaken) && options.fail_on_shared == Some(false) {
            let notice =
                "FailOnSharedResource=false changes nothing: an object of another application is always an error";
            options.notices.push(notice.to_owned());
        }
        if errors.is_empty() { Ok(options) } else { Err(errors) }
    }

    /// Returns whether no option is set.
    pub fn is_empty(&self) -> bool {
        *self == SyncOptions::default()
    }

    fn set(&mut self, name: &str, value: &str) {
        let is_true = Some(value == "true");
        match name {
            "Prune" => self.prune = Some(Permission::from_option_value(value)),
            "PruneLast" => self.prune_last = is_true,
            "PrunePropagationPolicy" => {
                self.propagation = Some(match value {
                    "foreground" => Propagation::Foreground,
                    "orphan" => Propagation::Orphan,
                    _ => Propagation::Background,
                });
            }
            "Delete" => self.delete = Some(Permission::from_option_value(value)),
            "Validate" => self.validate = is_true,
            "SkipDryRunOnMissingResource" => self.skip_dry_run_on_missing = is_true,
            "Replace" => self.replace = is_true,
            "Force" => self.force = is_true,
            "ServerSideApply" => self.server_side = is_true,
            "ClientSideApplyMigration" => self.migrate = is_true,
            "ApplyOutOfSyncOnly" => self.out_of_sync_only = is_true,
            "CreateNamespace" => self.create_namespace = is_true,
            "RespectIgnoreDifferences" => self.respect_ignored = is_true,
            "FailOnSharedResource" => self.fail_on_shared = is_true,
            _ => {}
        }
    }

    /// Fills in the application's options where an object's annotations don't set them.
    pub fn fill_in(&self, directives: &mut Directives) {
        let named = std::mem::take(&mut directives.named_options);
        let is_open = |name: &str| !named.iter().any(|known| known == name);
        fill_in_value(&mut directives.prune, self.prune, is_open("Prune"));
        fill_in_value(&mut directives.delete, self.delete, is_open("Delete"));
        fill_in_value(&mut directives.prune_last, self.prune_last, is_open("PruneLast"));
        fill_in_value(&mut directives.replace, self.replace, is_open("Replace"));
        fill_in_value(&mut directives.force, self.force, is_open("Force"));
        let skips = self.validate.map(|validate| !validate);
        fill_in_value(&mut directives.skip_validation, skips, is_open("Validate"));
        let missing = "SkipDryRunOnMissingResource";
        fill_in_value(
            &mut directives.skip_dry_run_on_missing,
            self.skip_dry_run_on_missing,
            is_open(missing),
        );
        directives.named_options = named;
    }
}

/// The notice about `ServerSideApply=false`.
pub(crate) const NO_CLIENT_SIDE_APPLY: &str =
    "ServerSideApply=false changes nothing: objects are always applied on the server's side";

fn fill_in_value<T>(place: &mut T, value: Option<T>, is_open: bool) {
    if let Some(value) = value.filter(|_| is_open) {
        *place = value;
    }
}

/// Parses an option, or returns what is wrong with it.
fn parse_option(word: &str) -> Result<(&'static str, &str), Box<Diagnostic>> {
    let (name, value) = word.trim().split_once('=').unwrap_or((word.trim(), ""));
    let Some(option) = find_option(name) else {
        let error = Diagnostic::new(format!("there is no sync option `{name}`"));
        let names = || SYNC_OPTIONS.iter().map(|option| option.name);
        return Err(Box::new(match closest_match(name, names()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("there is {}", names().collect::<Vec<_>>().join(", "))),
        }));
    };
    if option.values.contains(&value) {
        return Ok((option.name, value));
    }
    let message = if value.is_empty() {
        format!("the sync option `{name}` has no value")
    } else {
        format!("the sync option `{name}` can't be `{value}`")
    };
    let mut values: Vec<&str> = option.values.to_vec();
    values.sort_unstable();
    Err(Box::new(
        Diagnostic::new(message).hint(format!("it can be {}", values.join(", "))),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> SyncOptions {
        SyncOptions::parse(words.iter().copied(), Mode::Native).expect("options")
    }

    #[test]
    fn every_option_of_the_table_is_read_with_every_value() {
        for option in SYNC_OPTIONS {
            let mut read = option.values.iter().map(|value| {
                let mut options = read(&[&format!("{}={value}", option.name)]);
                options.notices.clear();
                options
            });
            let first = read.next().expect("a value");
            assert_ne!(first, SyncOptions::default(), "{} is not read", option.name);
            for other in read {
                assert_ne!(other, first, "{} means the same with every value", option.name);
            }
        }
    }

    #[test]
    fn what_is_no_option_is_an_error_or_ignored() {
        for (word, message, hint) in [
            (
                "prune=false",
                "there is no sync option `prune`",
                "did you mean `Prune`?",
            ),
            (
                "Prune",
                "the sync option `Prune` has no value",
                "it can be confirm, false, true",
            ),
            (
                "Replace=yes",
                "the sync option `Replace` can't be `yes`",
                "it can be false, true",
            ),
        ] {
            let errors = SyncOptions::parse([word], Mode::Native).expect_err("a mistake");
            assert_eq!(
                (errors[0].message.as_str(), errors[0].hint.shown()),
                (message, hint.to_owned())
            );
            let ignored = SyncOptions::parse([word], Mode::ArgoCd).expect("ignored");
            assert_eq!(ignored.notices, [format!("{message}; it is ignored")]);
            assert_eq!(
                SyncOptions {
                    notices: Vec::new(),
                    ..ignored
                },
                SyncOptions::default()
            );
        }
    }

    #[test]
    fn the_first_of_several_counts() {
        let options = read(&["Prune=false", "Prune=true"]);
        assert_eq!(options.prune, Some(Permission::No));
        assert_eq!(
            options.notices,
            ["the sync option Prune is there twice; the first one counts"]
        );
    }

    #[test]
    fn what_changes_nothing_is_told() {
        assert_eq!(read(&["ServerSideApply=false"]).notices, [NO_CLIENT_SIDE_APPLY]);
        assert!(read(&["ServerSideApply=true"]).notices.is_empty());
        assert_eq!(read(&["FailOnSharedResource=false"]).notices.len(), 1);
        assert!(read(&["RespectIgnoreDifferences=true"]).notices.is_empty());
    }

    #[test]
    fn an_objects_own_options_win() {
        for (option, of_application, of_object) in [
            ("Prune", "Prune=false", "Prune=true"),
            ("Delete", "Delete=confirm", "Delete=true"),
            ("PruneLast", "PruneLast=true", "PruneLast=false"),
            ("Replace", "Replace=true", "Replace=false"),
            ("Force", "Force=true", "Force=false"),
            ("Validate", "Validate=false", "Validate=true"),
            (
                "SkipDryRunOnMissingResource",
                "SkipDryRunOnMissingResource=true",
                "SkipDryRunOnMissingResource=false",
            ),
        ] {
            let options = read(&[of_application]);
            let mut silent = Directives::default();
            options.fill_in(&mut silent);
            assert_ne!(silent, Directives::default(), "{option} has no effect");
            let mut spoken = Directives {
                named_options: vec![option.to_owned()],
                ..Directives::default()
            };
            let before = spoken.clone();
            options.fill_in(&mut spoken);
            assert_eq!(spoken, before, "{of_object} on the object is not heard");
        }
    }
}
