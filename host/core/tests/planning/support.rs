//! Plans of a few manifests in YAML.

use capstan_core::{
    model::{
        compat::Mode,
        error::Diagnostic,
        object::Object,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, PluginQuery, PluginRef},
    },
    plan::{
        self, Classified, Confirmation, DesiredManifests, Limits, LiveObjects, Plan, PlanInput, PlanOptions, Role,
        Selection,
        container::Contents,
        hook_record::HookRecords,
        task::{Action, Task},
    },
    read::{
        directive, manifest,
        sync_options::{NamespaceMetadata, SyncOptions},
    },
};
use serde_json::{Value, json};

/// A plan to be made.
pub struct Case {
    pub mode: Mode,
    pub operation_kind: OperationKind,
    pub manifests: String,
    pub live: Vec<Value>,
    pub prune: bool,
    pub only: Vec<String>,
    pub options: Vec<&'static str>,
    pub namespace: NamespaceMetadata,
    pub retries: u32,
    /// What lives in live containers, by `Kind/name`.
    pub contents: Vec<(&'static str, Contents)>,
    /// What `--confirm` names.
    pub confirmed: Vec<String>,
}

/// Plans a sync of these manifests.
pub fn sync(manifests: &str) -> Case {
    Case {
        mode: Mode::Native,
        operation_kind: OperationKind::Sync,
        manifests: manifests.to_owned(),
        live: Vec::new(),
        prune: false,
        only: Vec::new(),
        options: Vec::new(),
        namespace: NamespaceMetadata::default(),
        retries: 0,
        contents: Vec::new(),
        confirmed: Vec::new(),
    }
}

impl Case {
    pub fn by_argo_cd(mut self) -> Case {
        self.mode = Mode::ArgoCd;
        self
    }

    pub fn with(mut self, live: Value) -> Case {
        self.live.push(live);
        self
    }

    /// Says what lives in a live container.
    pub fn holding(mut self, name: &'static str, contents: Contents) -> Case {
        self.contents.push((name, contents));
        self
    }

    pub fn option(mut self, option: &'static str) -> Case {
        self.options.push(option);
        self
    }

    pub fn plan(&self) -> Result<Plan, Vec<Diagnostic>> {
        let options = SyncOptions::parse(self.options.iter().copied(), self.mode)?;
        let mut desired = Vec::new();
        for manifest in manifest::decode("all.yaml", &self.manifests)? {
            let mut directives = directive::read_directives(&manifest, self.mode)?;
            options.fill_in(&mut directives);
            let role = if directives.words == ["Skip"] {
                Role::Skip("Skip".to_owned())
            } else if directives.is_hook() {
                Role::Hook {
                    by: plugin_ref("runs"),
                    phases: directives.phases.clone(),
                    has_object: true,
                    also: Vec::new(),
                }
            } else {
                Role::Resource
            };
            desired.push(Classified {
                manifest,
                directives,
                role,
            });
        }
        let objects = self
            .live
            .iter()
            .cloned()
            .map(|live| (Object(live.clone()).key(), Object(live)));
        let contents = self.contents.iter().map(|(name, residents)| {
            let live = self.live.iter().cloned().map(Object);
            let container = live.into_iter().find(|live| live.key().kind_and_name() == *name);
            let key = container.unwrap_or_else(|| panic!("{name} is live")).key();
            (key, residents.clone())
        });
        let live = LiveObjects {
            objects: objects.collect(),
            is_first_install: self.live.is_empty(),
            contents: contents.collect(),
            ..LiveObjects::default()
        };
        let mut limits = Limits::default();
        limits.retry.max_retries = self.retries;
        plan::make_plan(&PlanInput {
            application: Application {
                name: "shop".to_owned(),
                namespace: "shop".to_owned(),
            },
            operation_kind: self.operation_kind,
            options: &PlanOptions {
                mode: self.mode,
                selection: Selection {
                    only: self.only.clone(),
                    ..Selection::default()
                },
                prune: self.prune,
                sync_options: options,
                namespace_metadata: self.namespace.clone(),
                confirmed: Confirmation {
                    all: false,
                    only: self.confirmed.clone(),
                },
                limits,
                ..PlanOptions::default()
            },
            purpose: Purpose::Deploy,
            desired: DesiredManifests::new(&desired),
            live: &live,
            records: &HookRecords::new(),
            plugin_for: &|need| match need {
                PluginQuery::Policy(word) => ["HookSucceeded", "HookFailed", "BeforeHookCreation"]
                    .contains(&word.as_str())
                    .then(|| plugin_ref(word)),
                PluginQuery::HookType(_)
                | PluginQuery::HookWord(_)
                | PluginQuery::HookKind(_)
                | PluginQuery::Health(_) => Some(plugin_ref("judges")),
            },
            policies_for_all: Vec::new(),
            dry_run_blocker: None,
            manager: "capstan",
        })
    }

