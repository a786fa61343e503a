//! Argo CD's health scripts.
//!
//! Argo CD's own are in a folder: `GROUP/KIND/health.lua`, `KIND/health.lua` for the core group, `_` for a wildcard, with test cases in
//! `health_test.yaml` next to them; they may use Lua's whole library. A user's are in the ConfigMap `argocd-cm`, under three kinds of
//! keys (<https://argo-cd.readthedocs.io/en/stable/operator-manual/health/>), and may use a part of the library unless they ask for all
//! of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use capstan_core::{model::error::Diagnostic, read::manifest};
use capstan_source::FileAccess;
use serde_json::Value;

use super::FoundChecks;

/// A Lua health script of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The Lua source.
    pub text: String,
    /// Whether it may use Lua's whole library.
    pub uses_open_libs: bool,
}

/// The name of Argo CD's folder.
const FOLDER_NAME: &str = "resource_customizations";

/// The keys of `argocd-cm`.
const CUSTOMIZATIONS_KEY: &str = "resource.customizations";
const HEALTH_KEY_PREFIX: &str = "resource.customizations.health.";
const OPEN_LIBS_KEY_PREFIX: &str = "resource.customizations.useOpenLibs.";

/// Reads a folder, or a file with an `argocd-cm`.
pub fn read(path: &Path, access: &FileAccess) -> Result<FoundChecks<Script>, Vec<Diagnostic>> {
    let found = if path.is_dir() {
        read_folder(path)
    } else {
        read_config_map(path, access)
    };
    let found = found.map_err(|mistake| vec![mistake])?;
    if found.checks.is_empty() {
        let error = Diagnostic::new(format!("{} has no health script", path.display()));
        let hint = "name a folder with GROUP/KIND/health.lua in it, or a file with the ConfigMap argocd-cm";
        return Err(vec![error.hint(hint)]);
    }
    Ok(found)
}

fn read_folder(path: &Path) -> Result<FoundChecks<Script>, Diagnostic> {
    let within = path.join(FOLDER_NAME);
    let root = if within.is_dir() { &within } else { path };
    let mut found = FoundChecks::empty();
    for outer in subfolders(root)? {
        read_script(&mut found, root, &outer)?;
        for inner in subfolders(&outer)? {
            read_script(&mut found, root, &inner)?;
        }
    }
    Ok(found)
}

fn read_script(found: &mut FoundChecks<Script>, root: &Path, folder: &Path) -> Result<(), Diagnostic> {
    let file = folder.join("health.lua");
    if !file.is_file() {
        return Ok(());
    }
    let text = fs::read_to_string(&file).map_err(|error| unreadable_error(&file, &error))?;
    let names = folder.strip_prefix(root).unwrap_or(folder);
    let kinds: Vec<String> = names
        .iter()
        .map(|name| name.to_string_lossy().replace('_', "*"))
        .collect();
    let has_cases = folder.join("health_test.yaml").is_file();
    let script = Script {
        text,
        uses_open_libs: true,
    };
    found.add_named(&kinds.join("/"), script, has_cases.then(|| folder.to_owned()));
    Ok(())
}

fn subfolders(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let entries = fs::read_dir(path).map_err(|error| unreadable_error(path, &error))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    Ok(folders)
}

fn unreadable_error(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(format!("{} can't be read: {error}", path.display()))
}

fn read_config_map(path: &Path, access: &FileAccess) -> Result<FoundChecks<Script>, Diagnostic> {
    let text = access.read_text(path)?;
    let name = path.display().to_string();
    let manifests = manifest::decode_as_written(&name, &text).map_err(|mistakes| first_error(mistakes, &name))?;
    let mut found = FoundChecks::empty();
    for manifest in &manifests {
        if let Some(data) = manifest.object.0.get("data").and_then(Value::as_object)
            && manifest.object.kind() == "ConfigMap"
        {
            let texts = data
                .iter()
                .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            read_keys(&mut found, &texts.collect());
        }
    }
    Ok(found)
}

fn first_error(mistakes: Vec<Diagnostic>, name: &str) -> Diagnostic {
    let none = || Diagnostic::new(format!("{name} can't be read"));
    mistakes.into_iter().next().unwrap_or_else(none)
}

