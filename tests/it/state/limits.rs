//! What is stored stays small enough, whatever plugins and failures say.

use std::sync::Arc;

use async_trait::async_trait;
use capstan_core::{
    model::{
        health::Assessment,
        hook::Disposal,
        plugins::{
            HealthQuestion, HookContext, HookQuestion, HookStep, Placement, PlacementQuestion, PluginError,
            PluginQuery, PluginRef, Plugins, PolicyQuestion,
        },
    },
    run::event::OperationStatus,
};
use capstan_sim::world::Setup;
use capstan_tests::{
    Stage, in_virtual_time,
    stage::{TERMINATED_BY, built_in},
};
use jiff::Timestamp;
use serde_json::json;

use super::{config_map, stored, sync};

/// The built-in plugins; but a Job's hook type never has an answer, and always a lot to say.
struct Talkative {
    others: Arc<dyn Plugins>,
    bytes: usize,
}

fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed | 1;
    let letters = (0..bytes).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 90).unwrap())
    });
    letters.collect()
}

#[async_trait]
impl Plugins for Talkative {
    fn plugin_for(&self, need: &PluginQuery) -> Option<PluginRef> {
        self.others.plugin_for(need)
    }

    fn policies_for_all(&self) -> Vec<PluginRef> {
        self.others.policies_for_all()
    }

    async fn place(&self, by: &PluginRef, question: PlacementQuestion) -> Result<Placement, PluginError> {
        self.others.place(by, question).await
    }

    async fn step(
        &self,
        by: &PluginRef,
        _: &HookContext,
        _: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError> {
        let seed = u64::try_from(now.as_millisecond()).unwrap_or(1);
        Err(PluginError::Retry {
            plugin: by.plugin.clone(),
            message: noise(self.bytes, seed),
            after_ms: 100,
        })
    }

    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError> {
        self.others.assess(by, question).await
    }

    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError> {
        self.others.decide(by, question, now).await
    }
}

#[test]
fn a_plugin_that_talks_without_end_costs_itself_its_messages_and_nothing_else() {
    in_virtual_time(async {
        let plugins = Talkative {
            others: built_in(),
            bytes: 200_000,
        };
        let stage = Stage::with(Setup::default(), Arc::new(plugins)).await;
        let hooks = ["a", "b", "c"].map(|name| {
            format!(
                "---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{ capstan.dev/hook: PreSync }}\n\
                 spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{{ name: main, image: ubuntu }}]\n"
            )
        });
        let text = format!("{}{}", config_map("after", "one"), hooks.concat());
        let ran = stage.run(stage.request_text(&text)).await.unwrap();
        assert!(matches!(ran.status, OperationStatus::Failed(_)), "{:?}", ran.status);
        let longest = ran.events.iter().map(String::len).max();
        assert!(longest < Some(20_000), "{longest:?}");
        for secret in stored(&stage).await {
            assert!(secret.0.to_string().len() < 1_000_000, "{}", secret.name());
        }
        // The next one is planned as if nothing had been, and so is the deletion.
        sync(&stage, &config_map("after", "two")).await;
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        assert!(stored(&stage).await.is_empty());
    });
}

#[test]
fn what_many_failures_say_is_told_of_some_and_counted_of_the_rest() {
    in_virtual_time(async {
        let rules = json!([{ "verb": "patch", "path": "/**/configmaps/*", "refuse": { "code": 403, "reason": "Forbidden", "message": "no" } }]);
        let setup = Setup {
            fault_rules: serde_json::from_value(rules).unwrap(),
            ..Setup::default()
        };
        let stage = Stage::new(setup).await;
        let set: Vec<String> = (0..150).map(|number| config_map(&format!("c{number}"), "x")).collect();
        let mut request = stage.request_text(&set.join("---\n"));
        request.options.dry_run_first = false;
        let ran = stage.run(request).await.unwrap();
        let OperationStatus::Failed(cause) = &ran.status else {
            unreachable!("{:?}", ran.status)
        };
        assert!(cause.message.ends_with("; and 130 more failed"), "{}", cause.message);
        assert_eq!(cause.message.matches("ConfigMap").count(), 20, "{}", cause.message);
        assert_eq!(cause.objects.len(), 100);
    });
}

#[test]
fn a_write_that_is_too_large_is_made_without_what_only_people_look_at() {
    for refused in [1, 2] {
        in_virtual_time(async {
            let message = "Secret \"capstan.shop\" is invalid: data: Too long: may not be more than 1048576 bytes";
            let rules = json!([{
                "verb": "update", "path": "**/secrets/capstan.shop", "first": refused,
                "refuse": { "code": 422, "reason": "Invalid", "message": message },
            }]);
            let setup = Setup {
                fault_rules: serde_json::from_value(rules).unwrap(),
                ..Setup::default()
            };
            let stage = Stage::new(setup).await;
            let planned = stage
                .engine
                .plan(stage.request_text(&config_map("one", "one")))
                .await
                .unwrap();
            let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
            let mut records = running.subscribe();
            while records.next().await.is_some() {}
            assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
            // The journal is given up after the second refusal; what the operation looked like is stored at its end all the same.
            let report = stage.engine.report(&stage.application).await.unwrap();
            let past = &report.history[0];
            let journal = stage.engine.journal(&stage.application, past).await.unwrap();
            assert_eq!(journal.is_some(), refused == 1);
            let view = stage.engine.view(&stage.application, past).await.unwrap();
            assert_eq!(view.status, Some(OperationStatus::Succeeded));
            let ran = stage.run(stage.deletion()).await.unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded);
            assert!(stored(&stage).await.is_empty());
        });
    }
}
