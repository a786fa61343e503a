//! What becomes of findings.

use capstan_core::model::error::closest_match;
use clap::{Args as ClapArgs, ValueEnum};

/// Which findings are shown, and which may be there.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct LintFilterArgs {
    /// Lowest severity to show
    #[arg(long = "lint", value_enum, value_name = "LEAST", default_value_t)]
    pub least: SeverityFilter,
    /// Run the plan although this rule found an error; `all` for every rule. May be repeated
    #[arg(long = "allow-lint", value_name = "RULE", value_parser = rule)]
    pub allowed: Vec<String>,
}

/// How much a finding must matter to be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SeverityFilter {
    /// Only errors
    Error,
    /// Errors and warnings; with -v also notes
    #[default]
    Warning,
    /// Errors, warnings and notes
    All,
}

impl LintFilterArgs {
    /// Says how much a finding must matter to be shown.
    pub fn min_severity(&self, verbose: u8) -> capstan_core::model::finding::Severity {
        match self.least {
            SeverityFilter::Error => capstan_core::model::finding::Severity::Error,
            SeverityFilter::Warning if verbose == 0 => capstan_core::model::finding::Severity::Warning,
            SeverityFilter::Warning | SeverityFilter::All => capstan_core::model::finding::Severity::Note,
        }
    }

    /// Says whether a rule's findings may be there.
    pub fn allows(&self, rule: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == rule || allowed == "all")
    }
}

fn rule(word: &str) -> Result<String, String> {
    if word == "all" || capstan_core::read::lint_rules::is_rule(word) {
        return Ok(word.to_owned());
    }
    Err(match closest_match(word, capstan_core::read::lint_rules::rule_ids()) {
        Some(near) => format!("there is no rule `{word}`; did you mean `{near}`?"),
        None => format!("there is no rule `{word}`"),
    })
}
