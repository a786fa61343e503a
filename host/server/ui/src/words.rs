//! The words that the page itself writes. What the product says comes from the server.

use crate::css::Css;

/// Heading of manifests that are left alone.
pub const LEFT_ALONE: &str = "Left alone";
/// Heading of waves that never ran.
pub const NOT_STARTED: &str = "Not started";
/// Beside SyncFail while nothing failed.
pub const ONLY_AFTER_A_FAILURE: &str = "only if something fails";

/// How many of how many are done.
pub fn of(done: usize, total: usize) -> String {
    format!("{done} of {total}")
}

/// A count with its noun, in the singular where that is right: `1 object`, `3 objects`.
pub fn count(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A wave in words.
pub fn wave(number: &str) -> String {
    format!("wave {number}")
}

/// What was done in less than a second.
pub fn at_once(count: usize) -> String {
    format!("{count} at once")
}

/// What is folded.
pub fn more(count: usize) -> String {
    format!("{count} more")
}

/// Which try it is.
pub fn attempt(number: usize) -> String {
    format!("try {number}")
}

/// At the end of a row's accessible name.
pub const ON_THE_CRITICAL_PATH: &str = ", on the critical path";

/// What a task waits for before it may start.
pub fn held_by(names: &[String]) -> String {
    format!("after {}", names.join(", "))
}

/// A task that an operation doesn't have.
pub const NOT_THERE: &str = "not there";
/// A task that did not run.
pub const NOT_RUN: &str = "not run";
/// No difference that matters.
pub const SAME: &str = "same";
/// A task of one operation only.
pub const NEW_IN_A: &str = "new in A";
/// A task of the other operation only.
pub const ONLY_IN_B: &str = "only in B";

/// What is so now and was otherwise then.
pub fn was(now: &str, then: &str) -> String {
    format!("{now}, was {then}")
}

// Requests and the connection.

/// Instead of an answer.
pub const NO_ANSWER: &str = "the server does not answer";
/// An answer that can't be read.
pub const STRANGE_ANSWER: &str = "the server's answer can't be read; a newer page may be there: reload";
/// On buttons that change something while there is no connection.
pub const NOT_WHILE_LOST: &str = "the server does not answer";
/// A button of the banner.
pub const TRY_NOW: &str = "Try now";
/// While something is loaded.
pub const LOADING: &str = "Loading";

/// An answer without a body of ours.
pub fn status(status: u16) -> String {
    format!("the server answered with status {status}")
}

/// The banner while the server doesn't answer.
pub fn lost(since: &str, again: &str) -> String {
    format!("The server does not answer. What you see is as of {since}. The next try is at {again}.")
}

/// Why a button is off.
pub fn missing_right(right: &str) -> String {
    format!("you may not: {right}")
}

// The shell.

pub const TO_THE_CONTENT: &str = "To the content";
pub const NO_SUCH_PAGE: &str = "There is no such page.";
pub const SIGN_IN: &str = "Sign in";
pub const TOKEN: &str = "Token";
pub const FIND: &str = "Find";
pub const READ_ONLY: &str = "read-only server";
pub const PAGES: &str = "Pages";
pub const PAGES_OF_THE_APPLICATION: &str = "Pages of the application";

/// The button that changes the colours.
pub fn theme(word: &str) -> String {
    format!("Theme: {word}")
}

/// What one may do.
pub fn may(verbs: &[&str]) -> String {
    if verbs.is_empty() {
        "may look".to_owned()
    } else {
        format!("may {}", verbs.join(", "))
    }
}

// Applications.

pub const FIND_APPLICATIONS: &str = "Find applications";
pub const NAME_NAMESPACE_REVISION: &str = "Name, namespace, revision";
pub const FILTERS: &str = "Filters";
pub const NO_APPLICATION: &str = "There is no application yet.";
pub const WHAT_AN_APPLICATION_IS: &str = "An application is a set of manifests that are synced together, with hooks before, during and after. The first sync creates it.";
pub const NO_APPLICATION_MATCHES: &str = "No application matches.";
pub const NOT_LOOKED_AT: &str = "not looked at";
pub const NOTHING_RAN: &str = "no operation has run yet";

/// How many applications in how many clusters.
pub fn in_clusters(applications: usize, clusters: usize) -> String {
    format!("{applications} in {}", count(clusters, "cluster"))
}

/// The button that removes all filters.
pub fn show_all(count: usize) -> String {
    format!("Show all {count}")
}

/// The progress of waves, for readers.
pub fn waves_done(done: usize, total: usize) -> String {
    format!("{done} of {total} waves done")
}

/// An operation that is over.
pub fn ended(ago: &str, took: &str, by: &str) -> String {
    format!("{ago}, took {took}, by {by}")
}

/// An operation that runs.
pub fn begun(ago: &str, by: &str) -> String {
    format!("begun {ago}, by {by}")
}

/// Why an application can't be deleted yet.
pub fn name_is_not_typed(name: &str) -> String {
    format!("type {name} first")
}

/// What is deleted later.
pub fn due(objects: usize) -> String {
    format!("{} to be deleted later", count(objects, "object"))
}

// Actions.

pub const CARRY_ON: &str = "Carry on";
pub const TERMINATE: &str = "Terminate";
pub const TERMINATE_AND_MORE: &str = "Terminate…";
pub const SYNC: &str = "Sync";
pub const SYNC_AND_MORE: &str = "Sync…";
pub const SYNC_AGAIN_AND_MORE: &str = "Sync again…";
pub const MORE_ACTIONS: &str = "More actions";
pub const ROLL_BACK: &str = "Roll back";
pub const ROLL_BACK_AND_MORE: &str = "Roll back…";
pub const TEST: &str = "Run tests of";
pub const TEST_AND_MORE: &str = "Run tests…";
pub const SWEEP: &str = "Delete what is due of";
pub const SWEEP_AND_MORE: &str = "Delete what is due…";
pub const DELETE: &str = "Delete";
pub const DELETE_AND_MORE: &str = "Delete…";
pub const APPROVE: &str = "Approve";
pub const APPROVE_AND_MORE: &str = "Approve…";
pub const REJECT: &str = "Reject";
pub const REJECT_AND_MORE: &str = "Reject…";
pub const CANCEL: &str = "Cancel";
pub const CLOSE: &str = "Close";
pub const SENT: &str = "Sent…";
pub const COPIED: &str = "Copied";
pub const COMMAND: &str = "The command that does the same";
pub const COPY_THE_COMMAND: &str = "Copy the command";
pub const MISSING_RIGHTS: &str = "Missing rights:";
pub const WHAT_MOVED: &str = "What has changed since the plan was made:";
pub const MISTAKES: &str = "Mistakes:";

pub const LET_IT_RUN: &str = "Let it run";
pub const TERMINATE_STOPS: &str = "Hooks that run are stopped, and their objects are deleted.";
pub const TERMINATE_STARTS_NOTHING: &str = "Nothing more is started, SyncFail included.";
pub const TERMINATE_LEAVES: &str = "What was applied stays as it is; nothing is rolled back.";
pub const RESUME_GOES_ON: &str = "The operation goes on where it was left. Hooks that ended don't run again.";
pub const TEST_RUNS: &str = "Its test hooks run. Nothing is applied.";
pub const SWEEP_DELETES: &str = "Objects of hooks whose time is over are deleted.";
pub const ROLLBACK_DEPLOYS: &str =
    "The manifests of the last successful operation with other manifests are deployed again.";
pub const KEEP_WHAT_IS_NEW: &str = "Keep what is new";
pub const KEEP_WHAT_IS_NEW_NOTE: &str = "objects that those manifests don't name are not deleted";
pub const STAYS: &str = "Stays:";
pub const TYPE: &str = "Type ";
pub const TO_DELETE_IT: &str = " to delete it";
pub const NOTHING_IS_CHOSEN: &str = "nothing is chosen";
pub const IT_ASKS: &str = "It asks: ";
pub const AFTER_AN_APPROVAL: &str = "The hook succeeds and the operation goes on.";
pub const AFTER_A_REJECTION: &str =
    "The hook fails: the operation ends here, and SyncFail runs. What was applied stays.";
pub const WHY: &str = "Why ";
pub const OPTIONAL_AND_SHOWN: &str = "optional; shown in the history with your name";
pub const RESULT: &str = "Result";

// The dialog of a sync.

pub const FILTER: &str = "Filter";
pub const ALL: &str = "all";
pub const WHAT_DIFFERS: &str = "what differs";
pub const NONE: &str = "none";
pub const OBJECTS_AND_HOOKS: &str = "Objects and hooks";
pub const RUNS: &str = "runs";
pub const UNCHANGED: &str = "unchanged";
pub const NEW: &str = "new";
pub const DIFFERS: &str = "differs";
pub const ANOTHER_RUNS: &str = "Another operation runs";
pub const WAIT_FOR_ITS_END: &str = "Wait for its end";
pub const END_IT_FIRST: &str = "End it first";
pub const HOOKS: &str = "Hooks";
pub const WHICH_HOOKS_RUN: &str = "Which hooks run";
pub const ALL_OF_THEM: &str = "All";
pub const NO_HOOKS: &str = "None";
pub const ONLY_HOOKS: &str = "Only hooks";
pub const WHAT_IS_DONE: &str = "What is done";
pub const DRY_RUN: &str = "Dry run";
pub const DRY_RUN_NOTE: &str =
    "The API server says what it would answer to each object. Nothing is changed and no hook runs.";
pub const OPTIONS: &str = "Options";
pub const PRUNE: &str = "Prune";
pub const TAKE_OVER_FIELDS: &str = "Take over fields of others";
pub const TAKE_OVER_FIELDS_NOTE: &str = "fields that kubectl, a controller or another tool owns";
pub const TRY_AGAIN_AFTER_A_FAILURE: &str = "Try again after a failure";
pub const NEVER: &str = "never";
pub const ONCE: &str = "once";
pub const THREE_TIMES: &str = "3 times";
pub const LOOK_AT_THE_PLAN: &str = "Look at the plan";

/// Beside the checkbox for pruning.
pub fn prune_note(left_over: usize) -> String {
    format!(
        "delete what no manifest names any more: {} now",
        count(left_over, "object")
    )
}

/// What a sync would do.
pub fn sum_of_a_sync(to_apply: usize, hooks: usize, unchanged: usize) -> String {
    format!("{to_apply} to apply, {}, {unchanged} unchanged", count(hooks, "hook"))
}

/// Hooks that a sync leaves out.
pub fn hooks_left_out(names: &[String]) -> String {
    let shown = names.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if names.len() > 4 { "…" } else { "" };
    let verb = if names.len() == 1 { "does" } else { "do" };
    format!("{} {verb} not run: {shown}{more}", count(names.len(), "hook"))
}

// The operation.

pub const WAITS_FOR_A_PERSON: &str = "Waits for a person";
pub const NOTHING_WAS_DEPLOYED: &str = "Nothing was deployed yet.";
pub const BY: &str = "by";
pub const COMMIT: &str = "revision";
pub const TOOK: &str = "took";
pub const FOR: &str = "for";
pub const SHARE_OF_OBJECTS: &str = "Share of objects that are done";
pub const A_PERSON: &str = "a person";
pub const WHERE_THE_TIME_WENT: &str = "Where the time went";
pub const TIMELINE: &str = "Timeline";
pub const OBJECT: &str = "Object";
pub const KEY_APPLIED: &str = "applied, then waits";
pub const KEY_HOOK: &str = "hook";
pub const KEY_AS_LAST_TIME: &str = "as last time";
pub const KEY_CRITICAL: &str = "critical path";
pub const KEY_HELD: &str = "held back";
pub const FILTER_OBJECTS: &str = "Filter objects";
pub const SCALE_OF_TIME: &str = "Scale of time";
pub const FITTED: &str = "Fitted";
pub const TRUE_TIME: &str = "True time";
pub const BELOW_THE_TIMELINE: &str = "Below the timeline";
pub const HEIGHT_OF_THE_PANE: &str = "Height of the pane";
pub const LOGS: &str = "Logs";
pub const DETAILS: &str = "Details";
pub const EVENTS: &str = "Events";

/// The time that an operation took last time.
pub fn of_about(length: &str) -> String {
    format!(" of about {length}")
}

/// Behind the number of tasks that are done.
pub fn of_done(total: usize) -> String {
    format!(" of {total} done")
}

/// The time that no task explains.
pub fn the_rest(length: &str) -> String {
    format!("the rest {length}")
}

// Why it waits.

pub const WHY_IT_WAITS: &str = "Why it is waiting";
pub const JUST_APPLIED: &str = "was just applied; nothing is known of it yet";
pub const ENDS_WHEN: &str = "ends when ";
pub const ENDS_BY_A_PERSON: &str = "a person says so";
pub const ENDS_BY_ITSELF: &str = "it succeeds or fails";
pub const ENDS_WHEN_HEALTHY: &str = "it is Healthy";
pub const ENDS_WHEN_GONE: &str = "it is gone";
pub const SAYS: &str = ", says ";
pub const FOR_AND_SPACE: &str = "for ";
pub const THEN: &str = "then";
pub const LEFT: &str = "Nobody drives this operation any more. Carry on with it or terminate it.";

/// How long something took last time.
pub fn usually(length: &str) -> String {
    format!(", usually {length}")
}

/// When a task is given up.
pub fn given_up(length: &str, at: &str) -> String {
    format!("given up in {length}, at {at}")
}

/// When a task without a limit is given up.
pub fn given_up_with_the_operation(length: &str) -> String {
    format!("given up with the operation, in {length}")
}

/// How much of its time a task has used, for readers.
pub fn percent_used(percent: f64) -> String {
    format!("{} percent of its time is used", Css(percent.round()))
}

/// Tasks that are waited for and not named.
pub fn and_more_of_this_wave(count: usize) -> String {
    format!("and {count} more of this wave")
}

/// Names that are not listed.
pub fn and_more(count: usize) -> String {
    format!(" and {count} more")
}

/// An operation that is being stopped.
pub fn stopping(by: &str) -> String {
    format!("Terminating, as {by} wants it: what runs is being stopped.")
}

// A failure.

pub const CLASS: &str = "class";
pub const AFTER: &str = "after";
pub const RAN: &str = "ran";
pub const WAS_NOT_STARTED: &str = "not started";
pub const THE_OPERATION_FAILED: &str = "The operation failed";
pub const THE_END_OF_ITS_LOG: &str = "The end of its log";

/// Where a task failed.
pub fn failed_in(phase: &str, number: &str) -> String {
    format!(" failed in {phase}, {}", wave(number))
}

// Logs.

pub const FIND_IN_LOGS: &str = "Find in logs";
pub const TIMES: &str = "Times";
pub const WRAP_LINES: &str = "Wrap lines";
pub const COPY_THESE_LINES: &str = "Copy these lines";
pub const DOWNLOAD: &str = "Download";
pub const LOG_LINES: &str = "Log lines";
pub const NOTHING_WRITTEN: &str = "No hook has written anything.";
pub const NO_LINE_HAS_THAT: &str = "No line contains that.";
pub const TO_THE_END: &str = "to the end";
pub const HOOKS_WITH_LOGS: &str = "Hooks with logs";
pub const FOLLOW: &str = "Follow";
pub const ALL_HOOKS: &str = "All hooks";

/// Which try of a hook lines are of.
pub fn try_of(number: usize, total: usize) -> String {
    format!("try {number} of {total}")
}

/// After how long a hook ended.
pub fn after(length: &str) -> String {
    format!("after {length}")
}

/// How much of a log is kept.
pub fn kept_with_this_operation(size: &str) -> String {
    format!("{size} kept with this operation")
}

/// What became of a hook's object.
pub fn was_deleted(kind: &str, by: &str) -> String {
    format!("its {kind} was deleted ({by})")
}

/// What becomes of a hook's object later.
pub fn is_deleted_at(kind: &str, at: &str, by: &str) -> String {
    format!("its {kind} is deleted at {at} ({by})")
}

/// A hook's object that stays.
pub fn is_kept(kind: &str) -> String {
    format!("its {kind} is kept")
}

/// A hook's object that should be gone.
pub fn could_not_be_deleted(kind: &str, why: &str) -> String {
    format!("its {kind} could not be deleted: {why}")
}

// Events.

pub const NO_EVENTS: &str = "No event was told yet, or they were not kept.";
pub const EARLIER_ONES: &str = "Show earlier events";

// One object.

pub const HOOK_STARTS: &str = "the hook starts";
pub const APPLYING: &str = "it is applied";
pub const STILL_RUNNING: &str = "still running";
pub const STILL_WAITING: &str = "still waiting";
pub const WHAT_WAS_TOLD: &str = "What happened";
pub const WHAT_CHANGES: &str = "What changes";
pub const A_HOOK_IS_MADE_ANEW: &str = "A hook: its object is created again for each run.";
pub const IT_IS_NEW: &str = "It is new.";
pub const IT_IS_DELETED: &str = "It is deleted.";
pub const IT_STAYS_AS_IT_IS: &str = "Nothing: only its health is checked.";
pub const CHANGES_ARE_NOT_KNOWN: &str = "The fields were not kept.";
pub const WHO_AND_HOW_LONG: &str = "Who and how long";
pub const HEALTH: &str = "Health";
pub const RUNS_IT: &str = "Runs it";
pub const JUDGES_IT: &str = "Judges it";
pub const WAITS_UNTIL: &str = "Waits";
pub const WRITTEN_IN: &str = "Written in";
pub const LAST_TIME: &str = "Last time";
pub const LIMIT: &str = "Limit";
pub const THAT_OF_THE_OPERATION: &str = "that of the operation";
pub const DELETE_POLICIES: &str = "Delete policies";
pub const ASKED_FOR: &str = "Asked for";
pub const TOUCHED: &str = "Changed";

/// An earlier try of a task.
pub fn earlier_try(how: &str) -> String {
    format!("an earlier try: {how}")
}

/// What held a task back.
pub fn held_back_by(names: &[String]) -> String {
    format!("held back by {}", names.join(", "))
}

// Objects, the plan, diffs.

pub const PLAN: &str = "Plan";
pub const MESSAGE: &str = "Says";
pub const JUDGED_BY: &str = "Judged by";
pub const NO_OBJECT: &str = "No object.";
pub const REMOVED: &str = "removed: ";
pub const ADDED: &str = "added: ";
pub const HIDE_UNCHANGED: &str = "Hide unchanged";
pub const CHANGES: &str = "changes";
pub const IS_DELETED: &str = "is deleted";
pub const TO_DELETE: &str = "to delete";
pub const NO_FINDINGS: &str = "Nothing was found.";
pub const ASKED_FOR_BY_PLUGINS: &str = "Asked for by plugins";
pub const WITHOUT_A_GRANT: &str = "What is not granted fails when the plugin asks for it.";
pub const BEFORE_IT_RUNS: &str = "Before it runs";
pub const FINDINGS: &str = "Findings";
pub const WHO_ANSWERS: &str = "Who answers";
pub const NO_LONGER_IN_THE_MANIFESTS: &str = "No longer in the manifests";
pub const FIX: &str = "fix ";
pub const SYNC_THIS_PLAN: &str = "Sync this plan";
pub const PLAN_AGAIN: &str = "Plan again";
pub const CHOOSE_AND_MORE: &str = "Choose…";

/// Lines that are not shown.
pub fn lines_the_same(lines: usize) -> String {
    format!("{} the same", count(lines, "line"))
}

/// Behind the number of objects that are applied.
pub fn to_apply(new: usize) -> String {
    match new {
        0 => "to apply".to_owned(),
        new => format!("to apply, {new} of them new"),
    }
}

/// Behind the number of hooks.
pub fn hooks_in_plan(hooks: usize, after_failure: usize) -> String {
    let noun = if hooks == 1 { "hook" } else { "hooks" };
    match after_failure {
        0 => noun.to_owned(),
        count => format!("{noun}, {count} only after a failure"),
    }
}

/// What a hook does.
pub const RUNS_TO_ITS_END: &str = "runs until it succeeds or fails";

/// A limit of time.
pub fn at_most(length: &str) -> String {
    format!(", at most {length}")
}

/// What a plugin answers in a plan.
pub fn answers(runs: usize, judges: usize, decides: usize) -> String {
    let parts = [("runs", runs), ("judges", judges), ("decides on", decides)];
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verb, count)| format!("{verb} {count}"))
        .collect();
    said.join(", ")
}

