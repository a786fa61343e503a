//! Dialogs: native ones, so that the focus stays inside and Escape closes. Each shows the command that does the same.

mod actions;
mod keys;
mod sync;

use std::rc::Rc;

use capstan_api::{ApiError, Outcome, Trigger, path};

use super::{bits, connection, dom::*, icons::icon, store::Store};
use crate::{address::application, words};

/// Which dialog is open, and about what.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    Find,
    Keys,
    Sync {
        namespace: String,
        name: String,
    },
    Approve {
        namespace: String,
        name: String,
        hook: String,
        question: String,
        is_rejected: bool,
    },
    /// An action that is confirmed.
    Action {
        namespace: String,
        name: String,
        kind: ActionKind,
    },
    Outcome(Rc<Outcome>),
}

/// The actions that are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    Resume,
    Terminate,
    Rollback,
    Test,
    Sweep,
    Delete,
}

impl Dialog {
    pub fn sync(namespace: &str, name: &str) -> Dialog {
        Dialog::Sync {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn action(namespace: &str, name: &str, kind: ActionKind) -> Dialog {
        Dialog::Action {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            kind,
        }
    }

    pub fn resume(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Resume)
    }

    pub fn terminate(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Terminate)
    }

    pub fn rollback(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Rollback)
    }

    pub fn test(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Test)
    }

    pub fn sweep(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Sweep)
    }

    pub fn delete(namespace: &str, name: &str) -> Dialog {
        Dialog::action(namespace, name, ActionKind::Delete)
    }

    const fn class(&self) -> &'static str {
        match self {
            Dialog::Sync { .. } => "dialog dialog-sync",
            Dialog::Keys => "dialog dialog-keys",
            Dialog::Find | Dialog::Approve { .. } | Dialog::Action { .. } | Dialog::Outcome(_) => "dialog",
        }
    }
}

/// Escape was pressed in a dialog.
struct Cancelled;

impl events::EventDescriptor for Cancelled {
    type EventTy = web_sys::Event;
    const NAME: &'static str = "cancel";
}

/// Draws the open dialog, if any.
pub fn dialogs(store: Store) -> View {
    each_time(
        move || store.dialog.get_clone(),
        move |dialog| dialog.map_or_else(nothing, |dialog| open(store, dialog)),
    )
}

fn open(store: Store, dialog: Dialog) -> View {
    let place = create_node_ref();
    let before = document()
        .active_element()
        .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    on_mount(move || {
        if let Some(dialog) = place
            .try_get()
            .and_then(|node| node.dyn_into::<web_sys::HtmlDialogElement>().ok())
        {
            let _ = dialog.show_modal();
        }
    });
    on_cleanup(move || {
        // The focus returns to what opened it.
        if let Some(before) = before.clone() {
            later_in_any_case(0, move || {
                let _ = before.focus();
            });
        }
    });
    let class = dialog.class();
    let content = match dialog {
        Dialog::Find => keys::find(store),
        Dialog::Keys => keys::keys(store),
        Dialog::Sync { namespace, name } => sync::sync(store, namespace, name),
        Dialog::Approve {
            namespace,
            name,
            hook,
            question,
            is_rejected,
        } => actions::approve(store, namespace, name, hook, &question, is_rejected),
        Dialog::Action { namespace, name, kind } => actions::action(store, namespace, name, kind),
        Dialog::Outcome(outcome) => actions::outcome(store, &outcome),
    };
    tags::dialog()
        .class(class)
        .attr("aria-labelledby", "dialog-title")
        .referenced(place)
        .hear(Cancelled, move |_| store.dialog.set(None))
        .hear(events::click, move |event: web_sys::MouseEvent| {
            // A click on what is behind it.
            if event.target() == event.current_target() {
                store.dialog.set(None);
            }
        })
        .children(content)
        .into()
}

/// The head of a dialog.
fn head(store: Store, title: String, sub: String) -> View {
    tags::header()
        .children((
            tags::h2().attr("id", "dialog-title").children(title),
            tags::span().children(sub),
            tags::button()
                .attr("type", "button")
                .class("iconbtn")
                .attr("aria-label", words::CLOSE)
                .hear(events::click, move |_| store.dialog.set(None))
                .children(icon("cross", 14)),
        ))
        .into()
}

fn cancel(store: Store, name: &'static str) -> View {
    tags::button()
        .attr("type", "button")
        .class("btn")
        .hear(events::click, move |_| store.dialog.set(None))
        .children(name)
        .into()
}

/// What a dialog has sent, and what came of it.
#[derive(Clone, Copy)]
struct Sending {
    is_sent: Signal<bool>,
    error: Signal<Option<ApiError>>,
}

impl Sending {
    fn new() -> Sending {
        Sending {
            is_sent: create_signal(false),
            error: create_signal(None),
        }
    }

    /// The error of the last answer.
    fn trouble(self) -> View {
        each_time(
            move || self.error.get_clone(),
            |error| error.map_or_else(nothing, |error| bits::trouble(&error)),
        )
    }

    /// Sends a trigger; what runs then is shown.
    fn send(self, store: Store, namespace: &str, name: &str, trigger: Trigger) {
        let shows_outcome = matches!(trigger, Trigger::Sweep {} | Trigger::Sync { dry_run: true, .. });
        // Nothing leads to a deletion that is over but its own address.
        let is_deletion = matches!(trigger, Trigger::Delete { .. });
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.post(path::triggers(&namespace, &name), trigger, move |outcome| {
            let rest = match &outcome.operation {
                Some(id) if is_deletion => format!("/operations/{}", path::encoded(id)),
                _ => String::new(),
            };
            if shows_outcome {
                store.dialog.set(Some(Dialog::Outcome(Rc::new(outcome))));
            } else {
                store.go(&application(&namespace, &name, &rest));
            }
        });
    }

    fn post<B: serde::Serialize + 'static>(self, path: String, body: B, done: impl FnOnce(Outcome) + 'static) {
        if self.is_sent.get_untracked() {
            return;
        }
        self.is_sent.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = connection::post::<_, Outcome>(&path, &body).await;
            if !self.is_sent.is_alive() {
                return;
            }
            self.is_sent.set(false);
            match answer {
                Ok(outcome) => done(outcome),
                Err(error) => self.error.set(Some(error)),
            }
        });
    }

    /// The text of the button that sends.
    fn text(self, words: &'static str) -> View {
        text(move || if self.is_sent.get() { words::SENT } else { words }.to_owned())
    }
}
