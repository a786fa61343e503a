//! `capstan sync`.

use std::path::Path;

use capstan_core::{error::PlanError, lint::Finding, plan::Plan, plugins::Application};
use capstan_engine::{Ended, EngineError, Planned, Rehearsed, Request, Running};

use super::{
    follow::{self, Followed},
    plan::{prepare, request, show},
    print, print_json, say,
};
use crate::{
    args::{DryRun, Global, Lints, OnBusy, Output, Sync},
    context::Context,
    exit::Exit,
    render::{self, name_of},
    report::Mistakes,
    source,
};

pub(super) async fn run(global: &Global, args: &Sync) -> anyhow::Result<Exit> {
    let (context, source) = if let Some(path) = &args.saved {
        let source = Source::Saved(Box::new(load(path, args)?));
        (Context::new(global).await?, source)
    } else {
        let (context, app, desired) = prepare(global, &args.set).await?;
        let request = request(&context, &app, desired)?;
        (context, Source::Request(Box::new(request)))
    };
    let result = sync(&context, global, args, source).await;
    // What was done in an embedded cluster was done, however it ended.
    context.save()?;
    result
}

/// What is synced.
enum Source {
    Request(Box<Request>),
    Saved(Box<Planned>),
}

fn load(path: &Path, args: &Sync) -> anyhow::Result<Planned> {
    if !args.set.from.sources().is_empty() {
        return Err(Mistakes::one(
            "`--plan` and sources don't go together",
            "a saved plan holds its manifests",
        ));
    }
    let text = source::text(path).map_err(|mistake| Mistakes(vec![mistake]))?;
    Planned::load(&text).map_err(|mut mistake| {
        mistake.message = format!("{}: {}", path.display(), mistake.message);
        Mistakes(vec![mistake]).into()
    })
}

async fn sync(context: &Context, global: &Global, args: &Sync, source: Source) -> anyhow::Result<Exit> {
    let application = match &source {
        Source::Saved(planned) => planned.plan.application.clone(),
        Source::Request(request) => request.application.clone(),
    };
    let on_busy = args.on_busy.unwrap_or_default();
    if args.dry_run.is_none()
        && let Some(exit) = carry_on(context, global, &application, on_busy).await?
    {
        return Ok(exit);
    }
    let planned = match source {
        Source::Saved(planned) => {
            context.engine.verify(&planned).await?;
            *planned
        }
        Source::Request(request) => context.engine.plan(*request).await?,
    };
    if let Some(by) = args.dry_run {
        return dry_run(context, global, &planned, by, &args.lints).await;
    }
    refuse(&planned.plan, &args.lints)?;
    run_plan(context, global, planned, on_busy, &args.lints).await
}

/// Refuses a plan that is known to go wrong, unless that is allowed.
fn refuse(plan: &Plan, lints: &Lints) -> anyhow::Result<()> {
    let stopping: Vec<&Finding> = plan
        .findings
        .iter()
        .filter(|finding| finding.stops() && !lints.allows(&finding.rule))
        .collect();
    let Some(first) = stopping.first() else {
        return Ok(());
    };
    let mut mistakes: Vec<PlanError> = stopping
        .iter()
        .map(|finding| PlanError {
            message: format!("{} [{}]", finding.message, finding.rule),
            object: finding.key.clone(),
            place: finding.place.clone(),
            source_line: finding.source_line.clone(),
            hint: Some(finding.fix.clone()),
        })
        .collect();
    let rule = &first.rule;
    let error = PlanError::new("nothing was changed: this would not end well");
    mistakes.push(error.hint(format!(
        "`--allow-lint {rule}` runs it all the same; `capstan.dev/lint-ignore: {rule}` on the object says that it is known"
    )));
    Err(Mistakes(mistakes).into())
}

/// Shows a plan and runs it to its end.
pub(super) async fn run_plan(
    context: &Context,
    global: &Global,
    planned: Planned,
    on_busy: OnBusy,
    lints: &Lints,
) -> anyhow::Result<Exit> {
    if global.output == Output::Text {
        show(global, context, &planned, lints);
        print("\n");
        if planned.plan.is_empty() {
            return Ok(Exit::Done);
        }
    }
    let running = start(context, planned, on_busy).await?;
    follow::to_end(running, global).await.map(Followed::exit)
}

async fn start(context: &Context, planned: Planned, on_busy: OnBusy) -> anyhow::Result<Running> {
    loop {
        match context.engine.start(planned.clone(), &context.who()).await {
            Err(error @ EngineError::Busy { .. }) => {
                make_way(context, &planned.plan.application, on_busy, error).await?;
            }
            other => return Ok(other?),
        }
    }
}

/// Comes back when nobody is at work on the application any more, or says that somebody is.
async fn make_way(
    context: &Context,
    application: &Application,
    on_busy: OnBusy,
    error: EngineError,
) -> anyhow::Result<()> {
    match on_busy {
        OnBusy::Refuse => return Err(error.into()),
        OnBusy::Wait => say(&format!("{error}; waiting for its end")),
        OnBusy::Supersede => {
            say(&format!("{error}; ending it first"));
            match context.engine.terminate(application, &context.who()).await {
                // What nobody drives any more is carried on with, or has just ended.
                Ok(Ended::Asked(_) | Ended::NoDriver) | Err(EngineError::NothingRuns(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(context.engine.until_idle(application).await?)
}

async fn dry_run(
    context: &Context,
    global: &Global,
    planned: &Planned,
    by: DryRun,
    lints: &Lints,
) -> anyhow::Result<Exit> {
    match global.output {
        Output::Text => show(global, context, planned, lints),
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&render::mask::plan(&planned.plan)?)?,
    }
    let refused: Vec<Rehearsed> = match by {
        DryRun::Client => Vec::new(),
        DryRun::Server => {
            let all = context.engine.rehearse(planned).await;
            all.into_iter().filter(|one| one.result.is_err()).collect()
        }
    };
    for one in &refused {
        if let (Err(error), Some(task)) = (&one.result, planned.plan.task(&one.task)) {
            let name = name_of(&task.key, &planned.plan.application.namespace);
            say(&format!("error: {name}: {error}"));
        }
    }
    say("a dry run: nothing was changed");
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Apply })
}

/// Brings an operation to its end whose driver is gone. Its result is the command's own unless it succeeded.
pub(super) async fn carry_on(
    context: &Context,
    global: &Global,
    application: &Application,
    on_busy: OnBusy,
) -> anyhow::Result<Option<Exit>> {
    let running = loop {
        let Some(current) = context.engine.current(application).await? else {
            return Ok(None);
        };
        match context.engine.resume(application).await {
            Ok(running) => {
                if global.output == Output::Text {
                    print(&format!(
                        "operation {} ({} by {}) was left before its end; carrying on with it first\n",
                        current.id, current.does, current.by
                    ));
                }
                break running;
            }
            Err(EngineError::NothingRuns(_)) => return Ok(None),
            Err(error @ EngineError::Busy { .. }) => make_way(context, application, on_busy, error).await?,
            Err(error) => return Err(error.into()),
        }
    };
    let followed = follow::to_end(running, global).await?;
    Ok(match followed.exit() {
        Exit::Done => None,
        other => Some(other),
    })
}
