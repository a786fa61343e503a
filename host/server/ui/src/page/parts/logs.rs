//! Logs of hooks: followed while they run, kept after their pods are gone, tries apart.

mod end;

use capstan_api::Verb;
use capstan_core::{plan::task::TaskId, run::event::DisposalOutcome};

use crate::{
    lines::{Level, level, parts},
    page::{
        bits,
        dom::*,
        icons::{glyph, icon},
        pages::operation::Operation,
        store::zone,
    },
    record::{LogLine, Record},
    span::{bytes, clock, millis, span},
    task_state::{TaskState, has_logs, name, says},
    words,
};

/// How many lines are drawn at once; scrolling up shows earlier ones.
const DRAWN: usize = 600;

/// A line as it is shown.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    /// Counts the lines of the operation.
    number: usize,
    time: String,
    /// The hook, where it changes.
    who: String,
    /// A heading above it: which try, of which pod.
    attempt: Option<(String, String)>,
    text: String,
}

/// A hook that may have logs.
#[derive(Debug, Clone, PartialEq)]
struct Hook {
    id: String,
    name: String,
    state: TaskState,
}

/// What the lines are chosen by.
struct Choice<'c> {
    task: Option<&'c str>,
    wanted: &'c str,
    most: usize,
}

/// Returns the last lines of a choice, and how many there are.
fn chosen(record: &Record, choice: &Choice<'_>) -> (Vec<Shown>, usize) {
    let wanted = choice.wanted.to_lowercase();
    let is_chosen = |line: &&LogLine| choice.task.is_none_or(|task| line.task.0 == task);
    let mut pods: Vec<&str> = Vec::new();
    if choice.task.is_some() {
        for line in record.lines.iter().filter(is_chosen) {
            if !pods.contains(&line.pod.as_str()) {
                pods.push(&line.pod);
            }
        }
    }
    let mut numbered: Vec<(usize, &LogLine)> = record
        .lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_chosen(line))
        .collect();
    if !wanted.is_empty() {
        numbered.retain(|(_, line)| line.text.to_lowercase().contains(&wanted));
    }
    let total = numbered.len();
    let begin = total.saturating_sub(choice.most);
    let mut before: Option<&LogLine> = begin
        .checked_sub(1)
        .and_then(|place| numbered.get(place))
        .map(|(_, line)| *line);
    let lines = numbered[begin..].iter().map(|&(number, line)| {
        let is_other = before.is_none_or(|before| before.pod != line.pod || before.task != line.task);
        let is_other_pod = before.is_none_or(|before| before.pod != line.pod);
        before = Some(line);
        let place = pods.iter().position(|pod| *pod == line.pod);
        Shown {
            number,
            time: line.at.map_or_else(String::new, |at| clock(at, zone(at))),
            who: if choice.task.is_none() && is_other {
                hook_name(record, &line.task)
            } else {
                String::new()
            },
            attempt: place.filter(|_| pods.len() > 1 && is_other_pod).map(|place| {
                (
                    words::try_of(place + 1, pods.len()),
                    format!("{} › {}", line.pod, line.container),
                )
            }),
            text: line.text.clone(),
        }
    });
    (lines.collect(), total)
}

fn hook_name(record: &Record, task: &TaskId) -> String {
    record
        .view
        .task(task)
        .map_or_else(|| task.to_string(), |task| name(task).to_owned())
}