/// Reads the data of an `argocd-cm`. A key for one kind wins over the key for all.
fn read_keys(found: &mut FoundChecks<Script>, data: &BTreeMap<&str, &str>) {
    if let Some(all) = data.get(CUSTOMIZATIONS_KEY) {
        match manifest::parse_go_value(all) {
            Ok(Value::Object(all)) => {
                for (kinds, entry) in &all {
                    let open_libs = entry.get("health.lua.useOpenLibs").and_then(Value::as_bool);
                    if let Some(text) = entry.get("health.lua").and_then(Value::as_str) {
                        let script = Script {
                            text: text.to_owned(),
                            uses_open_libs: open_libs.unwrap_or(false),
                        };
                        found.add_named(kinds, script, None);
                    }
                }
            }
            Ok(_) => found.left_out.push(format!("{CUSTOMIZATIONS_KEY}: no mapping")),
            Err(why) => found.left_out.push(format!("{CUSTOMIZATIONS_KEY}: {why}")),
        }
    }
    for (key, text) in data {
        let Some(name) = key.strip_prefix(HEALTH_KEY_PREFIX) else {
            continue;
        };
        let open_libs = data
            .get(&*format!("{OPEN_LIBS_KEY_PREFIX}{name}"))
            .is_some_and(|value| *value == "true");
        let kinds = match name.split_once('_') {
            Some((group, kind)) if !kind.contains('_') => format!("{group}/{kind}"),
            Some(_) => {
                found.left_out.push(format!("{key}: more than one `_`"));
                continue;
            }
            None => name.to_owned(),
        };
        let script = Script {
            text: (*text).to_owned(),
            uses_open_libs: open_libs,
        };
        found.add_named(&kinds, script, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(found: &FoundChecks<Script>) -> Vec<String> {
        let describe = |script: &Script| {
            format!(
                "{}{}",
                script.text.trim(),
                if script.uses_open_libs { " open" } else { "" }
            )
        };
        found
            .checks
            .iter()
            .map(|check| {
                let cases = if check.cases.is_some() { " with cases" } else { "" };
                format!("{}: {}{cases}", check.kinds, describe(&check.definition))
            })
            .collect()
    }

    #[test]
    fn a_folder_is_laid_out_as_argo_cds() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("example.com/Queue/health.lua", "queue"),
            ("example.com/Queue/health_test.yaml", "tests: []"),
            ("example.com/Queue/actions/discovery.lua", "no health"),
            ("_.example.com/_/health.lua", "any"),
            ("Pod/health.lua", "pod"),
            ("Bad Group/Kind/health.lua", "bad"),
            ("other.example.com/Only/actions/a/action.lua", "no health"),
        ] {
            let path = folder.path().join(FOLDER_NAME).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let expected = [
            "Pod: pod open",
            "*.example.com/*: any open",
            "example.com/Queue: queue open with cases",
        ];
        for path in [folder.path().to_owned(), folder.path().join(FOLDER_NAME)] {
            let found = read(&path, &FileAccess::default()).unwrap();
            assert_eq!(describe(&found), expected);
            assert_eq!(
                found.left_out,
                ["Bad Group/Kind: `Bad Group/Kind` is not GROUP/KIND: a group is lower case, like `example.com`"]
            );
        }
    }

    #[test]
    fn a_config_map_has_three_kinds_of_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("argocd-cm.yaml");
        fs::write(
            &file,
            "
apiVersion: v1
kind: ConfigMap
metadata: { name: argocd-cm, namespace: argocd }
data:
  url: https://argocd.example.com
  resource.customizations.health.example.com_Queue: |
    queue
  resource.customizations.useOpenLibs.example.com_Queue: 'true'
  resource.customizations.useOpenLibs.example.com_Topic: 'true'
  resource.customizations.health.Pod: pod
  resource.customizations.health.a_b_c: strange
  resource.customizations.ignoreDifferences.all: x
  resource.customizations: |
    example.com/Queue:
      health.lua: older
    example.com/Topic:
      health.lua: older
    example.com/Topic:
      health.lua: last
    '*.example.com/*':
      health.lua: any
      health.lua.useOpenLibs: true
    'exam*/Topic':
      health.lua: glob
    example.com/Other:
      actions: x
",
        )
        .unwrap();
        let found = read(&file, &FileAccess::default()).unwrap();
        assert_eq!(
            describe(&found),
            [
                "Pod: pod",
                "*.example.com/*: any open",
                "example.com/Queue: queue open",
                "example.com/Topic: last"
            ]
        );
        assert_eq!(
            found.left_out,
            [
                "exam*/Topic: `exam*/Topic` is not GROUP/KIND: a group is lower case, like `example.com`",
                "resource.customizations.health.a_b_c: more than one `_`"
            ]
        );
    }

    #[test]
    fn what_has_no_script_says_what_would() {
        let folder = tempfile::tempdir().unwrap();
        let mistakes = read(folder.path(), &FileAccess::default()).unwrap_err();
        assert!(mistakes[0].message.ends_with("has no health script"));
        assert!(read(&folder.path().join("none.yaml"), &FileAccess::default()).is_err());
    }
}
