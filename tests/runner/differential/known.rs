//! The list of known differences, `differential/KNOWN.md`: a table of cases, what differs, and why.

use std::collections::BTreeSet;

use anyhow::Context as _;

use super::told::Aspect;

/// A difference that is meant.
#[derive(Debug)]
pub struct Known {
    /// In which case.
    pub case: String,
    /// What differs.
    pub aspects: BTreeSet<Aspect>,
}

/// Reads the list.
///
/// # Errors
///
/// Returns which line is not of its form.
pub fn read() -> anyhow::Result<Vec<Known>> {
    parse(&std::fs::read_to_string(crate::path("differential/KNOWN.md"))?)
}

pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Known>> {
    let mut known: Vec<Known> = Vec::new();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case ") && !line.starts_with("| --"));
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let &[case, aspects, why] = cells.as_slice() else {
            anyhow::bail!("a row has a case, what differs and why: `{row}`");
        };
        anyhow::ensure!(!why.is_empty(), "why is not said: `{row}`");
        let aspects: Option<BTreeSet<Aspect>> = aspects.split(',').map(|word| Aspect::of(word.trim())).collect();
        anyhow::ensure!(known.iter().all(|other| other.case != case), "`{case}` is there twice");
        known.push(Known {
            case: case.to_owned(),
            aspects: aspects
                .with_context(|| format!("what differs is `status`, `results`, `order` or `left`: `{row}`"))?,
        });
    }
    Ok(known)
}