/// Why a plan can't be run.
pub fn forbidden(errors: usize) -> String {
    format!(
        " {}: this plan can't be run. Mend it, or allow the rule.",
        count(errors, "error")
    )
}

// History.

pub const NOTHING_IS_OVER: &str = "No operation is over yet.";
pub const PICK_ONE_OR_TWO: &str = "Pick one to look at it, two to compare.";
pub const NO_SUCH_OPERATION: &str = "There is no such operation.";
pub const ONLY_WHAT_DIFFERS: &str = "Only what differs";
pub const REPLAY_A: &str = "Replay A";
pub const A_OVER_B: &str = "A over B";
pub const DIFFERENCE: &str = "Difference";
pub const NO_EVENTS_KEPT: &str = "Its events were not kept, so it can't be replayed.";
pub const OPEN: &str = "Open";
pub const ASK_ANOTHER_PLUGIN: &str = "Ask another version of a plugin what this operation asked:";
pub const PLAY: &str = "Play";
pub const PAUSE: &str = "Pause";
pub const MOMENT: &str = "Moment";

/// The sum of a comparison: how much longer, and how many tasks differ.
pub fn compared(longer: Option<(String, bool)>, differing: usize, total: usize) -> String {
    let tasks = format!("{differing} of {} differ.", count(total, "task"));
    match longer {
        Some((length, true)) => format!("A took {length} longer. {tasks}"),
        Some((length, false)) => format!("A took {length} less. {tasks}"),
        None => tasks,
    }
}

