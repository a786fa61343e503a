//! `capstan plugin dev`: builds and tests a project, again whenever it changes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{build, cases, print, subject::Subject, test};
use crate::{
    args::{Global, PluginDev},
    exit::Exit,
    render::Paint,
    report, text,
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Folders and files that a build writes.
const WRITTEN: [&str; 4] = ["node_modules", "target", "__pycache__", "wit_exports.go"];

/// When each file of a project changed last.
type State = BTreeMap<PathBuf, SystemTime>;

pub(super) async fn run(global: &Global, args: &PluginDev) -> anyhow::Result<Exit> {
    if !args.watch {
        return round(global, args).await;
    }
    let paint = Paint::new(global.color);
    loop {
        // What is written while it is built is built again.
        let before = state(&args.build.folder);
        if let Err(error) = round(global, args).await {
            report::print(&error, paint);
        }
        print(&text!("waiting for changes; Ctrl-C ends it\n"));
        let changed = loop {
            tokio::time::sleep(LOOK).await;
            let changed = changed(&before, &state(&args.build.folder));
            if !changed.is_empty() {
                break changed;
            }
        };
        print(&text!("\nchanged: {}\n", changed.join(", ")));
    }
}

/// Builds and tests once.
async fn round(global: &Global, args: &PluginDev) -> anyhow::Result<Exit> {
    let built = build::build(global, &args.build).await?;
    let (name, version) = (&built.manifest.name, &built.manifest.version);
    print(&text!("{}: {} {}\n", built.file.display(), name, version));
    let path = args.build.folder.join("cases");
    if !path.is_dir() {
        return Ok(Exit::Done);
    }
    let cases = cases::read(&path)?;
    let (sandbox, name) = Subject::of_file(&built.file)?.load(global)?;
    let trials = test::run_all(&sandbox, &name, cases).await;
    Ok(test::tell(&name, &trials, 0, Paint::new(global.color)))
}

fn state(folder: &Path) -> State {
    let mut found = State::new();
    collect(folder, &mut found);
    found
}

fn collect(folder: &Path, found: &mut State) {
    // What is gone in this moment is looked at again in the next.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        let is_written = WRITTEN.contains(&&*name)
            || name.starts_with('.')
            || name.starts_with("capstan_plugin_")
            || name.ends_with(".wasm")
            || name == "Cargo.lock"
            || name == "package-lock.json";
        if is_written {
            continue;
        }
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            collect(&path, found);
        } else if let Ok(at) = about.modified() {
            found.insert(path, at);
        }
    }
}

fn changed(before: &State, now: &State) -> Vec<String> {
    let other = now.iter().filter(|(path, at)| before.get(*path) != Some(at));
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let paths = other.map(|(path, _)| path).chain(gone);
    paths.map(|path| path.display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_named_and_what_a_build_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
        };
        write("src/lib.rs");
        write("cases/a.yaml");
        let before = state(folder.path());
        assert_eq!(changed(&before, &state(folder.path())), [""; 0]);
        write("queue.wasm");
        write("target/debug/x");
        write("capstan_plugin_hook/wit_bindings.go");
        assert_eq!(changed(&before, &state(folder.path())), [""; 0]);
        write("cases/b.yaml");
        fs::remove_file(folder.path().join("src/lib.rs")).unwrap();
        let names = changed(&before, &state(folder.path()));
        let prefix = format!("{}/", folder.path().display());
        let names: Vec<String> = names.iter().map(|name| name.replace(&prefix, "")).collect();
        assert_eq!(names, ["cases/b.yaml", "src/lib.rs"]);
    }
}
