//! `capstan plugin import-argo` and `import-cel`.

use capstan_core::model::error::Diagnostics;
use capstan_devkit::import_plugin::{self, ImportSpec, ImportedPlugin};
use serde_json::{Value, json};

use super::{print, print_json};
use crate::{
    args::{GlobalOptions, ImportArgs, Output},
    exit::Exit,
    render::{columns, lines},
    terminal::print_stderr,
    text,
};

pub(super) async fn argo(global: &GlobalOptions, args: &ImportArgs) -> anyhow::Result<Exit> {
    require_interpreters()?;
    let imported = import_plugin::import_argo(&args.spec(), &global.files, &interpreter).await?;
    print_imported(global, args, &imported)
}

pub(super) async fn cel(global: &GlobalOptions, args: &ImportArgs) -> anyhow::Result<Exit> {
    require_interpreters()?;
    let imported = import_plugin::import_cel(&args.spec(), &global.files, &interpreter).await?;
    print_imported(global, args, &imported)
}

/// Checks that the interpreters are in this executable: debug builds only contain them on request.
fn require_interpreters() -> Result<(), Diagnostics> {
    if capstan_bundle::INTERPRETERS.is_empty() {
        return Err(Diagnostics::single(
            "this debug build of capstan does not contain the interpreters of Lua and CEL",
            "`cargo run --features interpreters` builds them, and release builds contain them",
        ));
    }
    Ok(())
}

fn interpreter(name: &str) -> Option<&'static [u8]> {
    capstan_bundle::interpreter(name).map(|stock| stock.bytes)
}

impl ImportArgs {
    fn spec(&self) -> ImportSpec {
        ImportSpec {
            path: self.path.clone(),
            out: self.out.clone(),
            name: self.name.clone(),
            version: self.plugin_version.clone(),
            licence: self.licence.clone(),
            overwrite: self.overwrite,
            whole_objects: self.whole_objects,
        }
    }
}

/// Prints the result of an import.
fn print_imported(global: &GlobalOptions, args: &ImportArgs, imported: &ImportedPlugin) -> anyhow::Result<Exit> {
    let ImportedPlugin {
        file,
        size_bytes: size,
        checks,
        left_out,
        unreadable_cases,
    } = imported;
    if global.output != Output::Text {
        let checks: Vec<Value> = checks
            .iter()
            .map(|check| json!({"kinds": check.kinds, "fields": check.visible_fields, "cases": check.has_cases}))
            .collect();
        print_json(&json!({
            "name": args.name,
            "file": file,
            "bytes": size,
            "checks": checks,
            "leftOut": left_out,
            "unreadableCases": unreadable_cases,
        }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["KINDS", "SEES OF THE OBJECT", "CASES"].map(str::to_owned).to_vec()];
    for check in checks {
        let seen = match &check.visible_fields {
            Some(fields) if fields.is_empty() => "its name".to_owned(),
            Some(fields) => fields.join(" "),
            None => "all".to_owned(),
        };
        let cases = if check.has_cases { "yes" } else { "none" };
        rows.push(vec![check.kinds.to_string(), seen, cases.to_owned()]);
    }
    print(&lines(columns(&rows, 3)));
    for left in left_out {
        print_stderr(&text!("left out: {}", left));
    }
    for case in unreadable_cases {
        print_stderr(&text!("warning: a case can't be read, and will fail: {}", case));
    }
    let cases = match checks.iter().filter(|check| check.has_cases).count() {
        0 => String::new(),
        1 => ", the cases of 1 check".to_owned(),
        many => format!(", the cases of {many} checks"),
    };
    print_stderr(&text!(
        "{} ({} KiB), plugin.toml{}; load it with --plugin {}",
        file.display(),
        size / 1024,
        cases,
        file.display()
    ));
    Ok(Exit::Done)
}
