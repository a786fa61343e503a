//! Makes plugins of other tools' health checks: an interpreter loads the checks, and a snapshot of its memory is the plugin.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use capstan_core::model::{
    error::{Diagnostic, Diagnostics},
    remedy::Setting,
};
use capstan_files::Readers;
use capstan_runtime::plugin_folder;
use capstan_sandbox::PrepareError;
use capstan_source::FileAccess;
use capstan_stamp::{KindPattern, Manifest, ManifestError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cases,
    import::{FoundChecks, HealthCheck, argo, flux},
    usage_error,
};

/// The options of an import.
#[derive(Debug, Clone)]
pub struct ImportSpec {
    /// The file or folder with the checks.
    pub path: PathBuf,
    /// The folder for the plugin with its `plugin.toml` and its test cases; the plugin's name if absent.
    pub out: Option<PathBuf>,
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// The licence of the checks, as an SPDX expression.
    pub licence: String,
    /// Whether a different `plugin.toml` is replaced.
    pub overwrite: bool,
    /// Whether the checks see whole objects, even if the fields that they read are known.
    pub whole_objects: bool,
}

/// An imported plugin.
#[derive(Debug)]
pub struct ImportedPlugin {
    /// The file of the component.
    pub file: PathBuf,
    /// The component's size in bytes.
    pub size_bytes: usize,
    /// The checks, in the order of their kinds.
    pub checks: Vec<ImportedCheck>,
    /// The checks that can't be imported, each with the reason.
    pub left_out: Vec<String>,
    /// The invalid test cases, each with the reason. They will fail.
    pub unreadable_cases: Vec<String>,
}

/// A check in an imported plugin.
#[derive(Debug)]
pub struct ImportedCheck {
    /// The kinds that it is for.
    pub kinds: KindPattern,
    /// The fields of an object that it sees; `None` if it sees all.
    pub visible_fields: Option<Vec<String>>,
    /// Whether it came with test cases.
    pub has_cases: bool,
}

