//! Degraded resources, and how long they may be.

use capstan_core::{model::phase::Phase, plan::task::Action};
use insta::assert_snapshot;

use crate::shell::{Fate, Shell, hook, plan, resource};

#[test]
fn a_resource_that_stays_degraded_fails_after_its_grace() {
    let api = resource(0, "api");
    let tasks = vec![api.clone(), hook(Phase::PostSync, 0, "smoke")];
    let mut shell = Shell::new(plan(tasks), 1).fate(&api, Fate::Never);
    shell.begin();
    shell.run(3);
    shell.fates.insert(api.id.clone(), Fate::Badly);
    shell.observe_again(&api);
    shell.run(10_000);
    assert_snapshot!(shell.story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/api
        created ConfigMap shop/api
    waiting for Sync/0/ConfigMap/shop/api (Progressing: as scripted)
        end Sync/0/ConfigMap/shop/api: Failed { class: Health, message: "Degraded for 30s: as scripted" }
    Failed: health: ConfigMap shop/api: Degraded for 30s: as scripted
    "#);
}

#[test]
fn a_resource_that_is_degraded_for_a_moment_does_not_fail() {
    let api = resource(0, "api");
    let mut shell = Shell::new(plan(vec![api.clone()]), 1).fate(&api, Fate::Never);
    shell.begin();
    shell.run(3);
    for fate in [Fate::Badly, Fate::Never, Fate::Badly, Fate::Well] {
        shell.fates.insert(api.id.clone(), fate);
        shell.observe_again(&api);
    }
    shell.run(10_000);
    assert_snapshot!(shell.story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/api
        created ConfigMap shop/api
    waiting for Sync/0/ConfigMap/shop/api (Progressing: as scripted)
        end Sync/0/ConfigMap/shop/api: Done("Healthy: as scripted")
    Succeeded
    "#);
}

#[test]
fn a_kind_that_is_not_tolerated_fails_at_the_first_look() {
    let mut job = resource(0, "job");
    if let Action::Apply(apply) = &mut job.action {
        apply.degraded_grace_seconds = 0;
    }
    let mut shell = Shell::new(plan(vec![job.clone()]), 1).fate(&job, Fate::Never);
    shell.begin();
    shell.run(3);
    shell.fates.insert(job.id.clone(), Fate::Badly);
    shell.observe_again(&job);
    assert_snapshot!(shell.story(), @r#"
    operation
    Sync
      wave 0
        start Sync/0/ConfigMap/shop/job
        created ConfigMap shop/job
    waiting for Sync/0/ConfigMap/shop/job (Progressing: as scripted)
        end Sync/0/ConfigMap/shop/job: Failed { class: Health, message: "Degraded: as scripted" }
    Failed: health: ConfigMap shop/job: Degraded: as scripted
    "#);
}
