//! The web page is not part of the host.

use std::{fs, path::Path};

use super::metadata;

const PAGE: &str = "capstan-ui";

/// It is compiled for browsers by a nested build. What depended on it would have it, and its crates, in the host.
#[test]
fn nothing_but_one_nested_build_knows_the_page() {
    let metadata = metadata();
    let mut builders = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let dependencies = package["dependencies"].as_array().unwrap();
        let has_page = dependencies.iter().any(|dependency| dependency["name"] == PAGE);
        assert!(!has_page, "{name} depends on {PAGE}");
        let build = Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("build.rs");
        if fs::read_to_string(build).is_ok_and(|text| text.contains(&format!("\"{PAGE}\""))) {
            builders.push(name);
        }
    }
    assert_eq!(builders, ["capstan-ui-assets"]);
}
