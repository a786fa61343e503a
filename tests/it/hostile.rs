//! Components that mean harm, and components that are missing: each costs one clear message, and the process goes on.

use std::sync::Arc;

use capstan::{diagnostics, exit::Exit, render::Paint};
use capstan_core::run::event::OperationStatus;
use capstan_sandbox::Sandbox;
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, matches_pattern};

fn sandbox(without: &[&str]) -> Arc<Sandbox> {
    let mut builder = Sandbox::builder().timeless();
    for plugin in capstan_bundle::ALL {
        builder = builder.builtin(plugin.name, plugin.bytes);
    }
    builder = builder.plugin("hostile.wasm", capstan_test_guests::get("hostile").unwrap().bytes);
    for name in without {
        builder = builder.without(*name);
    }
    Arc::new(builder.build().unwrap())
}

fn hook(deed: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: evil\n  annotations:\n    capstan.dev/hook: PreSync\n    \
         capstan.dev/hook-type: {deed}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        \
         - name: main\n          image: ubuntu\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: after\n"
    )
}

#[test]
fn a_hostile_hook_type_fails_its_hook_and_nothing_else() {
    let deeds = [
        ("spin", "*used up its budget of * million instructions*"),
        ("hog", "*needs more than the * MiB of memory that it may have*"),
        ("trap", "*the hostile guest panics on purpose*"),
        ("late-trap", "*failed in `advance`*the hostile guest panics on purpose*"),
        ("idle", "*waits for nothing*"),
        ("hoard", "*a state of * bytes, where 65536 may be*"),
        ("greedy", "*65 requests in one step, but at most 64 are allowed*"),
    ];
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox(&[])).await;
        for (deed, message) in deeds {
            let ran = stage.run(stage.request_text(&hook(deed))).await.unwrap();
            let OperationStatus::Failed(cause) = &ran.status else {
                panic!("{deed}: {:?}", ran.status)
            };
            assert!(matches_pattern(&cause.message, message), "{deed}: {}", cause.message);
            let troubles = ran
                .events
                .iter()
                .filter(|line| line.starts_with("plugin trouble"))
                .count();
            assert!(troubles <= 1, "{deed}: {:#?}", ran.events);
            assert!(
                !ran.events.iter().any(|line| line.contains("ConfigMap/after")),
                "{deed}: {:#?}",
                ran.events
            );
            let expected = if deed == "idle" { Exit::Hook } else { Exit::Plugin };
            assert_eq!(Exit::from_status(&ran.status), expected, "{deed}");
        }
        // The process goes on, and so does the application.
        let well = stage.run(stage.request(&["example/echo"]).unwrap()).await.unwrap();
        assert_eq!(well.status, OperationStatus::Succeeded);
    });
}

#[test]
fn a_plugin_that_asks_for_everything_again_and_again_is_ended() {
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox(&[])).await;
        let ran = stage.run(stage.request_text(&hook("beggar"))).await.unwrap();
        let OperationStatus::Failed(cause) = &ran.status else {
            panic!("{:?}", ran.status)
        };
        assert!(
            matches_pattern(&cause.message, "*took 10000 steps without a verdict*"),
            "{}",
            cause.message
        );
        let view = ran
            .view
            .tasks
            .iter()
            .find(|task| task.outline.key.name == "evil")
            .unwrap();
        let refused: Vec<(&str, bool)> = view
            .requests
            .iter()
            .map(|request| {
                (
                    request.request.as_str(),
                    request
                        .refusal
                        .as_deref()
                        .is_some_and(|why| why.starts_with("not granted")),
                )
            })
            .collect();
        // Each thing once, however often it was asked for.
        assert_eq!(
            refused,
            [
                ("get Secret kube-system/everything", true),
                ("http GET http://127.0.0.1/", true)
            ]
        );
        assert!(
            view.requests.iter().all(|request| request.count > 1000),
            "{:?}",
            view.requests
        );
    });
}

#[test]
fn a_hostile_policy_leaves_the_object_and_says_so_once() {
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox(&[])).await;
        let text = hook("job").replace("capstan.dev/hook-type: job", "capstan.dev/delete-policy: hostile/trap");
        let ran = stage.run(stage.request_text(&text)).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        let troubles: Vec<&String> = ran
            .events
            .iter()
            .filter(|line| line.starts_with("plugin trouble"))
            .collect();
        assert!(
            troubles
                .iter()
                .all(|line| line.contains("hostile/trap") && line.contains("stays")),
            "{troubles:?}"
        );
        assert_eq!(stage.names(&["Job"]).await["Job"], ["evil"]);
    });
}

#[test]
fn a_component_that_imports_something_else_is_not_loaded() {
    let outside = capstan_test_guests::get("outside").unwrap();
    let error = Sandbox::builder()
        .plugin("outside.wasm", outside.bytes)
        .build()
        .map(|_| ())
        .unwrap_err();
    let text = diagnostics::error_text(&error.into(), Paint::PLAIN).as_str().to_owned();
    insta::assert_snapshot!(text, @"
    error: plugin outside.wasm imports `stranger:things/door@0.1.0`, which plugins may not import
      hint: a plugin may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data
    ");
}

#[test]
fn without_its_plugin_a_job_is_no_hook_and_has_no_health() {
    in_virtual_time(async {
        let stage = Stage::with(Setup::default(), sandbox(&["job"])).await;
        let error = stage
            .engine
            .plan(stage.request(&["example/echo/presync.yaml"]).unwrap())
            .await;
        let text = diagnostics::error_text(&error.map(|_| ()).unwrap_err().into(), Paint::PLAIN)
            .as_str()
            .to_owned();
        insta::assert_snapshot!(text.replace(&capstan_tests::path("").display().to_string(), ""), @"
        error: no plugin handles batch/Job as a hook
          --> example/echo/presync.yaml:2
          2 | kind: Job
            |       ^
          hint: `capstan plugin list` shows what the loaded plugins claim; `--plugin PATH` adds one
        ");
    });
}
