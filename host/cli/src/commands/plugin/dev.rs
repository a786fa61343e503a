//! `capstan plugin dev`: builds and tests a project, again whenever it changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use capstan_runtime::plugin_folder;

use super::{build, cases, print, subject::Subject, test};
use crate::{
    args::{Global, PluginDev},
    exit::Exit,
    render::Paint,
    report, text,
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// When each file of a project changed last.
type State = BTreeMap<PathBuf, SystemTime>;

pub(super) async fn run(global: &Global, args: &PluginDev) -> anyhow::Result<Exit> {
    if !args.watch {
        return round(global, args).await;
    }
    let paint = Paint::new(global.color);
    let folder = &args.build.folder;
    let mut work = Work::BuildAndTest;
    loop {
        // A file that changes during a build causes another round.
        let before = plugin_folder::files(folder);
        let done = match work {
            Work::BuildAndTest => round(global, args).await,
            Work::Test => test_cases(global, folder, folder).await,
        };
        let failed = done.inspect_err(|error| report::print(error, paint)).is_err();
        print(&text!("waiting for changes; Ctrl-C ends it\n"));
        let changed = loop {
            tokio::time::sleep(LOOK).await;
            let changed = changed(&before, &plugin_folder::files(folder));
            if !changed.is_empty() {
                break changed;
            }
        };
        let shown: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
        print(&text!("\nchanged: {}\n", shown.join(", ")));
        work = if failed {
            Work::BuildAndTest
        } else {
            work_for(folder, &changed)
        };
    }
}

/// What a change makes necessary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    BuildAndTest,
    Test,
}

/// A changed case needs no new component.
fn work_for(folder: &Path, changed: &[PathBuf]) -> Work {
    let cases = folder.join(plugin_folder::CASES);
    if changed.iter().all(|path| path.starts_with(&cases)) {
        Work::Test
    } else {
        Work::BuildAndTest
    }
}

/// Builds and tests once.
async fn round(global: &Global, args: &PluginDev) -> anyhow::Result<Exit> {
    let built = build::build(global, &args.build).await?;
    let (name, version) = (&built.manifest.name, &built.manifest.version);
    print(&text!("{}: {} {}\n", built.file.display(), name, version));
    test_cases(global, &args.build.folder, &built.file).await
}

/// Runs the cases of a folder, if it has some, against a component or what was built in a folder.
async fn test_cases(global: &Global, folder: &Path, component: &Path) -> anyhow::Result<Exit> {
    let path = folder.join(plugin_folder::CASES);
    if !path.is_dir() {
        return Ok(Exit::Done);
    }
    let cases = cases::read(&path)?;
    let (sandbox, name) = Subject::of_path(component)?.load(global)?;
    let trials = test::run_all(&sandbox, &name, cases).await;
    Ok(test::tell(&name, &trials, 0, Paint::new(global.color)))
}

fn changed(before: &State, now: &State) -> Vec<PathBuf> {
    let other = now.iter().filter(|(path, at)| before.get(*path) != Some(at));
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    other.map(|(path, _)| path).chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_changed_case_is_only_tested_and_a_changed_source_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let write = |name: &str| {
            let path = path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
        };
        write("src/lib.rs");
        write("cases/a.yaml");
        let before = plugin_folder::files(path);
        assert!(changed(&before, &plugin_folder::files(path)).is_empty());
        write("queue.wasm");
        write("target/debug/x");
        write("capstan_plugin_hook/wit_bindings.go");
        assert!(changed(&before, &plugin_folder::files(path)).is_empty());
        write("cases/b.yaml");
        let case = changed(&before, &plugin_folder::files(path));
        assert_eq!(case, [path.join("cases/b.yaml")]);
        assert_eq!(work_for(path, &case), Work::Test);
        fs::remove_file(path.join("src/lib.rs")).unwrap();
        let both = changed(&before, &plugin_folder::files(path));
        assert_eq!(both, [path.join("cases/b.yaml"), path.join("src/lib.rs")]);
        assert_eq!(work_for(path, &both), Work::BuildAndTest);
    }
}
