//! The built-in delete policy for a time to live: a hook's object is deleted so long after it has finished.
//!
//! The time comes from `capstan.dev/ttl` and `ttl-failed`, else from a Job's own `ttlSecondsAfterFinished`. The answer
//! is an absolute moment, so that neither a crash nor a later operation moves it.

use std::time::Duration;

use capstan_sdk::{DeletePolicy, Disposal, Failure, Occasion, Outcome, PolicyInput};

/// Is asked for every hook.
pub struct TimeToLive;

impl DeletePolicy for TimeToLive {
    fn decide(_claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure> {
        match input.occasion {
            Occasion::HookFinished | Occasion::OperationFinished | Occasion::AskedAgain => {}
            Occasion::BeforeCreation | Occasion::ApplicationDeleted | Occasion::Unknown => return Ok(Disposal::Keep),
        }
        let ttl = match input.outcome {
            // No time for failures of their own: they live as long as the others.
            Some(Outcome::Failed) => input.ttl.failed.or(input.ttl.after_finished),
            Some(Outcome::Succeeded) => input.ttl.after_finished,
            Some(Outcome::Unknown) | None => None,
        };
        let (Some(ttl), Some(finished_at)) = (ttl, input.finished_at) else {
            return Ok(Disposal::Keep);
        };
        // A time that does not end before the end of time means: never.
        let moment = Duration::from_millis(finished_at).checked_add(Duration::from_secs(ttl));
        Ok(moment.map_or(Disposal::Keep, Disposal::DeleteAt))
    }
}

capstan_sdk::export!(delete_policy: TimeToLive);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use capstan_sdk::{Disposal, testing::decide};
    use serde_json::{Value, json};

    use super::TimeToLive;

    const FINISHED: u64 = 1_800_000_000_000;

    fn answer(occasion: &str, outcome: Option<&str>, ttl: &Value) -> Disposal {
        let mut input = json!({"occasion": occasion, "ttl": ttl, "finishedAt": FINISHED});
        if let Some(outcome) = outcome {
            input["outcome"] = json!(outcome);
        }
        decide::<TimeToLive>("*", &input).unwrap()
    }

    fn at(seconds: u64) -> Disposal {
        Disposal::DeleteAt(Duration::from_millis(FINISHED) + Duration::from_secs(seconds))
    }

    #[test]
    fn a_finished_hook_lives_as_long_as_the_user_says() {
        let ttl = json!({"afterFinished": 3600});
        for occasion in ["hook-finished", "operation-finished", "asked-again"] {
            assert_eq!(answer(occasion, Some("succeeded"), &ttl), at(3600), "{occasion}");
        }
        for occasion in ["before-creation", "application-deleted", "of-a-later-contract"] {
            assert_eq!(answer(occasion, Some("succeeded"), &ttl), Disposal::Keep, "{occasion}");
        }
    }

    #[test]
    fn a_failed_hook_has_a_time_of_its_own_if_the_user_says_so() {
        let both = json!({"afterFinished": 60, "failed": 86400});
        assert_eq!(answer("hook-finished", Some("failed"), &both), at(86400));
        assert_eq!(answer("hook-finished", Some("succeeded"), &both), at(60));
        assert_eq!(
            answer("hook-finished", Some("failed"), &json!({"afterFinished": 60})),
            at(60)
        );
        assert_eq!(
            answer("hook-finished", Some("succeeded"), &json!({"failed": 60})),
            Disposal::Keep
        );
    }

    #[test]
    fn zero_means_at_once_and_nothing_means_keep() {
        assert_eq!(
            answer("hook-finished", Some("succeeded"), &json!({"afterFinished": 0})),
            at(0)
        );
        assert_eq!(answer("hook-finished", Some("succeeded"), &json!({})), Disposal::Keep);
        assert_eq!(
            answer("hook-finished", None, &json!({"afterFinished": 1})),
            Disposal::Keep
        );
        let unfinished = json!({"occasion": "hook-finished", "outcome": "succeeded", "ttl": {"afterFinished": 1}});
        assert_eq!(decide::<TimeToLive>("*", &unfinished), Ok(Disposal::Keep));
    }

    #[test]
    fn a_time_beyond_all_times_never_deletes_too_early() {
        let Disposal::DeleteAt(moment) =
            answer("hook-finished", Some("succeeded"), &json!({"afterFinished": u64::MAX}))
        else {
            return;
        };
        assert!(moment.as_secs() > u64::MAX / 2);
    }
}
