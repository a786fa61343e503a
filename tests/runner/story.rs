//! The format of a scenario file: a cluster, and steps with their expected results.
//!
//! Stories check order and results, never durations, so that they are true on any cluster.

mod others;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use capstan::{
    diagnostics,
    exit::Exit,
    render::{Paint, remedy},
};
use capstan_core::{
    model::{
        grant::UserGrants,
        object::{GroupKind, Object},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::Application,
    },
    plan::{Confirmation, HookSelection, Scope, Selection},
    read::{directive::Mode, sync_options::SyncOptions},
    run::event::OperationStatus,
};
use capstan_engine::{PlanRequest, SweepOutcome};
use capstan_sim::{scenario::Scenario, span::Span, world::Setup};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    event_text::matches_pattern,
    real,
    stage::{RunResult, SignalAt, Stage, TERMINATED_BY, with_request_guest},
};

/// The part of a story that isn't about its cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Story {
    /// What the story tests.
    #[expect(dead_code, reason = "for the reader of the file")]
    about: String,
    /// Why it can't run in real time.
    only_embedded: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Step {
    /// Sync these files.
    Sync(Box<Sync>),
    /// Delete the application.
    Delete(Deletion),
    /// Run the application's test hooks.
    Test(Expected),
    /// Plan these files: it must fail with these mistakes, in this order.
    Mistakes(Mistakes),
    /// Plan the application's deletion: it must fail with these mistakes, in this order.
    RefusedDeletion(Vec<String>),
    /// Wait for some time.
    Pass(Span),
    /// Sweep, with the expected result for each object that is due.
    Sweep(Sweep),
    /// The objects of some kinds, exactly; `*` stands for anything.
    Objects(BTreeMap<String, Vec<String>>),
    /// The kept logs of the last operation, exactly, by hook.
    KeptLogs(BTreeMap<String, Vec<String>>),
    /// Change live objects from outside: a merge patch by `Kind/name`.
    Patch(BTreeMap<String, Value>),
    /// Create objects under another field manager.
    Create(Create),
    /// How hooks of the last operation ended, in their plugins' words.
    #[serde(rename = "told")]
    HookMessages(BTreeMap<String, String>),
    /// The HTTP calls so far, in their order, exactly: `GET URL`, with some headers.
    Calls(Vec<Call>),
    /// Some fields of live objects by `Kind/name` or `Kind/namespace/name`; `null` stands for a missing field.
    Fields(BTreeMap<String, Value>),
    /// Which objects are the same after some steps, by UID, and which are new.
    Identities(Identities),
    /// Give objects a controller, as a controller does: `Kind/name` by `Kind/name`.
    Own(BTreeMap<String, String>),
    /// Which objects exist, and which don't or are being deleted: `Kind/name` or `Kind/namespace/name`.
    There(BTreeMap<String, bool>),
    /// Delete objects from outside, and wait until they are gone: `Kind/name` or `Kind/namespace/name`.
    Remove(Vec<String>),
    /// The health of an application's objects, exactly, by `Kind/name`.
    Health(Health),
}

/// The health of an application's objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Health {
    application: Option<Application>,
    is: BTreeMap<String, String>,
}

