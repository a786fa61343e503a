//! `capstan health`: the health of objects.

use std::collections::BTreeMap;

use capstan_core::{
    model::{
        compat::Mode,
        health::Health,
        object::{Object, ObjectKey},
        plugins::Application,
    },
    plan::Scope,
};
use capstan_engine::{
    cluster::Cluster,
    health::{self, AssessedObject},
};
use capstan_source::{FileAccess, FolderRules, ReadOptions, Release, Source};
use jiff::Timestamp;

use super::{options_for_app, print, print_json};
use crate::{
    args::{self, GlobalOptions, Output},
    context::{self, Context},
    diagnostics::Diagnostics,
    exit::Exit,
    render::{Paint, columns, lines, object_name},
    terminal::Text,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &args::HealthArgs) -> anyhow::Result<Exit> {
    let mode = args.compat.map(Mode::from);
    let (namespace, judged) = match &args.app {
        Some(app) => {
            let global = options_for_app(global, app).await?;
            let context = Context::new(&global).await?;
            let application = context.application(app)?;
            let judged = context
                .engine
                .health(&application, mode, &context.plugin_settings)
                .await?;
            (application.namespace, judged)
        }
        None => assess_files(global, args, mode.unwrap_or(Mode::Native)).await?,
    };
    match global.output {
        Output::Text => print(&text(&judged, &namespace, Paint::new(global.color))),
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&judged)?,
    }
    Ok(exit_code(&judged))
}

/// Assesses the objects in files. Returns them with the namespace that was used.
async fn assess_files(
    global: &GlobalOptions,
    args: &args::HealthArgs,
    mode: Mode,
) -> anyhow::Result<(String, Vec<AssessedObject>)> {
    let objects = read(args, &global.files).await?;
    // Plugins get an application with every call.
    let nobodys = |namespace: &str| Application {
        name: "none".to_owned(),
        namespace: namespace.to_owned(),
    };
    if !args.live {
        let sandbox = context::load_sandbox(global)?;
        let namespace = global.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let application = nobodys(&namespace);
        let settings = global.plugins.plugin_settings();
        let judged = health::assess_manifests(&sandbox, &application, mode, &settings, objects, Timestamp::now()).await;
        return Ok((namespace, judged));
    }
    let context = Context::new(global).await?;
    let application = nobodys(&context.namespace);
    let keys = live_keys(context.engine.cluster(), &objects, &context.namespace)?;
    let settings = &context.plugin_settings;
    let judged = context.engine.health_of(&application, mode, settings, keys).await?;
    Ok((application.namespace, judged))
}

async fn read(args: &args::HealthArgs, access: &FileAccess) -> anyhow::Result<Vec<Object>> {
    let sources: Vec<Source> = args
        .files
        .iter()
        .map(|path| Source::Files {
            path: path.clone(),
            recursive: args.recursive,
            rules: FolderRules::default(),
        })
        .collect();
    let release = Release {
        name: "none".to_owned(),
        namespace: "default".to_owned(),
        capabilities: None,
    };
    let reading = ReadOptions {
        is_applied: false,
        ..ReadOptions::from_command_line(access)
    };
    let deadline = reading.render_timeout;
    let gathered = capstan_source::gather(sources, reading).await?;
    let desired = gathered.render(release, deadline).await?;
    Ok(desired.manifests.into_iter().map(|manifest| manifest.object).collect())
}

/// Returns the keys of the live objects that files name. Those without a namespace are in the command's, if their kind is namespaced.
fn live_keys(cluster: &Cluster, objects: &[Object], namespace: &str) -> anyhow::Result<Vec<ObjectKey>> {
    let discovery = cluster.discovery();
    let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
    // Objects with a generated name can't be looked up.
    for object in objects.iter().filter(|object| !object.name().is_empty()) {
        let mut key = object.key();
        match discovery.kind(&key.group_kind()) {
            Some(kind) if kind.scope == Scope::Namespaced => {
                if key.namespace.is_empty() {
                    namespace.clone_into(&mut key.namespace);
                }
                keys.push(key);
            }
            Some(_) => keys.push(ObjectKey {
                namespace: String::new(),
                ..key
            }),
            None => {
                let message = format!(
                    "the cluster has no kind {}: {} can't be looked up",
                    key.group_kind(),
                    key.kind_and_name()
                );
                mistakes.push(capstan_core::model::error::Diagnostic::new(message));
            }
        }
    }
    if mistakes.is_empty() {
        Ok(keys)
    } else {
        Err(Diagnostics(mistakes).into())
    }
}

/// Returns the exit code for the worst health.
fn exit_code(judged: &[AssessedObject]) -> Exit {
    match judged.iter().map(|one| one.assessment.health).max() {
        None | Some(Health::Healthy | Health::Suspended) => Exit::Done,
        Some(Health::Progressing) => Exit::Progressing,
        Some(Health::Missing | Health::Degraded) => Exit::Health,
        Some(Health::Unknown) => Exit::Plugin,
    }
}

fn text(judged: &[AssessedObject], namespace: &str, paint: Paint) -> Text {
    let mut rows = vec![
        ["OBJECT", "HEALTH", "MESSAGE", "RULE", "PLUGIN"]
            .map(Text::from)
            .to_vec(),
    ];
    let mut counts: BTreeMap<Health, usize> = BTreeMap::new();
    for AssessedObject {
        object,
        plugin: by,
        assessment,
    } in judged
    {
        let health = assessment.health;
        *counts.entry(health).or_default() += 1;
        let word = match health {
            Health::Healthy => paint.success(health),
            Health::Suspended | Health::Progressing => paint.warning(health),
            Health::Missing | Health::Degraded | Health::Unknown => paint.failure(health),
        };
        rows.push(vec![
            object_name(object, namespace).into(),
            word,
            Text::from(&*assessment.message),
            Text::from(&*assessment.rule),
            by.as_ref().map(Text::from).unwrap_or_default(),
        ]);
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(health, count)| format!("{count} {health}"))
        .collect();
    let all = match judged.len() {
        0 => "there are no objects".to_owned(),
        1 => format!("1 object: {}", counts.join(", ")),
        some => format!("{some} objects: {}", counts.join(", ")),
    };
    let table = if judged.is_empty() {
        Text::default()
    } else {
        text!("{}\n", lines(columns(&rows, 3)))
    };
    text!("{}{}\n", table, all)
}
