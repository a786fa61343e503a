//! Plugins: what is loaded, what it answers for, what it may do.

use capstan_api::PluginRow;

use crate::{
    page::{
        bits,
        dom::*,
        icons::{glyph, icon_as},
        store::Store,
    },
    span::bytes,
    task_state::TaskState,
    words,
};

/// How many claims a row names.
const MAX_CLAIMS: usize = 3;

/// Draws the page.
pub fn page(store: Store) -> View {
    let plugins = move || store.plugins.get_clone().unwrap_or_default();
    let chosen = create_selector(move || {
        let wanted = store.query("plugin");
        let plugins = plugins();

        plugins
            .iter()
            .find(|plugin| Some(&plugin.name) == wanted.as_ref())
            .or(plugins.first())
            .cloned()
    });
    let head = |name: &'static str| -> View { tags::th().attr("scope", "col").children(name).into() };
    (
        tags::header().class("pagehead").children((
            tags::h1().children("Plugins"),
            tags::span().class("sub").children(text(move || {
                let plugins = plugins();
                words::loaded(
                    plugins.len(),
                    plugins.iter().filter(|plugin| plugin.source == "built in").count(),
                )
            })),
        )),
        tags::div().class("plugpage").children((
            tags::div().class("scroll").children((
                when(move || store.plugins.with(Option::is_none), bits::loading),
                when(
                    move || {
                        store
                            .plugins
                            .with(|plugins| plugins.as_ref().is_some_and(Vec::is_empty))
                    },
                    || {
                        tags::div()
                            .class("empty")
                            .children(tags::p().children(words::NO_PLUGIN))
                            .into()
                    },
                ),
                tags::table().class("plugs").children((
                    tags::thead().children(tags::tr().children((
                        head("Plugin"),
                        head("Answers for"),
                        head("From"),
                        head("May"),
                    ))),
                    tags::tbody().children(list(
                        plugins,
                        |plugin| plugin.digest.clone(),
                        move |plugin| draw(store, &plugin.get_clone_untracked(), chosen),
                    )),
                )),
            )),
            each_time(
                move || chosen.get_clone(),
                |plugin| plugin.map_or_else(nothing, |plugin| aside(&plugin)),
            ),
        )),
    )
        .into()
}

fn draw(store: Store, plugin: &PluginRow, chosen: ReadSignal<Option<PluginRow>>) -> View {
    let (name, digest) = (plugin.name.clone(), plugin.digest.clone());
    let mut claims: Vec<View> = plugin
        .claims
        .iter()
        .take(MAX_CLAIMS)
        .map(|claim| claim_tag(&claim.interface, &claim.claim))
        .collect();
    if plugin.claims.len() > MAX_CLAIMS {
        claims.push(
            tags::span()
                .class("faint")
                .children(format!("+{}", plugin.claims.len() - MAX_CLAIMS))
                .into(),
        );
    }
    let (class, may) = may(plugin);
    tags::tr()
        .class(move || {
            if chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.digest == digest)) {
                "is-picked"
            } else {
                ""
            }
        })
        .hear(events::click, move |_| store.look(&[("plugin", Some(&name))]))
        .children((
            tags::th().attr("scope", "row").children((
                tags::button()
                    .attr("type", "button")
                    .class("objlink")
                    .children(plugin.name.clone()),
                " ",
                tags::span().class("faint").children(plugin.version.clone()),
                tags::small().children(tags::code().children(short(&plugin.digest))),
            )),
            tags::td().children(tags::div().class("claims").children(claims)),
            tags::td().class("faint").children(plugin.source.clone()),
            tags::td().children(tags::span().class(class).children(may)),
        ))
        .into()
}

fn may(plugin: &PluginRow) -> (&'static str, String) {
    match (plugin.requests.len(), plugin.granted.is_empty()) {
        (0, _) => ("faint", words::ASKS_FOR_NOTHING.to_owned()),
        (asked, true) => ("odd", words::none_granted(asked)),
        (asked, false) => ("", words::granted(asked)),
    }
}

fn claim_tag(interface: &str, claim: &str) -> View {
    let hook: View = if interface == "hook" {
        (icon_as("anchor", 10, "icon hookmark"), " ").into()
    } else {
        nothing()
    };
    tags::span()
        .class("tag")
        .attr("title", interface.to_owned())
        .children((hook, claim.to_owned()))
        .into()
}

fn short(digest: &str) -> String {
    digest.get(..12).unwrap_or(digest).to_owned()
}

fn aside(plugin: &PluginRow) -> View {
    let digest = plugin.digest.clone();
    let fact =
        |name: &'static str, value: View| -> View { (tags::dt().children(name), tags::dd().children(value)).into() };
    let claims: Vec<View> = plugin
        .claims
        .iter()
        .map(|claim| {
            let shadowed: View = claim.shadowed_by.as_ref().map_or_else(nothing, |by| {
                tags::span().class("odd").children(words::answered_by(by)).into()
            });
            tags::li()
                .children((
                    tags::span().class("tag").children(claim.interface.clone()),
                    tags::code().children(claim.claim.clone()),
                    shadowed,
                ))
                .into()
        })
        .collect();
    let state = if plugin.granted.is_empty() {
        TaskState::Pending
    } else {
        TaskState::Done
    };
    let requests: View = if plugin.requests.is_empty() {
        tags::p().class("faint").children(words::IT_SEES_ONLY_ITS_CLAIMS).into()
    } else {
        let lines: Vec<View> = plugin
            .requests
            .iter()
            .map(|request| {
                tags::li()
                    .children((glyph(state, 13), tags::code().children(request.clone())))
                    .into()
            })
            .collect();
        let granted: View = match plugin.granted.as_str() {
            "" => tags::p().class("faint").children(words::NOT_GRANTED).into(),
            "all" => tags::p().children(words::ALL_GRANTED).into(),
            yaml => (
                tags::p().class("faint").children(words::GRANTED_IS),
                tags::pre().class("yaml").children(yaml.to_owned()),
            )
                .into(),
        };
        (tags::ul().class("grants").children(lines), granted).into()
    };
    tags::aside()
        .class("plugside scroll")
        .attr("aria-label", plugin.name.clone())
        .children((
            tags::header().children((
                tags::h2().children((plugin.name.clone(), " ", tags::span().children(plugin.version.clone()))),
                tags::p().children(plugin.description.clone()),
            )),
            tags::dl().class("facts2").children((
                fact("From", plugin.source.clone().into()),
                fact(
                    "Digest",
                    (
                        tags::code().class("dig").children(plugin.digest.clone()),
                        bits::copy(move || digest.clone(), words::COPY_THE_DIGEST),
                    )
                        .into(),
                ),
                fact(
                    "Contract",
                    format!(
                        "{} · {}",
                        plugin.contract,
                        bytes(u64::try_from(plugin.size).unwrap_or(0))
                    )
                    .into(),
                ),
            )),
            tags::section().children((
                tags::h3().children("Answers for"),
                tags::ul().class("claimlist").children(claims),
            )),
            tags::section().children((tags::h3().children("Asks for, and gets"), requests)),
        ))
        .into()
}
