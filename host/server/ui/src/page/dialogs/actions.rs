//! Approve, reject, terminate, roll back, delete and others: what is done is said before it is done.

use capstan_api::{
    ApiError, Approval, Outcome, PlanPage, Trigger, Verb, Verdict, path,
    plan::{PlanKind, PlanRequest, PlannedAction},
};

use super::{ActionKind, Sending, cancel, head};
use crate::{
    commands,
    page::{
        bits, connection,
        dom::*,
        icons::{glyph, icon, icon_as},
        store::Store,
    },
    task_state::{TaskState, short_kind, trimmed, wave},
    words,
};

/// The dialog of an approval.
pub fn approve(store: Store, namespace: String, name: String, hook: String, question: &str, is_rejected: bool) -> View {
    let reason = create_signal(String::new());
    let sending = Sending::new();
    let (title, button, class) = if is_rejected {
        (words::REJECT, words::REJECT, "btn btn-go btn-bad")
    } else {
        (words::APPROVE, words::APPROVE, "btn btn-go")
    };
    let asks = question
        .strip_prefix("waits for a person: ")
        .unwrap_or(question)
        .to_owned();
    let after = if is_rejected {
        words::AFTER_A_REJECTION
    } else {
        words::AFTER_AN_APPROVAL
    };
    let command = {
        let (namespace, name, hook) = (namespace.clone(), name.clone(), hook.clone());
        move || commands::approve(&name, &namespace, &hook, is_rejected, &reason.get_clone())
    };
    let sub = name.clone();
    let heading = format!("{title} {hook}");
    let send = move || {
        let approval = Approval {
            hook: Some(hook.clone()),
            verdict: if is_rejected {
                Verdict::Rejected
            } else {
                Verdict::Approved
            },
            reason: reason.get_clone_untracked(),
        };
        sending.post(path::approvals(&namespace, &name), approval, move |_| {
            store.dialog.set(None);
        });
    };
    (
        head(store, heading, sub),
        tags::div().class("dlg-body").children((
            tags::p().children((words::IT_ASKS, tags::b().children(asks))),
            tags::p().class("faint").children(after),
            tags::label().class("field").children((
                tags::span().children((words::WHY, tags::small().children(words::OPTIONAL_AND_SHOWN))),
                tags::input()
                    .attr("autofocus", "")
                    .attr("autocomplete", "off")
                    .hear(events::input, move |event: web_sys::Event| reason.set(value_of(&event))),
            )),
            sending.trouble(),
        )),
        tags::footer().children((
            bits::command(command),
            cancel(store, words::CANCEL),
            bits::action(store, Verb::Approve, class, sending.text(button), send),
        )),
    )
        .into()
}

/// The dialog of an action that is confirmed.
pub fn action(store: Store, namespace: String, name: String, kind: ActionKind) -> View {
    match kind {
        ActionKind::Delete => delete(store, namespace, name),
        ActionKind::Rollback => rollback(store, namespace, name),
        ActionKind::Terminate => simple(
            store,
            namespace,
            name,
            Simple {
                verb: Verb::Terminate,
                title: words::TERMINATE,
                says: &[
                    words::TERMINATE_STOPS,
                    words::TERMINATE_STARTS_NOTHING,
                    words::TERMINATE_LEAVES,
                ],
                word: "terminate",
                trigger: Trigger::Terminate {},
                is_bad: true,
                no: words::LET_IT_RUN,
            },
        ),
        ActionKind::Resume => simple(
            store,
            namespace,
            name,
            Simple {
                verb: Verb::Sync,
                title: words::CARRY_ON,
                says: &[words::RESUME_GOES_ON],
                word: "resume",
                trigger: Trigger::Resume {},
                is_bad: false,
                no: words::CANCEL,
            },
        ),
        ActionKind::Test => simple(
            store,
            namespace,
            name,
            Simple {
                verb: Verb::Test,
                title: words::TEST,
                says: &[words::TEST_RUNS],
                word: "test",
                trigger: Trigger::Test { hook: Vec::new() },
                is_bad: false,
                no: words::CANCEL,
            },
        ),
        ActionKind::Sweep => simple(
            store,
            namespace,
            name,
            Simple {
                verb: Verb::Sweep,
                title: words::SWEEP,
                says: &[words::SWEEP_DELETES],
                word: "sweep",
                trigger: Trigger::Sweep {},
                is_bad: false,
                no: words::CANCEL,
            },
        ),
    }
}

