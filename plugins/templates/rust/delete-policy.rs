//! A delete policy: keeps the objects of a hook's last three runs.

use capstan_sdk::{DeletePolicy, Disposal, Failure, Occasion, PolicyInput, Propagation};

struct KeepLast3;

impl DeletePolicy for KeepLast3 {
    fn decide(_claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure> {
        // With the one that is about to be created there are three.
        let is_old = input.occasion == Occasion::BeforeCreation && input.rank >= 2;
        Ok(if is_old {
            Disposal::Delete(Propagation::Background)
        } else {
            Disposal::Keep
        })
    }
}

capstan_sdk::export!(delete_policy: KeepLast3);

#[cfg(test)]
mod tests {
    use capstan_sdk::testing;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_is_kept() {
        let input = json!({"occasion": "before-creation", "rank": 0});
        let answer = testing::decide::<KeepLast3>("example.com/{{name}}", &input);
        assert_eq!(answer, Ok(Disposal::Keep));
    }
}
