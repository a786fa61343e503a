//! The differential test suite: each case is run by Capstan in compat mode and by Argo CD's own engine, on one control plane. Both must
//! make the same changes in the same order, with the same results.
//!
//! [`case`] is the format of the files in `differential/cases/`, [`set`] makes their manifests. [`observer`] records what happens in the
//! cluster; [`capstan_runner`] and [`argo_engine`] run a step and return its results. [`step_result`] is the normal form that is compared, and [`known`] the
//! list of intended differences.

pub mod argo_engine;
pub mod capstan_runner;
pub mod case;
pub mod known;
pub mod observer;
pub mod set;
pub mod step_result;

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use anyhow::Context as _;
use capstan_sim::world::Setup;
use futures::{StreamExt as _, stream};

use self::{
    argo_engine::ArgoEngine,
    capstan_runner::CapstanRunner,
    case::{Case, Step},
    known::KnownDifference,
    observer::{Observer, Space},
    step_result::{Aspect, StepResult},
};
use crate::real::{self, ControlPlane};

/// How many cases run at the same time.
const MAX_CONCURRENT_CASES: usize = 12;

/// How long nothing must happen until a step counts as finished.
const QUIET_TIME: Duration = Duration::from_millis(700);

/// The result of a case: each difference by its aspect, as text about both sides.
#[derive(Debug)]
pub struct CaseResult {
    /// The case's name.
    pub case: String,
    /// The differences.
    pub differences: BTreeMap<Aspect, String>,
    /// The messages of both about the end of an operation.
    pub messages: String,
    /// What both did, as text.
    pub actions: String,
}

/// Runs every case whose name contains a text, and returns the unexpected results. Returns `None`, with a message, when there is no
/// control plane or no Go to build Argo CD's engine with.
///
/// # Errors
///
/// Returns why a case couldn't be run.
pub fn run(pattern: &str) -> anyhow::Result<Option<Vec<String>>> {
    let Some(plane) = real::plane() else { return Ok(None) };
    let Some(program) = argo_engine::program()? else {
        return Ok(None);
    };
    let cases: Vec<Case> = case::read_all()?;
    let known = known::read()?;
    let chosen: Vec<Case> = cases.into_iter().filter(|case| case.name.contains(pattern)).collect();
    anyhow::ensure!(!chosen.is_empty(), "there is no case whose name contains `{pattern}`");
    let verdicts = plane.block_on(async {
        let observer = Observer::start(plane.client()?).await?;
        let engine = ArgoEngine::start(&program, &plane.kubeconfig())?;
        let running = chosen.iter().enumerate().map(|(number, case)| {
            let (observer, engine) = (&observer, &engine);
            async move {
                let verdict = Box::pin(compare(plane, observer, engine, number, case)).await;
                verdict.with_context(|| format!("case `{}`", case.name))
            }
        });
        let verdicts: Vec<anyhow::Result<CaseResult>> = stream::iter(running)
            .buffer_unordered(MAX_CONCURRENT_CASES)
            .collect()
            .await;
        verdicts.into_iter().collect::<anyhow::Result<Vec<CaseResult>>>()
    })?;
    if std::env::var_os("CAPSTAN_TELL").is_some() {
        for verdict in &verdicts {
            std::io::Write::write_all(&mut std::io::stderr(), verdict.actions.as_bytes())?;
        }
    }
    Ok(Some(unexpected(&verdicts, &known, pattern)))
}

/// Runs one case with both tools.
async fn compare(
    plane: &ControlPlane,
    observer: &Observer,
    engine: &ArgoEngine,
    number: usize,
    case: &Case,
) -> anyhow::Result<CaseResult> {
    let our_space = observer.observe_space(format!("case{number}ours"), case.prefixes());
    let their_space = observer.observe_space(format!("case{number}argo"), case.prefixes());
    let (ours, theirs) = futures::future::try_join(
        run_ours(plane, observer, &our_space, case),
        run_theirs(plane, observer, engine, &their_space, case),
    )
    .await?;
    let mut differences = BTreeMap::new();
    let (mut report, mut words) = (format!("\n## {}\n", case.name), String::new());
    for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let _ = writeln!(report, "step {}\n  ours: {ours}\n  theirs: {theirs}", step + 1);
        for (aspect, difference) in ours.differences(theirs) {
            let text: &mut String = differences.entry(aspect).or_default();
            let _ = write!(text, "  step {}, {aspect}:\n{difference}", step + 1);
        }
        if ours.status != theirs.status {
            let _ = write!(
                words,
                "step {}: we say {:?}, they say {:?}",
                step + 1,
                ours.message,
                theirs.message
            );
        }
    }
    Ok(CaseResult {
        case: case.name.clone(),
        differences,
        messages: words,
        actions: report,
    })
}

