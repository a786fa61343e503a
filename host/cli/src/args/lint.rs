//! Looking at manifests without a cluster.

use clap::Args as ClapArgs;

use super::{Compat, LintFilterArgs, SourceArgs};

/// Looking at manifests without a cluster.
#[derive(Debug, Clone, ClapArgs)]
pub struct LintArgs {
    /// Sources of the manifests
    #[command(flatten)]
    pub from: SourceArgs,
    /// Name of the application [default: the folder's name]
    #[arg(long, env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// Use another tool's rules; problems that would hang there are warnings
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// Exit with 2 for warnings too
    #[arg(long)]
    pub strict: bool,
    /// What becomes of findings
    #[command(flatten)]
    pub lints: LintFilterArgs,
}
