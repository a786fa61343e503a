//! The dialog of a sync: which objects, which hooks, and how. It says what will not run before it is started.

use std::{collections::HashSet, rc::Rc};

use capstan_api::{
    ApiError, OnBusy, PlanPage, Trigger, Verb, path,
    plan::{Choices, HookChoice, PlannedAction},
};
use capstan_core::model::phase::Phase;

use super::{Sending, cancel, head};
use crate::{
    commands,
    page::{
        bits, connection,
        dom::*,
        icons::{hook_mark, icon},
        pages::plan::kind_of,
        store::Store,
    },
    selection::{Pick, Selection},
    task_state::{trimmed, wave},
    words,
};

/// What was chosen.
#[derive(Clone, Copy)]
struct Chosen {
    hooks: Signal<HookChoice>,
    /// The ids of the tasks that are left out.
    off: Signal<HashSet<String>>,
    is_dry: Signal<bool>,
    on_busy: Signal<OnBusy>,
    prune: Signal<bool>,
    force: Signal<bool>,
    retry: Signal<u32>,
}

impl Chosen {
    fn selection(self, picks: &[Pick]) -> Selection {
        self.off.with(|off| Selection::of(picks, self.hooks.get(), off))
    }

    fn choices(self, picks: &[Pick]) -> Choices {
        let mut choices = self.selection(picks).choices(picks, self.hooks.get());
        choices.prune = self.prune.get().then_some(true);
        choices.force_conflicts = self.force.get().then_some(true);
        choices.retry = Some(self.retry.get()).filter(|times| *times > 0);
        choices
    }
}

/// Draws the dialog.
pub fn sync(store: Store, namespace: String, name: String) -> View {
    let plan: Signal<Option<Result<Rc<PlanPage>, ApiError>>> = create_signal(None);
    let path = path::plan(&namespace, &name);
    spawn_local(async move {
        let answer = connection::get::<PlanPage>(&path).await;
        if plan.is_alive() {
            plan.set(Some(answer.map(Rc::new)));
        }
    });
    let chosen = Chosen {
        hooks: create_signal(HookChoice::All),
        off: create_signal(HashSet::new()),
        is_dry: create_signal(false),
        on_busy: create_signal(OnBusy::Refuse),
        prune: create_signal(false),
        force: create_signal(false),
        retry: create_signal(0),
    };
    let title = format!("{} {name}", words::SYNC);
    let sub = namespace.clone();
    (
        head(store, title, sub),
        dynamic(move || {
            let known = plan.with(|plan| {
                plan.as_ref()
                    .map(|plan| plan.as_ref().map(Rc::clone).map_err(Clone::clone))
            });
            untrack(|| match known {
                None => tags::div().class("dlg-body").children(bits::loading()).into(),
                Some(Err(error)) => (
                    tags::div().class("dlg-body").children(bits::trouble(&error)),
                    tags::footer().children((tags::span().class("spacer"), cancel(store, words::CLOSE))),
                )
                    .into(),
                Some(Ok(plan)) => body(store, &namespace, &name, &plan, chosen),
            })
        }),
    )
        .into()
}

fn picks(plan: &PlanPage) -> Rc<Vec<Pick>> {
    let tasks = plan
        .tasks
        .iter()
        .filter(|task| task.phase != Phase::SyncFail && task.action != PlannedAction::Delete);
    let picks = tasks.map(|task| Pick {
        id: task.id.0.clone(),
        phase: task.phase,
        wave: wave(task.wave),
        name: trimmed(&task.key.name).to_owned(),
        kind: kind_of(task),
        word: task.word.clone(),
        is_hook: task.action == PlannedAction::Run,
        is_same: task.action == PlannedAction::Keep,
        is_new: task.action == PlannedAction::Create,
    });
    Rc::new(picks.collect())
}

