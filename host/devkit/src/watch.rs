//! What has to be done after a change of a project's files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use capstan_runtime::plugin_folder;

/// The modification time of each file of a project.
pub type FileTimes = BTreeMap<PathBuf, SystemTime>;

/// What has to be done after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredWork {
    /// The component is older than its sources.
    BuildAndTest,
    /// Only test cases changed.
    Test,
}

/// Returns what has to be done after a change of these files of a folder.
pub fn required_work(folder: &Path, changed: &[PathBuf]) -> RequiredWork {
    let cases = folder.join(plugin_folder::CASES);
    if changed.iter().all(|path| path.starts_with(&cases)) {
        RequiredWork::Test
    } else {
        RequiredWork::BuildAndTest
    }
}

/// Lists the files that were changed, created or deleted.
pub fn changed_files(before: &FileTimes, now: &FileTimes) -> Vec<PathBuf> {
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
        let before = plugin_folder::modified_times(path);
        assert!(changed_files(&before, &plugin_folder::modified_times(path)).is_empty());
        write("queue.wasm");
        write("target/debug/x");
        write("capstan_plugin_hook/wit_bindings.go");
        assert!(changed_files(&before, &plugin_folder::modified_times(path)).is_empty());
        write("cases/b.yaml");
        let case = changed_files(&before, &plugin_folder::modified_times(path));
        assert_eq!(case, [path.join("cases/b.yaml")]);
        assert_eq!(required_work(path, &case), RequiredWork::Test);
        fs::remove_file(path.join("src/lib.rs")).unwrap();
        let both = changed_files(&before, &plugin_folder::modified_times(path));
        assert_eq!(both, [path.join("cases/b.yaml"), path.join("src/lib.rs")]);
        assert_eq!(required_work(path, &both), RequiredWork::BuildAndTest);
    }
}