/// An action without choices.
struct Simple {
    verb: Verb,
    title: &'static str,
    /// What it does.
    says: &'static [&'static str],
    /// The command's word.
    word: &'static str,
    trigger: Trigger,
    is_bad: bool,
    /// What the button says that does nothing.
    no: &'static str,
}

fn simple(store: Store, namespace: String, name: String, simple: Simple) -> View {
    let Simple {
        verb,
        title,
        says,
        word,
        trigger,
        is_bad,
        no,
    } = simple;
    let sending = Sending::new();
    let heading = format!("{title} {name}");
    let command = if word == "resume" {
        commands::simple("sync --app", &name, &namespace, &[])
    } else {
        commands::simple(word, &name, &namespace, &[])
    };
    let lines: Vec<View> = says.iter().map(|line| tags::p().children(*line).into()).collect();
    let sub = namespace.clone();
    let class = if is_bad { "btn btn-go btn-bad" } else { "btn btn-go" };
    let content = sending.text(title);
    let send = bits::action(store, verb, class, content, move || {
        sending.send(store, &namespace, &name, trigger.clone());
    });
    (
        head(store, heading, sub),
        tags::div().class("dlg-body").children((lines, sending.trouble())),
        tags::footer().children((bits::command(move || command.clone()), cancel(store, no), send)),
    )
        .into()
}

type Planned = Signal<Option<Result<PlanPage, ApiError>>>;

/// Asks for a plan, to show what an action does before it is done.
fn planned(namespace: &str, name: &str, does: PlanKind, confirm: Vec<String>) -> Planned {
    let plan = create_signal(None);
    let path = path::plan(namespace, name);
    spawn_local(async move {
        let request = PlanRequest {
            does,
            confirm,
            ..PlanRequest::default()
        };
        let answer = connection::post::<_, PlanPage>(&path, &request).await;
        if plan.is_alive() {
            plan.set(Some(answer));
        }
    });
    plan
}

fn steps(plan: &PlanPage) -> View {
    let items: Vec<View> = plan
        .tasks
        .chunk_by(|a, b| (a.phase, a.wave) == (b.phase, b.wave))
        .filter_map(|tasks| {
            let first = tasks.first()?;
            let chips: Vec<View> = tasks
                .iter()
                .map(|task| {
                    let image: View = match task.action {
                        PlannedAction::Run => icon_as("anchor", 11, "icon hookmark"),
                        PlannedAction::Delete => icon("trash", 11),
                        PlannedAction::Create => icon("plus", 11),
                        PlannedAction::Change => icon("tilde", 11),
                        PlannedAction::Keep => icon("equal", 11),
                    };
                    tags::span()
                        .class("chip")
                        .children((
                            image,
                            format!("{}/{}", short_kind(&task.key.kind), trimmed(&task.key.name)),
                        ))
                        .into()
                })
                .collect();
            let item: View = tags::li()
                .children((
                    tags::b().children(first.phase.to_string()),
                    tags::span().class("faint").children(words::wave(&wave(first.wave))),
                    tags::p().children(chips),
                ))
                .into();
            Some(item)
        })
        .collect();
    let kept: Vec<View> = plan
        .skipped
        .iter()
        .map(|skipped| {
            tags::li()
                .children((
                    tags::b().children(skipped.key.kind_and_name()),
                    " ",
                    tags::span().class("faint").children(skipped.reason.clone()),
                ))
                .into()
        })
        .collect();
    let kept: View = if kept.is_empty() {
        nothing()
    } else {
        (
            tags::p().class("faint").children(words::STAYS),
            tags::ul().class("namelist").children(kept),
        )
            .into()
    };
    let notices: Vec<View> = plan
        .notices
        .iter()
        .map(|notice| {
            tags::p()
                .class("bad-note")
                .children((icon("warn", 13), tags::span().children(notice.clone())))
                .into()
        })
        .collect();
    (tags::ol().class("delsteps").children(items), kept, notices).into()
}

fn once_planned(plan: Planned) -> View {
    dynamic(move || {
        let known = plan.get_clone();
        untrack(|| match known {
            None => bits::loading(),
            Some(Err(error)) => bits::trouble(&error),
            Some(Ok(plan)) => steps(&plan),
        })
    })
}

