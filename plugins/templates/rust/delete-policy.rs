//! A delete policy: keeps the objects of a hook's last three runs.

wit_bindgen::generate!({ path: "wit", world: "delete-policy-plugin" });

use capstan::plugin::types::{Failure, Propagation};
use exports::capstan::plugin::delete_policy::{Disposal, Guest};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    occasion: String,
    /// 0 for the newest object of the hook.
    #[serde(default)]
    rank: u32,
}

struct Plugin;

impl Guest for Plugin {
    fn decide(_claim: String, input: String) -> Result<Disposal, Failure> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| Failure::Invalid(error.to_string()))?;
        // With the one that is about to be created there are three.
        let is_old = input.occasion == "before-creation" && input.rank >= 2;
        Ok(if is_old {
            Disposal::Delete(Propagation::Background)
        } else {
            Disposal::Keep
        })
    }
}

export!(Plugin);
