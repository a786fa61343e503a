//! The known differences in `differential/KNOWN.md`: a table with the case, the aspect, and the reason.

use std::collections::BTreeSet;

use anyhow::Context as _;

use super::step_result::Aspect;

/// An intended difference.
#[derive(Debug)]
pub struct KnownDifference {
    /// The name of the case.
    pub case: String,
    /// The differing aspects.
    pub aspects: BTreeSet<Aspect>,
}

/// Reads the list.
///
/// # Errors
///
/// Returns which line is invalid.
pub fn read() -> anyhow::Result<Vec<KnownDifference>> {
    parse(&std::fs::read_to_string(crate::path("differential/KNOWN.md"))?)
}

pub(super) fn parse(text: &str) -> anyhow::Result<Vec<KnownDifference>> {
    let mut known: Vec<KnownDifference> = Vec::new();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case ") && !line.starts_with("| --"));
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let &[case, aspects, why] = cells.as_slice() else {
            anyhow::bail!("a row has a case, what differs and why: `{row}`");
        };
        anyhow::ensure!(!why.is_empty(), "why is not said: `{row}`");
        let aspects: Option<BTreeSet<Aspect>> = aspects.split(',').map(|word| Aspect::from_word(word.trim())).collect();
        anyhow::ensure!(known.iter().all(|other| other.case != case), "`{case}` is there twice");
        known.push(KnownDifference {
            case: case.to_owned(),
            aspects: aspects
                .with_context(|| format!("what differs is `status`, `results`, `order` or `left`: `{row}`"))?,
        });
    }
    Ok(known)
}
