//! What is refused when it is loaded, and how that is said.

use capstan_core::model::remedy::Command;
use capstan_sandbox::{CompiledBy, Sandbox, SandboxError, Source};
use insta::assert_snapshot;
use wasm_encoder::{Component, Module};

use crate::support::{builtins, guest, health_claim, sandbox, stamped};

fn refused(component: Vec<u8>) -> String {
    let error = Sandbox::builder().plugin("./x.wasm", component).build().err().unwrap();
    with_hint(&error)
}

fn with_hint(error: &SandboxError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    match error.hint() {
        hint if hint.is_empty() => text,
        hint if hint == (Command::BuildPlugin { folder: None }).into() => format!("{text}\nhint: build it"),
        hint => format!("{text}\nhint: {}", hint.free_text()),
    }
}

#[test]
fn a_foreign_import_is_refused_by_its_name() {
    assert_snapshot!(refused(guest("outside").to_vec()), @r"
    plugin ./x.wasm imports `stranger:things/door@0.1.0`, which plugins may not import
    hint: a plugin may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data
    ");
}

#[test]
fn what_is_no_plugin_is_refused() {
    assert_snapshot!(refused(b"#!/bin/sh".to_vec()), @r"
    ./x.wasm is not a plugin: not a component: magic header not detected: bad magic number (at byte 0)
    hint: a plugin is a WebAssembly component (Rust: target `wasm32-wasip2`), not a core module
    ");
    assert_snapshot!(refused(Module::new().finish()), @r"
    ./x.wasm is not a plugin: not a component: a core module
    hint: a plugin is a WebAssembly component (Rust: target `wasm32-wasip2`), not a core module
    ");
    assert_snapshot!(refused(Component::new().finish()), @r"
    ./x.wasm is not a plugin: no manifest: there is no section `capstan:plugin`
    hint: build it
    ");
    assert_snapshot!(refused(vec![0; (32 << 20) + 1]), @r"
    plugin ./x.wasm has 33554433 bytes, and may have 33554432
    hint: build it in release mode, without debug information
    ");
}

#[test]
fn a_claim_without_its_export_is_refused() {
    let manifest = capstan_stamp::read(&stamped("x", &health_claim("['Pod']"))).unwrap();
    let bare = capstan_stamp::stamp(&Component::new().finish(), &manifest).unwrap();
    assert_snapshot!(refused(bare), @r"
    plugin ./x.wasm claims `health`, and does not export `capstan:plugin/health@0.1.0`
    hint: export it, or remove the claim from `plugin.toml`
    ");
}

#[test]
fn a_component_cut_short_is_refused() {
    let whole = guest("hostile");
    for length in [0, 8, 100, whole.len() / 2, whole.len() - 1] {
        assert!(
            Sandbox::builder()
                .plugin("x", whole[..length].to_vec())
                .build()
                .is_err()
        );
    }
}

#[test]
fn two_plugins_of_one_name_are_refused() {
    let one = stamped("queue", &health_claim("['example.com/Queue']"));
    let two = stamped("queue", &health_claim("['example.com/Topic']"));
    let error = Sandbox::builder().plugin("a.wasm", one).plugin("b.wasm", two).build();
    assert_snapshot!(with_hint(&error.err().unwrap()), @r"
    plugins a.wasm and b.wasm are both named `queue`
    hint: rename one of them in its `plugin.toml`
    ");
}

#[test]
fn two_built_in_plugins_with_one_claim_are_refused() {
    let one = stamped("one", &health_claim("['example.com/Queue', 'Pod']"));
    let two = stamped("two", &health_claim("['Pod']"));
    let error = Sandbox::builder().builtin("one", one).builtin("two", two).build();
    assert_snapshot!(with_hint(&error.err().unwrap()), @"plugins one (built in) and two (built in) both claim health `Pod`");
}

#[test]
fn what_is_left_out_must_be_there() {
    let error = builtins().without("jbo").build().err().unwrap();
    assert_snapshot!(with_hint(&error), @r"
    there is no plugin `jbo` to leave out
    hint: there are `approval`, `http-check`, `job`, `keep-last`, `policies`, `resource`, `scale`, `skip`, `ttl`
    ");
}

#[test]
fn a_plugin_of_the_user_is_compiled_at_once_and_a_built_in_one_when_asked() {
    let sandbox = builtins().plugin("hostile.wasm", guest("hostile")).build().unwrap();
    let compiled: Vec<_> = sandbox
        .plugins()
        .into_iter()
        .map(|plugin| (plugin.name, plugin.source, plugin.compiled))
        .collect();
    let built_in = |name: &str| (name.to_owned(), Source::BuiltIn(name.to_owned()), None);
    let hostile = (
        "hostile".to_owned(),
        Source::Path("hostile.wasm".to_owned()),
        Some(CompiledBy::Now),
    );
    let expected: Vec<_> = capstan_bundle::ALL.iter().map(|plugin| built_in(plugin.name)).collect();
    assert_eq!(compiled[0], hostile);
    assert_eq!(compiled[1..], expected);
    sandbox.compile_all().unwrap();
    assert!(sandbox.plugins().iter().all(|plugin| plugin.compiled.is_some()));
}

#[test]
fn a_plugin_says_who_it_is() {
    let plugins = sandbox().plugins();
    let job = plugins.iter().find(|plugin| plugin.name == "job").unwrap();
    assert_eq!(
        (&*job.version, &*job.contract, &*job.licence),
        ("0.1.0", "0.1.0", "Apache-2.0")
    );
    assert_eq!(job.digest.len(), 64);
    assert_eq!(job.size_bytes, capstan_bundle::get("job").unwrap().bytes.len());
    let claims: Vec<String> = job
        .claims
        .iter()
        .map(|claim| format!("{} {} {:?}", claim.interface, claim.claim, claim.shadowed_by))
        .collect();
    assert_eq!(claims, ["hook batch/Job None", "health batch/Job None"]);
    assert!(sandbox().notes().is_empty(), "{:?}", sandbox().notes());
}
