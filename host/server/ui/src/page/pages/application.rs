//! The frame of an application's pages: its name, its actions, its tabs.

use capstan_api::{
    ApplicationReport, ApplicationRow, ApplicationState, ErrorClass, Me, Verb,
    path::{self, encoded},
};

use super::{history, objects, operation, plan};
use crate::{
    address::{self, Route, Tab},
    page::{bits, connection, dialogs::Dialog, dom::*, icons::icon, store::Store},
    words,
};

/// What the pages of one application share.
#[derive(Clone, Copy)]
pub struct Application {
    pub store: Store,
    namespace: Signal<String>,
    name: Signal<String>,
    pub report: Signal<Option<Result<ApplicationReport, capstan_api::ApiError>>>,
    /// Counts how often the report was wanted.
    asked: Signal<u32>,
}

impl Application {
    pub fn namespace(self) -> String {
        self.namespace.get_clone_untracked()
    }

    pub fn name(self) -> String {
        self.name.get_clone_untracked()
    }

    /// Asks the server for the report again.
    pub fn reload(self) {
        self.asked.set(self.asked.get_untracked() + 1);
        let path = path::application(&self.namespace(), &self.name());
        spawn_local(async move {
            let report = connection::get::<ApplicationReport>(&path).await;
            if self.report.is_alive() {
                self.report.set(Some(report));
            }
        });
    }

    /// Returns the address of one of its pages.
    pub fn address(self, rest: &str) -> String {
        address::application(&self.namespace(), &self.name(), rest)
    }

    /// Returns how it is, as the list says.
    pub fn state(self) -> Option<ApplicationState> {
        self.store.rows.with(|rows| {
            let is_own = |row: &&ApplicationRow| {
                let application = &row.application;
                self.namespace.with(|own| *own == application.namespace)
                    && self.name.with(|own| *own == application.name)
            };
            rows.as_ref()?.iter().find(is_own).map(|row| row.state)
        })
    }

    /// Asks the server what one may do with it.
    fn ask_rights(self) {
        let application = format!("{}/{}", encoded(&self.namespace()), encoded(&self.name()));
        let path = format!("{}?application={application}", path::ME);
        spawn_local(async move {
            if let Ok(me) = connection::get::<Me>(&path).await
                && self.report.is_alive()
            {
                self.store.rights.set(Some(me));
            }
        });
        on_cleanup(move || self.store.rights.set(None));
    }

    /// Returns the id of the operation that is not over.
    pub fn running(self) -> Option<String> {
        self.report
            .with(|report| Some(report.as_ref()?.as_ref().ok()?.current.as_ref()?.id.clone()))
    }
}

/// Draws an application's pages.
pub fn page(store: Store, namespace: String, name: String) -> View {
    let application = Application {
        store,
        namespace: create_signal(namespace.clone()),
        name: create_signal(name.clone()),
        report: create_signal(None),
        asked: create_signal(0),
    };
    provide_context(application);
    application.ask_rights();
    // The row of the list says when something began or ended.
    let row = create_selector(move || {
        store.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let row = rows
                .iter()
                .find(|row| row.application.namespace == namespace && row.application.name == name)?;
            Some((row.state, row.operation.as_ref().map(|operation| operation.id.clone())))
        })
    });
    create_effect(move || {
        row.track();
        application.reload();
    });
    let tab = move || match store.route() {
        Route::Application { tab, .. } => Some(tab),
        _ => None,
    };
    (
        head(application, move || {
            row.with(|row| row.as_ref().map(|(state, _)| *state))
        }),
        application_tabs(application, tab),
        each_time(tab, move |tab| match tab {
            Some(Tab::Operation(id)) => operation::page(application, id),
            Some(Tab::Objects) => objects::page(application),
            Some(Tab::Plan) => plan::page(application),
            Some(Tab::History) => history::page(application),
            None => nothing(),
        }),
    )
        .into()
}

