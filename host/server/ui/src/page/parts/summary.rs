//! One line about an operation, and where its time went.

use capstan_core::run::event::OperationStatus;

use crate::{
    applications::revision_text,
    columns::{Column, columns, counts, order},
    critical::where_the_time_went as steps,
    page::{bits, dom::*, icons::icon_as, pages::operation::Operation},
    record::Record,
    span::{date, roughly, span},
    task_state::{TaskState, does, is_hook, name},
    words,
};

/// Draws the line: status, number, who, what, how long, how much.
pub fn line(operation: Operation) -> View {
    let of = move |part: fn(&Record) -> String| move || operation.record.with(part);
    let status = move || {
        operation.record.with(|record| {
            let status = record
                .view
                .status
                .clone()
                .unwrap_or_else(|| record.summary.status.clone());
            (status, asks(record))
        })
    };
    let is_over = move || operation.record.with(Record::is_over);
    let took = move || {
        let now = operation.now();
        operation.record.with(|record| span(now - record.began()))
    };
    let usual = move || {
        operation.record.with(|record| match &record.usual {
            Some(usual) if !record.is_over() && usual.total > 0 => words::of_about(&roughly(usual.total)),
            _ => String::new(),
        })
    };
    let done = move || {
        operation.record.with(|record| {
            let counts = counts(&columns(&record.view, None));
            (counts.done.to_string(), words::of_done(counts.total))
        })
    };
    let began = move || {
        operation.record.with(|record| {
            let began = record.began();
            date(began, crate::page::store::zone(began))
        })
    };
    tags::div()
        .class("opline")
        .children((
            each_time(status, |(status, asks)| bits::status_pill(&status, asks)),
            tags::span().children((
                tags::b().children(text(of(|record| format!("#{}", record.summary.number())))),
                " ",
                text(of(|record| does(&record.view).to_owned())),
                text(of(|record| {
                    if record.view.attempt > 1 {
                        format!(
                            " · {}",
                            words::attempt(usize::try_from(record.view.attempt).unwrap_or(0))
                        )
                    } else {
                        String::new()
                    }
                })),
            )),
            tags::span().children((
                tags::span().class("lab").children(words::BY),
                text(of(|record| record.summary.by.clone())),
            )),
            each_time(
                of(|record| record.summary.revision.as_ref().map(revision_text).unwrap_or_default()),
                |revision| {
                    if revision.is_empty() {
                        nothing()
                    } else {
                        tags::span()
                            .class("hide-s")
                            .children((
                                tags::span().class("lab").children(words::COMMIT),
                                tags::code().children(revision),
                            ))
                            .into()
                    }
                },
            ),
            tags::span().attr("title", began).children((
                tags::span().class("lab").children(text(move || {
                    if is_over() { words::TOOK } else { words::FOR }.to_owned()
                })),
                tags::b().children(text(took)),
                tags::span().class("faint").children(text(usual)),
            )),
            tags::span().children((tags::b().children(text(move || done().0)), text(move || done().1))),
            overall(operation),
        ))
        .into()
}

fn asks(record: &Record) -> bool {
    record
        .view
        .tasks
        .iter()
        .any(|task| TaskState::of(task) == TaskState::Asks)
        && matches!(record.view.status, Some(OperationStatus::Running))
}

/// A piece of the bar of all tasks: neighbours in one state of a large wave are one piece.
#[derive(Clone, PartialEq)]
struct Piece {
    class: &'static str,
    count: usize,
}

fn pieces(record: &Record) -> Vec<Piece> {
    let mut pieces: Vec<(String, Piece)> = Vec::new();
    let columns = columns(&record.view, None);
    for column in columns.iter().filter(|column| !column.is_aside()) {
        for task in &column.tasks {
            let id = if column.tasks.len() > 30 {
                column.id()
            } else {
                task.outline.id.0.clone()
            };
            let class = TaskState::of(task).class();
            match pieces.last_mut() {
                Some((last, piece)) if *last == id && piece.class == class => piece.count += 1,
                _ => pieces.push((id, Piece { class, count: 1 })),
            }
        }
    }
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

fn overall(operation: Operation) -> View {
    let parts = create_selector(move || operation.record.with(pieces));
    tags::span()
        .class("overall")
        .attr("role", "img")
        .attr("aria-label", words::SHARE_OF_OBJECTS)
        .children(list(
            move || parts.get_clone().into_iter().enumerate().collect::<Vec<_>>(),
            |(place, _)| *place,
            |piece| {
                tags::i()
                    .class(move || piece.with(|(_, piece)| piece.class))
                    .styled(move || piece.with(|(_, piece)| format!("flex:{}", piece.count)))
                    .into()
            },
        ))
        .into()
}

/// Draws where the time of an operation that ended well went: its critical path.
pub fn where_the_time_went(operation: Operation) -> View {
    let (shown, rest) = operation.record.with_untracked(|record| {
        let order = order(columns(&record.view, None));
        let ran: Vec<Column<'_>> = order
            .timed()
            .iter()
            .filter(|column| column.from.is_some())
            .cloned()
            .collect();
        let (steps, rest) = steps(&ran, &record.view);
        let shown: Vec<_> = steps
            .iter()
            .map(|step| {
                (
                    step.task.outline.id.0.clone(),
                    name(step.task).to_owned(),
                    is_hook(step.task),
                    step.task.outline.plugin.as_deref() == Some("approval"),
                    span(step.took),
                )
            })
            .collect();
        (shown, rest)
    });
    if shown.is_empty() {
        return nothing();
    }
    let mut items: Vec<View> = shown
        .into_iter()
        .map(|(id, name, is_hook, is_person, took)| {
            let hook: View = if is_hook {
                icon_as("anchor", 11, "icon hookmark")
            } else {
                nothing()
            };
            let person: View = if is_person {
                tags::em().children(words::A_PERSON).into()
            } else {
                nothing()
            };
            tags::li()
                .children(
                    tags::button()
                        .attr("type", "button")
                        .hear(events::click, move |_| operation.select(&id))
                        .children((hook, name, " ", tags::b().children(took), person)),
                )
                .into()
        })
        .collect();
    if rest > 1000 {
        items.push(tags::li().class("faint").children(words::the_rest(&span(rest))).into());
    }
    tags::section()
        .class("went")
        .attr("aria-labelledby", "went-title")
        .children((
            tags::h2().attr("id", "went-title").children(words::WHERE_THE_TIME_WENT),
            tags::ol().children(items),
        ))
        .into()
}
