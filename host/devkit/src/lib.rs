//! Creates, builds, tests, measures and imports plugins.
//!
//! In reading order: [`new`] writes a project as `template` and `sdk_files` have it, [`build`] makes a component of it with the tools of its
//! [`language`] (Go's by `componentize`, JavaScript's checked by `javascript`), [`watch`] says what a change makes necessary.
//! [`subject`] is which plugin is meant, [`cases`] what is tested, [`case_run`] runs them, [`mod@bench`] measures them, and [`answer`] puts
//! answers into the contract's words. [`import`] reads other tools' health checks, and [`import_plugin`] makes plugins of them. This
//! crate knows no command line, no terminal and no environment.

pub mod answer;
pub mod bench;
pub mod build;
pub mod case_run;
pub mod cases;
mod componentize;
pub mod import;
pub mod import_plugin;
mod javascript;
pub mod language;
pub mod new;
mod sdk_files;
pub mod subject;
mod template;
pub mod watch;

use capstan_core::model::{
    error::{Diagnostic, Diagnostics},
    remedy::Remedies,
};
use capstan_sandbox::Examination;

/// Makes an error of the user's input, with a hint.
fn usage_error(message: impl Into<String>, hint: impl Into<Remedies>) -> anyhow::Error {
    Diagnostics::single(message, hint).into()
}

/// Returns everything that keeps a component from being a plugin. `file` is its name in messages.
pub fn find_faults(file: &str, found: &Examination) -> Vec<Diagnostic> {
    let faults = found.faults.iter();
    faults
        .map(|fault| Diagnostic::new(format!("{file}: {}", fault.message)).hint(fault.hint.clone()))
        .collect()
}
