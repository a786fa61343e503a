//! The contract's two promises: what was published is never changed, only added to; and its reference is what the `.wit` files say.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use wit_bindgen_core::{Files, wit_parser::Resolve};

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// What a file declares: its lines without comments.
fn declared(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Lists what of the frozen copy a file doesn't have any more, in the same order.
fn missing(frozen: &[String], now: &[String]) -> Vec<String> {
    let mut now = now.iter();
    let is_gone = |line: &&String| {
        let rest = now.clone();
        let found = now.any(|other| other == *line);
        if !found {
            now = rest;
        }
        !found
    };
    frozen.iter().filter(is_gone).cloned().collect()
}

#[test]
fn what_was_published_as_0_1_0_is_only_added_to() {
    for entry in fs::read_dir(wit().join("frozen/0.1.0")).unwrap() {
        let frozen = entry.unwrap().path();
        let now = wit().join(frozen.file_name().unwrap());
        let gone = missing(&declared(&frozen), &declared(&now));
        assert!(
            gone.is_empty(),
            "{}: components have been built against {gone:#?}",
            now.display()
        );
    }
}

#[test]
fn what_is_changed_or_moved_is_seen() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(missing(&lines("a b c"), &lines("a new b c newer")).is_empty());
    assert_eq!(missing(&lines("a b c"), &lines("a B c")), ["b"]);
    assert_eq!(missing(&lines("a b c"), &lines("b a c")), ["b"]);
}

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-stamp` writes it again.
#[test]
fn the_reference_is_what_the_contract_says() {
    let mut resolve = Resolve::default();
    resolve.push_dir(wit()).unwrap();
    let all = "package capstan:all; world contract {
        import capstan:plugin/host@0.1.0;
        import capstan:plugin/object-view@0.1.0;
        export capstan:plugin/health@0.1.0;
        export capstan:plugin/health-by-view@0.1.0;
        export capstan:plugin/hook@0.1.0;
        export capstan:plugin/delete-policy@0.1.0;
    }";
    let package = resolve.push_str("all.wit", all).unwrap();
    let world = resolve.select_world(&[package], Some("contract")).unwrap();
    let mut files = Files::default();
    let mut generator = wit_bindgen_markdown::Opts::default().build();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    let (_, text) = files.iter().find(|(name, _)| *name == "contract.md").unwrap();
    let text = std::str::from_utf8(text).unwrap();
    let path = wit().join("REFERENCE.md");
    if std::env::var_os("CAPSTAN_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, text, "it is written again with CAPSTAN_UPDATE=1");
}
