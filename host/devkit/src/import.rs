//! Reads the health checks of other tools.
//!
//! [`argo`] reads Argo CD's scripts from its folder or from an `argocd-cm`, [`flux`] reads Flux's expressions.
//! [`import_plugin`](crate::import_plugin) makes a plugin of them, with an interpreter.

pub mod argo;
pub mod flux;

use std::path::PathBuf;

use capstan_stamp::KindPattern;

/// A health check that was found in the files of another tool.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck<T> {
    /// The kinds that it is for.
    pub kinds: KindPattern,
    /// The script or the expressions.
    pub definition: T,
    /// The folder with its test cases, in Argo CD's layout.
    pub cases: Option<PathBuf>,
}

/// The health checks in a file or folder.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundChecks<T> {
    /// The checks, sorted by their kinds.
    pub checks: Vec<HealthCheck<T>>,
    /// The checks that can't be imported, each with the reason.
    pub left_out: Vec<String>,
}

impl<T> FoundChecks<T> {
    fn empty() -> FoundChecks<T> {
        FoundChecks {
            checks: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds a check; it replaces one for the same kinds.
    fn add(&mut self, check: HealthCheck<T>) {
        self.checks.retain(|other| other.kinds != check.kinds);
        self.checks.push(check);
        self.checks.sort_by(|one, other| one.kinds.cmp(&other.kinds));
    }

    /// Adds a check for kinds that are parsed first. Kinds that can't be parsed are reported.
    fn add_named(&mut self, kinds: &str, definition: T, cases: Option<PathBuf>) {
        match kinds.parse() {
            Ok(kinds) => self.add(HealthCheck {
                kinds,
                definition,
                cases,
            }),
            Err(why) => self.left_out.push(format!("{kinds}: {why}")),
        }
    }
}
