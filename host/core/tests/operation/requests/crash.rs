//! Requests whose answers come before or after a crash of the driver.

use std::collections::BTreeSet;

use capstan_core::{
    kubernetes::observed_object::ObservedState,
    model::{
        hook::Propagation,
        plugins::{Progress, Request},
    },
    run::{
        effect::{Effect, ObjectIdentity, PendingObservationKind, Work},
        input::{Answer, InputKind},
    },
};
use serde_json::json;

use super::{ALL, apply, begun, configmap, everything, get, key, reply, touched};

#[test]
fn an_answer_that_is_too_large_for_a_checkpoint_is_asked_for_again_after_a_crash() {
    let mut hook = begun(everything(), ALL);
    hook.step(vec![(1, get("http://x/")), (2, apply("a"))]);
    assert_eq!((hook.performed(), hook.performed()), (1, 2));
    hook.answer(1, 1, Answer::Observation(reply(200)));
    assert_eq!(hook.next_observation(), (Some(1), reply(200)));
    // Something else is stored while the plugin is being told.
    hook.answer(2, 1, touched("a"));
    let stored = hook.stored.clone().unwrap().to_string();
    assert!(!stored.contains("xxxx"), "{stored}");
    hook.crash();
    assert_eq!(hook.performed(), 1);
    assert_eq!(hook.next_observation(), (Some(2), PendingObservationKind::Done));
    hook.step(vec![]);
    hook.answer(1, 1, Answer::Observation(reply(201)));
    assert_eq!(hook.next_observation(), (Some(1), reply(201)));
}

#[test]
fn a_watch_and_a_deletion_survive_a_crash() {
    let mut hook = begun(everything(), ALL);
    let delete = Request::Delete {
        object: configmap("b"),
        propagation: Propagation::Background,
    };
    hook.step(vec![(1, Request::Watch(configmap("a"))), (2, delete)]);
    assert_eq!(hook.performed(), 1);
    hook.answer(1, 1, Answer::Resolved(key("a")));
    assert!(matches!(hook.next(), Some(Effect::Watch { key: found, .. }) if found == key("a")));
    assert_eq!(hook.performed(), 2);
    let target = ObjectIdentity {
        key: key("b"),
        uid: "u".to_owned(),
    };
    hook.answer(2, 1, Answer::DeletionAccepted(target));
    assert!(matches!(hook.next(), Some(Effect::Watch { key: found, .. }) if found == key("b")));
    hook.crash();
    let again: BTreeSet<String> = [hook.next(), hook.next()]
        .into_iter()
        .map(|effect| match effect {
            Some(Effect::Watch { key, .. }) => key.name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(again, ["a".to_owned(), "b".to_owned()].into());
    let task = hook.task.id.clone();
    for name in ["b", "a"] {
        let fact = ObservedState::Gone;
        hook.send(InputKind::Observed {
            task: task.clone(),
            key: key(name),
            state: fact,
        });
    }
    assert!(matches!(hook.next(), Some(Effect::Unwatch { key: found, .. }) if found == key("b")));
    assert_eq!(hook.next_observation(), (Some(2), PendingObservationKind::Deleted));
    hook.step(vec![]);
    assert_eq!(hook.next_observation(), (Some(1), PendingObservationKind::Gone));
}

#[test]
fn a_signal_is_stored_before_it_is_taken_off_the_lease() {
    let mut hook = begun(json!({}), "{}");
    hook.answer_step(
        Progress::Running,
        vec![(1, Request::WaitSignal("approval".to_owned()))],
        None,
    );
    assert_eq!(hook.performed(), 1);
    let awaited = hook.operation.hooks_awaiting("approval");
    assert_eq!(
        awaited.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
        ["check"]
    );
    let signal = PendingObservationKind::Signal {
        name: "approval".to_owned(),
        by: "anna".to_owned(),
        value: json!({"verdict": "approved"}),
        signal_id: "m".to_owned(),
    };
    hook.answer(1, 1, Answer::Observation(signal.clone()));
    let forget = Effect::Do {
        task: hook.task.id.clone(),
        work: Work::ForgetSignal { mark: "m".to_owned() },
    };
    assert_eq!(hook.next(), Some(forget.clone()));
    assert_eq!(hook.next_observation(), (Some(1), signal.clone()));
    assert_eq!(hook.operation.hooks_awaiting("approval"), []);
    hook.crash();
    let again = [hook.next().unwrap(), hook.next().unwrap()];
    assert!(again.contains(&forget), "{again:?}");
    assert!(
        again.iter().any(|effect| matches!(
            effect,
            Effect::Do {
                work: Work::StepHook(_),
                ..
            }
        )),
        "{again:?}"
    );
}
