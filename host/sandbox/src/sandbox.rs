//! The sandbox: it loads plugins, and calls them for the core.

mod builder;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use capstan_core::{
    model::{
        error::closest_match,
        grant::Grants,
        health::Assessment,
        hook::Disposal,
        object::Object,
        place::reference_token,
        plugins::{
            HealthQuestion, HookContext, HookQuestion, HookStep, Placement, PlacementQuestion, PluginError,
            PluginQuery, PluginRef, Plugins, PolicyQuestion, SettingsProblem, health_settings,
        },
    },
    read::directive,
};
use capstan_stamp::Interface;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use self::builder::Builder;
use crate::{
    adapter::v0::{Assess, Decide, Place, Step},
    ask::{self, AnswerWithCost, Question},
    assessment_cache::{AssessmentCache, CacheKey},
    cache::Cache,
    call::{self, CallError, Cost, Failure, LogSeverity},
    component::LinkedComponent,
    component_store::{ComponentStore, PluginHandle},
    engine::Engine,
    error::{AskError, SandboxError},
    info::PluginInfo,
    input,
    memory::MemoryBudget,
    plugin::Plugin,
    registry::Registry,
    state::CallFacts,
};

/// Loaded plugins that can be called.
pub struct Sandbox {
    pub(crate) engine: Arc<Engine>,
    /// The memory that calls of this sandbox share.
    budget: Arc<MemoryBudget>,
    pub(crate) registry: Registry,
    pub(crate) cache: Option<Cache>,
    pub(crate) component_store: Option<ComponentStore>,
    /// This program's executable, if it may be started as a compiler.
    pub(crate) compiler: Option<PathBuf>,
    uses_real_time: bool,
    has_circuit_breaker: bool,
    /// The cache of health assessments, if it is used.
    assessment_cache: Option<AssessmentCache>,
    call_count: AtomicU64,
    notes: Vec<String>,
}

