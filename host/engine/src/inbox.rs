//! What a driver receives, in the order in which it happened.
//!
//! | entry | bound | when it is reached |
//! | --- | --- | --- |
//! | answers to effects | [`MAX_ANSWERS`] | the sender waits, and its effect counts as still running |
//! | observations of objects | [`MAX_OBSERVATIONS`] | a newer one replaces the last one of the same task and object |
//! | problems | [`MAX_PROBLEMS`] | the newest is dropped, and logged |
//!
//! Observations don't wait: a watch that waited for the driver couldn't receive the driver's commands.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use capstan_core::{
    kubernetes::observed_object::ObservedState, model::object::ObjectKey, plan::task::TaskId, run::input::InputKind,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::coop::consume_budget,
};

/// How many unread answers there may be.
const MAX_ANSWERS: usize = 1_024;
/// How many unread observations there may be before they replace each other.
const MAX_OBSERVATIONS: usize = 4_096;
/// From this many times [`MAX_OBSERVATIONS`] on, there is only one observation for each task and object.
const OVERFLOW_FACTOR: usize = 4;
/// How many unread problems there may be.
const MAX_PROBLEMS: usize = 256;

/// The sending side of the inbox.
#[derive(Clone)]
pub(crate) struct Inbox(Arc<Shared>);

/// The receiving side of the inbox, for the driver.
pub(crate) struct InboxReader(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
    answers: Arc<Semaphore>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// The position of the first entry; positions count from 0.
    first_position: u64,
    /// The position of the last observation of each task and object.
    last_observations: HashMap<(TaskId, ObjectKey), u64>,
    observations: usize,
    problems: usize,
    is_closed: bool,
}

struct Entry {
    input: InputKind,
    /// The permit of an answer; it is returned when the entry is read.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Makes an inbox, with both sides.
pub(crate) fn inbox() -> (Inbox, InboxReader) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        changed: Notify::new(),
        answers: Arc::new(Semaphore::new(MAX_ANSWERS)),
    });
    (Inbox(Arc::clone(&shared)), InboxReader(shared))
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Adds the answer to an effect, as soon as there is room for it. Returns `false` when the driver is gone.
    pub async fn push_answer(&self, happened: InputKind) -> bool {
        let Ok(room) = Arc::clone(&self.0.answers).acquire_owned().await else {
            return false;
        };
        self.with_queue(|queue| queue.push(happened, Some(room)));
        true
    }

    /// Adds an observation of an object that a task follows.
    pub fn push_observation(&self, task: TaskId, key: ObjectKey, fact: ObservedState) {
        self.with_queue(|queue| queue.push_observation(task, key, fact));
    }

    /// Adds a problem that belongs to no task.
    pub fn push_problem(&self, message: String) {
        self.with_queue(|queue| queue.push_problem(message));
    }

    fn with_queue(&self, add: impl FnOnce(&mut Queue)) {
        let mut queue = self.0.queue();
        // Nothing reads it when the operation is finished.
        if !queue.is_closed {
            add(&mut queue);
        }
        drop(queue);
        self.0.changed.notify_one();
    }
}

impl Queue {
    fn push(&mut self, happened: InputKind, room: Option<OwnedSemaphorePermit>) {
        self.entries.push_back(Entry {
            input: happened,
            _permit: room,
        });
    }

    fn push_observation(&mut self, task: TaskId, key: ObjectKey, fact: ObservedState) {
        let followed = (task, key);
        if self.observations >= MAX_OBSERVATIONS
            && let Some(at) = self.last_observations.get(&followed)
            && let Some(index) = at.checked_sub(self.first_position)
            && let Some(entry) = usize::try_from(index)
                .ok()
                .and_then(|index| self.entries.get_mut(index))
            && let InputKind::Observed { state: before, .. } = &mut entry.input
            && (is_same_object(before, &fact) || self.observations >= MAX_OBSERVATIONS * OVERFLOW_FACTOR)
        {
            *before = fact;
            return;
        }
        self.last_observations
            .insert(followed.clone(), self.first_position + self.entries.len() as u64);
        self.observations += 1;
        let (task, key) = followed;
        self.push(InputKind::Observed { task, key, state: fact }, None);
    }

    fn push_problem(&mut self, message: String) {
        if self.problems >= MAX_PROBLEMS {
            tracing::warn!(message, "a problem is dropped: the operation has too many of them");
            return;
        }
        self.problems += 1;
        self.push(InputKind::Problem { message }, None);
    }

    fn pop(&mut self) -> Option<InputKind> {
        let happened = self.entries.pop_front()?.input;
        match &happened {
            InputKind::Observed { task, key, .. } => {
                self.observations -= 1;
                let followed = (task.clone(), key.clone());
                if self.last_observations.get(&followed) == Some(&self.first_position) {
                    self.last_observations.remove(&followed);
                }
            }
            InputKind::Problem { .. } => self.problems -= 1,
            _ => {}
        }
        self.first_position += 1;
        Some(happened)
    }
}

/// Says whether two observations are of the same object. Then the later one shows everything that the earlier one shows.
fn is_same_object(before: &ObservedState, now: &ObservedState) -> bool {
    match (before, now) {
        (ObservedState::Present(before), ObservedState::Present(now)) => before.uid == now.uid,
        (ObservedState::Gone, ObservedState::Gone) => true,
        (ObservedState::Present(_), ObservedState::Gone) | (ObservedState::Gone, ObservedState::Present(_)) => false,
    }
}

