//! The format of a scenario file: a cluster, and steps with their expected results.
//!
//! Stories check order and results, never durations, so that they are true on any cluster.

mod checks;
mod format;
mod others;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use capstan::{
    diagnostics,
    render::{Paint, remedy},
};
use capstan_core::{
    model::{
        object::{GroupKind, Object},
        operation_kind::{OperationKind, Purpose},
        plugins::Application,
    },
    plan::{Confirmation, Scope, Selection},
    read::{directive::Mode, sync_options::SyncOptions},
};
use capstan_engine::PlanRequest;
use capstan_sim::{scenario::Scenario, world::Setup};
use checks::{
    check, check_calls, check_fields, check_hook_messages, check_identities, check_kept_logs, check_objects,
    check_plan_mistakes, check_sweep,
};
use format::{Create, Expected, Health, Step, Story, Sync};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Map, Value};

use crate::{
    event_text::matches_pattern,
    real,
    stage::{Stage, TERMINATED_BY, with_request_guest},
};

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
