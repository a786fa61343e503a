//! An operation: what runs now, or how the last one ended.

use std::collections::HashSet;

use capstan_api::{ApiError, ErrorClass, OperationPage, StreamRecord, operation::TaskLogs, path};
use sycamore::web::events as events_of;

use super::{
    application::{Application, refused},
    plan,
};
use crate::{
    page::{
        bits, connection,
        dom::*,
        parts::{events, failure, inspector, logs, summary, timeline, waiting},
        store::{Store, store, stored},
        stream,
    },
    record::Record,
    scale::Mode,
    task_state::has_logs,
    words,
};

/// An operation that is looked at.
#[derive(Clone, Copy)]
pub struct Operation {
    pub application: Application,
    pub record: Signal<Record>,
    /// The folds that are open.
    pub open: Signal<HashSet<String>>,
    /// A moment of a replay; nothing for now.
    pub moment: Option<Signal<i64>>,
}

impl Operation {
    /// Returns the store.
    pub fn store(self) -> Store {
        self.application.store
    }

    /// Returns the moment that is shown.
    pub fn now(self) -> i64 {
        if let Some(moment) = self.moment {
            moment.get()
        } else {
            let clock = self.store().now.get();
            self.record.with(|record| record.now(clock))
        }
    }

    /// Returns the selected task, if the operation has it.
    pub fn selected(self) -> Option<String> {
        let id = self.store().query("task")?;
        self.record
            .with(|record| {
                record
                    .view
                    .task(&capstan_core::plan::task::TaskId(id.clone()))
                    .is_some()
            })
            .then_some(id)
    }

    /// Selects a task and shows what is known of it; the selected one is left.
    pub fn select(self, id: &str) {
        if self.store().query("task").as_deref() == Some(id) {
            self.store().look(&[("task", None), ("pane", None)]);
            return;
        }
        self.show(id);
    }

    /// Selects a task.
    pub fn show(self, id: &str) {
        let task_id = capstan_core::plan::task::TaskId(id.to_owned());
        let has_lines = self
            .record
            .with_untracked(|record| record.view.task(&task_id).is_some_and(has_logs));
        self.store()
            .look(&[("task", Some(id)), ("pane", (!has_lines).then_some("object"))]);
    }

    /// Returns the scale of time.
    pub fn mode(self) -> Mode {
        if self.store().query("scale").as_deref() == Some("true") {
            Mode::Linear
        } else {
            Mode::Fitted
        }
    }

    /// Returns what rows are searched for, in lower case.
    pub fn filter(self) -> String {
        self.store().query("find").unwrap_or_default().to_lowercase()
    }
}

/// Draws an operation: the one with an id, else the running one, else the last.
pub fn page(application: Application, id: Option<String>) -> View {
    // The id that is really shown: another one when something begins. Nothing is stored of a deletion that is over: it stays.
    let mut shown: Option<String> = None;
    let wanted = create_selector(move || {
        let known = id.clone().or_else(|| {
            application.report.with(|report| {
                let report = report.as_ref()?.as_ref().ok()?;
                report
                    .current
                    .as_ref()
                    .or(report.history.first())
                    .map(|operation| operation.id.clone())
            })
        });
        if known.is_some() {
            shown = known;
        }
        shown.clone()
    });
    let error = create_selector(move || {
        application
            .report
            .with(|report| report.as_ref().and_then(|report| report.as_ref().err().cloned()))
    });
    let is_known = create_selector(move || application.report.with(Option::is_some));
    each_time(
        move || (wanted.get_clone(), error.get_clone(), is_known.get()),
        move |(wanted, error, is_known)| match (wanted, error, is_known) {
            (Some(id), ..) => load(application, id),
            (None, Some(error), _) => refused(&error),
            (None, None, true) => nothing_ran(application),
            (None, None, false) => bits::loading(),
        },
    )
}

/// Before the first operation the plan says what it would do.
fn nothing_ran(application: Application) -> View {
    all((
        tags::p().class("note plan-note").children(words::NOTHING_WAS_DEPLOYED),
        plan::page(application),
    ))
}

type Loaded = Option<Result<Operation, ApiError>>;

fn load(application: Application, id: String) -> View {
    let loaded: Signal<Loaded> = create_signal(None);
    let scope = use_current_scope();
    let path = path::operation(&application.namespace(), &application.name(), &id);
    spawn_local(async move {
        let page = connection::get::<OperationPage>(&path).await;
        if !loaded.is_alive() {
            return;
        }
        match page {
            Ok(page) => scope.run_in(|| {
                application.store.set_clock(crate::span::millis(page.now));
                let operation = Operation {
                    application,
                    record: create_signal(Record::new(page)),
                    open: create_signal(HashSet::new()),
                    moment: None,
                };
                follow(operation, &id);
                loaded.set(Some(Ok(operation)));
            }),
            Err(error) => loaded.set(Some(Err(error))),
        }
    });
    dynamic(move || {
        let shown = loaded.with(|loaded| match loaded {
            None => None,
            Some(Ok(operation)) => Some(Ok(*operation)),
            Some(Err(error)) => Some(Err(error.clone())),
        });
        untrack(|| match shown {
            None => bits::loading(),
            Some(Ok(operation)) => draw(operation),
            Some(Err(error)) => refused(&error),
        })
    })
}