impl Sandbox {
    /// Starts to configure a sandbox.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Lists the plugins in their order: the user's, the last first, then the built-in ones.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        let info = |plugin: &Plugin| PluginInfo {
            name: plugin.manifest.name.clone(),
            version: plugin.manifest.version.clone(),
            digest: plugin.digest.to_string(),
            contract: plugin.manifest.contract.clone(),
            licence: plugin.manifest.licence.clone(),
            description: plugin.manifest.description.clone(),
            source: plugin.source.clone(),
            size_bytes: plugin.size(),
            claims: self.registry.claims(plugin),
            requests: plugin.requested_grants.describe(),
            compiled: plugin.linked().map(|ready| ready.compiled),
        };
        self.registry.plugins().iter().map(info).collect()
    }

    /// Lists the reasons why this sandbox is slower than it could be.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Compiles all plugins that aren't compiled yet, for callers that would rather wait now than at the first call.
    pub fn compile_all(&self) -> Result<(), SandboxError> {
        self.compile(|_| true)
    }

    /// Returns the number of calls of plugins so far.
    pub fn call_count(&self) -> u64 {
        self.call_count.load(Ordering::Relaxed)
    }

    /// Lists the mistakes in a user's settings for the plugin's health checks. Returns `None` if there is no plugin of this name.
    pub fn flaws_of_health_settings(&self, name: &str, settings: &Map<String, Value>) -> Option<Vec<SettingsProblem>> {
        let plugin = self
            .registry
            .plugins()
            .iter()
            .find(|plugin| plugin.manifest.name == name)?;
        let whole = |message: &str| {
            vec![SettingsProblem {
                pointer: String::new(),
                message: message.to_owned(),
            }]
        };
        if plugin.claims(Interface::Health).is_empty() {
            return Some(whole("it has no health checks, so these settings have no effect"));
        }
        let Some(schema) = &plugin.settings else {
            return Some(whole("its manifest has no `[settings]`, so it accepts none"));
        };
        let mut flaws = schema.flaws(settings);
        flaws.extend(
            settings
                .keys()
                .filter(|key| !schema.names.contains(*key))
                .filter_map(|key| {
                    let near = closest_match(key, schema.names.iter().map(String::as_str))?;
                    Some(SettingsProblem {
                        pointer: format!("/{}", reference_token(key)),
                        message: format!("the plugin has no such setting; did you mean `{near}`?"),
                    })
                }),
        );
        Some(flaws)
    }

    /// Calls a plugin by its name, and returns the answer with its cost.
    pub async fn ask(&self, name: &str, question: Question) -> Result<AnswerWithCost, AskError> {
        ask::ask(self, name, question).await
    }

    /// Compiles plugins in parallel. Returns the error of the first one in their order.
    fn compile(&self, which: impl Fn(&Plugin) -> bool) -> Result<(), SandboxError> {
        let plugins: Vec<&Plugin> = self.registry.plugins().iter().filter(|plugin| which(plugin)).collect();
        thread::scope(|scope| {
            // wasmtime itself compiles the functions of a component on all cores; several threads fill the gaps.
            for plugin in plugins.iter().skip(1) {
                scope.spawn(|| plugin.link(self).is_ok());
            }
            if let Some(first) = plugins.first() {
                let _ = first.link(self);
            }
        });
        for plugin in plugins {
            self.linked(plugin)?;
        }
        Ok(())
    }

    pub(crate) fn linked<'a>(&'a self, plugin: &'a Plugin) -> Result<&'a LinkedComponent, SandboxError> {
        let compiled = plugin.link(self);
        compiled.map_err(|reason| SandboxError::Compile {
            plugin: plugin.source.to_string(),
            reason,
        })
    }

    /// Returns the plugin with which an operation began: a loaded one, or one that was loaded at that time.
    fn pinned(&self, by: &PluginRef) -> Option<PluginHandle<'_>> {
        let loaded = self.registry.by_digest(&by.digest).map(PluginHandle::Active);
        loaded.or_else(|| self.component_store.as_ref()?.find(&by.digest))
    }

    /// Calls a plugin, logs its output, and converts an error to the core's.
    pub(crate) async fn call_plugin<Q: call::Question>(
        &self,
        plugin: &Plugin,
        to: CallInput,
        question: &Q,
    ) -> (Result<Q::Answer, PluginError>, Cost) {
        let function = question.function();
        let broke = |reason| CallError::Trapped(reason, String::new());
        let CallInput {
            context: about,
            input,
            now,
        } = to;
        // Planning has no time, and calls each plugin once.
        let rest = plugin
            .circuit_breaker
            .check(now)
            .filter(|_| self.has_circuit_breaker && now != Timestamp::UNIX_EPOCH);
        let input = match rest {
            Some((message, after_ms)) => Err(CallError::Reported(Failure::Retry { message, after_ms }, String::new())),
            None => input.map_err(broke),
        };
        let ready = plugin.link(self);
        let ready = ready.map_err(|reason| broke(format!("can't be compiled: {reason}")));
        let (answer, cost) = match (input, ready) {
            (Ok(input), Ok(ready)) => {
                let facts = CallFacts {
                    digest: plugin.digest.clone(),
                    claim: about.claim.clone(),
                    input: input.into(),
                    now_ms: u64::try_from(now.as_millisecond()).unwrap_or_default(),
                };
                let limits = plugin.limits(about.interface);
                self.call_count.fetch_add(1, Ordering::Relaxed);
                let (answer, cost) = call::call(
                    &self.engine,
                    &self.budget,
                    ready,
                    limits,
                    self.uses_real_time,
                    facts,
                    question,
                )
                .await;
                match &answer {
                    Ok(_) | Err(CallError::Reported(..)) => plugin.circuit_breaker.record_success(),
                    Err(CallError::Trapped(_, stack)) => {
                        let is_first = plugin.circuit_breaker.record_failure(now) == 1;
                        for line in stack.lines().filter(|_| is_first) {
                            tracing::info!(target: "capstan::plugin", plugin = %plugin.manifest.name, function, "{line}");
                        }
                    }
                    Err(CallError::Inconclusive(_)) => {}
                }
                (answer, cost)
            }
            (Err(trouble), _) | (Ok(_), Err(trouble)) => (Err(trouble), Cost::default()),
        };
        let name = format!("{} {}", plugin.manifest.name, plugin.manifest.version);
        log_call(&name, function, &about.object, &cost);
        let answer = answer.map_err(|trouble| plugin_error(trouble, name, function, about));
        (answer, cost)
    }
}

