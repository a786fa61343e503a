//! All applications, those that need somebody first.

use capstan_api::{ApplicationRow, ApplicationState};

use crate::{
    address::application,
    applications::{Filter, Group, matches, revision_text, state_of, wave_class, where_it_is},
    page::{bits, dom::*, icons::glyph, store::Store},
    span::{ago, millis, span},
    task_state::status_word,
    words,
};

/// Draws the list.
pub fn page(store: Store) -> View {
    let filter = move || Filter::of(store.query("show").as_deref());
    let wanted = move || store.query("find").unwrap_or_default().to_lowercase();
    let shown = create_memo(move || {
        let (filter, wanted) = (filter(), wanted());
        store.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            rows.iter()
                .filter(|row| filter.passes(row) && matches(row, &wanted))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let total = move || store.rows.with(|rows| rows.as_ref().map(Vec::len));
    let clusters = move || {
        store.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            rows.iter()
                .map(|row| row.cluster.as_str())
                .collect::<std::collections::HashSet<_>>()
                .len()
        })
    };
    (
        tags::header().class("pagehead").children((
            tags::h1().children("Applications"),
            tags::span().class("sub").children(text(move || {
                total().map_or_else(String::new, |total| words::in_clusters(total, clusters()))
            })),
            tags::span().class("spacer"),
            bits::find(
                words::FIND_APPLICATIONS,
                words::NAME_NAMESPACE_REVISION,
                move || store.query("find").unwrap_or_default(),
                move |text| store.look(&[("find", Some(&text))]),
                "find find-big",
            ),
        )),
        tags::div()
            .class("filters")
            .attr("role", "toolbar")
            .attr("aria-label", words::FILTERS)
            .children(
                Filter::ALL
                    .map(|one| filter_button(store, one))
                    .into_iter()
                    .collect::<Vec<View>>(),
            ),
        tags::div().class("scroll").children((
            table(store, shown),
            each_time(
                move || (total(), shown.with(Vec::is_empty)),
                move |(total, is_empty)| match (total, is_empty) {
                    (None, _) => bits::loading(),
                    (Some(0), _) => first_start(),
                    (Some(total), true) => nothing_found(store, total),
                    (Some(_), false) => nothing(),
                },
            ),
        )),
    )
        .into()
}

fn filter_button(store: Store, filter: Filter) -> View {
    let count = create_memo(move || {
        store.rows.with(|rows| {
            rows.as_deref()
                .unwrap_or_default()
                .iter()
                .filter(|row| filter.passes(row))
                .count()
        })
    });
    tags::button()
        .attr("type", "button")
        .class(format!("f-{}", filter.id()))
        .attr("aria-pressed", move || {
            if Filter::of(store.query("show").as_deref()) == filter {
                "true"
            } else {
                "false"
            }
        })
        .bool_attr("disabled", move || count.get() == 0 && filter != Filter::All)
        .hear(events::click, move |_| {
            store.look(&[("show", (filter != Filter::All).then(|| filter.id()))]);
        })
        .children((
            filter.words(),
            tags::span().children(text(move || count.get().to_string())),
        ))
        .into()
}

fn first_start() -> View {
    tags::div()
        .class("empty")
        .children((
            tags::p().children(words::NO_APPLICATION),
            tags::p().class("faint").children(words::WHAT_AN_APPLICATION_IS),
            bits::command(|| "capstan sync -f manifests/ -n NAMESPACE --app NAME".to_owned()),
        ))
        .into()
}

fn nothing_found(store: Store, total: usize) -> View {
    tags::div()
        .class("empty")
        .children((
            tags::p().children(words::NO_APPLICATION_MATCHES),
            tags::button()
                .attr("type", "button")
                .class("btn")
                .hear(events::click, move |_| store.look(&[("find", None), ("show", None)]))
                .children(words::show_all(total)),
        ))
        .into()
}

fn table(store: Store, shown: ReadSignal<Vec<ApplicationRow>>) -> View {
    let head = |name: &'static str| -> View { tags::th().attr("scope", "col").children(name).into() };
    let bodies = Group::ALL.map(|group| {
        let of_group = create_memo(move || {
            shown.with(|rows| {
                rows.iter()
                    .filter(|row| Group::of(row) == group)
                    .cloned()
                    .collect::<Vec<_>>()
            })
        });
        when(
            move || of_group.with(|rows| !rows.is_empty()),
            move || {
                tags::tbody()
                    .children((
                        tags::tr().class("group").children(
                            tags::th().attr("colspan", "7").attr("scope", "rowgroup").children((
                                group.words(),
                                tags::span().children(text(move || of_group.with(|rows| rows.len().to_string()))),
                            )),
                        ),
                        list(
                            move || of_group.get_clone(),
                            |row| format!("{}/{}/{}", row.cluster, row.application.namespace, row.application.name),
                            move |row| application_row(store, row),
                        ),
                    ))
                    .into()
            },
        )
    });
    tags::table()
        .class("apps")
        .bool_attr("hidden", move || shown.with(Vec::is_empty))
        .children((
            tags::thead().children(tags::tr().children((
                tags::th().attr("scope", "col").children(for_readers("State")),
                head("Application"),
                head("Now"),
                head("Revision"),
                head("Health"),
                head("Last operation"),
                tags::th().attr("scope", "col").class("r").children("Differs"),
            ))),
            bodies.into_iter().collect::<Vec<View>>(),
        ))
        .into()
}