fn plan_id(plan: Planned) -> Option<String> {
    plan.with_untracked(|plan| {
        plan.as_ref()
            .and_then(|plan| plan.as_ref().ok())
            .map(|plan| plan.id.clone())
    })
}

fn delete(store: Store, namespace: String, name: String) -> View {
    let plan = planned(&namespace, &name, PlanKind::Delete, Vec::new());
    let typed = create_signal(String::new());
    let sending = Sending::new();
    let (heading, command) = (
        format!("{} {name}", words::DELETE),
        commands::simple("delete", &name, &namespace, &[]),
    );
    let (sub, wanted, label) = (namespace.clone(), name.clone(), name.clone());
    let obstacle = move || typed.with(|typed| (*typed != wanted).then(|| words::name_is_not_typed(&wanted)));
    let send = move || {
        if typed.with_untracked(|typed| *typed == name) {
            let trigger = Trigger::Delete {
                name: name.clone(),
                plan: plan_id(plan),
                confirm: Vec::new(),
            };
            sending.send(store, &namespace, &name, trigger);
        }
    };
    (
        head(store, heading, sub),
        tags::div().class("dlg-body").children((
            once_planned(plan),
            tags::label().class("field").children((
                tags::span().children((words::TYPE, tags::b().children(label), words::TO_DELETE_IT)),
                tags::input()
                    .attr("autocomplete", "off")
                    .attr("spellcheck", "false")
                    .hear(events::input, move |event: web_sys::Event| typed.set(value_of(&event))),
            )),
            sending.trouble(),
        )),
        tags::footer().children((
            bits::command(move || command.clone()),
            cancel(store, words::CANCEL),
            bits::action_unless(
                store,
                Verb::Delete,
                "btn btn-go btn-bad",
                sending.text(words::DELETE),
                obstacle,
                send,
            ),
        )),
    )
        .into()
}

fn rollback(store: Store, namespace: String, name: String) -> View {
    let plan = planned(&namespace, &name, PlanKind::Rollback, Vec::new());
    let no_prune = create_signal(false);
    let sending = Sending::new();
    let (heading, sub) = (format!("{} {name}", words::ROLL_BACK), namespace.clone());
    let command = {
        let (namespace, name) = (namespace.clone(), name.clone());
        move || {
            commands::simple(
                "rollback",
                &name,
                &namespace,
                if no_prune.get() { &["--no-prune"] } else { &[] },
            )
        }
    };
    let send = bits::action(
        store,
        Verb::Rollback,
        "btn btn-go",
        sending.text(words::ROLL_BACK),
        move || {
            let plan = if no_prune.get_untracked() { None } else { plan_id(plan) };
            let trigger = Trigger::Rollback {
                operation: None,
                plan,
                no_prune: no_prune.get_untracked(),
            };
            sending.send(store, &namespace, &name, trigger);
        },
    );
    (
        head(store, heading, sub),
        tags::div().class("dlg-body").children((
            tags::p().children(words::ROLLBACK_DEPLOYS),
            once_planned(plan),
            bits::check(
                words::KEEP_WHAT_IS_NEW,
                words::KEEP_WHAT_IS_NEW_NOTE,
                move || no_prune.get(),
                move |keeps| no_prune.set(keeps),
            ),
            sending.trouble(),
        )),
        tags::footer().children((bits::command(command), cancel(store, words::CANCEL), send)),
    )
        .into()
}

/// What came of a dry run or a sweep.
pub fn outcome(store: Store, outcome: &Outcome) -> View {
    let rows: Vec<View> = outcome
        .objects
        .iter()
        .map(|object| {
            let state = if object.is_error {
                TaskState::Failed
            } else {
                TaskState::Done
            };
            tags::li()
                .children((
                    glyph(state, 13),
                    tags::span().children((tags::b().children(object.object.clone()), " ", object.message.clone())),
                ))
                .into()
        })
        .collect();
    (
        head(store, words::RESULT.to_owned(), String::new()),
        tags::div().class("dlg-body").children((
            tags::p().children(outcome.message.clone()),
            tags::ul().class("outcome").children(rows),
        )),
        tags::footer().children((tags::span().class("spacer"), cancel(store, words::CLOSE))),
    )
        .into()
}