    /// Plans; that there are mistakes is a mistake.
    pub fn planned(&self) -> Plan {
        self.plan().unwrap_or_else(|errors| panic!("{errors:?}"))
    }
}

fn plugin_ref(claim: &str) -> PluginRef {
    PluginRef {
        plugin: "plugin".to_owned(),
        version: "1".to_owned(),
        digest: String::new(),
        claim: claim.to_owned(),
    }
}

/// A manifest in one document: `annotations` as in YAML's flow style.
pub fn object(kind: &str, name: &str, annotations: &str) -> String {
    let (version, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
    let namespace = if ["Namespace", "CustomResourceDefinition"].contains(&kind) {
        ""
    } else {
        "namespace: shop, "
    };
    format!(
        "---\n{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}, {namespace}annotations: {{{annotations}}}}}}}\n"
    )
}

/// A live object of the application.
pub fn live(kind: &str, name: &str, annotations: Value) -> Value {
    let (version, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
    let owned: serde_json::Map<String, Value> = annotations
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| (format!("f:{name}"), json!({})))
        .collect();
    let mut live = json!({ "apiVersion": version, "kind": kind, "metadata": {
        "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1", "annotations": annotations,
        "labels": { "capstan.dev/application": "shop", "capstan.dev/application-namespace": "shop" },
        "managedFields": [{
            "manager": "capstan", "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1",
            "fieldsV1": { "f:metadata": { "f:annotations": owned, "f:labels": {
                "f:capstan.dev/application": {}, "f:capstan.dev/application-namespace": {},
            } } },
        }],
    } });
    if !["Namespace", "CustomResourceDefinition"].contains(&kind) {
        live["metadata"]["namespace"] = json!("shop");
    }
    live
}

/// What a plan does, a line each: `Sync/0 ConfigMap/a apply, wait Healthy`.
pub fn tasks_text(plan: &Plan) -> Vec<String> {
    let line = |task: &Task| {
        let operation_kind = match &task.action {
            Action::Apply(apply) => plan::wait_text(apply.wait).to_owned(),
            Action::Delete(delete) => format!("delete {} {:?}", delete.propagation, delete.wait_until),
            Action::Hook(_) => "run".to_owned(),
        };
        format!(
            "{}/{} {} {operation_kind}",
            task.phase,
            task.wave,
            task.key.kind_and_name()
        )
    };
    plan.tasks.iter().map(line).collect()
}

/// The task of an object.
pub fn task<'a>(plan: &'a Plan, name: &str) -> &'a Task {
    let found = plan.tasks.iter().find(|task| task.key.name == name);
    found.unwrap_or_else(|| panic!("{name} has no task: {:?}", tasks_text(plan)))
}

/// The phase and wave of an object.
pub fn turn(plan: &Plan, name: &str) -> (Phase, i32) {
    let task = task(plan, name);
    (task.phase, task.wave.0)
}
