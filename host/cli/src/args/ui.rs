//! What can be typed after `capstan ui`.

use clap::Args as ClapArgs;

use super::SourceArgs;

/// The options of `capstan ui`.
#[derive(Debug, Clone, ClapArgs)]
pub struct Ui {
    /// Name of the application that the page opens with, and that the sources are of [default: the folder's name]
    #[arg(value_name = "APP", env = "CAPSTAN_APP")]
    pub app: Option<String>,
    /// Where its manifests come from
    #[command(flatten)]
    pub from: SourceArgs,
    /// The port on the loopback interface; 0 for a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Don't open a browser
    #[arg(long)]
    pub no_open: bool,
}