fn not_loaded_error(by: &PluginRef) -> PluginError {
    PluginError::Missing {
        plugin: by.to_string(),
        digest: by.digest.clone(),
    }
}

/// The input and context of a call.
pub(crate) struct CallInput {
    pub(crate) context: CallContext,
    pub(crate) input: Result<String, input::InputError>,
    pub(crate) now: Timestamp,
}

/// What a call is about.
pub(crate) struct CallContext {
    pub(crate) interface: Interface,
    pub(crate) claim: String,
    /// The object's name, for messages.
    pub(crate) object: String,
}

impl CallContext {
    pub(crate) fn new(interface: Interface, claim: &str, object: &Object) -> CallContext {
        CallContext {
            interface,
            claim: claim.to_owned(),
            object: if object.0.is_null() {
                "a call without an object".to_owned()
            } else {
                object.key().to_string()
            },
        }
    }
}

/// Converts an error to the core's.
fn plugin_error(trouble: CallError, plugin: String, function: &str, about: CallContext) -> PluginError {
    let failed = |plugin, message, backtrace| PluginError::Failed {
        plugin,
        function: function.to_owned(),
        claim: about.claim,
        object: about.object,
        message,
        backtrace,
    };
    match trouble {
        CallError::Reported(Failure::Invalid(message), _) => PluginError::Invalid { plugin, message },
        CallError::Reported(Failure::Retry { message, after_ms }, _) => PluginError::Retry {
            plugin,
            message,
            after_ms,
        },
        CallError::Reported(Failure::Failed(message), written) => failed(plugin, message, written),
        CallError::Trapped(message, backtrace) => failed(plugin, message, backtrace),
        CallError::Inconclusive(message) => PluginError::Unavailable { plugin, message },
    }
}

/// Logs what the plugin logged and wrote.
fn log_call(plugin: &str, function: &str, object: &str, cost: &Cost) {
    for line in &cost.log {
        let text = &line.text;
        match line.severity {
            LogSeverity::Trace => tracing::trace!(target: "capstan::plugin", plugin, function, object, "{text}"),
            LogSeverity::Debug => tracing::debug!(target: "capstan::plugin", plugin, function, object, "{text}"),
            LogSeverity::Info => tracing::info!(target: "capstan::plugin", plugin, function, object, "{text}"),
            LogSeverity::Warn => tracing::warn!(target: "capstan::plugin", plugin, function, object, "{text}"),
            LogSeverity::Error => tracing::error!(target: "capstan::plugin", plugin, function, object, "{text}"),
        }
    }
    if cost.dropped_lines > 0 {
        let dropped = cost.dropped_lines;
        tracing::warn!(target: "capstan::plugin", plugin, function, object, dropped, "Lines are dropped: a call may not log so many.");
    }
    for (stream, text) in [("stdout", &cost.stdout), ("stderr", &cost.stderr)] {
        for line in text.lines() {
            tracing::debug!(target: "capstan::plugin", plugin, function, object, stream, "{line}");
        }
    }
}

#[async_trait]
impl Plugins for Sandbox {
    fn plugin_for(&self, need: &PluginQuery) -> Option<PluginRef> {
        let (plugin, claim) = self.registry.find(need)?;
        Some(plugin.plugin_ref(claim))
    }

    fn policies_for_all(&self) -> Vec<PluginRef> {
        let all = self.registry.policies_for_all().into_iter();
        all.map(|(plugin, claim)| plugin.plugin_ref(claim)).collect()
    }

    fn requested_grants(&self, by: &PluginRef) -> Grants {
        let plugin = self.pinned(by);
        plugin.map(|plugin| plugin.requested_grants.clone()).unwrap_or_default()
    }