/// The moment of a replay.
pub fn as_it_was_at(clock: &str) -> String {
    format!("as it was at {clock}")
}

/// A part of a length of time.
pub fn span_of(part: &str, whole: &str) -> String {
    format!("{part} / {whole}")
}

// Plugins.

pub const NO_PLUGIN: &str = "No plugin is loaded.";
pub const ASKS_FOR_NOTHING: &str = "asks for nothing";
pub const IT_SEES_ONLY_ITS_CLAIMS: &str = "Nothing. It sees what its claims name, and answers.";
pub const NOT_GRANTED: &str = "Not granted.";
pub const ALL_GRANTED: &str = "Everything is granted.";
pub const GRANTED_IS: &str = "Granted:";
pub const COPY_THE_DIGEST: &str = "Copy the digest";

/// How many plugins there are.
pub fn loaded(total: usize, built_in: usize) -> String {
    format!("{total} loaded, {built_in} built in")
}

/// Requests of which none is granted.
pub fn none_granted(asked: usize) -> String {
    format!("{asked} asked, none granted")
}

/// Requests of which some are granted.
pub fn granted(asked: usize) -> String {
    format!("{asked} asked, granted")
}

/// Who answers instead.
pub fn answered_by(plugin: &str) -> String {
    format!("answered by {plugin}")
}

