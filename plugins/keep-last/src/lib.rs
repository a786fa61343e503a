//! The delete policy `KeepLast`: keeps the objects of a hook's last runs, three unless the hook's settings say `keep-last: N`.
//!
//! It is for hooks with `generateName`: two objects of one name can't be kept.

use capstan_sdk::{DeletePolicy, Disposal, Failure, Occasion, PolicyInput, Propagation};
use serde::Deserialize;

/// Answers for the policy.
pub struct KeepLast;

/// What of the hook's settings is meant for this policy; the rest is the hook type's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Settings {
    keep_last: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_last: 3 }
    }
}

impl DeletePolicy for KeepLast {
    fn decide(_claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure> {
        let Settings { keep_last } = input.settings.read_or_default()?;
        if keep_last == 0 {
            return Err(Failure::invalid(
                "`keep-last` must be at least 1; without the policy nothing is kept",
            ));
        }
        let kept = match input.occasion {
            // The object that is about to be created is one of them.
            Occasion::BeforeCreation => keep_last - 1,
            Occasion::HookFinished
            | Occasion::OperationFinished
            | Occasion::AskedAgain
            | Occasion::ApplicationDeleted
            | Occasion::Unknown => keep_last,
        };
        Ok(if input.rank >= kept {
            Disposal::Delete(Propagation::Background)
        } else {
            Disposal::Keep
        })
    }
}

capstan_sdk::export!(delete_policy: KeepLast);

#[cfg(test)]
mod tests {
    use capstan_sdk::testing::decide;
    use serde_json::{Value, json};

    use super::*;

    fn kept(occasion: &str, settings: &Value) -> Vec<u32> {
        let keeps = |rank: &u32| {
            let input = json!({"occasion": occasion, "rank": rank, "settings": settings});
            decide::<KeepLast>("KeepLast", &input) == Ok(Disposal::Keep)
        };
        (0..6).filter(keeps).collect()
    }

    #[test]
    fn the_last_runs_are_kept_the_coming_one_among_them() {
        assert_eq!(kept("before-creation", &json!({})), [0, 1]);
        assert_eq!(kept("before-creation", &json!({"keep-last": 1})), [0; 0]);
        assert_eq!(
            kept("before-creation", &json!({"keep-last": 5, "url": "of the hook type"})),
            [0, 1, 2, 3]
        );
        assert_eq!(kept("hook-finished", &json!({"keep-last": 1})), [0]);
        assert_eq!(kept("operation-finished", &json!({})), [0, 1, 2]);
    }

    #[test]
    fn to_keep_none_is_a_mistake() {
        let input = json!({"occasion": "hook-finished", "rank": 0, "settings": {"keep-last": 0}});
        assert!(matches!(
            decide::<KeepLast>("KeepLast", &input),
            Err(Failure::Invalid(_))
        ));
    }
}