    fn check_settings(&self, by: &PluginRef, settings: &Map<String, Value>) -> Vec<SettingsProblem> {
        let plugin = self.pinned(by);
        let schema = plugin.as_ref().and_then(|plugin| plugin.settings.as_ref());
        schema.map(|schema| schema.flaws(settings)).unwrap_or_default()
    }

    fn setting_names(&self, by: &PluginRef) -> Option<Vec<String>> {
        let plugin = self.pinned(by)?;
        plugin.settings.as_ref().map(|schema| schema.names.clone())
    }

    fn hook_types(&self) -> Vec<String> {
        let plugins = self.registry.plugins().iter();
        plugins.flat_map(Plugin::hook_types).collect()
    }

    async fn place(&self, by: &PluginRef, question: PlacementQuestion) -> Result<Placement, PluginError> {
        let call = CallInput {
            context: CallContext::new(Interface::Hook, &by.claim, &question.object),
            input: input::place_input(&question),
            // Planning has no time: the same manifests make the same plan.
            now: Timestamp::UNIX_EPOCH,
        };
        let plugin = self.pinned(by).ok_or_else(|| not_loaded_error(by))?;
        self.call_plugin(&plugin, call, &Place).await.0
    }

    async fn step(
        &self,
        by: &PluginRef,
        context: &HookContext,
        question: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError> {
        let call = CallInput {
            context: CallContext::new(Interface::Hook, &by.claim, &context.object),
            input: input::hook_input(context, &question),
            now,
        };
        let step = match &question {
            HookQuestion::Start => Step::Start,
            HookQuestion::Advance { state, .. } => Step::Advance(state),
            HookQuestion::Abort { state, .. } => Step::Abort(state),
        };
        let plugin = self.pinned(by).ok_or_else(|| not_loaded_error(by))?;
        self.call_plugin(&plugin, call, &step).await.0
    }

    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError> {
        let plugin = self.pinned(by).ok_or_else(|| not_loaded_error(by))?;
        let memo = self
            .assessment_cache
            .as_ref()
            .zip(CacheKey::for_question(by, &question));
        if let Some(known) = memo.as_ref().and_then(|(memo, key)| memo.get(key, question.now)) {
            return Ok(known);
        }
        let settings = health_settings(question.settings, directive::settings_of_object(question.object));
        let (input, assess) = match plugin.projection(&by.claim) {
            Some(projection) if plugin.uses_object_view => {
                match input::health_by_view_input(&question, settings, projection) {
                    Ok((input, object)) => (Ok(input), Assess::View(object)),
                    Err(refusal) => (Err(refusal), Assess::Text),
                }
            }
            Some(projection) => (input::health_input(&question, settings, projection), Assess::Text),
            None => (
                Err(format!("the plugin has no health claim `{}`", by.claim)),
                Assess::Text,
            ),
        };
        let call = CallInput {
            context: CallContext::new(Interface::Health, &by.claim, question.object),
            input,
            now: question.now,
        };
        let (mut answer, cost) = self.call_plugin(&plugin, call, &assess).await;
        if let Ok(assessment) = &mut answer {
            let (name, claim) = (&plugin.manifest.name, &by.claim);
            assessment.requested_related.retain(|word| {
                let may = plugin.may_request_related(claim, word);
                if !may {
                    tracing::warn!(target: "capstan::plugin", plugin = %name, %claim, %word, "The plugin asks for related objects that its claim's `related` doesn't name.");
                }
                may
            });
            if let Some((memo, key)) = memo {
                memo.insert(key, assessment, cost.used_clock, question.now);
            }
        }
        answer
    }

    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError> {
        let call = CallInput {
            context: CallContext::new(Interface::DeletePolicy, &by.claim, &question.object),
            input: input::policy_input(&question),
            now,
        };
        let plugin = self.pinned(by).ok_or_else(|| not_loaded_error(by))?;
        self.call_plugin(&plugin, call, &Decide).await.0
    }
}