// Finding and keys.

pub const PAGE: &str = "page";
pub const FIND_ANYTHING: &str = "An application or a page";
pub const KEYS_TITLE: &str = "Keys";
pub const LETTERS_ARE_KEYS: &str = "Single letters work as keys";

/// All keys: where, and which does what.
pub const KEYS: [(&str, &[(&str, &str)]); 3] = [
    (
        "Anywhere",
        &[
            ("⌘ K", "Find an application or a page"),
            ("/", "Search this page"),
            ("g a", "Applications"),
            ("g p", "Plugins"),
            ("?", "These keys"),
        ],
    ),
    (
        "Operation",
        &[
            ("j  k", "Next, previous object"),
            ("l", "Logs"),
            ("d", "Plan with its diffs"),
            ("f", "Follow what runs"),
            ("w", "What it waits for"),
        ],
    ),
    (
        "Actions",
        &[
            ("s", "Sync…"),
            ("a", "Approve…"),
            ("t", "Terminate…"),
            ("r", "Sync again…"),
            ("y", "Copy the command"),
        ],
    ),
];

// What assistive technology is told.

/// One sentence about how an operation is; empty while it has nothing to say.
pub fn announcement(record: &crate::record::Record) -> String {
    use crate::task_state::{TaskState, key, phase_name, status_word};
    use capstan_core::run::event::OperationStatus;

    let view = &record.view;
    let asking = view.tasks.iter().find(|task| TaskState::of(task) == TaskState::Asks);
    match (&view.status, view.current, asking) {
        (
            Some(
                status @ (OperationStatus::Succeeded | OperationStatus::Failed(_) | OperationStatus::Terminated { .. }),
            ),
            ..,
        ) => {
            format!("The operation is over: {}.", status_word(Some(status)))
        }
        (_, _, Some(task)) => format!("{} waits for a person.", key(task).kind_and_name()),
        (_, Some((phase, Some(number))), None) => {
            format!("{}, {} begins.", phase_name(phase, view), wave(&number.to_string()))
        }
        _ => String::new(),
    }
}
