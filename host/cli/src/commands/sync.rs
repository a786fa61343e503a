//! `capstan sync`, of one application or of several.

use std::path::Path;

use capstan_core::on_busy::OnBusy;
use capstan_engine::{DryRunResult, EquivalentOperation, LintErrors, Planned, Work};

use super::{
    conduct::Conductor,
    follow,
    plan::{Prepared, prepare, request},
    several::{self, Turn},
    voice::Printer,
};
use crate::{
    args::{DryRun, GlobalOptions, Output, Sync},
    context::Context,
    environment,
    exit::Exit,
    render::{self, Paint, name_of},
    report::{self, Diagnostics, usage_error},
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &Sync) -> anyhow::Result<Exit> {
    let voice = Printer::default();
    if let Some(path) = &args.saved {
        let planned = load(path, args)?;
        let context = Context::new(global).await?;
        let on_busy = args.on_busy.map(Into::into).unwrap_or_default();
        let mut conductor = conductor(&context, global, args, on_busy, &voice);
        let result = sync(&mut conductor, args, Work::Saved(Box::new(planned))).await;
        context.save()?;
        return result;
    }
    let mut prepared = prepare(global, &args.set).await?;
    let result = match prepared.all.pop() {
        Some((app, desired)) if prepared.all.is_empty() => {
            let on_busy = args.on_busy.map(Into::into).or(app.options.on_busy).unwrap_or_default();
            let work = Work::Request(Box::new(request(&prepared.context, &app, desired)?));
            let mut conductor = conductor(&prepared.context, &prepared.global, args, on_busy, &voice);
            sync(&mut conductor, args, work).await
        }
        last => {
            prepared.all.extend(last);
            sync_all(&mut prepared, args).await
        }
    };
    // Changes in an embedded cluster are kept, however the operation ended.
    prepared.context.save()?;
    result
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

/// Syncs several applications, each after those that it depends on.
async fn sync_all(prepared: &mut Prepared, args: &Sync) -> anyhow::Result<Exit> {
    let mut turns = Vec::new();
    for (app, desired) in std::mem::take(&mut prepared.all) {
        let on_busy = args.on_busy.map(Into::into).or(app.options.on_busy).unwrap_or_default();
        let request = request(&prepared.context, &app, desired)?;
        turns.push(Turn {
            name: app.name,
            after: app.depends_on,
            work: (on_busy, Work::Request(Box::new(request))),
        });
    }
    let (context, global) = (&prepared.context, &prepared.global);
    several::run(global, turns, |voice, (on_busy, work)| async move {
        let result = match follow::signals() {
            Ok(signals) => {
                let mut conductor = conductor(context, global, args, on_busy, &voice);
                conductor.signals = Some(signals);
                sync(&mut conductor, args, work).await
            }
            Err(error) => Err(error.into()),
        };
        (result, voice.documents())
    })
    .await
}

async fn sync(conductor: &mut Conductor<'_>, args: &Sync, work: Work) -> anyhow::Result<Exit> {
    if let Some(by) = args.dry_run {
        let planned = conductor.context.engine.prepare(work).await?;
        return rehearse(conductor, &planned, by).await;
    }
    if !args.again {
        conductor.policy.same = EquivalentOperation::Request(work.digest());
    }
    match conductor.undertake(work).await? {
        Ok(planned) => conductor.run_plan(planned).await,
        Err(exit) => Ok(exit),
    }
}

/// Makes the runner of one application's sync.
fn conductor<'a>(
    context: &'a Context,
    global: &'a GlobalOptions,
    args: &Sync,
    on_busy: OnBusy,
    voice: &'a Printer,
) -> Conductor<'a> {
    let mut conductor = Conductor {
        lints: args.lints.clone(),
        ..Conductor::new(context, global, EquivalentOperation::Nothing, voice)
    };
    conductor.policy.on_busy = on_busy;
    conductor.policy.lint_errors = LintErrors::Refuse {
        allowed: args.lints.allowed.iter().cloned().collect(),
    };
    conductor
}

async fn rehearse(conductor: &Conductor<'_>, planned: &Planned, by: DryRun) -> anyhow::Result<Exit> {
    let voice = conductor.voice;
    match conductor.global.output {
        Output::Text => conductor.show(planned),
        Output::Json | Output::Jsonl | Output::Sarif => voice.document(&render::mask::plan(&planned.plan)?)?,
    }
    let refused: Vec<DryRunResult> = match by {
        DryRun::Client => Vec::new(),
        DryRun::Server => {
            let all = conductor.context.engine.rehearse(planned).await;
            all.into_iter().filter(|one| one.result.is_err()).collect()
        }
    };
    for one in &refused {
        if let (Err(refusal), Some(task)) = (&one.result, planned.plan.task(&one.task)) {
            let name = name_of(&task.key, &planned.plan.application.namespace);
            voice.say(&report::refused(&name, refusal, Paint::new(conductor.global.color)));
        }
    }
    voice.say(&text!("a dry run: nothing was changed"));
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Apply })
}
