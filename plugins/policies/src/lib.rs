//! The built-in delete policies: the three of Argo CD.
//!
//! Argo CD judges `HookSucceeded` and `HookFailed` by how the whole operation ended, and lets `BeforeHookCreation`
//! delete helpers (a `ConfigMap`, a `ServiceAccount`) that are needed all the time. Here a hook is judged by its own
//! outcome, as soon as it is known, and only what runs to completion is replaced; compat mode does as Argo CD does.

use capstan_sdk::{DeletePolicy, Disposal, Failure, Occasion, Outcome, PolicyInput, Propagation};

/// Answers for the three policies.
pub struct Policies;

/// Kubernetes then stops the pods of a Job behind our back: nobody has to wait for them, and nothing of the hook is
/// needed. (What is created under the same name again waits for the old object to be gone in any case.)
const DELETE: Disposal = Disposal::Delete(Propagation::Background);

impl DeletePolicy for Policies {
    fn decide(claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure> {
        let shall_go = match claim {
            "HookSucceeded" => outcome(input) == Some(Outcome::Succeeded),
            "HookFailed" => outcome(input) == Some(Outcome::Failed),
            "BeforeHookCreation" => {
                input.occasion == Occasion::BeforeCreation && (input.runs_to_completion || input.is_argocd())
            }
            other => return Err(Failure::invalid(format!("there is no delete policy `{other}`"))),
        };
        Ok(if shall_go { DELETE } else { Disposal::Keep })
    }
}

/// Returns how it ended, once it counts: for the hook itself, or in compat mode for the whole operation.
fn outcome(input: &PolicyInput<'_>) -> Option<Outcome> {
    match input.occasion {
        // Asked after the hook's end in every case: the object of an earlier operation is of no interest here.
        Occasion::HookFinished if input.is_argocd() => None,
        Occasion::HookFinished | Occasion::OperationFinished | Occasion::AskedAgain => {
            if input.is_argocd() {
                input.operation_outcome
            } else {
                input.outcome
            }
        }
        Occasion::BeforeCreation | Occasion::ApplicationDeleted | Occasion::Unknown => None,
    }
}

capstan_sdk::export!(delete_policy: Policies);

#[cfg(test)]
mod tests {
    use capstan_sdk::{Disposal, Failure, Propagation, testing::decide};
    use serde_json::json;

    use super::Policies;

    /// Whether the policy deletes; `own` and `whole` are the outcomes of the hook and of the operation.
    fn deletes(policy: &str, occasion: &str, own: &str, whole: Option<&str>, compat: bool) -> bool {
        let mut input = json!({"occasion": occasion, "outcome": own});
        if let Some(whole) = whole {
            input["operationOutcome"] = json!(whole);
        }
        if compat {
            input["compat"] = json!("argocd");
        }
        match decide::<Policies>(policy, &input).unwrap() {
            Disposal::Delete(Propagation::Background) => true,
            Disposal::Keep => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hook_is_judged_by_its_own_outcome_as_soon_as_it_is_known() {
        for (policy, own, expected) in [
            ("HookSucceeded", "succeeded", true),
            ("HookSucceeded", "failed", false),
            ("HookFailed", "failed", true),
            ("HookFailed", "succeeded", false),
        ] {
            for (occasion, whole) in [
                ("hook-finished", None),
                ("operation-finished", Some("failed")),
                ("asked-again", None),
            ] {
                assert_eq!(
                    deletes(policy, occasion, own, whole, false),
                    expected,
                    "{policy} {occasion} {own}"
                );
            }
            assert!(!deletes(policy, "before-creation", own, None, false), "{policy}");
            assert!(!deletes(policy, "application-deleted", own, None, false), "{policy}");
        }
    }

    #[test]
    fn compat_judges_by_the_operation_at_its_end() {
        for (policy, own, whole, expected) in [
            ("HookSucceeded", "succeeded", "succeeded", true),
            ("HookSucceeded", "succeeded", "failed", false),
            ("HookFailed", "succeeded", "failed", true),
            ("HookFailed", "failed", "failed", true),
            ("HookFailed", "succeeded", "succeeded", false),
        ] {
            let answer = deletes(policy, "operation-finished", own, Some(whole), true);
            assert_eq!(answer, expected, "{policy} {own} {whole}");
            assert!(
                !deletes(policy, "hook-finished", own, None, true),
                "{policy}: too early"
            );
        }
    }

    #[test]
    fn before_hook_creation_replaces_what_runs_to_completion() {
        let answer = |completes: bool, compat: Option<&str>| {
            let mut input = json!({"occasion": "before-creation", "runsToCompletion": completes, "rank": 0});
            if let Some(mode) = compat {
                input["compat"] = json!(mode);
            }
            decide::<Policies>("BeforeHookCreation", &input).unwrap()
        };
        let delete = Disposal::Delete(Propagation::Background);
        assert_eq!(answer(true, None), delete);
        assert_eq!(answer(false, None), Disposal::Keep);
        assert_eq!(answer(false, Some("argocd")), delete);
        assert!(!deletes(
            "BeforeHookCreation",
            "hook-finished",
            "succeeded",
            None,
            false
        ));
        assert!(!deletes(
            "BeforeHookCreation",
            "operation-finished",
            "failed",
            Some("failed"),
            true
        ));
    }

    #[test]
    fn another_policy_is_refused() {
        let answer = decide::<Policies>("HookMaybe", &json!({"occasion": "hook-finished"}));
        assert_eq!(answer, Err(Failure::invalid("there is no delete policy `HookMaybe`")));
    }
}
