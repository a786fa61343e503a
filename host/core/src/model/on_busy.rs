//! What happens to a request while another operation of its application runs.

use serde::Deserialize;

/// What to do when another operation of the application runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBusy {
    /// The request fails.
    #[default]
    Refuse,
    /// The request waits for the operation's end.
    Wait,
    /// The operation is terminated, and the request waits for the end of that.
    Supersede,
}