/// A deletion.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Deletion {
    /// The application; the story's if absent.
    application: Option<Application>,
    #[serde(default)]
    confirm: Vec<String>,
    /// The operation's deadline, in seconds.
    timeout: Option<u64>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Sync {
    /// The application; the story's if absent.
    application: Option<Application>,
    #[serde(default)]
    files: Vec<String>,
    /// Manifests within the story.
    #[serde(default)]
    manifests: Vec<Value>,
    #[serde(default)]
    only: Vec<String>,
    hooks: Option<HookSelection>,
    #[serde(default)]
    hook: Vec<String>,
    #[serde(default)]
    skip_hook: Vec<String>,
    #[serde(default)]
    phases: Vec<Phase>,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    force_conflicts: bool,
    #[serde(default)]
    compat: bool,
    /// Whether it is a rollback.
    #[serde(default)]
    rollback: bool,
    /// Sync options of the application.
    #[serde(default)]
    sync_options: Vec<String>,
    #[serde(default)]
    adopt: bool,
    #[serde(default)]
    confirm: Vec<String>,
    /// How often a failed operation is tried again.
    #[serde(default)]
    retry: u32,
    /// The operation's deadline, in seconds.
    timeout: Option<u64>,
    /// What plugins are granted.
    #[serde(default)]
    grants: UserGrants,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Expected {
    /// Terminate it from outside after this event.
    terminate_at: Option<String>,
    /// Drop its driver after this event, and resume it as the same command would.
    killed_at: Option<String>,
    /// Signals that are sent after events, one after the other.
    #[serde(default)]
    signals: Vec<SignalAt>,
    /// The permissions of plugins in the plan, as text.
    #[serde(default)]
    plugins_may: Option<BTreeMap<String, Vec<String>>>,
    /// The exit code's name: `done`, `hook`, `timeout`.
    ends: String,
    /// Events that must come in this order; other events may come in between.
    #[serde(default)]
    order: Vec<ExpectedEvent>,
    /// Events that must come exactly once.
    #[serde(default)]
    once: Vec<String>,
    /// A part of the message of the failure.
    because: Option<String>,
    /// Events that must not come.
    #[serde(default)]
    never: Vec<String>,
    /// Log lines, in this order.
    #[serde(default)]
    lines: Vec<String>,
    /// Objects that the plan leaves alone, with the reasons.
    #[serde(default)]
    left_alone: BTreeMap<String, String>,
}

/// An HTTP call.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Call {
    Bare(String),
    With {
        call: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: Option<String>,
    },
}

/// An event, or several in any order, at a place in the expected order.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ExpectedEvent {
    One(String),
    /// In any order: all of these events.
    Together(Vec<String>),
}

/// Objects by `Kind/name`, compared by UID before and after some steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Identities {
    through: Vec<Step>,
    #[serde(default)]
    same: Vec<String>,
    #[serde(default)]
    new: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Mistakes {
    application: Option<Application>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    manifests: Vec<Value>,
    #[serde(default)]
    compat: bool,
    are: Vec<String>,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    hook: Vec<String>,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    confirm: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    /// The tool's name in `managedFields`.
    manager: String,
    /// The objects, by default in the application's namespace.
    objects: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Sweep {
    deleted: Vec<String>,
    gone: Vec<String>,
    waits: Vec<String>,
}

/// Runs the story in a file.
///
/// # Errors
///
/// Returns which expectation isn't met.
pub fn run(text: &str) -> anyhow::Result<()> {
    let (scenario, story) = read(text)?;
    crate::in_virtual_time(async {
        perform_all(&Stage::with(Setup::from(scenario), with_request_guest()).await, &story).await
    })
}

/// Whether a story was run.
#[derive(Debug)]
pub enum Outcome {
    /// It was, and all expectations are met.
    Passed,
    /// It wasn't, for this reason.
    Skipped(String),
}

/// Runs the story in a file on a real control plane. `test` is the test's name.
///
/// # Errors
///
/// Returns which expectation isn't met.
pub fn run_for_real(test: &str, text: &str) -> anyhow::Result<Outcome> {
    if let (
        _,
        Story {
            only_embedded: Some(why),
            ..
        },
    ) = read(text)?
    {
        return Ok(Outcome::Skipped(why));
    }
    let Some(plane) = real::plane_for(test) else {
        return Ok(Outcome::Skipped("there is no control plane here".to_owned()));
    };
    // Each story has a namespace of its own; a story about the namespace itself needs its name.
    let name = if text.contains("Namespace/shop") {
        "shop".to_owned()
    } else {
        real::namespace()
    };
    let (scenario, story) = read(&renamed(text, &name))?;
    plane.block_on(async {
        let stage = Stage::real(plane, &name, Setup::from(scenario)).await?;
        perform_all(&stage, &story).await
    })?;
    Ok(Outcome::Passed)
}

/// Replaces the names of the application and its namespace in a story.
fn renamed(text: &str, name: &str) -> String {
    let mut renamed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("shop") {
        let (before, after) = rest.split_at(at);
        let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '-');
        let is_word = !is_part(before.chars().next_back()) && !is_part(after["shop".len()..].chars().next());
        renamed.push_str(before);
        renamed.push_str(if is_word { name } else { "shop" });
        rest = &after["shop".len()..];
    }
    renamed + rest
}

