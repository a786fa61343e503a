//! `capstan sync`, of one application or of several.

use std::{collections::BTreeSet, path::Path};

use capstan_core::{error::Diagnostic, lint::Finding, plan::Plan};
use capstan_engine::{Current, Planned, Rehearsed, Request};

use super::{
    conduct::Conductor,
    follow,
    plan::{Prepared, prepare, request},
    several::{self, Turn},
    voice::Voice,
};
use crate::{
    args::{DryRun, Global, Lints, Output, Sync},
    context::Context,
    environment,
    exit::Exit,
    render::{self, name_of},
    report::{Diagnostics, usage_error},
    text,
};

pub(super) async fn run(global: &Global, args: &Sync) -> anyhow::Result<Exit> {
    let voice = Voice::default();
    if let Some(path) = &args.saved {
        let planned = load(path, args)?;
        let context = Context::new(global).await?;
        let on_busy = args.on_busy.unwrap_or_default();
        let mut conductor = Conductor {
            lints: args.lints.clone(),
            ..Conductor::only(&context, global, on_busy, &voice)
        };
        let result = sync(&mut conductor, args, Source::Saved(Box::new(planned))).await;
        context.save()?;
        return result;
    }
    let mut prepared = prepare(global, &args.set).await?;
    let result = match prepared.all.pop() {
        Some((app, desired)) if prepared.all.is_empty() => {
            let on_busy = args.on_busy.or(app.options.on_busy.map(Into::into)).unwrap_or_default();
            let source = Source::Request(Box::new(request(&prepared.context, &app, desired)?));
            let mut conductor = Conductor {
                lints: args.lints.clone(),
                ..Conductor::only(&prepared.context, &prepared.global, on_busy, &voice)
            };
            sync(&mut conductor, args, source).await
        }
        last => {
            prepared.all.extend(last);
            sync_all(&mut prepared, args).await
        }
    };
    // What was done in an embedded cluster was done, however it ended.
    prepared.context.save()?;
    result
}

/// What is synced.
enum Source {
    Request(Box<Request>),
    Saved(Box<Planned>),
}

fn load(path: &Path, args: &Sync) -> anyhow::Result<Planned> {
    if !args.set.from.sources().is_empty() {
        return Err(usage_error(
            "`--plan` and sources don't go together",
            "a saved plan holds its manifests",
        ));
    }
    let text = environment::text(path).map_err(|mistake| Diagnostics(vec![mistake]))?;
    Planned::load(&text).map_err(|mut mistake| {
        mistake.message = format!("{}: {}", path.display(), mistake.message);
        Diagnostics(vec![mistake]).into()
    })
}

/// Syncs several applications, each when those that it depends on are done.
async fn sync_all(prepared: &mut Prepared, args: &Sync) -> anyhow::Result<Exit> {
    let mut turns = Vec::new();
    for (app, desired) in std::mem::take(&mut prepared.all) {
        let on_busy = args.on_busy.or(app.options.on_busy.map(Into::into)).unwrap_or_default();
        let request = request(&prepared.context, &app, desired)?;
        turns.push(Turn {
            name: app.name,
            after: app.depends_on,
            work: (on_busy, Source::Request(Box::new(request))),
        });
    }
    let (context, global) = (&prepared.context, &prepared.global);
    several::run(global, turns, |voice, (on_busy, source)| async move {
        let result = match follow::signals() {
            Ok(signals) => {
                let mut conductor = Conductor {
                    signals: Some(signals),
                    lints: args.lints.clone(),
                    ..Conductor::only(context, global, on_busy, &voice)
                };
                sync(&mut conductor, args, source).await
            }
            Err(error) => Err(error.into()),
        };
        (result, voice.documents())
    })
    .await
}

async fn sync(conductor: &mut Conductor<'_>, args: &Sync, source: Source) -> anyhow::Result<Exit> {
    let engine = &conductor.context.engine;
    let (application, digest) = match &source {
        Source::Saved(planned) => (planned.plan.application.clone(), planned.request.clone()),
        Source::Request(request) => (request.application.clone(), request.digest()),
    };
    if args.dry_run.is_none() {
        let is_same = |current: &Current| !args.again && current.does_what_is_asked(&digest);
        if let Some(exit) = conductor.carry_on(&application, is_same).await? {
            return Ok(exit);
        }
    }
    let planned = match source {
        Source::Saved(planned) => {
            engine.verify(&planned).await?;
            *planned
        }
        Source::Request(request) => engine.plan(*request).await?,
    };
    if let Some(by) = args.dry_run {
        return rehearse(conductor, &planned, by).await;
    }
    refuse(&planned.plan, &conductor.lints)?;
    conductor.run_plan(planned).await
}

/// Refuses a plan that is known to go wrong, unless that is allowed.
fn refuse(plan: &Plan, lints: &Lints) -> anyhow::Result<()> {
    let stopping: Vec<&Finding> = plan
        .findings
        .iter()
        .filter(|finding| finding.stops() && !lints.allows(&finding.rule))
        .collect();
    if stopping.is_empty() {
        return Ok(());
    }
    let rules: BTreeSet<&str> = stopping.iter().map(|finding| &*finding.rule).collect();
    let mut mistakes: Vec<Diagnostic> = stopping
        .iter()
        .map(|finding| Diagnostic {
            message: format!("{} [{}]", finding.message, finding.rule),
            object: finding.key.clone(),
            place: finding.place.clone(),
            source_line: finding.source_line.clone(),
            hint: Some(finding.fix.clone()),
        })
        .collect();
    let flags: Vec<String> = rules.iter().map(|rule| format!("--allow-lint {rule}")).collect();
    let rule = rules.into_iter().collect::<Vec<_>>().join(", ");
    let error = Diagnostic::new("nothing was changed: this would not end well");
    mistakes.push(error.hint(format!(
        "`{}` runs it all the same; `capstan.dev/lint-ignore: {rule}` on the object says that it is known",
        flags.join(" ")
    )));
    Err(Diagnostics(mistakes).into())
}

async fn rehearse(conductor: &Conductor<'_>, planned: &Planned, by: DryRun) -> anyhow::Result<Exit> {
    let voice = conductor.voice;
    match conductor.global.output {
        Output::Text => conductor.show(planned),
        Output::Json | Output::Jsonl | Output::Sarif => voice.document(&render::mask::plan(&planned.plan)?)?,
    }
    let refused: Vec<Rehearsed> = match by {
        DryRun::Client => Vec::new(),
        DryRun::Server => {
            let all = conductor.context.engine.rehearse(planned).await;
            all.into_iter().filter(|one| one.result.is_err()).collect()
        }
    };
    for one in &refused {
        if let (Err(error), Some(task)) = (&one.result, planned.plan.task(&one.task)) {
            let name = name_of(&task.key, &planned.plan.application.namespace);
            voice.say(&text!("error: {}: {}", name, error));
        }
    }
    voice.say(&text!("a dry run: nothing was changed"));
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Apply })
}
