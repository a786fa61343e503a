//! The application's objects as they are now.

use capstan_api::{ApiError, ObjectRow, path};

use super::application::{Application, refused};
use crate::{
    page::{bits, connection, dom::*},
    task_state::short_kind,
    words,
};

/// Draws the page.
pub fn page(application: Application) -> View {
    let store = application.store;
    let objects: Signal<Option<Result<Vec<ObjectRow>, ApiError>>> = create_signal(None);
    let path = path::objects(&application.namespace(), &application.name());
    spawn_local(async move {
        let answer = connection::get(&path).await;
        if objects.is_alive() {
            objects.set(Some(answer));
        }
    });
    let wanted = move || store.query("find").unwrap_or_default().to_lowercase();
    let shown = create_memo(move || {
        let wanted = wanted();
        objects.with(|objects| {
            let rows = objects
                .as_ref()
                .and_then(|objects| objects.as_ref().ok())
                .map(Vec::as_slice)
                .unwrap_or_default();
            let fits = |row: &&ObjectRow| {
                wanted.is_empty()
                    || format!("{} {} {}", row.key.kind_and_name(), row.health, row.message)
                        .to_lowercase()
                        .contains(&wanted)
            };
            rows.iter().filter(fits).cloned().collect::<Vec<_>>()
        })
    });
    let error = create_selector(move || {
        objects.with(|objects| objects.as_ref().and_then(|objects| objects.as_ref().err().cloned()))
    });
    let is_loading = create_selector(move || objects.with(Option::is_none));
    let head = |name: &'static str| -> View { tags::th().attr("scope", "col").children(name).into() };
    (
        tags::div().class("tlbar").children((
            tags::span().class("spacer"),
            bits::find(
                words::FILTER_OBJECTS,
                words::FILTER_OBJECTS,
                move || store.query("find").unwrap_or_default(),
                move |text| store.look(&[("find", Some(&text))]),
                "find",
            ),
        )),
        tags::div().class("scroll").children((
            each_time(
                move || error.get_clone(),
                |error| error.map_or_else(nothing, |error| refused(&error)),
            ),
            when(move || is_loading.get(), bits::loading),
            tags::table()
                .class("apps objs")
                .bool_attr("hidden", move || shown.with(Vec::is_empty))
                .children((
                    tags::thead().children(tags::tr().children((
                        head(words::OBJECT),
                        head(words::HEALTH),
                        head(words::MESSAGE),
                        head(words::JUDGED_BY),
                    ))),
                    tags::tbody().children(list(
                        move || shown.get_clone(),
                        |row| row.key.clone(),
                        |row| each_row(&row.get_clone()),
                    )),
                )),
            when(
                move || !is_loading.get() && error.with(Option::is_none) && shown.with(Vec::is_empty),
                || {
                    tags::div()
                        .class("empty")
                        .children(tags::p().children(words::NO_OBJECT))
                        .into()
                },
            ),
        )),
    )
        .into()
}

fn each_row(row: &ObjectRow) -> View {
    let by = [row.by.as_str(), row.rule.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ");
    tags::tr()
        .children((
            tags::th().attr("scope", "row").children((
                tags::span().class("nm").children(row.key.name.clone()),
                " ",
                tags::span()
                    .class("kd")
                    .attr("title", row.key.kind.clone())
                    .children(short_kind(&row.key.kind).to_owned()),
            )),
            tags::td().children(bits::health(row.health)),
            tags::td()
                .class("faint")
                .attr("title", row.message.clone())
                .children(row.message.clone()),
            tags::td().class("faint").children(by),
        ))
        .into()
}