fn read(text: &str) -> anyhow::Result<(Scenario, Story)> {
    let whole: Map<String, Value> = serde_yaml::from_str(text)?;
    let (scenario, story) = Scenario::split_story(whole)?;
    Ok((scenario, serde_json::from_value(Value::Object(story))?))
}

async fn perform_all(stage: &Stage, story: &Story) -> anyhow::Result<()> {
    for (number, step) in story.steps.iter().enumerate() {
        let result = perform(stage, step).await;
        result.with_context(|| format!("step {}", number + 1))?;
    }
    Ok(())
}

async fn perform(stage: &Stage, step: &Step) -> anyhow::Result<()> {
    match step {
        Step::Sync(sync) => {
            let request = request(stage, sync)?;
            operation(stage, request, &sync.expected).await
        }
        Step::Delete(deletion) => {
            let mut request = stage.deletion();
            if let Some(application) = &deletion.application {
                request.application = application.clone();
            }
            request.options.confirmed = confirmed(&deletion.confirm);
            limit_time(stage, &mut request, deletion.timeout);
            operation(stage, request, &deletion.expected).await
        }
        Step::Test(expected) => operation(stage, PlanRequest::test(stage.application.clone()), expected).await,
        Step::Mistakes(mistakes) => check_plan_mistakes(stage, mistakes).await,
        Step::RefusedDeletion(mistakes) => others::check_refused_deletion(stage, mistakes).await,
        Step::Pass(span) => {
            tokio::time::sleep(span.0).await;
            Ok(())
        }
        Step::Sweep(expected) => check_sweep(stage, expected).await,
        Step::Objects(expectation) => check_objects(stage, expectation).await,
        Step::KeptLogs(expectation) => check_kept_logs(stage, expectation).await,
        Step::Patch(patches) => patch(stage, patches).await,
        Step::Create(create) => create_objects(stage, create).await,
        Step::HookMessages(expectation) => check_hook_messages(stage, expectation).await,
        Step::Calls(expectation) => check_calls(stage, expectation),
        Step::Fields(expectation) => check_fields(stage, expectation).await,
        Step::Identities(expectation) => Box::pin(check_identities(stage, expectation)).await,
        Step::Own(owners) => others::set_owners(stage, owners).await,
        Step::There(expectation) => others::check_presence(stage, expectation).await,
        Step::Remove(names) => others::remove(stage, names).await,
        Step::Health(expectation) => others::check_health(stage, expectation).await,
    }
}

fn request(stage: &Stage, sync: &Sync) -> anyhow::Result<PlanRequest> {
    let mut request = sync_request(stage, sync.application.as_ref(), &sync.files, &sync.manifests)?;
    request.options.selection = Selection {
        only: sync.only.clone(),
        hooks: sync.hooks,
        only_hooks: sync.hook.clone(),
        skipped_hooks: sync.skip_hook.clone(),
        phases: sync.phases.clone(),
    };
    request.options.prune = sync.prune;
    request.options.force_conflicts = sync.force_conflicts;
    request.options.adopt = sync.adopt;
    request.options.confirmed = confirmed(&sync.confirm);
    request.grants = sync.grants.clone();
    request.options.limits.retry.max_retries = sync.retry;
    // A wait is reported after a minute.
    let notice = request.options.limits.notice.as_secs() / stage.speed();
    request.options.limits.notice = Duration::from_secs(notice);
    if sync.rollback {
        request.purpose = Purpose::Rollback;
    }
    if sync.compat {
        request.options.mode = Mode::ArgoCd;
    }
    let options = sync.sync_options.iter().map(String::as_str);
    request.options.sync_options =
        SyncOptions::parse(options, request.options.mode).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?;
    limit_time(stage, &mut request, sync.timeout);
    Ok(request)
}

