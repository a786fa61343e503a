//! A set of manifests, and what is wanted of it.

use std::path::PathBuf;

use capstan_core::phase::Phase;
use clap::{Args as ClapArgs, ValueEnum};

use super::{From, Lints};

/// A set of manifests and what is wanted of it.
#[derive(Debug, Clone, ClapArgs)]
pub struct Set {
    /// Where its manifests come from
    #[command(flatten)]
    pub from: From,
    /// Name of the application [default: the folder's name]
    #[arg(long, env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// Plan and run by another tool's rules
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// A sync option of Argo CD for all objects whose annotations don't say otherwise: `Prune=false`, `Replace=true`. May be repeated
    #[arg(long = "sync-option", value_name = "NAME=VALUE")]
    pub sync_options: Vec<String>,
    /// Only this resource, as KIND/NAME, and no hooks. May be repeated
    #[arg(long, value_name = "KIND/NAME")]
    pub only: Vec<String>,
    /// Which hooks run
    #[arg(long, value_enum)]
    pub hooks: Option<Hooks>,
    /// Only the hook of this name. May be repeated
    #[arg(long, value_name = "NAME")]
    pub hook: Vec<String>,
    /// Not the hook of this name. May be repeated
    #[arg(long, value_name = "NAME")]
    pub skip_hook: Vec<String>,
    /// Only these phases
    #[arg(long = "phase", value_name = "PHASE", value_delimiter = ',', value_parser = phase)]
    pub phases: Vec<Phase>,
    /// Remove what no manifest names any more
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub prune: Option<bool>,
    /// Let an object go whose annotations want a confirmation, as KIND/NAME, or `all`. May be repeated
    #[arg(long, value_name = "KIND/NAME")]
    pub confirm: Vec<String>,
    /// Take over fields that others own: kubectl, a controller, another tool
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub force_conflicts: Option<bool>,
    /// Take over objects that Argo CD tracks
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub adopt: Option<bool>,
    /// Make the application's namespace if it isn't there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub create_namespace: Option<bool>,
    /// Whether the server is asked about every object before anything is changed [default: on]
    #[arg(long, value_enum)]
    pub dry_run_first: Option<OnOff>,
    /// How long the operation may take: 90s, 10m, 2h [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub timeout: Option<u64>,
    /// How long each phase may take
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub phase_timeout: Option<u64>,
    /// How long each wave may take
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wave_timeout: Option<u64>,
    /// What it means when something takes too long whose annotations don't say [default: fail]
    #[arg(long, value_enum)]
    pub on_timeout: Option<OnTimeout>,
    /// How often what failed is tried again, from its wave on
    #[arg(long, value_name = "TIMES")]
    pub retry: Option<u32>,
    /// How long the pause before the first further try is; it doubles each time, up to 3 minutes [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub retry_pause: Option<u64>,
}

/// A sync.
#[derive(Debug, Clone, ClapArgs)]
pub struct Sync {
    /// What is to be synced
    #[command(flatten)]
    pub set: Set,
    /// What becomes of findings
    #[command(flatten)]
    pub lints: Lints,
    /// Run a plan that `capstan plan --save` wrote, if the cluster is still as it was then
    #[arg(long = "plan", value_name = "FILE")]
    pub saved: Option<PathBuf>,
    /// Change nothing: show the plan, and with `server` what the API server would say to each object
    #[arg(long, value_enum)]
    pub dry_run: Option<DryRun>,
    /// What to do when another operation of the application runs [default: refuse]
    #[arg(long, value_enum)]
    pub on_busy: Option<OnBusy>,
}

/// A plan.
#[derive(Debug, Clone, ClapArgs)]
pub struct Plan {
    /// What is to be planned
    #[command(flatten)]
    pub set: Set,
    /// What becomes of findings
    #[command(flatten)]
    pub lints: Lints,
    /// Plan by Capstan's rules and by Argo CD's, and show what differs and why
    #[arg(long, conflicts_with_all = ["compat", "save"])]
    pub explain_compat: bool,
    /// Write the plan to a file for `capstan sync --plan`; it holds the values of Secrets
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Another tool's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// Those of Argo CD
    Argocd,
}

/// Which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hooks {
    /// All
    All,
    /// None
    None,
    /// They, and nothing else
    Only,
}

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// It is done
    #[default]
    On,
    /// It isn't
    Off,
}

/// What it means when something takes too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnTimeout {
    /// It has failed
    #[default]
    Fail,
    /// The operation goes on without waiting for it
    Continue,
}

/// Who says what would happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Capstan alone, from what is live
    Client,
    /// The API server too
    Server,
}

/// What to do when another operation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnBusy {
    /// Say so and do nothing
    #[default]
    Refuse,
    /// Wait for its end
    Wait,
    /// Terminate it first
    Supersede,
}

fn phase(word: &str) -> Result<Phase, String> {
    let found = Phase::ALL.into_iter().find(|phase| phase.as_str() == word);
    found.ok_or_else(
        || match capstan_core::error::near(word, Phase::ALL.map(Phase::as_str)) {
            Some(near) => format!("there is no phase `{word}`; did you mean `{near}`?"),
            None => format!("there is no phase `{word}`"),
        },
    )
}

/// Reads a duration: whole seconds, or units as in `1h30m`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no duration; write `90s`, `10m`, `1h30m` or whole seconds");
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let mut sum: u64 = 0;
    let mut number = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let count: u64 = number.parse().map_err(|_| wrong())?;
        number.clear();
        sum = count
            .checked_mul(unit)
            .and_then(|more| sum.checked_add(more))
            .ok_or_else(wrong)?;
    }
    if number.is_empty() && sum > 0 {
        Ok(sum)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert!(seconds("soon").is_err() && seconds("1h30").is_err() && seconds("").is_err());
    }
}