async fn run_ours(
    plane: &ControlPlane,
    observer: &Observer,
    space: &Space,
    case: &Case,
) -> anyhow::Result<Vec<StepResult>> {
    let ours = CapstanRunner::start(plane, &space.name, setup(case)).await?;
    let mut report = Vec::new();
    for step in &case.steps {
        prepare(plane, space, step).await?;
        observer.forget_effects(space).await?;
        let ended = ours.run_step(space, step).await?;
        report.push(add_effects(observer, space, ended).await?);
    }
    Ok(report)
}

async fn run_theirs(
    plane: &ControlPlane,
    observer: &Observer,
    engine: &ArgoEngine,
    space: &Space,
    case: &Case,
) -> anyhow::Result<Vec<StepResult>> {
    plane.prepare_namespace(&space.name, setup(case)).await?;
    let mut report = Vec::new();
    for step in &case.steps {
        prepare(plane, space, step).await?;
        observer.forget_effects(space).await?;
        let ended = engine.run_step(space, step, observer.versions(space)).await?;
        report.push(add_effects(observer, space, ended).await?);
    }
    Ok(report)
}

fn setup(case: &Case) -> Setup {
    Setup {
        behaviours: case.behaviours.clone(),
        ..Setup::default()
    }
}

/// Creates the objects that others create before a step.
async fn prepare(plane: &ControlPlane, space: &Space, step: &Step) -> anyhow::Result<()> {
    let client = plane.client()?;
    for object in set::objects(&step.existing, &space.name)? {
        real::create_object(&client, &space.name, object).await?;
    }
    Ok(())
}

/// Adds what happened in the cluster to the result of a step.
async fn add_effects(observer: &Observer, space: &Space, mut report: StepResult) -> anyhow::Result<StepResult> {
    observer.wait_until_quiet(space, QUIET_TIME).await?;
    (report.effects, report.remaining) = observer.effects_and_objects(space)?;
    Ok(report)
}

/// Lists differences that aren't known, and known differences that didn't occur.
fn unexpected(verdicts: &[CaseResult], known: &[KnownDifference], pattern: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for verdict in verdicts {
        let listed = known.iter().find(|known| known.case == verdict.case);
        let is_known = |aspect: &Aspect| listed.is_some_and(|known| known.aspects.contains(aspect));
        let unknown: Vec<&str> = verdict
            .differences
            .iter()
            .filter(|(aspect, _)| !is_known(aspect))
            .map(|(_, difference)| difference.as_str())
            .collect();
        if !unknown.is_empty() {
            wrong.push(format!(
                "{} differs:\n{}\n  {}",
                verdict.case,
                unknown.join("\n"),
                verdict.messages
            ));
        }
        for aspect in listed.iter().flat_map(|known| &known.aspects) {
            if !verdict.differences.contains_key(aspect) {
                wrong.push(format!(
                    "{}: {aspect} no longer differs; take it out of KNOWN.md",
                    verdict.case
                ));
            }
        }
    }
    let is_there = |known: &&KnownDifference| verdicts.iter().any(|verdict| verdict.case == known.case);
    for gone in known.iter().filter(|known| !is_there(known) && pattern.is_empty()) {
        wrong.push(format!("KNOWN.md names the case `{}`, and there is none", gone.case));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(case: &str, differing: &[Aspect]) -> CaseResult {
        CaseResult {
            case: case.to_owned(),
            differences: differing.iter().map(|aspect| (*aspect, "so".to_owned())).collect(),
            messages: String::new(),
            actions: String::new(),
        }
    }

    #[test]
    fn what_is_unknown_and_what_is_known_in_vain_are_both_wrong() {
        let known = known::parse("| a | order | because |\n| c | left | because |\n").unwrap();
        let verdicts = [
            verdict("a", &[Aspect::Order]),
            verdict("b", &[Aspect::Status]),
            verdict("c", &[]),
        ];
        let wrong = unexpected(&verdicts, &known, "");
        assert_eq!(
            wrong,
            [
                "b differs:\nso\n  ",
                "c: left no longer differs; take it out of KNOWN.md"
            ]
        );
        let wrong = unexpected(&verdicts[..2], &known, "");
        assert_eq!(wrong[1], "KNOWN.md names the case `c`, and there is none");
        assert_eq!(unexpected(&verdicts[..1], &known, "a"), [""; 0]);
    }
}