fn limit_time(stage: &Stage, request: &mut PlanRequest, seconds: Option<u64>) {
    if let Some(seconds) = seconds {
        request.options.limits.operation = Duration::from_secs(seconds / stage.speed());
    }
}

fn confirmed(words: &[String]) -> Confirmation {
    Confirmation {
        all: false,
        only: words.to_vec(),
    }
}

/// Makes a request to sync files and manifests of the story.
fn sync_request(
    stage: &Stage,
    application: Option<&Application>,
    files: &[String],
    manifests: &[Value],
) -> anyhow::Result<PlanRequest> {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut request = stage.request(&files)?;
    let texts: Vec<String> = manifests.iter().map(Value::to_string).collect();
    request
        .manifests
        .extend(stage.request_text(&texts.join("\n---\n")).manifests);
    if let Some(application) = application {
        request.application = application.clone();
    }
    Ok(request)
}

async fn operation(stage: &Stage, request: PlanRequest, expected: &Expected) -> anyhow::Result<()> {
    let application = request.application.clone();
    let (kind, digest) = (request.operation_kind, request.digest());
    let planned = stage.engine.plan(request).await.map_err(user_error)?;
    let left: BTreeMap<String, String> = planned
        .plan
        .skipped
        .iter()
        .map(|skipped| {
            let reason = remedy::with_hint(&skipped.reason, &skipped.remedies);
            (skipped.key.kind_and_name(), reason)
        })
        .collect();
    for (name, reason) in &expected.left_alone {
        let found = left
            .get(name)
            .with_context(|| format!("{name} is not left alone: {left:?}"))?;
        ensure!(matches_pattern(found, reason), "{name} is left alone because `{found}`");
    }
    if let Some(expectation) = &expected.plugins_may {
        let allowances = planned.plan.allowances.iter();
        let found: BTreeMap<String, Vec<String>> = allowances
            .map(|allowance| (allowance.plugin.clone(), allowance.effective.describe()))
            .collect();
        ensure!(found == *expectation, "plugins may {found:?}");
    }
    let mut running = stage.engine.start(planned, TERMINATED_BY).await.map_err(user_error)?;
    let mut before = (Vec::new(), Vec::new());
    if let Some(point) = &expected.killed_at {
        before = stage.drop_driver_at(running, point).await?;
        let current = stage.engine.current(&application).await.map_err(user_error)?;
        let current = current.context("nothing is left to continue")?;
        let is_same = match kind {
            OperationKind::Delete => current.operation_kind == kind,
            OperationKind::Sync => current.matches_request(&digest),
        };
        ensure!(is_same, "the same command wouldn't stop after what was left");
        running = stage.engine.resume(&application).await.map_err(user_error)?;
    }
    let mut ran = stage
        .follow_as(
            &application,
            running,
            expected.terminate_at.as_deref(),
            &expected.signals,
        )
        .await?;
    ran.events.splice(0..0, before.0);
    ran.lines.splice(0..0, before.1);
    check(&ran, expected).with_context(|| {
        format!(
            "told:\n  {}\nlines: {:?}\nstatus: {:?}",
            ran.events.join("\n  "),
            ran.lines,
            ran.status
        )
    })
}

/// Formats an error as a user sees it.
fn user_error(error: capstan_engine::EngineError) -> anyhow::Error {
    anyhow::anyhow!("{}", diagnostics::error_text(&error.into(), Paint::PLAIN).as_str())
}