/// Takes in what happens, or what is kept of an operation that is over.
fn follow(operation: Operation, id: &str) {
    let (namespace, name) = (operation.application.namespace(), operation.application.name());
    // What isn't stored may still be streamed.
    if operation
        .record
        .with_untracked(|record| record.is_over() && record.has_events)
    {
        spawn_local(kept(operation, namespace, name, id.to_owned()));
        return;
    }
    let application = operation.application;
    let was_over = operation.record.with_untracked(Record::is_over);
    let (path, id) = (path::operation_stream(&namespace, &name, id), id.to_owned());
    stream::follow(operation.store(), path, move |frames| {
        let mut next = stream::Next::GoOn;
        let records: Vec<StreamRecord> = frames
            .iter()
            .filter_map(|frame| StreamRecord::of_frame(frame).ok().flatten())
            .collect();
        operation.record.update(|record| {
            for one in records {
                if matches!(one, StreamRecord::End { .. }) {
                    next = stream::Next::End;
                }
                record.apply(one);
            }
        });
        if next == stream::Next::End {
            application.reload();
            if was_over {
                spawn_local(kept(operation, namespace.clone(), name.clone(), id.clone()));
            }
        }
        next
    });
}

async fn kept(operation: Operation, namespace: String, name: String, id: String) {
    if operation.record.with_untracked(|record| record.has_events) {
        let text = connection::text(&path::operation_events(&namespace, &name, &id)).await;
        if let Ok(text) = text
            && operation.record.is_alive()
        {
            operation.record.update(|record| {
                text.lines()
                    .filter_map(|line| capstan_api::json::from_str::<StreamRecord>(line).ok())
                    .for_each(|one| record.apply(one));
            });
        }
    }
    let has_lines = operation.record.is_alive() && operation.record.with_untracked(|record| !record.lines.is_empty());
    if has_lines {
        return;
    }
    let logs = connection::get::<Vec<TaskLogs>>(&path::operation_logs(&namespace, &name, &id)).await;
    match logs {
        Ok(logs) if operation.record.is_alive() => operation.record.update(|record| record.kept(logs)),
        Err(error) if error.class == ErrorClass::Denied && operation.record.is_alive() => {}
        _ => {}
    }
}

fn draw(operation: Operation) -> View {
    announce(operation);
    let is_over = create_selector(move || operation.record.with(Record::is_over));
    let has_failed = create_selector(move || {
        operation.record.with(|record| {
            matches!(
                record.view.status,
                Some(capstan_core::run::event::OperationStatus::Failed(_))
            )
        })
    });
    (
        summary::line(operation),
        each_time(
            move || (is_over.get(), has_failed.get()),
            move |(is_over, has_failed)| match (is_over, has_failed) {
                (false, _) => waiting::panel(operation),
                (true, true) => failure::panel(operation),
                (true, false) => summary::where_the_time_went(operation),
            },
        ),
        tags::div()
            .class("opmain")
            .children((bar(operation), timeline::timeline(operation), dock(operation))),
    )
        .into()
}

/// Tells assistive technology what begins and what asks.
fn announce(operation: Operation) {
    let news = create_selector(move || operation.record.with(words::announcement));
    create_effect(move || {
        let news = news.get_clone();
        if !news.is_empty() {
            operation.store().announce(&news);
        }
    });
}

fn bar(operation: Operation) -> View {
    let store = operation.store();
    let key = |class: &'static str, sample: View, words: &'static str| -> View {
        tags::span().class(class).children((sample, words)).into()
    };
    let box_of = |class: &'static str| -> View { tags::i().class(class).into() };
    let has_usual = move || {
        operation
            .record
            .with(|record| !record.is_over() && record.usual.is_some())
    };
    tags::div()
        .class("tlbar")
        .children((
            key("key", box_of("k-apply"), words::KEY_APPLIED),
            key(
                "key hide-s",
                crate::page::icons::icon_as("anchor", 12, "icon hookmark"),
                words::KEY_HOOK,
            ),
            when(has_usual, move || {
                key("key hide-s", box_of("k-ghost"), words::KEY_AS_LAST_TIME)
            }),
            key("key hide-s", box_of("k-crit"), words::KEY_CRITICAL),
            key("key hide-m", box_of("k-held"), words::KEY_HELD),
            tags::span().class("spacer"),
            bits::find(
                words::FILTER_OBJECTS,
                words::FILTER_OBJECTS,
                move || store.query("find").unwrap_or_default(),
                move |text| store.look(&[("find", Some(&text))]),
                "find",
            ),
            bits::segments(
                words::SCALE_OF_TIME,
                &[(Mode::Fitted, words::FITTED), (Mode::Linear, words::TRUE_TIME)],
                move || operation.mode(),
                move |mode| store.look(&[("scale", (mode == Mode::Linear).then_some("true"))]),
            ),
        ))
        .into()
}

