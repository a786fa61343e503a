//! The format of the files in `differential/cases/`: several cases each, by name.

use std::collections::BTreeMap;

use anyhow::Context as _;
use capstan_sim::pods::Behaviour;
use serde::Deserialize;

use super::set::{self, ManifestEntry};

/// A case that both tools run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The name: its key in the file.
    #[serde(skip)]
    pub name: String,
    /// The rule that it tests.
    pub about: String,
    /// The behaviours of containers.
    #[serde(default)]
    pub behaviours: Vec<Behaviour>,
    /// The operations, one after the other.
    pub steps: Vec<Step>,
}

/// One operation of a case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Step {
    /// The objects that others create before it.
    #[serde(rename = "given")]
    pub existing: BTreeMap<String, ManifestEntry>,
    /// The desired objects.
    pub set: BTreeMap<String, ManifestEntry>,
    /// The application's sync options.
    pub options: Vec<String>,
    /// Whether objects that aren't in the set any more are removed.
    pub prune: bool,
    /// Whether required confirmations are given.
    pub confirmed: bool,
    /// Whether no hooks run.
    pub skip_hooks: bool,
    /// Whether Capstan sends no dry runs first, like Argo CD: `--dry-run-first off`.
    pub unchecked: bool,
    /// The resources of a selective sync, as `Kind/name`.
    pub only: Vec<String>,
    /// How often a failed operation is tried again.
    pub retries: u32,
    /// The hook, as `Kind/name`, during which the operation is terminated.
    pub terminate_at: Option<String>,
    /// The operation doesn't end by itself: it is terminated when nothing has happened for a while.
    pub never_ends: bool,
}

impl Case {
    /// Returns the prefixes of generated names.
    pub fn prefixes(&self) -> Vec<String> {
        let names = self.steps.iter().flat_map(|step| step.set.keys());
        let prefixes = names.filter_map(|name| name.strip_suffix('*')?.split_once('/'));
        prefixes.map(|(_, prefix)| prefix.to_owned()).collect()
    }
}

/// Reads all cases.
///
/// # Errors
///
/// Returns which file is invalid.
pub fn read_all() -> anyhow::Result<Vec<Case>> {
    let folder = crate::path("differential/cases");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        files.push(entry?.path());
    }
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        for named in parse(&text).with_context(|| file.display().to_string())? {
            anyhow::ensure!(
                cases.iter().all(|other: &Case| other.name != named.name),
                "there are two cases `{}`",
                named.name
            );
            cases.push(named);
        }
    }
    Ok(cases)
}

/// Reads the cases of one file.
///
/// # Errors
///
/// Returns which case is invalid.
pub fn parse(text: &str) -> anyhow::Result<Vec<Case>> {
    let read: BTreeMap<String, Case> = serde_yaml::from_str(text)?;
    let mut cases = Vec::new();
    for (name, case) in read {
        let named = Case { name, ..case };
        check(&named).with_context(|| format!("case `{}`", named.name))?;
        cases.push(named);
    }
    Ok(cases)
}

fn check(case: &Case) -> anyhow::Result<()> {
    anyhow::ensure!(
        !case.about.is_empty() && !case.steps.is_empty(),
        "it is about something and has steps"
    );
    for step in &case.steps {
        set::objects(&step.set, "space")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_are_sixty_cases_and_each_can_be_read() {
        let cases = super::read_all().unwrap();
        assert!(cases.len() >= 60, "{}", cases.len());
    }
}
