//! What is around every page: where one can go, what needs somebody, who one is.

use capstan_api::{ApplicationRow, Verb};

use super::{
    bits,
    dialogs::{self, Dialog},
    dom::*,
    icons::{glyph, icon},
    pages,
    store::{Link, Store, zone},
};
use crate::{
    address::{self, Route},
    applications::{Group, state_of},
    span::clock,
    task_state::TaskState,
    words,
};

/// How many applications the rail names in each of its parts.
const MAX_NAMED: usize = 4;

/// Draws the frame of the page, and in it the page that the address names.
pub fn shell(store: Store) -> View {
    // Links go through the history, unless the browser is asked to do something else with them.
    let follow_link = move |event: web_sys::MouseEvent| {
        if event.default_prevented() || event.button() != 0 || event.meta_key() || event.ctrl_key() || event.shift_key()
        {
            return;
        }
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let link = target.and_then(|target| target.closest("a[href^='/']").ok().flatten());
        if let Some(href) = link.and_then(|link| link.get_attribute("href")) {
            event.prevent_default();
            store.go(&href);
        }
    };
    tags::div()
        .class("shell")
        .hear(events::click, follow_link)
        .children((
            tags::a()
                .class("skip")
                .attr("href", "#main")
                .children(words::TO_THE_CONTENT),
            rail(store),
            tags::main()
                .attr("id", "main")
                .attr("tabindex", "-1")
                .children((banner(store), page(store))),
            bottom_bar(store),
            tags::div()
                .class("sr")
                .attr("role", "status")
                .attr("aria-live", "polite")
                .children(text(move || store.announcement.get_clone())),
            dialogs::dialogs(store),
        ))
        .into()
}

fn page(store: Store) -> View {
    // The tabs of one application share their frame.
    let place = move || match store.route() {
        Route::Application { namespace, name, .. } => Some((namespace, name)),
        _ => None,
    };
    let top = move || match store.route() {
        Route::Applications => "apps",
        Route::Plugins => "plugins",
        Route::Application { .. } => "app",
        Route::Unknown => "",
    };
    when_signed_in(store, move || {
        each_time(
            move || (top(), place()),
            move |(top, place)| match (top, place) {
                ("apps", _) => pages::applications::page(store),
                ("plugins", _) => pages::plugins::page(store),
                (_, Some((namespace, name))) => pages::application::page(store, namespace, name),
                _ => tags::div()
                    .class("empty")
                    .children((
                        tags::h1().children(words::NO_SUCH_PAGE),
                        tags::a().class("btn").attr("href", "/apps").children("Applications"),
                    ))
                    .into(),
            },
        )
    })
}

fn when_signed_in(store: Store, view: impl Fn() -> View + 'static) -> View {
    each_time(
        move || {
            store.link.with(|link| match link {
                Link::SignedOut(error) => Some(error.clone()),
                Link::Live | Link::Lost { .. } => None,
            })
        },
        move |signed_out| match signed_out {
            None => view(),
            Some(error) => sign_in(&error),
        },
    )
}

fn sign_in(error: &capstan_api::ApiError) -> View {
    let token = create_signal(String::new());
    tags::form()
        .class("sign-in")
        .hear(events::submit, move |event: web_sys::SubmitEvent| {
            event.prevent_default();
            Store::sign_in(&token.get_clone_untracked());
        })
        .children((
            tags::h1().children(words::SIGN_IN),
            bits::trouble(error),
            tags::label().class("field").children((
                tags::span().children(words::TOKEN),
                tags::input()
                    .attr("type", "password")
                    .attr("autocomplete", "off")
                    .hear(events::input, move |event: web_sys::Event| token.set(value_of(&event))),
            )),
            tags::button()
                .attr("type", "submit")
                .class("btn btn-go")
                .children(words::SIGN_IN),
        ))
        .into()
}

fn banner(store: Store) -> View {
    each_time(
        move || store.link.get_clone(),
        move |link| match link {
            Link::Lost { since, again_at } => tags::div()
                .class("banner")
                .attr("role", "status")
                .children((
                    icon("warn", 13),
                    tags::span().children(words::lost(
                        &clock(since, zone(since)),
                        &clock(again_at, zone(again_at)),
                    )),
                    tags::button()
                        .attr("type", "button")
                        .class("linkbtn")
                        .hear(events::click, move |_| store.retry())
                        .children(words::TRY_NOW),
                ))
                .into(),
            Link::Live | Link::SignedOut(_) => nothing(),
        },
    )
}

