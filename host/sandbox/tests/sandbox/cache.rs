//! Compiled code that is kept.

use std::{fs, path::Path};

use capstan_sandbox::{CompiledBy, Sandbox};

use crate::support::{assess, builtins, guest, hostile};

fn load(folder: &Path) -> Sandbox {
    let builder = Sandbox::builder().cache(folder);
    builder.plugin("hostile.wasm", guest("hostile")).build().unwrap()
}

fn how(sandbox: &Sandbox) -> Option<CompiledBy> {
    sandbox.plugins()[0].compiled
}

fn stored(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let code: Vec<_> = files.filter(|path| path.is_file() && !path.ends_with("key")).collect();
    assert_eq!(code.len(), 1);
    code[0].clone()
}

#[tokio::test]
async fn a_plugin_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(how(&load(folder.path())), Some(CompiledBy::Now));
    let second = load(folder.path());
    assert_eq!(how(&second), Some(CompiledBy::Cached));
    assert_eq!(assess(&second, &hostile("Yes")).await.unwrap().message, "as you wish");
}

#[tokio::test]
async fn a_file_that_somebody_changed_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path());
    let file = stored(folder.path());
    let written = fs::read(&file).unwrap();
    let mut bent = written.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 0xff;
    for damaged in [bent, written[..100].to_vec(), Vec::new()] {
        fs::write(&file, damaged).unwrap();
        let sandbox = load(folder.path());
        assert_eq!(how(&sandbox), Some(CompiledBy::Now));
        assert!(assess(&sandbox, &hostile("Yes")).await.is_ok());
        assert_eq!(how(&load(folder.path())), Some(CompiledBy::Cached), "written again");
    }
}

#[test]
fn a_folder_that_can_not_be_used_is_a_note_and_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let sandbox = builtins().cache(file.join("deep")).build().unwrap();
    assert_eq!(sandbox.notes().len(), 1);
    assert!(sandbox.notes()[0].starts_with("compiled plugins are not kept in "));
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_can_write_to_is_not_used_and_that_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("plugins");
    load(&cache);
    assert_eq!(how(&load(&cache)), Some(CompiledBy::Cached));
    for wrong in [cache.clone(), folder.path().to_owned()] {
        fs::set_permissions(&wrong, fs::Permissions::from_mode(0o777)).unwrap();
        let sandbox = load(&cache);
        assert_eq!(how(&sandbox), Some(CompiledBy::Now));
        let [note] = sandbox.notes() else {
            panic!("{:?}", sandbox.notes())
        };
        let remedy = format!("(mode 0777); to fix it: chmod go-w {}", wrong.display());
        assert!(
            note.starts_with("compiled plugins are not kept in ") && note.ends_with(&remedy),
            "{note}"
        );
        assert!(assess(&sandbox, &hostile("Yes")).await.is_ok());
        fs::set_permissions(&wrong, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(how(&load(&cache)), Some(CompiledBy::Cached));
}