fn check(ran: &RunResult, expected: &Expected) -> anyhow::Result<()> {
    check_event_order(&ran.events, &expected.order)?;
    check_order(&ran.lines, &expected.lines)?;
    for pattern in &expected.never {
        if let Some(line) = ran.events.iter().find(|line| matches_pattern(line, pattern)) {
            bail!("`{line}` was told, and never should be");
        }
    }
    for pattern in &expected.once {
        let times = ran.events.iter().filter(|line| matches_pattern(line, pattern)).count();
        ensure!(times == 1, "`{pattern}` was told {times} times");
    }
    if let Some(pattern) = &expected.because {
        let OperationStatus::Failed(cause) = &ran.status else {
            bail!("it didn't fail");
        };
        ensure!(
            matches_pattern(&cause.message, pattern),
            "it failed because `{}`",
            cause.message
        );
    }
    let exit = format!("{:?}", Exit::from_status(&ran.status)).to_lowercase();
    ensure!(exit == expected.ends, "it ends with `{exit}`, not `{}`", expected.ends);
    Ok(())
}

/// An entry of the order comes after all events of the entry before it.
fn check_event_order(found: &[String], expectation: &[ExpectedEvent]) -> anyhow::Result<()> {
    let mut from = 0;
    for place in expectation {
        let patterns = match place {
            ExpectedEvent::One(pattern) => std::slice::from_ref(pattern),
            ExpectedEvent::Together(patterns) => patterns.as_slice(),
        };
        let mut last = from;
        for pattern in patterns {
            let at = found[from..].iter().position(|line| matches_pattern(line, pattern));
            let at = at.with_context(|| format!("`{pattern}` is missing, or comes before what stands before it"))?;
            last = last.max(from + at + 1);
        }
        from = last;
    }
    Ok(())
}

fn check_order(found: &[String], expectation: &[String]) -> anyhow::Result<()> {
    let mut rest = found.iter();
    for pattern in expectation {
        ensure!(
            rest.any(|line| matches_pattern(line, pattern)),
            "`{pattern}` is missing, or comes before what stands before it"
        );
    }
    Ok(())
}

async fn check_plan_mistakes(stage: &Stage, mistakes: &Mistakes) -> anyhow::Result<()> {
    let requested = sync_request(
        stage,
        mistakes.application.as_ref(),
        &mistakes.files,
        &mistakes.manifests,
    );
    let requested = requested.map(|mut request| {
        if mistakes.compat {
            request.options.mode = Mode::ArgoCd;
        }
        request
    });
    let error = match requested {
        Err(error) => error,
        Ok(mut request) => {
            request.options.selection.only.clone_from(&mistakes.only);
            request.options.selection.only_hooks.clone_from(&mistakes.hook);
            request.options.prune = mistakes.prune;
            request.options.confirmed.only.clone_from(&mistakes.confirm);
            match stage.engine.plan(request).await {
                Err(error) => error.into(),
                Ok(_) => bail!("there are no mistakes"),
            }
        }
    };
    check_mistakes(&error, &mistakes.are)
}

/// Checks that an error consists of these mistakes, in this order.
fn check_mistakes(error: &anyhow::Error, mistakes: &[String]) -> anyhow::Result<()> {
    ensure!(
        Exit::from_error(error) == Exit::Usage,
        "the exit code is {:?}: {error:#}",
        Exit::from_error(error)
    );
    let folder = crate::path("").display().to_string();
    let text = diagnostics::error_text(error, Paint::PLAIN)
        .as_str()
        .replace(&folder, "");
    let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    check_order(&lines, mistakes).with_context(|| text)
}

async fn check_sweep(stage: &Stage, expected: &Sweep) -> anyhow::Result<()> {
    let swept = stage.engine.sweep(&stage.application).await.map_err(user_error)?;
    let of = |expectation: &SweepOutcome| -> Vec<String> {
        let found = swept.iter().filter(|swept| swept.outcome == *expectation);
        found.map(|swept| swept.object.due.target.key.kind_and_name()).collect()
    };
    check_like("deleted", of(&SweepOutcome::Deleted), &expected.deleted)?;
    check_like("gone", of(&SweepOutcome::Gone), &expected.gone)?;
    check_like("waiting", of(&SweepOutcome::NotDue), &expected.waits)
}

