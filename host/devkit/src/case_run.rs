//! Runs test cases in the real sandbox, and records their answers in the files.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use capstan_core::model::error::Diagnostics;
use capstan_files::Readers;
use capstan_sandbox::Sandbox;

use crate::{
    cases::{
        Case, CaseFile,
        record::{Expectation, with_expectations},
        script::{self, Outcome},
    },
    usage_error,
};

/// A test case with its result.
pub struct CaseRun {
    /// The case that was run.
    pub case: Case,
    /// The answers, and every difference from what the case expects.
    pub outcome: Outcome,
}

impl CaseRun {
    /// Says whether the case passed.
    pub fn has_passed(&self) -> bool {
        self.outcome.failures.is_empty()
    }

    /// Returns the path of the case's file, as the user wrote it.
    pub fn file(&self) -> String {
        self.case.file.path.display().to_string()
    }
}

/// Runs cases one after the other.
pub async fn run_all(sandbox: &Sandbox, name: &str, cases: Vec<Case>) -> Vec<CaseRun> {
    let mut trials = Vec::new();
    for case in cases {
        let outcome = script::run(sandbox, name, &case).await;
        trials.push(CaseRun { case, outcome });
    }
    trials
}

/// Records the answers in the files, and removes the failures that this fixes. Returns the number of recorded answers.
///
/// # Errors
///
/// Returns why an answer can't be recorded.
pub fn record(trials: &mut [CaseRun]) -> anyhow::Result<usize> {
    let mut files: BTreeMap<PathBuf, (Arc<CaseFile>, Vec<Expectation>)> = BTreeMap::new();
    let mut count = 0;
    for trial in trials.iter_mut().filter(|trial| trial.case.file.is_native) {
        let file = &trial.case.file;
        let other = trial.outcome.answers.iter().filter(|given| !given.is_as_expected);
        let other: Vec<Expectation> = other
            .map(|given| Expectation {
                pointer: given.pointer.clone(),
                answer: given.answer.clone(),
            })
            .collect();
        count += other.len();
        let entry = files.entry(file.path.clone());
        entry.or_insert_with(|| (file.clone(), Vec::new())).1.extend(other);
        trial.outcome.failures.retain(|failure| !failure.is_recordable);
    }
    for (path, (file, all)) in files {
        if all.is_empty() {
            continue;
        }
        let text = with_expectations(&file, all).map_err(Diagnostics)?;
        capstan_files::write(&path, text.as_bytes(), Readers::Inherited).map_err(|error| {
            let message = format!("{} can't be written: {error}", path.display());
            usage_error(message, "recording changes the files of cases")
        })?;
    }
    Ok(count)
}
