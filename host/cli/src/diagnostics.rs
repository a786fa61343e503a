//! Prints mistakes and errors: what is wrong, where, the line itself, and a hint.

use std::collections::BTreeSet;

pub use capstan_core::model::error::Diagnostics;
use capstan_core::model::{
    error::{Diagnostic, closest_match},
    finding::Finding,
    object::ObjectKey,
    place::Place,
    remedy::Remedies,
};
use capstan_engine::{AwaitedSignal, EngineError, HookState, Refusal};
use capstan_project::plugins::registry_remedies;
use capstan_registry::RegistryError;
use capstan_runtime::{ConnectError, CredentialError, plugin_folder::Stale};
use capstan_sandbox::{AskError, SandboxError};

use crate::{
    render::{Paint, remedy},
    terminal::{Text, clean, print_stderr},
    text,
};

/// Makes an error of the user's input, with a hint.
pub fn usage_error(message: impl Into<String>, hint: impl Into<Remedies>) -> anyhow::Error {
    Diagnostics::single(message, hint).into()
}

/// Warns that a plugin is older than its sources.
pub(crate) fn warn_stale(stale: &Stale) {
    print_stderr(&text!(
        "warning: {} was built before {} changed; `capstan plugin build {}` builds it again",
        stale.component.display(),
        stale.source.display(),
        stale.folder.display()
    ));
}

/// Prints an error to stderr.
pub fn print_error(error: &anyhow::Error, paint: Paint) {
    print_stderr(&error_text(error, paint).trim_end());
}

/// Returns the errors of lint for which a plan was refused, and how to run it nonetheless.
fn lint_refusal(findings: &[Finding]) -> Vec<Diagnostic> {
    let rules: BTreeSet<&str> = findings.iter().map(|finding| &*finding.rule).collect();
    let mut mistakes: Vec<Diagnostic> = findings
        .iter()
        .map(|finding| Diagnostic {
            message: format!("{} [{}]", finding.message, finding.rule),
            option: None,
            object: finding.key.clone(),
            place: finding.place.clone(),
            source_line: finding.source_line.clone(),
            hint: remedy::fix(finding).into(),
        })
        .collect();
    let flags: Vec<String> = rules.iter().map(|rule| format!("--allow-lint {rule}")).collect();
    let rule = rules.into_iter().collect::<Vec<_>>().join(", ");
    let error = Diagnostic::new("nothing was changed: the plan has errors");
    mistakes.push(error.hint(format!(
        "`{}` runs it anyway; `capstan.dev/lint-ignore: {rule}` on the object suppresses the finding",
        flags.join(" ")
    )));
    mistakes
}

/// Formats an error as it is printed.
pub fn error_text(error: &anyhow::Error, paint: Paint) -> Text {
    if let Some(Diagnostics(mistakes)) = error.downcast_ref::<Diagnostics>() {
        return mistakes.iter().map(|mistake| mistake_text(mistake, paint)).collect();
    }
    if let Some(EngineError::InvalidInput(mistakes)) = error.downcast_ref::<EngineError>() {
        return mistakes.iter().map(|mistake| mistake_text(mistake, paint)).collect();
    }
    if let Some(EngineError::LintErrors(findings)) = error.downcast_ref::<EngineError>() {
        let mistakes = lint_refusal(findings);
        return mistakes.iter().map(|mistake| mistake_text(mistake, paint)).collect();
    }
    let mut shown_text = error.to_string();
    let mut text = text!("{} {}\n", paint.failure("error:"), Text::block(&shown_text));
    for cause in error.chain().skip(1) {
        // Many libraries repeat the cause in their own message.
        let cause = cause.to_string();
        if !shown_text.contains(&cause) {
            text.push(text!("  because: {}\n", Text::block(&cause)));
            shown_text.push_str(&cause);
        }
    }
    if let Some(hint) = hint_for(error) {
        text.push(text!("  hint: {}\n", Text::block(&hint)));
    }
    text
}

/// Writes what the API server has against an object of a plan, with the places in the manifests.
pub(crate) fn refused(name: &str, refusal: &Refusal, paint: Paint) -> Text {
    let error = refusal.to_string();
    let mut text = text!("{} {}: {}", paint.failure("error:"), name, Text::block(&error));
    for place in &refusal.places {
        text.push(text!("\n  --> {}", place));
    }
    text
}

fn mistake_text(mistake: &Diagnostic, paint: Paint) -> Text {
    let mut text = text!(
        "{} {}\n",
        paint.failure("error:"),
        Text::block(&remedy::message(mistake))
    );
    text.push(place_text(
        mistake.place.as_ref(),
        mistake.source_line.as_deref(),
        mistake.object.as_ref(),
        paint,
    ));
    if let Some(hint) = remedy::hint(&mistake.hint) {
        text.push(text!("  hint: {}\n", Text::block(&hint)));
    }
    text
}

