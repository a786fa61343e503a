//! Judging objects.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::Compat;

/// The options of `capstan health`.
#[derive(Debug, Clone, ClapArgs)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["app", "files"]))]
pub struct HealthArgs {
    /// Name of an application: show its live objects
    #[arg(value_name = "APP")]
    pub app: Option<String>,
    /// File or folder with objects, or - for stdin. May be repeated
    #[arg(short, long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Read subfolders too
    #[arg(short = 'R', long, requires = "files")]
    pub recursive: bool,
    /// Look up the live objects with these names instead
    #[arg(long, requires = "files")]
    pub live: bool,
    /// Use another tool's rules
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
}