fn body(store: Store, namespace: &str, name: &str, plan: &PlanPage, chosen: Chosen) -> View {
    let picks = picks(plan);
    let sending = Sending::new();
    let is_busy = store.rows.with_untracked(|rows| {
        let rows = rows.as_deref().unwrap_or_default();
        let own = rows
            .iter()
            .find(|row| row.application.namespace == namespace && row.application.name == name);
        own.is_some_and(|row| {
            row.operation
                .as_ref()
                .is_some_and(|operation| operation.finished_at.is_none())
        })
    });
    if is_busy {
        chosen.on_busy.set(OnBusy::Wait);
    }
    let can_sync = {
        let picks = Rc::clone(&picks);
        create_selector(move || !chosen.selection(&picks).is_empty())
    };
    let command = {
        let (picks, plain) = (Rc::clone(&picks), plan.command.clone());
        move || {
            commands::sync(
                &plain,
                &chosen.choices(&picks),
                chosen.on_busy.get(),
                chosen.is_dry.get(),
            )
        }
    };
    let plan_address = crate::address::application(namespace, name, "/plan");
    let send = {
        let (picks, namespace, name) = (Rc::clone(&picks), namespace.to_owned(), name.to_owned());
        move || {
            if can_sync.get_untracked() {
                let trigger = untrack(|| Trigger::Sync {
                    plan: None,
                    choices: chosen.choices(&picks),
                    on_busy: chosen.on_busy.get(),
                    dry_run: chosen.is_dry.get(),
                });
                sending.send(store, &namespace, &name, trigger);
            }
        }
    };
    let button = text(move || match (sending.is_sent.get(), chosen.is_dry.get()) {
        (true, _) => words::SENT.to_owned(),
        (false, true) => words::DRY_RUN.to_owned(),
        (false, false) => words::SYNC.to_owned(),
    });
    (
        tags::div().class("dlg-two").children((
            choose(&picks, chosen),
            options(&picks, chosen, is_busy, plan.left_over.len()),
        )),
        sending.trouble(),
        tags::footer().children((
            bits::command(command),
            cancel(store, words::CANCEL),
            tags::a()
                .class("btn")
                .attr("href", plan_address)
                .children(words::LOOK_AT_THE_PLAN),
            bits::action_unless(
                store,
                Verb::Sync,
                "btn btn-go",
                button,
                move || (!can_sync.get()).then(|| words::NOTHING_IS_CHOSEN.to_owned()),
                send,
            ),
        )),
    )
        .into()
}

fn choose(picks: &Rc<Vec<Pick>>, chosen: Chosen) -> View {
    let wanted = create_signal(String::new());
    let set_off = |words: &'static str, off: Rc<dyn Fn(&Pick) -> bool>| -> View {
        let picks = Rc::clone(picks);
        tags::button()
            .attr("type", "button")
            .class("linkbtn")
            .hear(events::click, move |_| {
                chosen.off.set(
                    picks
                        .iter()
                        .filter(|pick| off(pick))
                        .map(|pick| pick.id.clone())
                        .collect(),
                );
            })
            .children(words)
            .into()
    };
    let counted = Rc::clone(picks);
    let count = text(move || words::of(chosen.selection(&counted).count(), counted.len()));
    let shown = Rc::clone(picks);
    let rows = each_time(
        move || wanted.with(|wanted| wanted.to_lowercase()),
        move |wanted| {
            let found: Vec<&Pick> = shown
                .iter()
                .filter(|pick| {
                    wanted.is_empty() || format!("{} {}", pick.name, pick.kind).to_lowercase().contains(&wanted)
                })
                .collect();
            let mut views: Vec<View> = Vec::new();
            for of_phase in found.chunk_by(|a, b| a.phase == b.phase) {
                if let Some(first) = of_phase.first() {
                    views.push(tags::h3().children(first.phase.to_string()).into());
                }
                views.extend(of_phase.iter().map(|pick| pick_row((*pick).clone(), chosen)));
            }
            views.into()
        },
    );
    tags::div()
        .class("dlg-list")
        .children((
            tags::div().class("dlg-tools").children((
                bits::find(
                    words::FILTER_OBJECTS,
                    words::FILTER,
                    move || wanted.get_clone(),
                    move |text| wanted.set(text),
                    "find",
                ),
                set_off(words::ALL, Rc::new(|_| false)),
                set_off(words::WHAT_DIFFERS, Rc::new(|pick| !pick.is_hook && pick.is_same)),
                set_off(words::NONE, Rc::new(|_| true)),
                tags::span().class("spacer"),
                tags::span().class("faint").children(count),
            )),
            tags::div()
                .class("dlg-rows")
                .attr("tabindex", "0")
                .attr("role", "group")
                .attr("aria-label", words::OBJECTS_AND_HOOKS)
                .children(rows),
        ))
        .into()
}

