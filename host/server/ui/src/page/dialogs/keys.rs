//! Finding a place, and the list of keys.

use super::head;
use crate::{
    address::{Route, application},
    page::{bits, dom::*, icons::icon, store::Store},
    words,
};

/// Something that can be gone to.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    name: String,
    beside: String,
    address: String,
    icon: &'static str,
}

/// How many are shown.
const MAX_SHOWN: usize = 12;

fn targets(store: Store) -> Vec<Target> {
    let place = |name: &str, address: &str, icon| Target {
        name: name.to_owned(),
        beside: words::PAGE.to_owned(),
        address: address.to_owned(),
        icon,
    };
    let mut targets = vec![
        place("Applications", "/apps", "apps"),
        place("Plugins", "/plugins", "plug"),
    ];
    if let Route::Application { namespace, name, .. } = store.route() {
        for (page, rest, icon) in [
            ("Operation", "", "bars"),
            ("Objects", "/objects", "tree"),
            ("Plan", "/plan", "diff"),
            ("History", "/history", "history"),
        ] {
            targets.push(Target {
                name: format!("{name}: {page}"),
                beside: namespace.clone(),
                address: application(&namespace, &name, rest),
                icon,
            });
        }
    }
    store.rows.with(|rows| {
        targets.extend(rows.as_deref().unwrap_or_default().iter().map(|row| Target {
            name: row.application.name.clone(),
            beside: format!("{} · {}", row.application.namespace, row.cluster),
            address: application(&row.application.namespace, &row.application.name, ""),
            icon: "anchor",
        }));
    });
    targets
}

/// Finds an application or a page.
pub fn find(store: Store) -> View {
    let wanted = create_signal(String::new());
    let found = create_selector(move || {
        let wanted = wanted.get_clone().to_lowercase();
        let fits = |target: &Target| {
            wanted.is_empty()
                || format!("{} {}", target.name, target.beside)
                    .to_lowercase()
                    .contains(&wanted)
        };
        targets(store)
            .into_iter()
            .filter(fits)
            .take(MAX_SHOWN)
            .collect::<Vec<_>>()
    });
    let enter = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter"
            && let Some(first) = found.with_untracked(|found| found.first().map(|target| target.address.clone()))
        {
            event.prevent_default();
            store.go(&first);
        }
    };
    (
        head(store, words::FIND.to_owned(), String::new()),
        tags::div().class("dlg-body palette").children((
            tags::input()
                .attr("type", "search")
                .attr("autofocus", "")
                .attr("aria-label", words::FIND_ANYTHING)
                .attr("placeholder", words::FIND_ANYTHING)
                .hear(events::input, move |event: web_sys::Event| wanted.set(value_of(&event)))
                .hear(events::keydown, enter),
            tags::ul().children(list(
                move || found.get_clone(),
                |target| target.address.clone(),
                move |target| {
                    let target = target.get_clone_untracked();
                    tags::li()
                        .children(tags::a().attr("href", target.address).children((
                            icon(target.icon, 14),
                            tags::span().children(target.name),
                            tags::small().children(target.beside),
                        )))
                        .into()
                },
            )),
        )),
    )
        .into()
}

/// Lists the keys.
pub fn keys(store: Store) -> View {
    let sections: Vec<View> = words::KEYS
        .iter()
        .map(|(name, keys)| {
            let lines: Vec<View> = keys
                .iter()
                .map(|(key, does)| {
                    tags::p()
                        .children((tags::kbd().children(*key), tags::span().children(*does)))
                        .into()
                })
                .collect();
            tags::section().children((tags::h3().children(*name), lines)).into()
        })
        .collect();
    (
        head(store, words::KEYS_TITLE.to_owned(), String::new()),
        tags::div().class("dlg-body keys").children((
            sections,
            bits::check(
                words::LETTERS_ARE_KEYS,
                "",
                move || store.has_letter_keys.get(),
                move |is_on| store.set_letter_keys(is_on),
            ),
        )),
    )
        .into()
}