impl InboxReader {
    /// Returns the next entry. Dropping the future loses nothing.
    pub async fn next(&mut self) -> InputKind {
        loop {
            consume_budget().await;
            if let Some(happened) = self.0.queue().pop() {
                return happened;
            }
            self.0.changed.notified().await;
        }
    }
}

impl Drop for InboxReader {
    fn drop(&mut self) {
        self.0.answers.close();
        let mut queue = self.0.queue();
        queue.is_closed = true;
        queue.entries.clear();
        queue.last_observations.clear();
    }
}

#[cfg(test)]
mod tests {
    use capstan_core::{
        kubernetes::observed_object::ObservedObject,
        model::{
            health::{Assessment, Health},
            object::Object,
        },
    };
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn key(number: usize) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: "ConfigMap".to_owned(),
            namespace: "shop".to_owned(),
            name: format!("c{number}"),
        }
    }

    fn task(number: usize) -> TaskId {
        TaskId(format!("Sync/0/ConfigMap/c{number}"))
    }

    fn fact(uid: &str, version: usize) -> ObservedState {
        let object = Object(json!({ "metadata": { "uid": uid, "resourceVersion": version.to_string() } }));
        ObservedState::Present(ObservedObject::new(
            &object,
            Assessment::new(Health::Progressing, "", ""),
        ))
    }

    fn woke() -> InputKind {
        InputKind::Woke
    }

    fn drain(reader: &mut InboxReader) -> Vec<InputKind> {
        std::iter::from_fn(|| reader.0.queue().pop()).collect()
    }

    #[tokio::test]
    async fn below_its_bounds_everything_is_received_in_order() {
        let (inbox, mut reader) = inbox();
        assert!(reader.next().now_or_never().is_none());
        inbox.push_observation(task(1), key(1), fact("u", 1));
        assert!(inbox.push_answer(woke()).await);
        inbox.push_observation(task(1), key(1), fact("u", 2));
        inbox.push_problem("trouble".to_owned());
        let observed = |version| InputKind::Observed {
            task: task(1),
            key: key(1),
            state: fact("u", version),
        };
        let troubled = InputKind::Problem {
            message: "trouble".to_owned(),
        };
        for expected in [observed(1), woke(), observed(2), troubled] {
            assert_eq!(reader.next().await, expected);
        }
        assert_eq!(reader.0.queue().last_observations.len(), 0);
    }

    #[tokio::test]
    async fn answers_wait_for_room_and_end_with_the_driver() {
        let (inbox, mut reader) = inbox();
        for _ in 0..MAX_ANSWERS {
            assert!(inbox.push_answer(woke()).await);
        }
        let mut waiting = Box::pin(inbox.push_answer(woke()));
        assert!((&mut waiting).now_or_never().is_none());
        // What doesn't wait has room all the same.
        inbox.push_observation(task(1), key(1), fact("u", 1));
        reader.next().await;
        assert!(waiting.await);
        let waiting = inbox.push_answer(woke());
        drop(reader);
        assert!(!waiting.await);
        inbox.push_problem("x".to_owned());
        assert_eq!(inbox.0.queue().entries.len(), 0);
    }

    #[test]
    fn observations_replace_each_other_when_the_driver_is_behind() {
        let (inbox, mut reader) = inbox();
        let objects = 100;
        for version in 0..1_000 {
            for number in 0..objects {
                inbox.push_observation(task(number), key(number), fact("u", version));
            }
            assert!(reader.0.queue().entries.len() <= MAX_OBSERVATIONS + objects);
        }
        let read = drain(&mut reader);
        for number in 0..objects {
            let last = read
                .iter()
                .rev()
                .find(|happened| happened.task() == Some(&task(number)));
            let expected = InputKind::Observed {
                task: task(number),
                key: key(number),
                state: fact("u", 999),
            };
            assert_eq!(last, Some(&expected));
        }
    }

    #[test]
    fn that_an_object_went_is_kept_apart_from_what_took_its_name() {
        let (inbox, mut reader) = inbox();
        for _ in 0..MAX_OBSERVATIONS {
            inbox.push_observation(task(0), key(0), fact("other", 1));
        }
        for (uid, version) in [("a", 1), ("a", 2), ("", 0), ("", 0), ("b", 3), ("b", 4)] {
            let fact = if uid.is_empty() {
                ObservedState::Gone
            } else {
                fact(uid, version)
            };
            inbox.push_observation(task(1), key(1), fact);
        }
        let read = drain(&mut reader);
        let facts: Vec<&ObservedState> = read
            .iter()
            .filter_map(|happened| match happened {
                InputKind::Observed {
                    task: of, state: fact, ..
                } if *of == task(1) => Some(fact),
                _ => None,
            })
            .collect();
        assert_eq!(facts, [&fact("a", 2), &ObservedState::Gone, &fact("b", 4)]);
        // However often that happens, there is a bound.
        for number in 0..MAX_OBSERVATIONS * OVERFLOW_FACTOR * 2 {
            inbox.push_observation(task(1), key(1), fact(&number.to_string(), 1));
        }
        assert_eq!(drain(&mut reader).len(), MAX_OBSERVATIONS * OVERFLOW_FACTOR);
    }

    #[test]
    fn troubles_are_bounded() {
        let (inbox, mut reader) = inbox();
        for number in 0..2 * MAX_PROBLEMS {
            inbox.push_problem(number.to_string());
        }
        assert_eq!(drain(&mut reader).len(), MAX_PROBLEMS);
        inbox.push_problem("again".to_owned());
        assert_eq!(drain(&mut reader).len(), 1);
    }
}