async fn check_objects(stage: &Stage, expectation: &BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let kinds: Vec<&str> = expectation.keys().map(String::as_str).collect();
    for (kind, names) in stage.names(&kinds).await {
        check_like(
            &kind,
            names,
            expectation.get(&kind).map(Vec::as_slice).unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// Checks that texts match patterns, one by one.
fn check_like(what: &str, found: Vec<String>, expectation: &[String]) -> anyhow::Result<()> {
    let is_same = found.len() == expectation.len()
        && found
            .iter()
            .zip(expectation)
            .all(|(text, pattern)| matches_pattern(text, pattern));
    ensure!(is_same, "{what}: {found:?}, not {expectation:?}");
    Ok(())
}

async fn check_kept_logs(stage: &Stage, expectation: &BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let report = stage.engine.report(&stage.application).await.map_err(user_error)?;
    let last = report.history.last().context("there was no operation")?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (task, streams) in stage
        .engine
        .logs(&stage.application, &last.id)
        .await
        .map_err(user_error)?
    {
        let name = task.0.rsplit('/').next().unwrap_or_default().to_owned();
        found
            .entry(name)
            .or_default()
            .extend(streams.into_iter().flat_map(|stream| stream.lines));
    }
    ensure!(
        found == *expectation,
        "the kept logs are {found:?}, not {expectation:?}"
    );
    Ok(())
}

async fn create_objects(stage: &Stage, create: &Create) -> anyhow::Result<()> {
    // An earlier step may have defined their kinds.
    stage.engine.cluster().refresh().await?;
    for object in &create.objects {
        let mut object = object.clone();
        for reference in object
            .pointer_mut("/metadata/ownerReferences")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            // A story can't contain the owner's UID.
            let owner = format!(
                "{}/{}",
                others::text(reference, "kind"),
                others::text(reference, "name")
            );
            reference["uid"] = live(stage, &owner).await?.uid().into();
        }
        let object: DynamicObject = serde_json::from_value(object)?;
        let kind = object.types.as_ref().context("objects have a kind")?;
        let kind = GroupKind::new(
            kind.api_version.split_once('/').map_or("", |(group, _)| group),
            &kind.kind,
        );
        let cluster = stage.engine.cluster();
        let discovery = cluster.discovery();
        let resource = discovery.resource(&kind, None).context("a served kind")?;
        let is_namespaced = discovery
            .kind(&kind)
            .is_some_and(|info| info.scope == Scope::Namespaced);
        let namespace = object
            .metadata
            .namespace
            .as_ref()
            .unwrap_or(&stage.application.namespace);
        let api: Api<DynamicObject> = if is_namespaced {
            Api::namespaced_with(cluster.client().clone(), namespace, resource)
        } else {
            Api::all_with(cluster.client().clone(), resource)
        };
        let params = PostParams {
            field_manager: Some(create.manager.clone()),
            ..PostParams::default()
        };
        api.create(&params, &object).await?;
    }
    Ok(())
}

async fn check_hook_messages(stage: &Stage, expectation: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let report = stage.engine.report(&stage.application).await.map_err(user_error)?;
    let last = report.history.last().context("there was no operation")?;
    let view = stage.engine.view(&stage.application, last).await.map_err(user_error)?;
    for (name, pattern) in expectation {
        let task = view.tasks.iter().find(|task| task.outline.key.kind_and_name() == *name);
        let message = &task.with_context(|| format!("there is no {name}"))?.message;
        ensure!(matches_pattern(message, pattern), "{name} ended with `{message}`");
    }
    Ok(())
}

fn check_calls(stage: &Stage, expectation: &[Call]) -> anyhow::Result<()> {
    let found = stage.http_stub.calls();
    let texts: Vec<String> = found
        .iter()
        .map(|call| format!("{} {}", call.method, call.url))
        .collect();
    ensure!(texts.len() == expectation.len(), "the calls are {texts:?}");
    for ((found, text), expectation) in found.iter().zip(&texts).zip(expectation) {
        let (call, headers, body) = match expectation {
            Call::Bare(call) => (call, None, None),
            Call::With { call, headers, body } => (call, Some(headers), body.as_ref()),
        };
        ensure!(matches_pattern(text, call), "`{text}` was called, not `{call}`");
        for (name, value) in headers.into_iter().flatten() {
            let found = found.headers.get(name).map(String::as_str).unwrap_or_default();
            ensure!(matches_pattern(found, value), "the header {name} is `{found}`");
        }
        ensure!(
            body.is_none_or(|body| matches_pattern(&found.body, body)),
            "the body is `{}`",
            found.body
        );
    }
    Ok(())
}

async fn check_fields(stage: &Stage, expectation: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    for (name, fields) in expectation {
        let object = live(stage, name).await?;
        ensure!(contains(&object.0, fields), "{name} is {}", object.0);
    }
    Ok(())
}

async fn check_identities(stage: &Stage, expectation: &Identities) -> anyhow::Result<()> {
    let names = || expectation.same.iter().chain(&expectation.new);
    let mut before = BTreeMap::new();
    for name in names() {
        before.insert(name, live(stage, name).await?.uid().to_owned());
    }
    for step in &expectation.through {
        perform(stage, step).await?;
    }
    for name in names() {
        let is_same = before.get(name).map(String::as_str) == Some(live(stage, name).await?.uid());
        ensure!(
            is_same == expectation.same.contains(name),
            "{name} is {}",
            if is_same { "the same" } else { "a new one" }
        );
    }
    Ok(())
}

/// Says whether a value contains another one: the members of mappings, and the items of lists one by one.
fn contains(value: &Value, expectation: &Value) -> bool {
    match expectation {
        Value::Null => value.is_null(),
        Value::Object(members) => members
            .iter()
            .all(|(name, expectation)| contains(value.get(name).unwrap_or(&Value::Null), expectation)),
        Value::Array(members) => value.as_array().is_some_and(|values| {
            values.len() == members.len()
                && values
                    .iter()
                    .zip(members)
                    .all(|(value, expectation)| contains(value, expectation))
        }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value == expectation,
    }
}

async fn live(stage: &Stage, name: &str) -> anyhow::Result<Object> {
    find(stage, name).await?.with_context(|| format!("there is no {name}"))
}

/// Finds a live object by `Kind/name`, in the application's namespace, or by `Kind/namespace/name`.
async fn find(stage: &Stage, name: &str) -> anyhow::Result<Option<Object>> {
    let (kind, name) = name.split_once('/').context("objects are named `Kind/name`")?;
    let (namespace, name) = name.split_once('/').unwrap_or((&stage.application.namespace, name));
    let cluster = stage.engine.cluster();
    let known = cluster
        .discovery()
        .scopes()
        .into_keys()
        .find(|known| known.kind == kind);
    let known = known.with_context(|| format!("there is no kind {kind}"))?;
    let is_namespaced = cluster
        .discovery()
        .kind(&known)
        .is_some_and(|info| info.scope == Scope::Namespaced);
    let namespace = if is_namespaced { namespace } else { "" };
    let objects = cluster.list(&known, namespace, "").await?;
    Ok(objects.into_iter().find(|object| matches_pattern(object.name(), name)))
}

async fn patch(stage: &Stage, patches: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    for (name, patch) in patches {
        let object = live(stage, name).await?;
        let cluster = stage.engine.cluster();
        let discovery = cluster.discovery();
        let resource = discovery
            .resource(&object.group_kind(), None)
            .context("a served kind")?;
        let api: Api<DynamicObject> = if object.namespace().is_empty() {
            Api::all_with(cluster.client().clone(), resource)
        } else {
            Api::namespaced_with(cluster.client().clone(), object.namespace(), resource)
        };
        let params = PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..PatchParams::default()
        };
        api.patch(object.name(), &params, &Patch::Merge(patch)).await?;
    }
    Ok(())
}
