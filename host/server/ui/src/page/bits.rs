//! Small things that many parts use.

use capstan_api::{ApiError, Verb};
use capstan_core::{model::health::Health, run::event::OperationStatus};
use wasm_bindgen_futures::JsFuture;

use super::{
    dom::*,
    icons::{glyph, icon},
    store::Store,
};
use crate::{
    applications::health_state,
    task_state::{TaskState, status_state, status_word},
    words,
};

/// The status of an operation.
pub fn status_pill(status: &OperationStatus, asks: bool) -> View {
    let (class, state, text) = if asks {
        ("pill pill-person", TaskState::Asks, words::WAITS_FOR_A_PERSON)
    } else {
        let class = match status {
            OperationStatus::Running => "pill pill-run",
            OperationStatus::Terminating { .. } => "pill pill-wait",
            OperationStatus::Succeeded => "pill pill-ok",
            OperationStatus::Failed(_) => "pill pill-fail",
            OperationStatus::Terminated { .. } => "pill pill-stop",
        };
        (class, status_state(Some(status)), status_word(Some(status)))
    };
    tags::span().class(class).children((glyph(state, 12), text)).into()
}

/// How an object is.
pub fn health(health: Health) -> View {
    tags::span()
        .class(format!("health health-{health}"))
        .children((glyph(health_state(health), 12), health.to_string()))
        .into()
}

/// A button that copies a text.
pub fn copy(text: impl Fn() -> String + 'static, label: &'static str) -> View {
    let is_done = create_signal(false);
    tags::button()
        .attr("type", "button")
        .class("iconbtn")
        .attr("title", label)
        .attr("aria-label", move || if is_done.get() { words::COPIED } else { label })
        .hear(events::click, move |_| {
            let promise = window().navigator().clipboard().write_text(&text());
            spawn_local(async move {
                if JsFuture::from(promise).await.is_ok() && is_done.is_alive() {
                    is_done.set(true);
                    sleep(1500).await;
                    if is_done.is_alive() {
                        is_done.set(false);
                    }
                }
            });
        })
        .children(dynamic(move || icon(if is_done.get() { "check" } else { "copy" }, 13)))
        .into()
}

/// The command that does the same.
pub fn command(text_of: impl Fn() -> String + Clone + 'static) -> View {
    let shown = text_of.clone();
    tags::div()
        .class("cmd")
        .children((
            tags::code()
                .attr("tabindex", "0")
                .attr("aria-label", words::COMMAND)
                .children((tags::i().hidden_from_readers().children("$"), " ", text(shown))),
            copy(text_of, words::COPY_THE_COMMAND),
        ))
        .into()
}

/// A tab of a list of tabs.
pub struct Tab {
    pub id: &'static str,
    pub name: View,
    pub icon: &'static str,
    /// A number beside the name; empty for none.
    pub count: View,
}

