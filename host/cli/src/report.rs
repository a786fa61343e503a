//! How mistakes and failures are told: what, where, the line itself, and what may help.

use std::fmt;

use capstan_core::{error::PlanError, object::ObjectKey, place::Place};
use capstan_engine::EngineError;
use capstan_registry::RegistryError;
use capstan_sandbox::{AskError, SandboxError};

use crate::{connect::CredentialError, render::Paint};

/// What the user has to change before anything is done: on the command line, in files, in manifests.
#[derive(Debug)]
pub struct Mistakes(pub Vec<PlanError>);

impl Mistakes {
    /// Makes one of a single mistake outside the manifests.
    pub fn one(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Mistakes(vec![PlanError::new(message).hint(hint)]).into()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the input", self.0.len())
    }
}

impl std::error::Error for Mistakes {}

/// Prints an error to stderr.
pub fn print(error: &anyhow::Error, paint: Paint) {
    let text = tell(error, paint);
    // Nothing can be done about a closed stderr.
    std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()).ok();
}

/// Writes an error as it is printed.
pub fn tell(error: &anyhow::Error, paint: Paint) -> String {
    if let Some(Mistakes(mistakes)) = error.downcast_ref::<Mistakes>() {
        return mistakes.iter().map(|mistake| mistake_text(mistake, paint)).collect();
    }
    if let Some(EngineError::Plan(mistakes)) = error.downcast_ref::<EngineError>() {
        return mistakes.iter().map(|mistake| mistake_text(mistake, paint)).collect();
    }
    let mut text = format!("{} {error}\n", paint.bad("error:"));
    for cause in error.chain().skip(1) {
        // Many libraries write the cause into their own message, too.
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(&format!("  because: {cause}\n"));
        }
    }
    if let Some(hint) = hint(error) {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

fn mistake_text(mistake: &PlanError, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bad("error:"), mistake.message);
    text.push_str(&place_text(
        mistake.place.as_ref(),
        mistake.source_line.as_deref(),
        mistake.object.as_ref(),
        paint,
    ));
    if let Some(hint) = &mistake.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

/// Points at a place and into its line, or else names the object.
pub(crate) fn place_text(
    place: Option<&Place>,
    line: Option<&str>,
    object: Option<&ObjectKey>,
    paint: Paint,
) -> String {
    let mut text = String::new();
    if let Some(place) = place {
        text.push_str(&format!("  --> {place}\n"));
        if let Some(line) = line {
            let number = place.line.to_string();
            let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
            let tabs: String = line
                .chars()
                .take(column)
                .map(|letter| if letter == '\t' { '\t' } else { ' ' })
                .collect();
            text.push_str(&format!("  {number} | {line}\n"));
            text.push_str(&format!("  {} | {tabs}{}\n", " ".repeat(number.len()), paint.bad("^")));
        }
    } else if let Some(object) = object {
        text.push_str(&format!("  --> {object}\n"));
    }
    text
}

fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<SandboxError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<AskError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<RegistryError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<CredentialError>() {
        return Some(error.hint());
    }
    Some(match error.downcast_ref::<EngineError>()? {
        EngineError::Busy { .. } => {
            "`--on-busy wait` waits for its end, `--on-busy supersede` ends it first; `capstan explain` shows what it waits for".to_owned()
        }
        EngineError::Denied(_) => {
            "nothing was changed; ask for these permissions, or name what you may with `--only`".to_owned()
        }
        EngineError::Outdated(_) => "nothing was changed; make the plan anew".to_owned(),
        EngineError::Unfinished(_) => "run the same command again: it carries on with that one first".to_owned(),
        EngineError::LostLock(_) => {
            "`capstan status` shows whether another process carries on; if none does, run the same command again"
                .to_owned()
        }
        EngineError::NoApplication { .. } => {
            "`capstan status -n NAMESPACE` lists what is there; nothing is stored before the first `capstan sync`"
                .to_owned()
        }
        EngineError::NobodyWaits { waiting, .. } if !waiting.is_empty() => format!("there is {}", waiting.join(", ")),
        EngineError::NobodyWaits { .. } => "`capstan explain` shows what the operation waits for".to_owned(),
        EngineError::Cluster { .. } | EngineError::NothingRuns(_) | EngineError::Stored(_) | EngineError::Plan(_) => {
            return None;
        }
    })
}
