//! Strangers' plugins are compiled in a process of their own: what becomes of it is told.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use capstan_sandbox::{Sandbox, SandboxError};

use crate::support::guest;

/// A program that is started as the compiler, and does this.
fn compiler(folder: &tempfile::TempDir, script: &str) -> PathBuf {
    let path = folder.path().join("compiler");
    fs::write(
        &path,
        format!("#!/bin/sh\n[ \"$1\" = __compile-plugin ] || exit 9\n{script}\n"),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn error_of(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let builder = Sandbox::builder().plugin("viewer.wasm", guest("viewer"));
    let error = builder.compiled_by(compiler(&folder, script)).build().err().unwrap();
    assert!(matches!(error, SandboxError::Compile { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_keeps_the_compiler_from_its_end_is_told() {
    assert_eq!(
        error_of("head -c 100 >/dev/null; echo 'invalid leading byte' >&2; exit 1"),
        "failed to compile plugin viewer.wasm: invalid leading byte"
    );
    assert_eq!(
        error_of("kill -XCPU $$"),
        "failed to compile plugin viewer.wasm: it took more than 300 s of processor time"
    );
    assert_eq!(
        error_of("echo 'memory allocation of 4096 bytes failed' >&2; ulimit -c 0; kill -ABRT $$"),
        "failed to compile plugin viewer.wasm: the compiler ended with signal: 6 (SIGABRT), where it may use 2 GiB: \
         memory allocation of 4096 bytes failed"
    );
    // What it says is bounded.
    let flood = error_of("head -c 9000000 /dev/zero | tr '\\0' x >&2; exit 1");
    assert!(flood.len() < 20_000, "{}", flood.len());
}

#[test]
fn without_the_program_plugins_are_compiled_all_the_same() {
    let builder = Sandbox::builder().plugin("viewer.wasm", guest("viewer"));
    assert!(builder.compiled_by("/nowhere/capstan").build().is_ok());
    // What came with the host is not a stranger's.
    let folder = tempfile::tempdir().unwrap();
    let builder = Sandbox::builder().builtin("viewer", guest("viewer"));
    let sandbox = builder.compiled_by(compiler(&folder, "exit 1")).build().unwrap();
    sandbox.compile_all().unwrap();
}