/// Draws the pane.
pub fn logs(operation: Operation) -> View {
    let hooks = create_selector(move || {
        operation.record.with(|record| {
            let ran = record
                .view
                .tasks
                .iter()
                .filter(|task| has_logs(task) && task.started_at.is_some());
            ran.map(|task| Hook {
                id: task.outline.id.0.clone(),
                name: name(task).to_owned(),
                state: TaskState::of(task),
            })
            .collect::<Vec<_>>()
        })
    });
    let task = create_selector(move || {
        let selected = operation.selected()?;
        hooks
            .with(|hooks| hooks.iter().any(|hook| hook.id == selected))
            .then_some(selected)
    });
    let wanted = create_signal(String::new());
    let is_wrapped = create_signal(false);
    let has_times = create_signal(true);
    let most = create_signal(DRAWN);
    let lines = create_memo(move || {
        let (task, wanted) = (task.get_clone(), wanted.get_clone());
        operation.record.with(|record| {
            chosen(
                record,
                &Choice {
                    task: task.as_deref(),
                    wanted: &wanted,
                    most: most.get(),
                },
            )
        })
    });
    let place = create_node_ref();
    let is_away = create_signal(false);
    stick_to_the_end(lines, task, place, is_away);
    let on_scroll = move |event: web_sys::Event| {
        let Some(target) = event
            .current_target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        let away = target.scroll_height() - target.scroll_top() - target.client_height() > 30;
        if away != is_away.get_untracked() {
            is_away.set(away);
        }
        let (drawn, total) = lines.with_untracked(|(lines, total)| (lines.len(), *total));
        if target.scroll_top() < 40 && drawn < total {
            let before = target.scroll_height();
            most.set(most.get_untracked() + DRAWN);
            later(0, move || {
                target.set_scroll_top(target.scroll_top() + target.scroll_height() - before);
            });
        }
    };
    let text_of_all = move || {
        lines.with_untracked(|(lines, _)| {
            lines
                .iter()
                .map(|line| line.text.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        })
    };
    tags::div()
        .class("logs")
        .children((
            tags::div().class("logbar").children((
                hook_tabs(operation, hooks, task),
                tags::span().class("spacer"),
                bits::find(
                    words::FIND_IN_LOGS,
                    words::FIND,
                    move || wanted.get_clone(),
                    move |text| wanted.set(text),
                    "find",
                ),
                tags::span()
                    .class("faint num")
                    .attr("aria-live", "polite")
                    .children(text(move || {
                        if wanted.with(String::is_empty) {
                            String::new()
                        } else {
                            lines.with(|(_, total)| words::count(*total, "line"))
                        }
                    })),
                toggle("clock", words::TIMES, has_times),
                toggle("wrap", words::WRAP_LINES, is_wrapped),
                bits::copy(text_of_all, words::COPY_THESE_LINES),
                tags::button()
                    .attr("type", "button")
                    .class("iconbtn")
                    .attr("aria-label", words::DOWNLOAD)
                    .attr("title", words::DOWNLOAD)
                    .hear(events::click, move |_| {
                        download(&operation.record.with_untracked(whole));
                    })
                    .children(icon("download", 13)),
            )),
            tags::div()
                .class(move || {
                    if is_wrapped.get() {
                        "loglines is-wrapped"
                    } else {
                        "loglines"
                    }
                })
                .attr("tabindex", "0")
                .attr("role", "log")
                .attr("aria-live", "off")
                .attr("aria-label", words::LOG_LINES)
                .referenced(place)
                .hear(events::scroll, on_scroll)
                .children((
                    when(
                        move || lines.with(|(lines, _)| lines.is_empty()),
                        move || {
                            let denied = operation.store().denied(Verb::Logs);
                            let hint = if let Some(denied) = denied {
                                denied
                            } else if wanted.with_untracked(String::is_empty) {
                                words::NOTHING_WRITTEN.to_owned()
                            } else {
                                words::NO_LINE_HAS_THAT.to_owned()
                            };
                            tags::p().class("hint").children(hint).into()
                        },
                    ),
                    each_time(
                        move || (wanted.get_clone(), task.with(Option::is_none), has_times.get()),
                        move |(wanted, has_names, has_times)| {
                            list(
                                move || lines.with(|(lines, _)| lines.clone()),
                                |line| line.number,
                                move |line| draw_line(&line.get_clone_untracked(), &wanted, has_names, has_times),
                            )
                        },
                    ),
                    each_time(
                        move || {
                            task.get_clone()
                                .and_then(|id| operation.record.with(|record| end::end_of(record, &TaskId(id))))
                        },
                        |end| end.map_or_else(nothing, |end| end::draw_end(&end)),
                    ),
                )),
            when(
                move || is_away.get(),
                move || {
                    tags::button()
                        .attr("type", "button")
                        .class("toend")
                        .hear(events::click, move |_| to_the_end(place))
                        .children((icon("download", 12), words::TO_THE_END))
                        .into()
                },
            ),
        ))
        .into()
}

fn hook_tabs(operation: Operation, hooks: ReadSignal<Vec<Hook>>, task: ReadSignal<Option<String>>) -> View {
    let store = operation.store();
    let has_running = move || hooks.with(|hooks| hooks.iter().any(|hook| hook.state.is_running()));
    tags::div()
        .class("logtabs")
        .attr("role", "group")
        .attr("aria-label", words::HOOKS_WITH_LOGS)
        .children((
            tags::button()
                .attr("type", "button")
                .attr("aria-pressed", move || {
                    if task.with(Option::is_none) { "true" } else { "false" }
                })
                .hear(events::click, move |_| store.look(&[("task", None), ("pane", None)]))
                .children(each_time(has_running, |has_running| {
                    if has_running {
                        (tags::i().class("livedot"), words::FOLLOW).into()
                    } else {
                        words::ALL_HOOKS.into()
                    }
                })),
            list(
                move || hooks.get_clone(),
                |hook| hook.id.clone(),
                move |hook| {
                    let Hook { id, name, .. } = hook.get_clone_untracked();
                    let this = id.clone();
                    tags::button()
                        .attr("type", "button")
                        .attr("aria-pressed", move || {
                            if task.with(|task| task.as_deref() == Some(this.as_str())) {
                                "true"
                            } else {
                                "false"
                            }
                        })
                        .hear(events::click, move |_| {
                            store.look(&[("task", Some(&id)), ("pane", None)]);
                        })
                        .children((
                            each_time(move || hook.with(|hook| hook.state), |state| glyph(state, 11)),
                            name,
                        ))
                        .into()
                },
            ),
        ))
        .into()
}

fn toggle(image: &str, label: &'static str, value: Signal<bool>) -> View {
    tags::button()
        .attr("type", "button")
        .class("iconbtn")
        .attr("aria-label", label)
        .attr("title", label)
        .attr("aria-pressed", move || if value.get() { "true" } else { "false" })
        .hear(events::click, move |_| value.set(!value.get_untracked()))
        .children(icon(image, 13))
        .into()
}

fn draw_line(line: &Shown, wanted: &str, has_names: bool, has_times: bool) -> View {
    let class = match level(&line.text) {
        Level::Plain => "line",
        Level::Warning => "line odd",
        Level::Error => "line bad",
    };
    let attempt: View = line.attempt.as_ref().map_or_else(nothing, |(attempt, pod)| {
        tags::div()
            .class("try")
            .children((attempt.clone(), tags::span().children(pod.clone())))
            .into()
    });
    let time: View = if has_times {
        tags::time().children(line.time.clone()).into()
    } else {
        nothing()
    };
    let who: View = if has_names {
        tags::span().class("who").children(line.who.clone()).into()
    } else {
        nothing()
    };
    let text: Vec<View> = parts(&line.text, wanted)
        .into_iter()
        .map(|part| match (part.is_found, part.colour, part.is_bold) {
            (true, ..) => tags::mark().children(part.text).into(),
            (false, 0, false) => part.text.into(),
            (false, colour, is_bold) => tags::span()
                .class(format!("ansi{colour}{}", if is_bold { " ansi-bold" } else { "" }))
                .children(part.text)
                .into(),
        })
        .collect();
    (
        attempt,
        tags::div()
            .class(class)
            .children((time, who, tags::span().class("txt").children(text))),
    )
        .into()
}

/// Stays at the end while lines come, unless somebody scrolled away.
fn stick_to_the_end(
    lines: ReadSignal<(Vec<Shown>, usize)>,
    task: ReadSignal<Option<String>>,
    place: NodeRef,
    is_away: Signal<bool>,
) {
    create_effect(move || {
        task.track();
        is_away.set(false);
    });
    create_effect(move || {
        lines.with(|(_, total)| *total);
        task.track();
        if !is_away.get_untracked() {
            later(0, move || to_the_end(place));
        }
    });
}

fn to_the_end(place: NodeRef) {
    if let Some(element) = element(place) {
        element.set_scroll_top(element.scroll_height());
    }
}

fn whole(record: &Record) -> String {
    let lines = record.lines.iter().map(|line| {
        let time = line
            .at
            .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
            .map(|at| at.to_string())
            .unwrap_or_default();
        format!("{time} {} {} {}", hook_name(record, &line.task), line.pod, line.text)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Has the browser save a text.
fn download(text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from(text));
    let Ok(blob) = web_sys::Blob::new_with_str_sequence(&parts) else {
        return;
    };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else {
        return;
    };
    if let Some(link) = document()
        .create_element("a")
        .ok()
        .and_then(|link| link.dyn_into::<web_sys::HtmlAnchorElement>().ok())
    {
        link.set_href(&url);
        link.set_download("logs.txt");
        link.click();
    }
    let _ = web_sys::Url::revoke_object_url(&url);
}
