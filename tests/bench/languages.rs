//! The same rules in Rust, CEL and Lua, as the engine asks them: what is shown of the object, a fresh instance, the answer.

use std::{path::Path, sync::Arc, time::Duration};

use capstan_core::model::object::Object;
use capstan_sandbox::{Sandbox, prepare};
use capstan_stamp::{Manifest, stamp};
use serde_json::{Value, json};

/// A Deployment that is rolled out, and a custom resource that says of itself that it is ready.
pub const LUA: [(&str, &str); 2] = [
    (
        "apps/Deployment",
        r#"
local hs = {}
local status = obj.status
if obj.spec.paused then
  hs.status = "Suspended"
  hs.message = "paused"
  return hs
end
if status == nil or (status.observedGeneration or 0) < obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "not seen yet"
  return hs
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded" then
    hs.status = "Degraded"
    hs.message = condition.message
    return hs
  end
end
if (status.updatedReplicas or 0) < (obj.spec.replicas or 1) or (status.replicas or 0) > (status.updatedReplicas or 0)
    or (status.availableReplicas or 0) < (status.updatedReplicas or 0) then
  hs.status = "Progressing"
  hs.message = "rolling out"
  return hs
end
hs.status = "Healthy"
return hs
"#,
    ),
    (
        "example.com/Widget",
        r#"
local hs = { status = "Progressing", message = "not ready yet" }
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    if condition.type == "Ready" and condition.status == "True" then
      hs.status = "Healthy"
      hs.message = condition.message
    end
  end
end
return hs
"#,
    ),
];

/// The same, as far as an expression goes.
pub fn cel() -> Value {
    json!({"checks": [
        {"claim": "apps/Deployment", "expressions": {
            "inProgress": "has(spec.paused) && spec.paused",
            "failed": "status.conditions.exists(c, c.type == 'Progressing' && c.reason == 'ProgressDeadlineExceeded')",
            "current": "status.updatedReplicas >= spec.replicas && status.replicas <= status.updatedReplicas \
                        && status.availableReplicas >= status.updatedReplicas",
        }},
        {"claim": "example.com/Widget", "expressions": {
            "current": "status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
        }},
    ]})
}

/// The measurements of one language.
pub struct Row {
    /// In which language, and how.
    pub what: String,
    /// How long each question took.
    pub times: Vec<Duration>,
}

/// Asks each language about each object.
pub async fn rows(calls: usize, cache: &Path, deployment: &Object, widget: &Object) -> Vec<Row> {
    let scripts: Vec<Value> = LUA
        .iter()
        .map(|(claim, script)| json!({"claim": claim, "name": format!("{claim}/health.lua"), "script": script}))
        .collect();
    let scripts = json!({ "scripts": scripts });
    let plugins = [
        ("Rust", super::sandbox(cache)),
        ("CEL", plugin("cel", &cel(), true, cache).await),
        ("Lua", plugin("lua", &scripts, true, cache).await),
        ("Lua, whole objects", plugin("lua", &scripts, false, cache).await),
    ];
    let mut rows = Vec::new();
    for (name, object) in [("Deployment", deployment), ("custom resource", widget)] {
        for (language, sandbox) in &plugins {
            let size = object.0.to_string().len() / 1024;
            rows.push(Row {
                what: format!("{name} of {size} KiB in {language}"),
                times: super::assess(sandbox, object, calls).await,
            });
        }
    }
    rows
}

/// Makes a plugin as `capstan plugin import-argo` and `import-cel` do.
async fn plugin(interpreter: &str, text: &Value, projected: bool, cache: &Path) -> Arc<Sandbox> {
    let stock = capstan_bundle::interpreter(interpreter).expect("the interpreter is there");
    let made = prepare(stock.bytes, &text.to_string())
        .await
        .expect("it can be prepared");
    let reads: Value = serde_json::from_str(&made.answer).expect("it says what is read");
    let mut claims = String::new();
    for (claim, fields) in reads["fields"].as_object().expect("fields by claim") {
        claims += &format!("[[claims]]\ninterface = 'health'\nkinds = ['{claim}']\n");
        if projected {
            claims += &format!("fields = {fields}\n");
        }
    }
    let manifest = Manifest::from_toml(&format!(
        "contract = '0.1.0'\nname = '{interpreter}'\nversion = '0.1.0'\nlicence = 'Apache-2.0'\ndescription = 'A bench.'\n{claims}"
    ))
    .expect("a manifest");
    let bytes = stamp(&made.component, &manifest).expect("a component");
    let builder = Sandbox::builder().timeless().cache(cache);
    let sandbox = builder
        .plugin(format!("{interpreter}.wasm"), bytes)
        .build()
        .expect("it loads");
    sandbox.compile_all().expect("it compiles");
    Arc::new(sandbox)
}

/// A custom resource that is ready, of about this size.
pub fn widget(bytes: usize) -> Value {
    let rules: Vec<Value> = (0..bytes / 96)
        .map(|n| json!({"name": format!("rule-{n:05}"), "match": {"path": "/api/v1/things"}, "weight": 10, "backend": "things"}))
        .collect();
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "w", "namespace": "shop", "uid": "7d0c5a3e-1c1b-4a55-9b1c-0f1f3f5d2a12", "generation": 2},
        "spec": {"rules": rules},
        "status": {"observedGeneration": 2, "conditions": [
            {"type": "Synced", "status": "True", "reason": "Synced", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            {"type": "Ready", "status": "True", "reason": "Available", "message": "all rules are in place", "lastTransitionTime": "2026-01-02T03:04:05Z"},
        ]},
    })
}

/// Asks what `capstan plugin new` begins in each language, built by its toolchain; says why where one can't be.
pub async fn begun(calls: usize, cache: &Path, folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for language in ["rust", "js", "python", "go"] {
        let built = folder.join(language).join("queue").join("queue.wasm");
        let Ok(component) = std::fs::read(&built) else {
            continue;
        };
        let builder = Sandbox::builder().timeless().cache(cache);
        let sandbox = builder.plugin("queue.wasm", component).build().expect("it loads");
        let object = Object(json!({
            "apiVersion": "example.com/v1", "kind": "Queue", "metadata": {"name": "orders", "namespace": "shop"},
            "status": {"accepted": true, "backlog": 3, "phase": "Ready"},
        }));
        rows.push(Row {
            what: format!("custom resource by the template in {language}"),
            times: super::assess(&sandbox, &object, calls).await,
        });
    }
    rows
}

/// Builds what `capstan plugin new` begins in each language, as far as there are toolchains.
pub fn build(folder: &Path) {
    let capstan = |words: &[&str], place: &Path| {
        let place = place.display().to_string();
        let words = ["capstan"].iter().chain(words).copied().chain([place.as_str()]);
        capstan::run(words.map(std::ffi::OsString::from)) == std::process::ExitCode::SUCCESS
    };
    for language in ["rust", "js", "python", "go"] {
        let place = folder.join(language);
        std::fs::create_dir(&place).expect("a folder");
        let is_built = capstan(
            &["plugin", "new", "queue", "--kind", "health", "--lang", language, "--in"],
            &place,
        ) && capstan(&["plugin", "build"], &place.join("queue"));
        if !is_built {
            println!("SKIPPED: nothing is built in {language}: `capstan plugin doctor` lists what is missing");
        }
    }
}