/// A list of tabs: arrows move between them.
pub fn tabs(
    label: &'static str,
    tabs: Vec<Tab>,
    current: impl Fn() -> String + Clone + 'static,
    pick: impl Fn(&'static str) + Clone + 'static,
) -> View {
    let ids: Vec<&'static str> = tabs.iter().map(|tab| tab.id).collect();
    let buttons = tabs.into_iter().map(|tab| {
        let id = tab.id;
        let (is_this, is_this_too) = (current.clone(), current.clone());
        let (pick, pick_by_key) = (pick.clone(), pick.clone());
        let ids = ids.clone();
        tags::button()
            .attr("type", "button")
            .attr("role", "tab")
            .attr("data-tab", id)
            .attr("aria-selected", move || if is_this() == id { "true" } else { "false" })
            .attr("tabindex", move || if is_this_too() == id { "0" } else { "-1" })
            .hear(events::click, move |_| pick(id))
            .hear(events::keydown, move |event: web_sys::KeyboardEvent| {
                let Some(next) = neighbour(&ids, id, &event.key()) else {
                    return;
                };
                event.prevent_default();
                pick_by_key(next);
                focus_tab(&event, next);
            })
            .children((icon(tab.icon, 13), tab.name, tab.count))
            .into()
    });
    tags::div()
        .class("tabs")
        .attr("role", "tablist")
        .attr("aria-label", label)
        .children(buttons.collect::<Vec<View>>())
        .into()
}

fn neighbour(ids: &[&'static str], id: &str, key: &str) -> Option<&'static str> {
    let here = ids.iter().position(|known| *known == id)?;
    let next = match key {
        "ArrowRight" => here + 1,
        "ArrowLeft" => here + ids.len() - 1,
        _ => return None,
    };
    ids.get(next % ids.len()).copied()
}

fn focus_tab(event: &web_sys::KeyboardEvent, id: &str) {
    let list = event
        .current_target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .and_then(|button| button.parent_element());
    let tab = list.and_then(|list| list.query_selector(&format!("[data-tab={id}]")).ok().flatten());
    if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = tab.focus();
    }
}

/// A number beside a tab's name.
pub fn count(value: impl Fn() -> Option<usize> + 'static, tone: &'static str) -> View {
    each_time(value, move |value| match value {
        Some(value) => tags::span()
            .class(format!("count {tone}"))
            .children(value.to_string())
            .into(),
        None => nothing(),
    })
}

/// A choice between few.
pub fn segments<T: PartialEq + Copy + 'static>(
    label: &'static str,
    options: &[(T, &'static str)],
    value: impl Fn() -> T + Clone + 'static,
    pick: impl Fn(T) + Clone + 'static,
) -> View {
    let buttons = options.iter().map(|&(option, name)| {
        let (value, pick) = (value.clone(), pick.clone());
        tags::button()
            .attr("type", "button")
            .attr("role", "radio")
            .attr("aria-checked", move || if value() == option { "true" } else { "false" })
            .hear(events::click, move |_| pick(option))
            .children(name)
            .into()
    });
    tags::div()
        .class("segs")
        .attr("role", "radiogroup")
        .attr("aria-label", label)
        .children(buttons.collect::<Vec<View>>())
        .into()
}

/// A field to search with.
pub fn find(
    label: &'static str,
    placeholder: &'static str,
    value: impl Fn() -> String + 'static,
    set: impl Fn(String) + 'static,
    class: &'static str,
) -> View {
    tags::label()
        .class(class)
        .children((
            icon("search", 12),
            tags::input()
                .attr("type", "search")
                .attr("placeholder", placeholder)
                .attr("aria-label", label)
                .prop("value", move || JsValue::from(value()))
                .hear(events::input, move |event: web_sys::Event| set(value_of(&event))),
        ))
        .into()
}

/// A checkbox with words.
pub fn check(
    name: &'static str,
    note: &'static str,
    value: impl Fn() -> bool + 'static,
    set: impl Fn(bool) + 'static,
) -> View {
    let note: View = if note.is_empty() {
        nothing()
    } else {
        tags::small().children(note).into()
    };
    tags::label()
        .class("check")
        .children((
            tags::input()
                .attr("type", "checkbox")
                .prop("checked", move || JsValue::from(value()))
                .hear(events::change, move |event: web_sys::Event| set(is_checked(&event))),
            tags::span().children((name, note)),
        ))
        .into()
}

/// Says whether the checkbox that an event came from is checked.
pub fn is_checked(event: &web_sys::Event) -> bool {
    let target = event.current_target();
    target
        .and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok())
        .is_some_and(|input| input.checked())
}

/// A button for an action. Who may not do it sees it disabled, with the missing right.
pub fn action(store: Store, verb: Verb, class: &'static str, content: View, on_click: impl FnMut() + 'static) -> View {
    action_unless(store, verb, class, content, || None, on_click)
}

/// The same, for an action that something else may keep from being done, in words.
pub fn action_unless(
    store: Store,
    verb: Verb,
    class: &'static str,
    content: View,
    obstacle: impl Fn() -> Option<String> + 'static,
    on_click: impl FnMut() + 'static,
) -> View {
    let denied = create_selector(move || store.denied(verb).or_else(&obstacle));
    let mut on_click = on_click;
    tags::button()
        .attr("type", "button")
        .class(class)
        .attr("aria-disabled", move || denied.get_clone().map(|_| "true"))
        .attr("title", move || denied.get_clone())
        .hear(events::click, move |_| {
            if denied.get_clone_untracked().is_none() {
                on_click();
            }
        })
        .children((
            content,
            dynamic(move || {
                denied
                    .get_clone()
                    .map_or_else(nothing, |why| for_readers(format!(": {why}")))
            }),
        ))
        .into()
}

/// An error, where it happened.
pub fn trouble(error: &ApiError) -> View {
    let more = |name: &'static str, texts: &[String]| -> View {
        if texts.is_empty() {
            return nothing();
        }
        let items: Vec<View> = texts
            .iter()
            .map(|text| tags::li().children(text.clone()).into())
            .collect();
        (
            tags::p().class("faint").children(name),
            tags::ul().class("trouble-list").children(items),
        )
            .into()
    };
    let mistakes: Vec<String> = error
        .mistakes
        .iter()
        .map(ToString::to_string)
        .chain(
            error
                .findings
                .iter()
                .map(|finding| format!("{}: {}", finding.rule, finding.message)),
        )
        .collect();
    let hint: View = error
        .hint
        .as_ref()
        .map_or_else(nothing, |hint| tags::p().class("faint").children(hint.clone()).into());
    tags::div()
        .class("trouble")
        .attr("role", "alert")
        .children((
            icon("warn", 14),
            tags::div().children((
                tags::p().children(error.message.clone()),
                hint,
                more(words::MISSING_RIGHTS, &error.missing),
                more(words::WHAT_MOVED, &error.moved),
                more(words::MISTAKES, &mistakes),
            )),
        ))
        .into()
}

/// Grey bars where something is still to come.
pub fn loading() -> View {
    let bar = |class: &'static str| -> View { tags::i().class(class).into() };
    tags::div()
        .class("loading")
        .attr("role", "status")
        .attr("aria-label", words::LOADING)
        .children((bar("w60"), bar("w90"), bar("w40"), bar("w75")))
        .into()
}
