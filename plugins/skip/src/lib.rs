//! The built-in hook word `Skip`: leaves a manifest alone.

use capstan_sdk::{Failure, HookInput, HookType, OwnObject, PlaceInput, Placement, Seen, Step};

/// Answers for the word `Skip`.
pub struct Skip;

impl HookType for Skip {
    type State = OwnObject;

    /// Skips only if there is no other word: beside a phase, Argo CD ignores `Skip`, and the manifest is a hook.
    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        Ok(if input.phases.is_empty() {
            Placement::skip("annotated Skip")
        } else {
            Placement::run(input)
        })
    }

    fn start(_claim: &str, _input: &HookInput<'_>, _state: &mut OwnObject) -> Result<Step, Failure> {
        Ok(OwnObject::begin("creating its object"))
    }

    fn advance(_claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, own: &mut OwnObject) -> Result<Step, Failure> {
        Ok(own.follow(input, seen))
    }
}

capstan_sdk::export!(hook: Skip);

#[cfg(test)]
mod tests {
    use capstan_sdk::{
        Phase, Placement, Progress,
        testing::{Run, place},
    };
    use serde_json::json;

    use super::Skip;

    #[test]
    fn the_word_alone_skips() {
        let answer = place::<Skip>("Skip", &json!({"words": ["Skip"], "phases": []}));
        assert_eq!(answer, Ok(Placement::skip("annotated Skip")));
    }

    #[test]
    fn beside_a_phase_the_manifest_is_a_hook() {
        let answer = place::<Skip>("Skip", &json!({"words": ["PreSync", "Skip"], "phases": ["PreSync"]}));
        let Ok(Placement::Run(placed)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(placed.phases, [Phase::PreSync]);
        assert!(placed.has_object);
    }

    #[test]
    fn a_hook_that_it_runs_ends_by_its_health() {
        let mut run = Run::<Skip>::new("Skip", json!({"object": {"kind": "Job"}}));
        assert_eq!(run.start().unwrap().asks.len(), 2);
        let step = run
            .see(&json!({"kind": "object", "answers": 2, "health": {"status": "healthy"}}))
            .unwrap();
        assert_eq!(step.progress, Progress::Succeeded);
    }
}
