//! Sandboxes and questions that the tests share.

use std::sync::OnceLock;

use capstan_core::model::{
    compat::Mode,
    grant::Grants,
    health::Assessment,
    hook::{OnVanished, RunId},
    object::Object,
    operation_kind::OperationKind,
    phase::Phase,
    plugins::{
        Application, HealthQuestion, HookContext, HookQuestion, HookRunInfo, HookStep, OperationInfo,
        PlacementQuestion, PluginError, PluginQuery, PluginRef, Plugins as _,
    },
    wave::Wave,
};
use capstan_sandbox::{Builder, Sandbox};
use capstan_stamp::Manifest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A builder with all built-in plugins.
pub fn builtins() -> Builder {
    capstan_bundle::ALL.iter().fold(Sandbox::builder(), |builder, plugin| {
        builder.builtin(plugin.name, plugin.bytes)
    })
}

/// The built-in plugins and the hostile one, compiled once for all tests.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| builtins().plugin("hostile.wasm", guest("hostile")).build().unwrap())
}

pub fn guest(name: &str) -> &'static [u8] {
    capstan_test_guests::get(name).unwrap().bytes
}

/// The hostile guest under another manifest: a plugin that claims whatever a test needs.
pub fn stamped(name: &str, claims: &str) -> Vec<u8> {
    let toml = format!(
        "contract = '0.1.0'\nname = '{name}'\nversion = '1.0.0'\nlicence = 'MIT'\ndescription = 'A test.'\n{claims}"
    );
    capstan_stamp::stamp(guest("hostile"), &Manifest::from_toml(&toml).unwrap()).unwrap()
}

pub fn health_claim(kinds: &str) -> String {
    format!("[[claims]]\ninterface = 'health'\nkinds = {kinds}\n")
}

pub fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub fn application() -> Application {
    Application {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
    }
}

/// Asks whoever answers for the object's kind.
pub async fn assess(sandbox: &Sandbox, object: &Value) -> Result<Assessment, PluginError> {
    let need = PluginQuery::Health(Object(object.clone()).group_kind());
    assess_by(sandbox, &sandbox.plugin_for(&need).unwrap(), object).await
}

/// Asks this plugin for the health of an object.
pub async fn assess_by(sandbox: &Sandbox, by: &PluginRef, object: &Value) -> Result<Assessment, PluginError> {
    let question = HealthQuestion {
        application: &application(),
        object: &Object(object.clone()),
        mode: Mode::Native,
        related: None,
        settings: None,
        now: now(),
    };
    sandbox.assess(by, question).await
}

/// An object of one of the hostile guest's kinds.
pub fn hostile(kind: &str) -> Value {
    json!({"apiVersion": "hostile.example.com/v1", "kind": kind, "metadata": {"name": "x", "namespace": "shop"}})
}

pub fn hook_context(object: &Value) -> HookContext {
    HookContext {
        application: application(),
        settings: Map::new(),
        hook: HookRunInfo {
            run: RunId("run1".to_owned()),
            phase: Phase::PreSync,
            wave: Wave(0),
            attempt: 1,
            on_vanished: OnVanished::Fail,
        },
        operation: OperationInfo {
            id: "op1".to_owned(),
            kind: OperationKind::Sync,
        },
        object: Object(object.clone()),
        cause: None,
        grants: Grants::default(),
        mode: Mode::Native,
    }
}

pub fn place_question(object: &Value, words: &[&str], phases: &[Phase]) -> PlacementQuestion {
    PlacementQuestion {
        application: application(),
        settings: Map::new(),
        object: Object(object.clone()),
        words: words.iter().map(|&word| word.to_owned()).collect(),
        phases: phases.to_vec(),
        on_vanished: OnVanished::Fail,
    }
}

pub async fn step(
    sandbox: &Sandbox,
    by: &PluginRef,
    object: &Value,
    question: HookQuestion,
) -> Result<HookStep, PluginError> {
    sandbox.step(by, &hook_context(object), question, now()).await
}

pub fn hook_type(sandbox: &Sandbox, name: &str) -> PluginRef {
    sandbox.plugin_for(&PluginQuery::HookType(name.to_owned())).unwrap()
}

pub fn job() -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "shop"},
           "spec": {"backoffLimit": 0}})
}
