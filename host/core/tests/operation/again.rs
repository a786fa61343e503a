//! Objects whose webhook isn't up yet, step by step.

use std::sync::Arc;

use capstan_core::{
    effect::Effect,
    event::Status,
    input::{Happened, Input, Problem},
    object::Object,
    operation::{Operation, Step},
    plan::Plan,
    task::{Check, FailureClass, Task, TaskId},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::shell::{plan, resource};

const REFUSED: &str = "the API server can't serve us now: 500 Internal error occurred: failed calling webhook \"things.example.com\": failed to \
                       call webhook: Post \"https://hook.shop.svc:443/\": connect: connection refused";

struct Driver {
    operation: Operation,
    at: Timestamp,
    last: Step,
}

impl Driver {
    fn new(plan: Plan) -> Driver {
        let operation = Operation::new(Arc::new(plan), "op1");
        let mut driver = Driver {
            operation,
            at: Timestamp::UNIX_EPOCH,
            last: Step::default(),
        };
        driver.tell(Happened::Begun);
        driver
    }

    fn tell(&mut self, what: Happened) {
        self.last = self.operation.step(Input { at: self.at, what });
    }

    fn refuse(&mut self, task: &TaskId) {
        let result = Err(Problem::new(FailureClass::Apply, REFUSED));
        self.tell(Happened::Applied {
            task: task.clone(),
            result,
        });
    }

    fn applies(&self) -> usize {
        let effects = self.last.effects.iter();
        effects.filter(|effect| matches!(effect, Effect::Apply { .. })).count()
    }

    /// Lets time pass until the next timer.
    fn wake(&mut self) {
        let waited = self.operation.waiting();
        assert!(!waited.is_empty(), "it waits for something");
        self.at = self.at.checked_add(SignedDuration::from_secs(30)).unwrap();
        self.tell(Happened::Woke);
    }
}

fn one(timeout_seconds: Option<u64>) -> Task {
    let mut task = resource(0, "settings");
    task.timeout_seconds = timeout_seconds;
    task
}

#[test]
fn an_object_is_applied_again_until_its_webhook_answers_or_its_time_is_over() {
    for (timeout, most) in [(None, 12), (Some(60), 4)] {
        let task = one(timeout);
        let mut driver = Driver::new(plan(vec![task.clone()]));
        assert_eq!(driver.applies(), 1);
        let mut tries = 0;
        while !driver.operation.status().is_over() {
            tries += 1;
            assert!(tries <= most, "{tries} tries within {timeout:?}");
            driver.refuse(&task.id);
            if driver.operation.status().is_over() {
                break;
            }
            assert_eq!(driver.applies(), 0, "not at once");
            driver.wake();
            assert_eq!(driver.applies(), 1);
        }
        assert!(tries > 2);
        assert!(matches!(driver.operation.status(), Status::Failed(_)));
    }
}

#[test]
fn whoever_carries_on_applies_at_once_and_termination_ends_the_wait() {
    let task = one(None);
    let mut driver = Driver::new(plan(vec![task.clone()]));
    driver.refuse(&task.id);
    let text = serde_json::to_string(driver.operation.state()).expect("state is JSON");
    let state = serde_json::from_str(&text).expect("what was written is read");
    driver.operation = Operation::restore(Arc::clone(driver.operation.plan()), state);
    driver.tell(Happened::Resumed);
    assert_eq!(driver.applies(), 1);
    driver.refuse(&task.id);
    driver.tell(Happened::Terminated { by: "me".to_owned() });
    assert!(matches!(driver.operation.status(), Status::Terminated { .. }));
}

#[test]
fn a_webhook_of_the_set_itself_does_not_fail_the_check_before_the_first_change() {
    let mut service = resource(0, "hook");
    let object = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hook", "namespace": "shop" } });
    service.key = Object(object.clone()).key();
    service.object = Some(Object(object));
    let mut task = one(None);
    task.check = Check::First;
    let ends = |tasks: Vec<Task>| {
        let mut driver = Driver::new(plan(tasks));
        driver.tell(Happened::Checked {
            task: task.id.clone(),
            result: Err(Problem::new(FailureClass::Apply, REFUSED)),
        });
        driver.operation.status().is_over()
    };
    assert!(!ends(vec![service, task.clone()]));
    assert!(
        ends(vec![task.clone()]),
        "nothing of this set would bring that webhook up"
    );
}