fn rail(store: Store) -> View {
    let current = move |wanted: &'static str| {
        move || {
            let is_here = match store.route() {
                Route::Applications => wanted == "apps",
                Route::Plugins => wanted == "plugins",
                Route::Application { .. } | Route::Unknown => false,
            };
            is_here.then_some("page")
        }
    };
    let number = |value: View| -> View { tags::span().class("n").children(value).into() };
    tags::nav()
        .class("side")
        .attr("aria-label", "Capstan")
        .children((
            tags::div()
                .class("brand")
                .children((icon("anchor", 18), tags::span().children("Capstan"))),
            tags::a()
                .attr("href", "/apps")
                .attr("aria-current", current("apps"))
                .children((
                    icon("apps", 14),
                    tags::span().children("Applications"),
                    number(text(move || {
                        store
                            .rows
                            .with(|rows| rows.as_ref().map_or_else(String::new, |rows| rows.len().to_string()))
                    })),
                )),
            tags::a()
                .attr("href", "/plugins")
                .attr("aria-current", current("plugins"))
                .children((
                    icon("plug", 14),
                    tags::span().children("Plugins"),
                    number(text(move || {
                        store
                            .plugins
                            .with(|rows| rows.as_ref().map_or_else(String::new, |rows| rows.len().to_string()))
                    })),
                )),
            named(store, Group::NeedsSomebody),
            named(store, Group::Running),
            tags::div().class("bottom").children((
                tags::button()
                    .attr("type", "button")
                    .class("sidebtn")
                    .hear(events::click, move |_| store.dialog.set(Some(Dialog::Find)))
                    .children((
                        icon("search", 14),
                        tags::span().children(words::FIND),
                        tags::kbd().children("⌘K"),
                    )),
                tags::button()
                    .attr("type", "button")
                    .class("sidebtn")
                    .hear(events::click, move |_| store.next_theme())
                    .children((
                        dynamic(move || {
                            icon(
                                if store.theme.get() == super::store::Theme::Light {
                                    "sun"
                                } else {
                                    "moon"
                                },
                                14,
                            )
                        }),
                        tags::span().children(text(move || words::theme(store.theme.get().word()))),
                    )),
                who(store),
            )),
        ))
        .into()
}

/// The name of an application for the rail, and where it is.
#[derive(Clone, PartialEq)]
struct Named {
    key: (String, String, String),
    state: TaskState,
    is_here: bool,
    /// What tells it from another one of its name.
    beside: String,
}

fn named(store: Store, group: Group) -> View {
    let rows = create_memo(move || {
        let here = match store.route() {
            Route::Application { namespace, name, .. } => Some((namespace, name)),
            _ => None,
        };
        store.rows.with(|rows| {
            let rows: &[ApplicationRow] = rows.as_deref().unwrap_or_default();
            let of_group = rows.iter().filter(|row| Group::of(row) == group).take(MAX_NAMED);
            of_group
                .map(|row| {
                    let application = &row.application;
                    let is_twice = rows
                        .iter()
                        .filter(|other| other.application.name == application.name)
                        .count()
                        > 1;
                    Named {
                        key: (
                            row.cluster.clone(),
                            application.namespace.clone(),
                            application.name.clone(),
                        ),
                        state: state_of(row),
                        is_here: here.as_ref().is_some_and(|(namespace, name)| {
                            *namespace == application.namespace && *name == application.name
                        }),
                        beside: if is_twice {
                            application.namespace.clone()
                        } else {
                            String::new()
                        },
                    }
                })
                .collect::<Vec<_>>()
        })
    });
    let has_any = move || rows.with(|rows| !rows.is_empty());
    (
        when(has_any, move || tags::h2().children(group.words()).into()),
        list(
            move || rows.get_clone(),
            |row| format!("{}/{}/{}", row.key.0, row.key.1, row.key.2),
            move |row| {
                let Named {
                    key: (_, namespace, name),
                    beside,
                    ..
                } = row.get_clone_untracked();
                tags::a()
                    .attr("href", address::application(&namespace, &name, ""))
                    .attr("aria-current", move || row.with(|row| row.is_here.then_some("page")))
                    .children((
                        each_time(move || row.with(|row| row.state), |state| glyph(state, 14)),
                        tags::span().children(name),
                        tags::span().class("n").children(beside),
                    ))
                    .into()
            },
        ),
    )
        .into()
}

fn who(store: Store) -> View {
    each_time(
        move || store.me.get_clone(),
        |me| {
            let Some(me) = me else { return nothing() };
            let verbs = [
                (Verb::Sync, "sync"),
                (Verb::Approve, "approve"),
                (Verb::Terminate, "terminate"),
            ];
            let may: Vec<&str> = verbs
                .iter()
                .filter(|(verb, _)| me.denied(*verb).is_none())
                .map(|(_, word)| *word)
                .collect();
            let says = if me.is_read_only {
                words::READ_ONLY.to_owned()
            } else {
                words::may(&may)
            };
            tags::div()
                .class("who2")
                .children((
                    icon("person", 14),
                    tags::span().children((me.name, tags::small().children(says))),
                ))
                .into()
        },
    )
}

fn bottom_bar(store: Store) -> View {
    let entry = |href: &'static str, name: &'static str, image: &'static str| -> View {
        tags::a()
            .attr("href", href)
            .attr("aria-current", move || {
                store
                    .address
                    .with(|address| address.text().starts_with(href).then_some("page"))
            })
            .children((icon(image, 18), name))
            .into()
    };
    tags::nav()
        .class("foot")
        .attr("aria-label", words::PAGES)
        .children((
            entry("/apps", "Applications", "apps"),
            entry("/plugins", "Plugins", "plug"),
            tags::button()
                .attr("type", "button")
                .hear(events::click, move |_| store.dialog.set(Some(Dialog::Find)))
                .children((icon("search", 18), words::FIND)),
        ))
        .into()
}
