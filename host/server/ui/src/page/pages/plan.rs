//! What a sync would do, before it does it: order, changes, findings, who answers.

mod aside;
mod foot;
mod row;

use std::{collections::HashSet, rc::Rc};

use capstan_api::{
    ApiError, OnBusy, Outcome, PlanPage, Trigger, Verb, path,
    plan::{Choices, PlannedAction, PlannedTask},
};
use capstan_core::model::{
    finding::{Finding, Severity},
    phase::Phase,
};

use super::application::{Application, refused};
use crate::{
    applications::revision_text,
    page::{
        bits, connection,
        dialogs::Dialog,
        dom::*,
        icons::{glyph, icon, icon_as},
        parts::diff::diff,
    },
    span::{Millis, span},
    task_state::{TaskState, short_kind, trimmed, wave},
    words,
};

type Loaded = Option<Result<Rc<PlanPage>, ApiError>>;

/// Draws the page.
pub fn page(application: Application) -> View {
    let plan: Signal<Loaded> = create_signal(None);
    load(application, plan);
    dynamic(move || {
        let loaded = plan.with(|plan| {
            plan.as_ref()
                .map(|plan| plan.as_ref().map(Rc::clone).map_err(Clone::clone))
        });
        untrack(|| match loaded {
            None => bits::loading(),
            Some(Ok(known)) => draw(application, known, plan),
            Some(Err(error)) => refused(&error),
        })
    })
}

fn load(application: Application, plan: Signal<Loaded>) {
    let path = path::plan(&application.namespace(), &application.name());
    spawn_local(async move {
        let answer = connection::get::<PlanPage>(&path).await;
        if plan.is_alive() {
            plan.set(Some(answer.map(Rc::new)));
        }
    });
}

fn draw(application: Application, plan: Rc<PlanPage>, loaded: Signal<Loaded>) -> View {
    let store = application.store;
    let hides_same = create_signal(store.query("same").is_none());
    let open = create_signal(
        store
            .query("open")
            .map(|open| open.split(',').map(str::to_owned).collect::<HashSet<_>>())
            .unwrap_or_default(),
    );
    let shown = Rc::clone(&plan);
    let phases = each_time(
        move || hides_same.get(),
        move |hides_same| {
            let mut sections = Vec::new();
            for tasks in shown.tasks.chunk_by(|a, b| a.phase == b.phase) {
                sections.push(phase(application, tasks, hides_same, open, &shown.findings));
            }
            sections.into()
        },
    );
    tags::div()
        .class("planpage")
        .children((
            tags::div()
                .class("planmain scroll")
                .children((head(&plan, hides_same), notes(&plan), phases)),
            aside::aside(&plan),
            foot::foot(application, &plan, loaded),
        ))
        .into()
}

fn head(plan: &PlanPage, hides_same: Signal<bool>) -> View {
    let count = |wanted: PlannedAction| {
        plan.tasks
            .iter()
            .filter(|task| task.action == wanted && task.phase != Phase::SyncFail)
            .count()
    };
    let (new, changed, same, gone, hooks) = (
        count(PlannedAction::Create),
        count(PlannedAction::Change),
        count(PlannedAction::Keep),
        count(PlannedAction::Delete),
        count(PlannedAction::Run),
    );
    let after_failure = plan.tasks.iter().filter(|task| task.phase == Phase::SyncFail).count();
    let mut parts: Vec<View> = Vec::new();
    let mut part = |count: usize, words: String| {
        if !parts.is_empty() {
            parts.push(tags::span().class("dot").children("·").into());
        }
        parts.push((tags::b().children(count.to_string()), format!(" {words}")).into());
    };
    part(new + changed, words::to_apply(new));
    part(hooks, words::hooks_in_plan(hooks, after_failure));
    part(same, words::UNCHANGED.to_owned());
    part(gone, words::TO_DELETE.to_owned());
    let revision = |revision: &Option<capstan_core::model::revision::Revision>| {
        revision.as_ref().map(revision_text).unwrap_or_default()
    };
    let (from, to) = (revision(&plan.deployed), revision(&plan.revision));
    let title: View = if from.is_empty() && to.is_empty() {
        words::PLAN.into()
    } else if from.is_empty() {
        tags::code().children(to).into()
    } else {
        (
            tags::code().children(from),
            icon("right", 12),
            tags::code().children(to),
        )
            .into()
    };
    tags::div()
        .class("planhead")
        .children((
            tags::h2().children(title),
            tags::p().children(parts),
            bits::check(
                words::HIDE_UNCHANGED,
                "",
                move || hides_same.get(),
                move |is_hidden| hides_same.set(is_hidden),
            ),
        ))
        .into()
}

fn notes(plan: &PlanPage) -> View {
    let lines: Vec<View> = plan
        .notices
        .iter()
        .map(|notice| {
            tags::p()
                .class("odd")
                .children((icon("info", 12), " ", notice.clone()))
                .into()
        })
        .collect();
    if lines.is_empty() {
        nothing()
    } else {
        tags::div().class("plannotes").children(lines).into()
    }
}

fn phase(
    application: Application,
    tasks: &[PlannedTask],
    hides_same: bool,
    open: Signal<HashSet<String>>,
    findings: &[Finding],
) -> View {
    let Some(first) = tasks.first() else { return nothing() };
    let aside: View = if first.phase == Phase::SyncFail {
        tags::span().children(words::ONLY_AFTER_A_FAILURE).into()
    } else {
        nothing()
    };
    let waves: Vec<View> = tasks
        .chunk_by(|a, b| a.wave == b.wave)
        .map(|tasks| {
            let is_same = |task: &&PlannedTask| task.action == PlannedAction::Keep;
            let rows: Vec<View> = tasks
                .iter()
                .filter(|task| !hides_same || !is_same(task))
                .map(|task| row::row(application, task, open, findings))
                .collect();
            let same: Vec<&PlannedTask> = tasks.iter().filter(is_same).collect();
            let folded: View = if hides_same && !same.is_empty() {
                let names = same
                    .iter()
                    .take(6)
                    .map(|task| task.key.kind_and_name())
                    .collect::<Vec<_>>()
                    .join(", ");
                let more = if same.len() > 6 { "…" } else { "" };
                tags::p()
                    .class("samerow")
                    .children((
                        icon("equal", 12),
                        format!(" {} {}: {names}{more}", same.len(), words::UNCHANGED),
                    ))
                    .into()
            } else {
                nothing()
            };
            let number = tasks.first().map(|task| wave(task.wave)).unwrap_or_default();
            tags::div()
                .class("pwave")
                .children((
                    tags::em().children(words::wave(&number)),
                    tags::div().children((rows, folded)),
                ))
                .into()
        })
        .collect();
    tags::section()
        .class("pphase")
        .children((tags::h3().children((first.phase.to_string(), aside)), waves))
        .into()
}

/// The kind of an object, short.
pub fn kind_of(task: &PlannedTask) -> String {
    if task.key.kind == "Hook" {
        task.by.split(' ').next().unwrap_or_default().to_owned()
    } else {
        short_kind(&task.key.kind).to_owned()
    }
}