/// Shows a place with its line, or else the name of the object.
pub(crate) fn place_text(place: Option<&Place>, line: Option<&str>, object: Option<&ObjectKey>, paint: Paint) -> Text {
    let mut text = Text::default();
    if let Some(place) = place {
        text.push(text!("  --> {}\n", place));
        if let Some(line) = line {
            let number = place.line.to_string();
            let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
            // The text before it may have escapes, which are longer.
            let before: String = line.chars().take(column).collect();
            let before = " ".repeat(clean(&before).chars().count());
            text.push(text!("  {} | {}\n", number, line));
            text.push(text!(
                "  {} | {}{}\n",
                " ".repeat(number.len()),
                before,
                paint.failure("^")
            ));
        }
    } else if let Some(object) = object {
        text.push(text!("  --> {}\n", object));
    }
    text
}

/// Returns the hook, or else the signal, with a similar name.
fn suggestion(signal: &str, hook: Option<(&str, &HookState)>, awaited: &[AwaitedSignal]) -> Option<String> {
    match hook? {
        (_, HookState::Unknown { near }) => near.clone(),
        (_, HookState::Ended(_)) => None,
        (hook, HookState::Pending) => {
            let of_hook = awaited
                .iter()
                .filter(|awaited| hook.rsplit('/').next() == Some(&awaited.hook));
            closest_match(signal, of_hook.map(|awaited| awaited.signal.as_str())).map(str::to_owned)
        }
    }
}

/// Lists the signals that hooks wait for.
fn awaited_text(hooks: &[String], signals: &[AwaitedSignal]) -> String {
    if !hooks.is_empty() {
        return format!("there is {}", hooks.join(", "));
    }
    let all: Vec<String> = signals
        .iter()
        .map(|awaited| format!("hook {} waits for `{}`", awaited.hook, awaited.signal))
        .collect();
    if all.is_empty() {
        "`capstan explain` shows what the operation waits for".to_owned()
    } else {
        all.join(", ")
    }
}

fn hint_for(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<SandboxError>() {
        return remedy::hint(&error.hint());
    }
    if let Some(error) = error.downcast_ref::<AskError>() {
        return remedy::hint(&error.hint());
    }
    if let Some(error) = error.downcast_ref::<RegistryError>() {
        return remedy::hint(&registry_remedies(error));
    }
    if let Some(error) = error.downcast_ref::<CredentialError>() {
        return Some(error.hint());
    }
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return Some(match error {
            ConnectError::NoCluster(_) => "set KUBECONFIG or `--kubeconfig`, or use `--simulate`".to_owned(),
            ConnectError::NoKubeconfig(_) => "set KUBECONFIG or `--kubeconfig`".to_owned(),
        });
    }
    Some(match error.downcast_ref::<EngineError>()? {
        EngineError::Busy { .. } => {
            "`--on-busy wait` waits until it ends, `--on-busy supersede` terminates it first; `capstan explain` shows what it waits for".to_owned()
        }
        EngineError::MissingPermissions(_) => {
            "nothing was changed; request these permissions, or choose objects that you may change with `--only`".to_owned()
        }
        EngineError::Outdated(_) => "nothing was changed; make a new plan".to_owned(),
        EngineError::Unfinished(_) => "run the same command again: it continues that operation first".to_owned(),
        EngineError::LostLock(_) => {
            "`capstan status` shows whether another process continues it; if none does, run the same command again"
                .to_owned()
        }
        EngineError::NoApplication { .. } => {
            "`capstan status -n NAMESPACE` lists the applications; an application is stored by its first `capstan sync`"
                .to_owned()
        }
        EngineError::SignalNotAwaited {
            signal,
            hook,
            state,
            waiting,
            signals,
            ..
        } => match suggestion(signal, hook.as_deref().zip(state.as_ref()), signals) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => awaited_text(waiting, signals),
        },
        EngineError::InvalidState(why) if why.contains("use a newer version of Capstan") => return None,
        EngineError::InvalidState(_) => {
            "if it can't be restored, `capstan delete APP --abandon` deletes the stored state and lists the objects that stay in the cluster"
                .to_owned()
        }
        EngineError::Cluster { source, .. } => return remedy::hint(&source.remedies()),
        EngineError::NoOperation(_)
        | EngineError::InvalidInput(_)
        | EngineError::LintErrors(_) => {
            return None;
        }
    })
}