/// The least height of the pane, in pixels.
const LEAST_PANE: i32 = 90;
/// What is left to the rest of the page.
const REST: i32 = 320;

fn dock(operation: Operation) -> View {
    let store = operation.store();
    let height = create_signal(stored("capstan.pane").and_then(|text| text.parse::<i32>().ok()));
    let hooks = move || {
        Some(operation.record.with(|record| {
            record
                .view
                .tasks
                .iter()
                .filter(|task| has_logs(task) && task.started_at.is_some())
                .count()
        }))
    };
    let events_count = move || {
        Some(
            operation
                .record
                .with(|record| usize::try_from(record.view.seq).unwrap_or(0)),
        )
    };
    let pane = move || {
        let wanted = store.query("pane");
        let has_task = operation.selected().is_some();
        match wanted.as_deref() {
            Some("events") => "events",
            Some("object") if has_task => "object",
            _ => "logs",
        }
    };
    let name = move || {
        let Some(id) = operation.selected() else {
            return String::new();
        };
        let id = capstan_core::plan::task::TaskId(id);
        operation.record.with(|record| {
            record
                .view
                .task(&id)
                .map(|task| crate::task_state::key(task).kind_and_name())
                .unwrap_or_default()
        })
    };
    let tabs = each_time(
        move || operation.selected().is_some(),
        move |has_task| {
            let mut tabs = vec![bits::Tab {
                id: "logs",
                name: words::LOGS.into(),
                icon: "lines",
                count: bits::count(hooks, ""),
            }];
            if has_task {
                tabs.push(bits::Tab {
                    id: "object",
                    name: text(name),
                    icon: "tree",
                    count: nothing(),
                });
            }
            tabs.push(bits::Tab {
                id: "events",
                name: words::EVENTS.into(),
                icon: "bars",
                count: bits::count(events_count, ""),
            });
            bits::tabs(
                words::BELOW_THE_TIMELINE,
                tabs,
                move || pane().to_owned(),
                move |id| store.look(&[("pane", (id != "logs").then_some(id))]),
            )
        },
    );
    tags::div()
        .class("dock")
        .styled(move || {
            height
                .get()
                .map_or_else(String::new, |height| format!("height:{height}px"))
        })
        .children((
            resizer(height),
            tags::div().class("dockbar").children(tabs),
            each_time(pane, move |pane| match pane {
                "events" => events::events(operation),
                "object" => inspector::inspector(operation),
                _ => logs::logs(operation),
            }),
        ))
        .into()
}

fn resizer(height: Signal<Option<i32>>) -> View {
    let most = || {
        let page = document().document_element().map_or(900, |page| page.client_height());
        (page - REST).max(LEAST_PANE)
    };
    let set = move |pixels: i32| {
        let pixels = pixels.clamp(LEAST_PANE, most());
        height.set(Some(pixels));
        store("capstan.pane", &pixels.to_string());
    };
    let now = |event: &web_sys::Event| {
        let target = event
            .current_target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
        let dock = target
            .and_then(|target| target.parent_element())
            .and_then(|dock| dock.dyn_into::<web_sys::HtmlElement>().ok());
        dock.map_or(240, |dock| dock.offset_height())
    };
    let dragged = create_signal(None::<(i32, i32)>);
    tags::div()
        .class("resizer")
        .attr("role", "separator")
        .attr("aria-orientation", "horizontal")
        .attr("aria-label", words::HEIGHT_OF_THE_PANE)
        .attr("aria-valuemin", LEAST_PANE.to_string())
        .attr("aria-valuemax", most().to_string())
        .attr("aria-valuenow", move || height.get().unwrap_or(240).to_string())
        .attr("tabindex", "0")
        .hear(events_of::pointerdown, move |event: web_sys::PointerEvent| {
            dragged.set(Some((event.client_y(), now(&event))));
            if let Some(target) = event
                .current_target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            {
                let _ = target.set_pointer_capture(event.pointer_id());
            }
        })
        .hear(events_of::pointermove, move |event: web_sys::PointerEvent| {
            if let Some((from, height)) = dragged.get_untracked() {
                set(height + from - event.client_y());
            }
        })
        .hear(events_of::pointerup, move |_| dragged.set(None))
        .hear(events_of::keydown, move |event: web_sys::KeyboardEvent| {
            let by = match event.key().as_str() {
                "ArrowUp" => 24,
                "ArrowDown" => -24,
                _ => return,
            };
            event.prevent_default();
            set(now(&event) + by);
        })
        .into()
}