fn head(application: Application, state: impl Fn() -> Option<ApplicationState> + Copy + 'static) -> View {
    let store = application.store;
    let cluster = move || {
        application.report.with(|report| {
            let report = report.as_ref().and_then(|report| report.as_ref().ok());
            report
                .map(|report| format!("namespace {} · {}", report.application.namespace, report.cluster))
                .unwrap_or_default()
        })
    };
    let is_running = move || application.running().is_some();
    let (namespace, name) = (application.namespace(), application.name());
    let dialog = move |make: fn(&str, &str) -> Dialog| {
        let (namespace, name) = (namespace.clone(), name.clone());
        move || store.dialog.set(Some(make(&namespace, &name)))
    };
    let is_left = move || state() == Some(ApplicationState::Left);
    tags::header()
        .class("pagehead")
        .children((
            tags::h1().children((
                tags::a()
                    .class("crumb hide-s")
                    .attr("href", "/apps")
                    .children("Applications"),
                tags::a()
                    .class("crumb only-s")
                    .attr("href", "/apps")
                    .attr("aria-label", "Applications")
                    .children(icon("left", 16)),
                tags::span().class("crumb hide-s").hidden_from_readers().children("/"),
                application.name(),
            )),
            tags::span().class("sub hide-s").children(text(cluster)),
            tags::span().class("spacer"),
            when(is_left, {
                let resume = dialog(Dialog::resume);
                move || bits::action(store, Verb::Sync, "btn", words::CARRY_ON.into(), resume.clone())
            }),
            when(is_running, {
                let terminate = dialog(Dialog::terminate);
                move || {
                    let content = (
                        icon("stop", 12),
                        tags::span()
                            .attr("data-key", "terminate")
                            .children(words::TERMINATE_AND_MORE),
                    )
                        .into();
                    bits::action(store, Verb::Terminate, "btn btn-bad", content, terminate.clone())
                }
            }),
            bits::action(
                store,
                Verb::Sync,
                "btn btn-sync",
                words::SYNC_AND_MORE.into(),
                dialog(Dialog::sync),
            ),
            menu(application),
        ))
        .into()
}

/// What is done more seldom.
fn menu(application: Application) -> View {
    let store = application.store;
    let (namespace, name) = (application.namespace(), application.name());
    let entry = |verb: Verb, image: &'static str, words: &'static str, make: fn(&str, &str) -> Dialog| -> View {
        let (namespace, name) = (namespace.clone(), name.clone());
        let content = (icon(image, 13), words).into();
        bits::action(store, verb, "menu-item", content, move || {
            close_menu();
            store.dialog.set(Some(make(&namespace, &name)));
        })
    };
    tags::details()
        .class("menu")
        .children((
            tags::summary()
                .class("iconbtn")
                .attr("aria-label", words::MORE_ACTIONS)
                .attr("title", words::MORE_ACTIONS)
                .children(icon("dots", 16)),
            tags::div().class("menu-list").children((
                entry(Verb::Rollback, "undo", words::ROLL_BACK_AND_MORE, Dialog::rollback),
                entry(Verb::Test, "check", words::TEST_AND_MORE, Dialog::test),
                entry(Verb::Sweep, "trash", words::SWEEP_AND_MORE, Dialog::sweep),
                entry(Verb::Delete, "trash", words::DELETE_AND_MORE, Dialog::delete),
            )),
        ))
        .into()
}

fn close_menu() {
    if let Ok(Some(menu)) = document().query_selector("details.menu[open]") {
        let _ = menu.remove_attribute("open");
    }
}

fn application_tabs(application: Application, tab: impl Fn() -> Option<Tab> + Copy + 'static) -> View {
    let store = application.store;
    let differing = move || {
        store.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let (namespace, name) = (application.namespace(), application.name());
            rows.iter()
                .find(|row| row.application.namespace == namespace && row.application.name == name)
                .and_then(|row| row.differing)
        })
    };
    let objects = move || {
        store.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let (namespace, name) = (application.namespace(), application.name());
            let row = rows
                .iter()
                .find(|row| row.application.namespace == namespace && row.application.name == name)?;
            Some(row.health.as_ref()?.total)
        })
    };
    let history = move || {
        application
            .report
            .with(|report| Some(report.as_ref()?.as_ref().ok()?.history.len()))
    };
    let tabs = vec![
        bits::Tab {
            id: "operation",
            name: "Operation".into(),
            icon: "bars",
            count: nothing(),
        },
        bits::Tab {
            id: "objects",
            name: "Objects".into(),
            icon: "tree",
            count: bits::count(objects, ""),
        },
        bits::Tab {
            id: "plan",
            name: "Plan".into(),
            icon: "diff",
            count: bits::count(move || differing().filter(|count| *count > 0), "odd"),
        },
        bits::Tab {
            id: "history",
            name: "History".into(),
            icon: "history",
            count: bits::count(history, ""),
        },
    ];
    let current = move || {
        match tab() {
            Some(Tab::Operation(_)) | None => "operation",
            Some(Tab::Objects) => "objects",
            Some(Tab::Plan) => "plan",
            Some(Tab::History) => "history",
        }
        .to_owned()
    };
    bits::tabs(words::PAGES_OF_THE_APPLICATION, tabs, current, move |id| {
        let rest = if id == "operation" {
            String::new()
        } else {
            format!("/{id}")
        };
        store.go(&application.address(&rest));
    })
}

/// Draws why a page can't be shown.
pub fn refused(error: &capstan_api::ApiError) -> View {
    let class = if error.class == ErrorClass::NotFound {
        "empty"
    } else {
        "refused"
    };
    tags::div().class(class).children(bits::trouble(error)).into()
}
