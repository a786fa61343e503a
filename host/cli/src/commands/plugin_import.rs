//! `capstan plugin import-argo` and `import-cel`: an interpreter is told the checks, and what it remembers is the plugin.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use capstan_core::error::PlanError;
use capstan_files::Readers;
use capstan_sandbox::PrepareError;
use capstan_stamp::{Manifest, ManifestError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{print, print_json};
use crate::{
    args::{Global, Import, Output},
    exit::Exit,
    import::{Check, Found, argo, flux},
    plugin_folder,
    render::{columns, lines},
    report::Mistakes,
    terminal::say,
    text,
};

/// What an interpreter says of the checks.
#[derive(Deserialize)]
struct Told {
    /// By claim, what of the object its check looks at.
    fields: BTreeMap<String, Option<Vec<String>>>,
}

/// Makes a plugin of Argo CD's health scripts.
pub(super) async fn argo(global: &Global, args: &Import) -> anyhow::Result<Exit> {
    let found = argo::read(&args.path).map_err(Mistakes)?;
    let scripts: Vec<Value> = found
        .checks
        .iter()
        .map(|Check { kinds, does, .. }| {
            let name = format!("{kinds}/health.lua");
            json!({"claim": kinds, "name": name, "script": does.text, "openLibs": does.open_libs})
        })
        .collect();
    make(global, args, "lua", &json!({ "scripts": scripts }), &found).await
}

/// Makes a plugin of Flux's health check expressions.
pub(super) async fn cel(global: &Global, args: &Import) -> anyhow::Result<Exit> {
    let found = flux::read(&args.path).map_err(Mistakes)?;
    let checks: Vec<Value> = found
        .checks
        .iter()
        .map(|Check { kinds, does, .. }| json!({"claim": kinds, "expressions": does}))
        .collect();
    make(global, args, "cel", &json!({ "checks": checks }), &found).await
}

async fn make<T>(
    global: &Global,
    args: &Import,
    interpreter: &str,
    text: &Value,
    found: &Found<T>,
) -> anyhow::Result<Exit> {
    let stock = capstan_bundle::interpreter(interpreter).ok_or_else(|| {
        Mistakes::one(
            format!("this debug build of capstan does not contain the interpreter {interpreter}"),
            "`cargo run --features interpreters` builds it, and release builds contain it",
        )
    })?;
    let made = match capstan_sandbox::prepare(stock.bytes, &text.to_string()).await {
        Ok(made) => made,
        Err(PrepareError::Refused(why)) => return Err(refused(&why)),
        Err(error) => return Err(error.into()),
    };
    let Told { fields } = serde_json::from_str(&made.answer)
        .with_context(|| format!("the interpreter {interpreter} answers what can't be read"))?;
    let toml = toml(args, interpreter, found, &fields);
    let manifest = Manifest::from_toml(&toml).map_err(flawed)?;
    let component = capstan_stamp::stamp(&made.component, &manifest)?;

    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let file = out.join(&args.name).with_extension("wasm");
    let cases = out.join(plugin_folder::CASES);
    let manifest_file = out.join(plugin_folder::MANIFEST);
    if !args.overwrite {
        refuse_edited(&manifest_file, &toml)?;
    }
    // The manifest comes first: a component that is older than its manifest is reported as stale.
    write(&manifest_file, toml.as_bytes())?;
    write(&file, &component)?;
    for Check { kinds, cases: from, .. } in &found.checks {
        if let Some(from) = from {
            let name = kinds.to_string().replace('*', "_");
            copy(from, &cases.join(name))?;
        }
    }
    let unreadable = super::plugin::unreadable_cases(&cases);
    tell(global, found, &fields, args, &file, component.len(), &unreadable)?;
    Ok(Exit::Done)
}

/// Returns a mistake if a `plugin.toml` is there that this import would change: its owner may have edited it.
fn refuse_edited(file: &Path, toml: &str) -> anyhow::Result<()> {
    match fs::read(file) {
        Ok(present) if present != toml.as_bytes() => Err(Mistakes::one(
            format!("{} is there, and this import would change it", file.display()),
            "nothing was written; `--overwrite` replaces it, `--out` names another folder",
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn refused(why: &str) -> anyhow::Error {
    let mistake = |line: &str| PlanError::new(line).hint("lines are counted from the check's own first one");
    Mistakes(why.lines().map(mistake).collect()).into()
}

fn flawed(error: ManifestError) -> anyhow::Error {
    Mistakes::one(
        format!("no plugin can be called that: {error}"),
        "`--name` takes a-z, 0-9 and -, `--plugin-version` a version like 1.2.3",
    )
}

/// Writes the `plugin.toml`. What a check looks at is stated only where it is known.
fn toml<T>(
    args: &Import,
    interpreter: &str,
    found: &Found<T>,
    fields: &BTreeMap<String, Option<Vec<String>>>,
) -> String {
    let Import {
        name,
        plugin_version,
        licence,
        whole_objects,
        ..
    } = args;
    let text = |text: &str| Value::from(text).to_string();
    let mut toml = format!(
        "contract = \"0.1.0\"\nname = {}\nversion = {}\nlicence = {}\ndescription = {}\n",
        text(name),
        text(plugin_version),
        text(licence),
        text(&format!("{} health checks, run by {interpreter}.", found.checks.len())),
    );
    for Check { kinds, .. } in &found.checks {
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
    capstan_files::write(path, bytes, Readers::AsUsual).with_context(unwritable)
}

/// Copies a check with its cases; actions are no part of it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for name in ["health.lua", "health_test.yaml"] {
        let bytes =
            fs::read(from.join(name)).with_context(|| format!("failed to read {}", from.join(name).display()))?;
        write(&to.join(name), &bytes)?;
    }
    copy_all(&from.join("testdata"), &to.join("testdata"))
}

/// Copies the objects of the cases, which may be in folders of their own. What links elsewhere is not followed.
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

fn tell<T>(
    global: &Global,
    found: &Found<T>,
    fields: &BTreeMap<String, Option<Vec<String>>>,
    args: &Import,
    file: &Path,
    size: usize,
    unreadable: &[String],
) -> anyhow::Result<()> {
    let seen = |kinds: &str| fields.get(kinds).cloned().flatten().filter(|_| !args.whole_objects);
    if global.output != Output::Text {
        let checks: Vec<Value> = found
            .checks
            .iter()
            .map(|check| json!({"kinds": check.kinds, "fields": seen(&check.kinds.to_string()), "cases": check.cases.is_some()}))
            .collect();
        return print_json(&json!({
            "name": args.name,
            "file": file,
            "bytes": size,
            "checks": checks,
            "leftOut": found.left_out,
            "unreadableCases": unreadable,
        }));
    }
    let mut rows = vec![["KINDS", "SEES OF THE OBJECT", "CASES"].map(str::to_owned).to_vec()];
    for check in &found.checks {
        let kinds = check.kinds.to_string();
        let seen = match seen(&kinds) {
            Some(fields) if fields.is_empty() => "its name".to_owned(),
            Some(fields) => fields.join(" "),
            None => "all".to_owned(),
        };
        let cases = if check.cases.is_some() { "yes" } else { "none" };
        rows.push(vec![kinds, seen, cases.to_owned()]);
    }
    print(&lines(columns(&rows, 3)));
    for left in &found.left_out {
        say(&text!("left out: {}", left));
    }
    for case in unreadable {
        say(&text!("warning: a case can't be read, and will fail: {}", case));
    }
    let cases = match found.checks.iter().filter(|check| check.cases.is_some()).count() {
        0 => String::new(),
        1 => ", the cases of 1 check".to_owned(),
        many => format!(", the cases of {many} checks"),
    };
    say(&text!(
        "{} ({} KiB), plugin.toml{}; load it with --plugin {}",
        file.display(),
        size / 1024,
        cases,
        file.display()
    ));
    Ok(())
}