/// Returns the component of an interpreter by its name.
pub type Interpreters<'a> = &'a (dyn Fn(&str) -> Option<&'static [u8]> + Sync);

/// The interpreter's answer about the checks.
#[derive(Deserialize)]
struct InterpreterAnswer {
    /// By claim, the fields that its check reads.
    fields: BTreeMap<String, Option<Vec<String>>>,
}

/// Makes a plugin from Argo CD's health scripts.
///
/// # Errors
///
/// Returns the mistakes in the scripts, or why the plugin can't be written.
pub async fn import_argo(
    spec: &ImportSpec,
    access: &FileAccess,
    interpreters: Interpreters<'_>,
) -> anyhow::Result<ImportedPlugin> {
    let found = argo::read(&spec.path, access).map_err(Diagnostics)?;
    let scripts: Vec<Value> = found
        .checks
        .iter()
        .map(|HealthCheck { kinds, definition, .. }| {
            let name = format!("{kinds}/health.lua");
            json!({"claim": kinds, "name": name, "script": definition.text, "openLibs": definition.uses_open_libs})
        })
        .collect();
    build_plugin(
        spec,
        interpreters,
        ("lua", "Lua"),
        &json!({ "scripts": scripts }),
        found,
    )
    .await
}

/// Makes a plugin from Flux's health check expressions.
///
/// # Errors
///
/// Returns the mistakes in the expressions, or why the plugin can't be written.
pub async fn import_cel(
    spec: &ImportSpec,
    access: &FileAccess,
    interpreters: Interpreters<'_>,
) -> anyhow::Result<ImportedPlugin> {
    let found = flux::read(&spec.path, access).map_err(Diagnostics)?;
    let checks: Vec<Value> = found
        .checks
        .iter()
        .map(|HealthCheck { kinds, definition, .. }| json!({"claim": kinds, "expressions": definition}))
        .collect();
    build_plugin(spec, interpreters, ("cel", "CEL"), &json!({ "checks": checks }), found).await
}

async fn build_plugin<T>(
    spec: &ImportSpec,
    interpreters: Interpreters<'_>,
    (interpreter, language): (&str, &str),
    text: &Value,
    found: FoundChecks<T>,
) -> anyhow::Result<ImportedPlugin> {
    let stock = interpreters(interpreter)
        .with_context(|| format!("this version of Capstan was built without the interpreter {interpreter}"))?;
    let made = match capstan_sandbox::prepare(stock, &text.to_string()).await {
        Ok(made) => made,
        Err(PrepareError::Rejected(why)) => return Err(rejection(&why)),
        Err(error) => return Err(error.into()),
    };
    let InterpreterAnswer { fields } = serde_json::from_str(&made.answer)
        .with_context(|| format!("the answer of the interpreter {interpreter} can't be read"))?;
    let toml = manifest_toml(spec, interpreter, &found, &fields);
    let manifest = Manifest::from_toml(&toml).map_err(manifest_error)?;
    let component = capstan_stamp::with_language(&made.component, language);
    let component = capstan_stamp::stamp(&component, &manifest)?;

    let out = spec.out.clone().unwrap_or_else(|| PathBuf::from(&spec.name));
    let file = out.join(&spec.name).with_extension("wasm");
    let cases_folder = out.join(plugin_folder::CASES);
    let manifest_file = out.join(plugin_folder::MANIFEST);
    if !spec.overwrite {
        refuse_edited(&manifest_file, &toml)?;
    }
    // The manifest is written first: a component that is older than its manifest is reported as stale.
    write(&manifest_file, toml.as_bytes())?;
    write(&file, &component)?;
    for HealthCheck { kinds, cases: from, .. } in &found.checks {
        if let Some(from) = from {
            let name = kinds.to_string().replace('*', "_");
            copy_check(from, &cases_folder.join(name))?;
        }
    }
    let checks = found.checks.into_iter().map(|check| ImportedCheck {
        visible_fields: fields
            .get(&check.kinds.to_string())
            .cloned()
            .flatten()
            .filter(|_| !spec.whole_objects),
        has_cases: check.cases.is_some(),
        kinds: check.kinds,
    });
    Ok(ImportedPlugin {
        file,
        size_bytes: component.len(),
        checks: checks.collect(),
        left_out: found.left_out,
        unreadable_cases: cases::unreadable_cases(&cases_folder),
    })
}

/// Returns an error if a `plugin.toml` exists that this import would change: its owner may have edited it.
fn refuse_edited(file: &Path, toml: &str) -> anyhow::Result<()> {
    match fs::read(file) {
        Ok(present) if present != toml.as_bytes() => Err(usage_error(
            format!("{} is there, and this import would change it", file.display()),
            [
                "nothing was written".into(),
                Setting::OverwriteImport.into(),
                Setting::ImportFolder.into(),
            ],
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn rejection(why: &str) -> anyhow::Error {
    let mistake = |line: &str| Diagnostic::new(line).hint("lines are counted from the check's own first one");
    Diagnostics(why.lines().map(mistake).collect()).into()
}

fn manifest_error(error: ManifestError) -> anyhow::Error {
    usage_error(format!("no plugin can be called that: {error}"), Setting::ImportName)
}

/// Writes the `plugin.toml`. The fields of a check are only listed where they are known.
fn manifest_toml<T>(
    spec: &ImportSpec,
    interpreter: &str,
    found: &FoundChecks<T>,
    fields: &BTreeMap<String, Option<Vec<String>>>,
) -> String {
    let ImportSpec {
        name,
        version,
        licence,
        whole_objects,
        ..
    } = spec;
    let text = |text: &str| Value::from(text).to_string();
    let mut toml = format!(
        "contract = \"0.1.0\"\nname = {}\nversion = {}\nlicence = {}\ndescription = {}\n",
        text(name),
        text(version),
        text(licence),
        text(&format!("{} health checks, run by {interpreter}.", found.checks.len())),
    );
    for HealthCheck { kinds, .. } in &found.checks {
        let kinds = kinds.to_string();
        toml += &format!("\n[[claims]]\ninterface = \"health\"\nkinds = [{}]\n", text(&kinds));
        if let Some(Some(fields)) = fields.get(&kinds)
            && !whole_objects
        {
            toml += &format!("fields = {}\n", Value::from(fields.clone()));
        }
    }
    toml
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unwritable = || format!("failed to write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(unwritable)?;
    }
    capstan_files::write(path, bytes, Readers::Inherited).with_context(unwritable)
}

/// Copies a check with its test cases; actions are left out.
fn copy_check(from: &Path, to: &Path) -> anyhow::Result<()> {
    for name in ["health.lua", "health_test.yaml"] {
        let bytes =
            fs::read(from.join(name)).with_context(|| format!("failed to read {}", from.join(name).display()))?;
        write(&to.join(name), &bytes)?;
    }
    copy_all(&from.join("testdata"), &to.join("testdata"))
}

/// Copies the objects of the test cases, also those in subfolders. Symbolic links are not followed.
fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("failed to read {}", from.display());
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let (kind, path) = (entry.file_type().with_context(unreadable)?, entry.path());
        if kind.is_dir() {
            copy_all(&path, &to.join(entry.file_name()))?;
        } else if kind.is_file() {
            write(&to.join(entry.file_name()), &fs::read(&path).with_context(unreadable)?)?;
        }
    }
    Ok(())
}
