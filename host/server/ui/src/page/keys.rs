//! Keys. Those of one letter can be switched off.

use super::{dialogs::Dialog, dom::*, store::Store};
use crate::address::{Route, Tab, application};

/// Listens to keys.
pub fn listen(store: Store) {
    let before = create_signal(String::new());
    on_window("keydown", move |event| {
        let Ok(event) = event.dyn_into::<web_sys::KeyboardEvent>() else {
            return;
        };
        let key = event.key();
        if (event.meta_key() || event.ctrl_key()) && key == "k" {
            event.prevent_default();
            store.dialog.set(Some(Dialog::Find));
            return;
        }
        if event.meta_key()
            || event.ctrl_key()
            || event.alt_key()
            || is_typing(&event)
            || store.dialog.with_untracked(Option::is_some)
        {
            return;
        }
        let was = before.get_clone_untracked();
        before.set(key.clone());
        if key == "/" {
            let field = document().query_selector("input[type=search]").ok().flatten();
            if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                event.prevent_default();
                let _ = field.focus();
            }
            return;
        }
        if key == "?" {
            store.dialog.set(Some(Dialog::Keys));
            return;
        }
        if !store.has_letter_keys.get_untracked() {
            return;
        }
        match (was.as_str(), key.as_str()) {
            ("g", "a") => store.go("/apps"),
            ("g", "p") => store.go("/plugins"),
            (_, "d") => with_application(store, |namespace, name| {
                store.go(&application(namespace, name, "/plan"));
            }),
            (_, "l") => store.look(&[("pane", None)]),
            (_, "f") => store.look(&[("task", None), ("pane", None)]),
            (_, "s") => {
                event.prevent_default();
                with_application(store, |namespace, name| {
                    store.dialog.set(Some(Dialog::sync(namespace, name)));
                });
            }
            (_, "a") => click("[data-key=approve]"),
            (_, "t") => click("[data-key=terminate]"),
            (_, "r") => click("[data-key=retry]"),
            (_, "w") => focus(".why .objlink"),
            (_, "y") => click(".cmd .iconbtn"),
            (_, "j" | "k") => focus_rows(),
            _ => {}
        }
    });
}

fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|target| {
        target
            .closest("input:not([type=checkbox]), select, textarea, dialog")
            .ok()
            .flatten()
            .is_some()
    })
}

fn with_application(store: Store, act: impl FnOnce(&str, &str)) {
    if let Route::Application {
        namespace,
        name,
        tab: Tab::Operation(_) | Tab::Objects | Tab::Plan | Tab::History,
    } = store.route()
    {
        act(&namespace, &name);
    }
}

fn find(selector: &str) -> Option<web_sys::HtmlElement> {
    document().query_selector(selector).ok()??.dyn_into().ok()
}

fn click(selector: &str) {
    if let Some(element) = find(selector) {
        element.click();
    }
}

fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        let _ = element.focus();
    }
}

/// Moves the focus into the list of objects; the list itself moves it on from there.
fn focus_rows() {
    if find(".tl-row:focus").is_none() {
        focus(".tl-row.is-selected, .tl-row[data-task]");
    }
}
