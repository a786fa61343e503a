//! Health checks of other tools, read from where those have them.
//!
//! [`argo`] reads Argo CD's scripts from its folder or from an `argocd-cm`, [`flux`] Flux's expressions. What is read is no plugin yet: an
//! interpreter makes one of it ([`import_plugin`](crate::import_plugin)).

pub mod argo;
pub mod flux;

use std::path::PathBuf;

use capstan_stamp::KindPattern;

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check<T> {
    /// Which kinds it is for.
    pub kinds: KindPattern,
    /// What it does.
    pub does: T,
    /// The folder with its cases, in Argo CD's layout.
    pub cases: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// The checks, by their kinds.
    pub checks: Vec<Check<T>>,
    /// What can't become a plugin, and why.
    pub left_out: Vec<String>,
}

impl<T> Found<T> {
    fn none() -> Found<T> {
        Found {
            checks: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds a check; a later one for the same kinds takes its place.
    fn add(&mut self, check: Check<T>) {
        self.checks.retain(|other| other.kinds != check.kinds);
        self.checks.push(check);
        self.checks.sort_by(|one, other| one.kinds.cmp(&other.kinds));
    }

    /// Adds a check whose kinds are still to be read; says so where they can't be.
    fn add_named(&mut self, kinds: &str, does: T, cases: Option<PathBuf>) {
        match kinds.parse() {
            Ok(kinds) => self.add(Check { kinds, does, cases }),
            Err(why) => self.left_out.push(format!("{kinds}: {why}")),
        }
    }
}
