//! What can be typed after `capstan signal`.

use clap::Args as ClapArgs;

use super::AppArgs;

/// A signal for a hook.
#[derive(Debug, Clone, ClapArgs)]
pub struct SignalArgs {
    /// Name of the application
    #[command(flatten)]
    pub app: AppArgs,
    /// The hook, by name or as KIND[.GROUP]/[NAMESPACE/]NAME
    pub hook: String,
    /// Name of the signal, from the plugin's documentation
    pub signal: String,
    /// Value to send with the signal, as JSON
    #[arg(long, value_name = "JSON", default_value = "null", hide_default_value = true)]
    pub value: String,
}