fn application_row(store: Store, row: ReadSignal<ApplicationRow>) -> View {
    let first = row.get_clone_untracked();
    let href = application(&first.application.namespace, &first.application.name, "");
    let target = href.clone();
    tags::tr()
        .class(move || format!("app is-{}", row.with(|row| state_of(row).class())))
        .hear(events::click, move |event: web_sys::MouseEvent| {
            let clicked = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            if clicked.is_some_and(|element| element.closest("a, button").ok().flatten().is_none()) {
                store.go(&target);
            }
        })
        .children((
            tags::td().children(each_time(move || row.with(state_of), |state| glyph(state, 16))),
            tags::th().attr("scope", "row").children((
                tags::a().attr("href", href).children(first.application.name.clone()),
                tags::small().children(format!("{} · {}", first.application.namespace, first.cluster)),
            )),
            tags::td()
                .class("nowcell")
                .children(each_time(move || row.get_clone(), move |row| now_cell(store, &row))),
            tags::td().class("rev").children(each_time(
                move || row.with(|row| row.operation.as_ref().and_then(|operation| operation.revision.clone())),
                |revision| {
                    let Some(revision) = revision else { return nothing() };
                    let sources = revision.sources.join(", ");
                    let small: View = if revision.commit.is_some() {
                        tags::small().attr("title", sources.clone()).children(sources).into()
                    } else {
                        nothing()
                    };
                    (tags::code().children(revision_text(&revision)), small).into()
                },
            )),
            tags::td().children(each_time(
                move || row.with(|row| row.health.clone()),
                |health| {
                    let Some(health) = health else {
                        return tags::span().class("faint").children(words::NOT_LOOKED_AT).into();
                    };
                    let small = health.object.as_ref().map_or_else(
                        || words::count(health.total, "object"),
                        |object| format!("{}: {}", object.kind_and_name(), health.message),
                    );
                    (
                        bits::health(health.worst),
                        tags::small().attr("title", small.clone()).children(small),
                    )
                        .into()
                },
            )),
            tags::td().class("lastop").children(each_time(
                move || row.with(|row| row.operation.clone()),
                move |operation| {
                    let Some(operation) = operation else {
                        return tags::span().class("faint").children(words::NOTHING_RAN).into();
                    };
                    let word = status_word(Some(&operation.status));
                    let times = move || match operation.finished_at {
                        Some(finished) => words::ended(
                            &ago(millis(finished), store.now.get()),
                            &span(millis(finished) - millis(operation.started_at)),
                            &operation.by,
                        ),
                        None => words::begun(&ago(millis(operation.started_at), store.now.get()), &operation.by),
                    };
                    let number = operation.id.split('-').next().unwrap_or_default().to_owned();
                    (
                        tags::span().class(format!("o-{word}")).children(word),
                        format!(" {} ", operation.purpose.operation_name(operation.does)),
                        tags::b().children(format!("#{number}")),
                        tags::small().children(text(times)),
                    )
                        .into()
                },
            )),
            tags::td().class("r").children(each_time(
                move || row.with(|row| row.differing),
                |differing| match differing {
                    Some(0) => tags::span().class("faint").children("–").into(),
                    Some(count) => tags::span().class("pill pill-wait").children(count.to_string()).into(),
                    None => tags::span()
                        .class("faint")
                        .attr("title", words::NOT_LOOKED_AT)
                        .children("?")
                        .into(),
                },
            )),
        ))
        .into()
}

fn now_cell(store: Store, row: &ApplicationRow) -> View {
    let is_running = matches!(
        row.state,
        ApplicationState::Running | ApplicationState::WaitsForPerson | ApplicationState::Left
    );
    let has_failed = row.state == ApplicationState::Failed;
    let top: View = if is_running || has_failed {
        let ticks: Vec<View> = row
            .waves
            .iter()
            .map(|wave| tags::i().class(wave_class(wave, row)).into())
            .collect();
        let done = row
            .waves
            .iter()
            .filter(|wave| wave.tasks > 0 && wave.finished == wave.tasks)
            .count();
        let started = row
            .operation
            .as_ref()
            .map(|operation| millis(operation.started_at))
            .filter(|_| is_running);
        let since = move || started.map_or_else(String::new, |started| format!(" {}", span(store.now.get() - started)));
        tags::span()
            .class("nowtop")
            .children((
                tags::span()
                    .class("mini")
                    .attr("role", "img")
                    .attr("aria-label", words::waves_done(done, row.waves.len()))
                    .children(ticks),
                where_it_is(row),
                tags::b().children(text(since)),
            ))
            .into()
    } else {
        nothing()
    };
    let says = match (row.now.is_empty(), row.due) {
        (false, _) => row.now.clone(),
        (true, 0) => String::new(),
        (true, due) => words::due(due),
    };
    (
        top,
        tags::span().class("why1").attr("title", says.clone()).children(says),
    )
        .into()
}
