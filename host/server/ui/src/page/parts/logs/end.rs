//! What stands below the log of a hook that is over.

use super::*;

/// What stands below the log of a hook that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    state: TaskState,
    message: String,
    took: String,
    kept: String,
}

pub fn end_of(record: &Record, id: &TaskId) -> Option<End> {
    let task = record.view.task(id)?;
    let (started, finished) = (millis(task.started_at?), millis(task.finished_at?));
    let state = TaskState::of(task);
    let kind = &task.outline.key.kind;
    let fate = task.disposals.values().last().map(|(fate, by)| match fate {
        DisposalOutcome::Deleted => words::was_deleted(kind, by),
        DisposalOutcome::Due(at) | DisposalOutcome::AskedAgain(at) => {
            words::is_deleted_at(kind, &crate::span::date(millis(*at), zone(millis(*at))), by)
        }
        DisposalOutcome::Kept => words::is_kept(kind),
        DisposalOutcome::Stuck(why) => words::could_not_be_deleted(kind, why),
    });
    let logs = task.logs.map(|count| words::kept_with_this_operation(&bytes(count)));
    let kept: Vec<String> = logs.into_iter().chain(fate).collect();
    Some(End {
        state,
        message: Some(says(task))
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| state.words().to_owned()),
        took: words::after(&span(finished - started)),
        kept: kept.join("; "),
    })
}

pub fn draw_end(end: &End) -> View {
    tags::div()
        .class("logend")
        .children((
            glyph(end.state, 12),
            " ",
            end.message.clone(),
            " ",
            tags::span().children(end.took.clone()),
            tags::span().class("kept").children(end.kept.clone()),
        ))
        .into()
}
