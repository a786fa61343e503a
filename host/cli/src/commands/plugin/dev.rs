//! `capstan plugin dev`: builds and tests a project, again whenever it changes.

use std::{path::Path, time::Duration};

use capstan_devkit::{
    case_run, cases,
    subject::Subject,
    watch::{RequiredWork, changed_files, required_work},
};
use capstan_runtime::plugin_folder;

use super::{build, print, test};
use crate::{
    args::{GlobalOptions, PluginDev},
    diagnostics,
    exit::Exit,
    render::Paint,
    text,
};

/// How often the files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

pub(super) async fn run(global: &GlobalOptions, args: &PluginDev) -> anyhow::Result<Exit> {
    if !args.watch {
        return build_and_test(global, args).await;
    }
    let paint = Paint::new(global.color);
    let folder = &args.build.folder;
    let mut work = RequiredWork::BuildAndTest;
    loop {
        // A file that changes during a build causes another build.
        let before = plugin_folder::modified_times(folder);
        let done = match work {
            RequiredWork::BuildAndTest => build_and_test(global, args).await,
            RequiredWork::Test => test_cases(global, folder, folder).await,
        };
        let failed = done
            .inspect_err(|error| diagnostics::print_error(error, paint))
            .is_err();
        print(&text!("waiting for changes; Ctrl-C ends it\n"));
        let changed = loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let changed = changed_files(&before, &plugin_folder::modified_times(folder));
            if !changed.is_empty() {
                break changed;
            }
        };
        let shown: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
        print(&text!("\nchanged: {}\n", shown.join(", ")));
        work = if failed {
            RequiredWork::BuildAndTest
        } else {
            required_work(folder, &changed)
        };
    }
}

/// Builds and tests once.
async fn build_and_test(global: &GlobalOptions, args: &PluginDev) -> anyhow::Result<Exit> {
    let built = build::build(global, &args.build).await?;
    let (name, version) = (&built.manifest.name, &built.manifest.version);
    print(&text!("{}: {} {}\n", built.file.display(), name, version));
    test_cases(global, &args.build.folder, &built.file).await
}

/// Runs the test cases in a folder, if it has any, with a component or the one in a folder.
async fn test_cases(global: &GlobalOptions, folder: &Path, component: &Path) -> anyhow::Result<Exit> {
    let path = folder.join(plugin_folder::CASES);
    if !path.is_dir() {
        return Ok(Exit::Done);
    }
    let cases = cases::read(&path)?;
    let (sandbox, name) = {
        let subject = Subject::from_path(component)?;
        subject.stale.iter().for_each(diagnostics::warn_stale);
        subject.load(&global.plugin_host)?
    };
    let trials = case_run::run_all(&sandbox, &name, cases).await;
    Ok(test::print_results(&name, &trials, 0, Paint::new(global.color)))
}
