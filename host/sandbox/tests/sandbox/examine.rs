//! What is wrong with a component, all of it at once.

use capstan_sandbox::{Examination, examine};
use capstan_stamp::{Manifest, stamp};
use insta::assert_snapshot;
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentInstanceSection,
    ComponentTypeRef, ComponentTypeSection, InstanceType,
};

use crate::support::{guest, health_claim, stamped};

/// A component that imports and exports interfaces without anything in them.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut section = ComponentImportSection::new();
    for name in imports {
        section.import(*name, ComponentTypeRef::Instance(0));
    }
    component.section(&section);
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    component.section(&instances);
    let mut section = ComponentExportSection::new();
    for name in exports {
        let instance = u32::try_from(imports.len()).unwrap();
        section.export(*name, ComponentExportKind::Instance, instance, None);
    }
    component.section(&section);
    component.finish()
}

fn manifest(claims: &str) -> Manifest {
    let toml = format!(
        "contract = '0.1.0'\nname = 'queue'\nversion = '1.0.0'\nlicence = 'MIT'\ndescription = 'A test.'\n{claims}"
    );
    Manifest::from_toml(&toml).unwrap()
}

fn report(bytes: &[u8]) -> String {
    let Examination { faults, notes, .. } = examine(bytes, None, None).unwrap();
    let faults = faults
        .iter()
        .map(|fault| format!("{}\nhint: {}", fault.message, fault.hint.free_text()));
    let notes = notes.iter().map(|note| format!("note: {note}"));
    faults.chain(notes).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plugin_has_no_fault() {
    let found = examine(guest("wishes"), None, None).unwrap();
    assert!(found.is_plugin(), "{:?}", found.faults);
    assert_eq!(found.manifest.unwrap().name, "wishes");
    assert_eq!(
        found.limits.iter().map(|limit| limit.interface).collect::<Vec<_>>(),
        ["hook"]
    );
    assert!(!found.requests.is_empty() && found.digest.len() == 64 && found.anatomy.unwrap().modules > 0);
}

#[test]
fn every_foreign_name_is_a_fault_of_its_own() {
    let imports = [
        "capstan:plugin/host@0.2.0",
        "capstan:plugin/object-view@0.2.0",
        "wasi:http/types@0.3.0",
        "stranger:things/door@0.1.0",
    ];
    let bytes = component(&imports, &["capstan:plugin/health@0.3.0", "wasi:cli/run@0.2.6"]);
    let bytes = stamp(&bytes, &manifest(&health_claim("['Pod']"))).unwrap();
    assert_snapshot!(report(&bytes), @"
    it imports `capstan:plugin/host@0.2.0`, which plugins may not import
    hint: build it against a contract that this host knows: 0.1.0
    it imports `capstan:plugin/object-view@0.2.0`, which plugins may not import
    hint: this host does not offer that part of the contract
    it imports `wasi:http/types@0.3.0`, which plugins may not import
    hint: a plugin gets WASI 0.2; build it with a toolchain for that
    it imports `stranger:things/door@0.1.0`, which plugins may not import
    hint: it may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data
    it exports `capstan:plugin/health@0.3.0`, which this host doesn't know
    hint: build it against a contract that this host knows: 0.1.0
    it claims `health`, and does not export `capstan:plugin/health@0.1.0`
    hint: export it, or remove the claim from `plugin.toml`
    ");
}

#[test]
fn another_world_and_other_types_are_told() {
    let other = component(&[], &["wasi:cli/run@0.2.6"]);
    assert_snapshot!(report(&stamp(&other, &manifest(&health_claim("['Pod']"))).unwrap()), @"
    it exports `wasi:cli/run@0.2.6`: it was built for another world
    hint: a plugin exports one or more of `capstan:plugin/health@0.1.0`, `capstan:plugin/hook@0.1.0`, `capstan:plugin/delete-policy@0.1.0`, `capstan:plugin/health-by-view@0.1.0`
    ");
    let empty = component(&[], &["capstan:plugin/health@0.1.0"]);
    assert_snapshot!(report(&stamp(&empty, &manifest(&health_claim("['Pod']"))).unwrap()), @"
    its code does not fit: instance export `capstan:plugin/health@0.1.0` does not have export `assess`
    hint: build it again against the contract 0.1.0 in `wit/`
    ");
}

#[test]
fn what_is_offered_and_not_claimed_is_odd() {
    assert_snapshot!(report(&stamped("queue", &health_claim("['example.com/Queue']"))), @"
    note: it exports `capstan:plugin/hook@0.1.0` but claims nothing for it, so it is never called
    note: it exports `capstan:plugin/delete-policy@0.1.0` but claims nothing for it, so it is never called
    ");
}

#[test]
fn whatever_is_cut_or_bent_is_a_fault_and_never_a_panic() {
    let whole = component(&["wasi:io/poll@0.2.6"], &["capstan:plugin/health@0.1.0"]);
    let whole = stamp(&whole, &manifest(&health_claim("['Pod']"))).unwrap();
    for length in 0..whole.len() {
        assert!(
            !examine(&whole[..length], None, None).unwrap().is_plugin(),
            "cut at {length}"
        );
    }
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 0x40;
        examine(&bent, None, None).unwrap();
    }
}
