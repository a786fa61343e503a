//! What can be typed after `capstan signal`.

use clap::Args as ClapArgs;

use super::App;

/// A signal for a hook.
#[derive(Debug, Clone, ClapArgs)]
pub struct SendSignal {
    /// The application
    #[command(flatten)]
    pub app: App,
    /// The hook, by its name or as KIND[.GROUP]/[NAMESPACE/]NAME
    pub hook: String,
    /// The signal's name, as its plugin documents it
    pub signal: String,
    /// What is sent with it, as JSON
    #[arg(long, value_name = "JSON", default_value = "null", hide_default_value = true)]
    pub value: String,
}
