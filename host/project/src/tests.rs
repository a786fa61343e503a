use std::{collections::BTreeSet, path::Path};

use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    file::{ApplicationEntry, ConfigFile, SourceEntry},
    signature_policy::{SignatureRuleEntry, SignerEntry},
    *,
};

/// Lists the keys that may stand in something: serde says them of a key that may not.
fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
    let message = match serde_json::from_value::<T>(json!({ "?": 1 })) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_document_of_the_file_has_every_key() -> std::io::Result<()> {
    let tested = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let text = std::fs::read_to_string(Path::new(&tested).join("../CAPSTAN-YAML.md"))?;
    let sections = [
        ("The file", keys::<ConfigFile>()),
        ("An application", keys::<ApplicationEntry>()),
        ("A source", keys::<SourceEntry>()),
        ("A rule of signatures", keys::<SignatureRuleEntry>()),
        ("A signer", keys::<SignerEntry>()),
        ("Options", keys::<Options>()),
    ];
    for (title, keys) in sections {
        let section = text.split(&format!("## {title}\n")).nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
        assert_eq!(rows, keys, "in the section `{title}`");
    }
    Ok(())
}