fn pick_row(pick: Pick, chosen: Chosen) -> View {
    let is_off = {
        let pick = pick.clone();
        move || chosen.off.with(|off| pick.is_off(chosen.hooks.get(), off))
    };
    let (is_off_too, id) = (is_off.clone(), pick.id.clone());
    let says = match (pick.is_hook, pick.is_same, pick.is_new) {
        (true, ..) => words::RUNS,
        (false, true, _) => words::UNCHANGED,
        (false, false, true) => words::NEW,
        (false, false, false) => words::DIFFERS,
    };
    tags::label()
        .class(move || if is_off() { "pick is-off" } else { "pick" })
        .children((
            tags::em().children(pick.wave.clone()),
            tags::input()
                .attr("type", "checkbox")
                .prop("checked", move || JsValue::from(!is_off_too()))
                .hear(events::change, move |event: web_sys::Event| {
                    let is_on = bits::is_checked(&event);
                    chosen.off.update(|off| {
                        if is_on {
                            off.remove(&id);
                        } else {
                            off.insert(id.clone());
                        }
                    });
                }),
            hook_mark(pick.is_hook),
            tags::span().class("nm").children(pick.name.clone()),
            tags::span().class("kd").children(pick.kind.clone()),
            tags::span()
                .class(if pick.is_same { "st same" } else { "st" })
                .children(says),
        ))
        .into()
}

fn options(picks: &Rc<Vec<Pick>>, chosen: Chosen, is_busy: bool, left_over: usize) -> View {
    let set = |legend: &'static str, content: View| -> View {
        tags::fieldset()
            .children((tags::legend().children(legend), content))
            .into()
    };
    let busy: View = if is_busy {
        set(
            words::ANOTHER_RUNS,
            bits::segments(
                words::ANOTHER_RUNS,
                &[
                    (OnBusy::Wait, words::WAIT_FOR_ITS_END),
                    (OnBusy::Supersede, words::END_IT_FIRST),
                ],
                move || chosen.on_busy.get(),
                move |choice| chosen.on_busy.set(choice),
            ),
        )
    } else {
        nothing()
    };
    let hooks = bits::segments(
        words::WHICH_HOOKS_RUN,
        &[
            (HookChoice::All, words::ALL_OF_THEM),
            (HookChoice::None, words::NO_HOOKS),
            (HookChoice::Only, words::ONLY_HOOKS),
        ],
        move || chosen.hooks.get(),
        move |choice| chosen.hooks.set(choice),
    );
    let kind = bits::segments(
        words::WHAT_IS_DONE,
        &[(false, words::SYNC), (true, words::DRY_RUN)],
        move || chosen.is_dry.get(),
        move |is_dry| chosen.is_dry.set(is_dry),
    );
    let dry_note = when(
        move || chosen.is_dry.get(),
        || tags::p().class("note").children(words::DRY_RUN_NOTE).into(),
    );
    let retry = tags::label().class("check").children((
        tags::span().children(words::TRY_AGAIN_AFTER_A_FAILURE),
        tags::select()
            .attr("aria-label", words::TRY_AGAIN_AFTER_A_FAILURE)
            .hear(events::change, move |event: web_sys::Event| {
                chosen.retry.set(value_of(&event).parse().unwrap_or(0));
            })
            .children(
                [("0", words::NEVER), ("1", words::ONCE), ("3", words::THREE_TIMES)]
                    .map(|(value, name)| tags::option().attr("value", value).children(name).into())
                    .into_iter()
                    .collect::<Vec<View>>(),
            ),
    ));
    let note = words::prune_note(left_over);
    let prune = tags::label().class("check").children((
        tags::input()
            .attr("type", "checkbox")
            .hear(events::change, move |event: web_sys::Event| {
                chosen.prune.set(bits::is_checked(&event));
            }),
        tags::span().children((words::PRUNE, tags::small().children(note))),
    ));
    let force = bits::check(
        words::TAKE_OVER_FIELDS,
        words::TAKE_OVER_FIELDS_NOTE,
        move || chosen.force.get(),
        move |force| chosen.force.set(force),
    );
    let picks = Rc::clone(picks);
    let sum = create_selector(move || {
        let selection = chosen.selection(&picks);
        (
            selection.to_apply,
            selection.hooks,
            selection.unchanged,
            selection.hooks_left_out.clone(),
        )
    });
    tags::div()
        .class("dlg-opts")
        .children((
            busy,
            set(words::HOOKS, hooks),
            set(words::WHAT_IS_DONE, (kind, dry_note).into()),
            set(words::OPTIONS, (prune, force, retry).into()),
            each_time(
                move || sum.get_clone(),
                |(to_apply, hooks, unchanged, left_out)| {
                    let warning: View = if left_out.is_empty() {
                        nothing()
                    } else {
                        tags::p()
                            .class("odd")
                            .children((icon("warn", 12), " ", words::hooks_left_out(&left_out)))
                            .into()
                    };
                    tags::div()
                        .class("sum")
                        .attr("aria-live", "polite")
                        .children((
                            tags::p().children(words::sum_of_a_sync(to_apply, hooks, unchanged)),
                            warning,
                        ))
                        .into()
                },
            ),
        ))
        .into()
}
