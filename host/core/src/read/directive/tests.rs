use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{model::compat::Rule, read::manifest};

/// A Job with these annotations, written as YAML.
fn job(annotations: &[(&str, &str)]) -> Manifest {
    let mut text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations:\n".to_owned();
    for (name, value) in annotations {
        writeln!(text, "    {name}: {}", json!(value)).expect("a text takes everything");
    }
    manifest::decode("job.yaml", &text).expect("a manifest").remove(0)
}

/// What differs from a manifest without annotations, or what is wrong.
fn read(annotations: &[(&str, &str)], mode: Mode) -> String {
    match read_directives(&job(annotations), mode) {
        Ok(found) => {
            let value = |directives: &Directives| match serde_json::to_value(directives) {
                Ok(Value::Object(map)) => map,
                other => panic!("{other:?}"),
            };
            let plain = value(&Directives::default());
            let mut changed: Map<String, Value> = value(&found);
            // These have tables of their own.
            changed.retain(|key, value| {
                !["rules", "namedOptions"].contains(&key.as_str()) && plain.get(key) != Some(value)
            });
            Value::Object(changed).to_string()
        }
        Err(errors) => errors.iter().map(describe).collect::<Vec<_>>().join("\n"),
    }
}

fn describe(error: &Diagnostic) -> String {
    let place = error.place.as_ref().map(ToString::to_string).unwrap_or_default();
    let hint = match error.hint.shown() {
        hint if hint.is_empty() => hint,
        hint => format!(" ({hint})"),
    };
    format!("{place}: {}{hint}", error.message)
}

fn native(annotations: &[(&str, &str)]) -> String {
    read(annotations, Mode::Native)
}

fn argo(annotations: &[(&str, &str)]) -> String {
    read(annotations, Mode::ArgoCd)
}

#[test]
fn each_rule_of_argo_cd_is_taken_down_where_it_makes_a_difference() {
    const HOOK: &str = "argocd.argoproj.io/hook";
    const HELM: &str = "helm.sh/hook";
    for (annotations, rules) in [
        (&[(HOOK, "PreSync")] as &[(&str, &str)], &[] as &[Rule]),
        (&[(HOOK, "presync")], &[Rule::MistakesAreIgnored]),
        (&[(HOOK, "mine"), (HELM, "post-install")], &[Rule::HelmHookBesideOurs]),
        (&[(HOOK, "PreSync"), (HELM, "post-install")], &[]),
        (&[(HOOK, "PreSync"), (HELM, "pre-delete")], &[Rule::DeleteHooksOfBoth]),
        (&[(HOOK, "PreSync,Skip")], &[Rule::SkipBesideOthers]),
        (&[(HOOK, "Skip")], &[]),
        (&[(HELM, "pre-upgrade")], &[Rule::HelmHooksAlwaysRun]),
        (&[(HELM, "pre-install,pre-upgrade")], &[]),
        (&[(HELM, "pre-delete")], &[]),
        (&[("helm.sh/hook-weight", "3")], &[Rule::WeightOnEveryObject]),
        (&[(HELM, "pre-delete"), ("helm.sh/hook-weight", "3")], &[]),
        (
            &[("argocd.argoproj.io/sync-wave", "soon")],
            &[Rule::MistakesAreIgnored, Rule::WaveFallsBack],
        ),
        (&[("argocd.argoproj.io/sync-wave", "99999999999")], &[Rule::WideWaves]),
        (
            &[
                ("argocd.argoproj.io/hook-delete-policy", "HookFailed"),
                ("helm.sh/hook-delete-policy", "hook-succeeded"),
            ],
            &[Rule::PoliciesAreJoined],
        ),
        (&[("helm.sh/resource-policy", "keep")], &[Rule::KeepEndsAtPrune]),
        (
            &[
                ("helm.sh/resource-policy", "keep"),
                ("argocd.argoproj.io/sync-options", "Prune=false"),
            ],
            &[],
        ),
    ] {
        let found = read_directives(&job(annotations), Mode::ArgoCd).expect("nothing is an error by Argo CD's rules");
        assert_eq!(found.rules, rules, "{annotations:?}");
        if let Ok(native) = read_directives(&job(annotations), Mode::Native) {
            assert!(native.rules.is_empty(), "{annotations:?}");
        }
    }
}

/// Reads one annotation with each of several values.
fn each(name: &str, values: &[&str], mode: Mode) -> String {
    let read = |value: &&str| format!("{value}: {}", read(&[(name, value)], mode));
    values.iter().map(read).collect::<Vec<_>>().join("\n")
}

#[test]
fn hooks_of_argo_cd() {
    let values = [
        "PreSync",
        "PreSync, PostSync,PreSync",
        "Skip",
        "presync",
        "PreSyc",
        "pre-install",
        "mine",
        "",
        ",",
    ];
    assert_snapshot!(each("argocd.argoproj.io/hook", &values, Mode::Native), @r#"
    PreSync: {"family":"argoCd","phases":["PreSync"],"words":["PreSync"]}
    PreSync, PostSync,PreSync: {"family":"argoCd","phases":["PreSync","PostSync"],"words":["PreSync","PostSync"]}
    Skip: {"family":"argoCd","words":["Skip"]}
    presync: job.yaml:6: `presync` is not a phase (did you mean `PreSync`?)
    PreSyc: job.yaml:6: `PreSyc` is not a phase (did you mean `PreSync`?)
    pre-install: job.yaml:6: `pre-install` is not a phase (that is Helm's value: write `PreSync`)
    mine: {"family":"argoCd","words":["mine"]}
    : job.yaml:6: `argocd.argoproj.io/hook` names no phase (write `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete` or `SyncFail`)
    ,: job.yaml:6: `argocd.argoproj.io/hook` names no phase (write `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete` or `SyncFail`)
    "#);
    assert_snapshot!(each("argocd.argoproj.io/hook", &values, Mode::ArgoCd), @r#"
    PreSync: {"family":"argoCd","phases":["PreSync"],"words":["PreSync"]}
    PreSync, PostSync,PreSync: {"family":"argoCd","phases":["PreSync","PostSync"],"words":["PreSync","PostSync"]}
    Skip: {"family":"argoCd","words":["Skip"]}
    presync: {"family":"argoCd","notices":["`presync` is not a phase; it is ignored (did you mean `PreSync`?)"],"words":["presync"]}
    PreSyc: {"family":"argoCd","notices":["`PreSyc` is not a phase; it is ignored (did you mean `PreSync`?)"],"words":["PreSyc"]}
    pre-install: {"family":"argoCd","notices":["`pre-install` is not a phase; it is ignored (that is Helm's value: write `PreSync`)"],"words":["pre-install"]}
    mine: {"family":"argoCd","words":["mine"]}
    : {"family":"argoCd","leftAlone":"`argocd.argoproj.io/hook` has no value that Argo CD knows","notices":["`argocd.argoproj.io/hook` names no phase; it is ignored (write `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete` or `SyncFail`)"],"words":["Skip"]}
    ,: {"family":"argoCd","leftAlone":"`argocd.argoproj.io/hook` has no value that Argo CD knows","notices":["`argocd.argoproj.io/hook` names no phase; it is ignored (write `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete` or `SyncFail`)"],"words":["Skip"]}
    "#);
}

#[test]
fn hooks_of_helm() {
    let values = [
        "pre-install",
        "pre-install,pre-upgrade",
        "pre-upgrade,post-install",
        "pre-delete",
        "test",
        "crd-install",
        "post-rollback,post-upgrade",
        "PreSync",
        "pre-instal",
        "test-failure",
        "test,test-failure",
    ];
    assert_snapshot!(each("helm.sh/hook", &values, Mode::Native), @r#"
    pre-install: {"family":"helm","phases":["PreSync"],"runIf":["first-install"],"words":["PreSync"]}
    pre-install,pre-upgrade: {"family":"helm","phases":["PreSync"],"runIf":["first-install","upgrade"],"words":["PreSync"]}
    pre-upgrade,post-install: {"family":"helm","phases":["PreSync","PostSync"],"runIfOfPhase":{"PostSync":["first-install"],"PreSync":["upgrade"]},"words":["PreSync","PostSync"]}
    pre-delete: {"family":"helm","phases":["PreDelete"],"words":["PreDelete"]}
    test: {"family":"helm","phases":["PostSync"],"runIf":["test"],"words":["PostSync"]}
    crd-install: {"notices":["helm.sh/hook: crd-install makes no hook; the object is applied like any other"]}
    post-rollback,post-upgrade: {"family":"helm","phases":["PostSync"],"runIf":["upgrade","rollback"],"words":["PostSync"]}
    PreSync: job.yaml:6: `PreSync` is not a Helm hook (that is Argo CD's value: write it into `argocd.argoproj.io/hook`)
    pre-instal: job.yaml:6: `pre-instal` is not a Helm hook (did you mean `pre-install`?)
    test-failure: {"family":"helm","mustFail":true,"phases":["PostSync"],"runIf":["test"],"words":["PostSync"]}
    test,test-failure: job.yaml:6: `test` expects the test to succeed and `test-failure` expects it to fail (keep one of the two)
    "#);
    assert_snapshot!(each("helm.sh/hook", &values, Mode::ArgoCd), @r#"
    pre-install: {"family":"helm","phases":["PreSync"],"words":["PreSync"]}
    pre-install,pre-upgrade: {"family":"helm","phases":["PreSync"],"words":["PreSync"]}
    pre-upgrade,post-install: {"family":"helm","phases":["PreSync","PostSync"],"words":["PreSync","PostSync"]}
    pre-delete: {"family":"helm","phases":["PreDelete"],"words":["PreDelete"]}
    test: {"family":"helm","leftAlone":"no value of `helm.sh/hook` applies to a sync","notices":["helm.sh/hook: test is ignored, as by Argo CD","no value of helm.sh/hook applies to a sync; the object is skipped"],"words":["Skip"]}
    crd-install: {"notices":["helm.sh/hook: crd-install makes no hook; the object is applied like any other"]}
    post-rollback,post-upgrade: {"family":"helm","notices":["helm.sh/hook: post-rollback is ignored, as by Argo CD"],"phases":["PostSync"],"words":["PostSync"]}
    PreSync: {"family":"helm","leftAlone":"no value of `helm.sh/hook` applies to a sync","notices":["`PreSync` is not a Helm hook; it is ignored (that is Argo CD's value: write it into `argocd.argoproj.io/hook`)","no value of helm.sh/hook applies to a sync; the object is skipped"],"words":["Skip"]}
    pre-instal: {"family":"helm","leftAlone":"no value of `helm.sh/hook` applies to a sync","notices":["`pre-instal` is not a Helm hook; it is ignored (did you mean `pre-install`?)","no value of helm.sh/hook applies to a sync; the object is skipped"],"words":["Skip"]}
    test-failure: {"family":"helm","leftAlone":"no value of `helm.sh/hook` applies to a sync","notices":["helm.sh/hook: test-failure is ignored, as by Argo CD","no value of helm.sh/hook applies to a sync; the object is skipped"],"words":["Skip"]}
    test,test-failure: {"family":"helm","leftAlone":"no value of `helm.sh/hook` applies to a sync","notices":["helm.sh/hook: test is ignored, as by Argo CD","helm.sh/hook: test-failure is ignored, as by Argo CD","no value of helm.sh/hook applies to a sync; the object is skipped"],"words":["Skip"]}
    "#);
}

#[test]
fn the_first_family_that_answers_wins_and_argo_cd_mixes() {
    let all = [
        ("capstan.dev/hook", "PreSync"),
        ("argocd.argoproj.io/hook", "PostSync"),
        ("helm.sh/hook", "post-delete"),
        ("capstan.dev/wave", "1"),
        ("argocd.argoproj.io/sync-wave", "2"),
        ("helm.sh/hook-weight", "3"),
        ("capstan.dev/delete-policy", "HookFailed"),
        ("argocd.argoproj.io/hook-delete-policy", "HookSucceeded"),
        ("helm.sh/hook-delete-policy", "before-hook-creation"),
    ];
    assert_snapshot!(native(&all), @r#"{"deletePolicies":["HookFailed"],"family":"capstan","notices":["read capstan.dev/hook; argocd.argoproj.io/hook beside it was ignored","read capstan.dev/hook; helm.sh/hook beside it was ignored","read capstan.dev/wave; argocd.argoproj.io/sync-wave beside it was ignored","read capstan.dev/wave; helm.sh/hook-weight beside it was ignored","read capstan.dev/delete-policy; argocd.argoproj.io/hook-delete-policy beside it was ignored","read capstan.dev/delete-policy; helm.sh/hook-delete-policy beside it was ignored"],"phases":["PreSync"],"wave":1,"words":["PreSync"]}"#);
    let others: Vec<(&str, &str)> = all
        .into_iter()
        .filter(|(name, _)| !name.starts_with("capstan"))
        .collect();
    assert_snapshot!(native(&others), @r#"{"deletePolicies":["HookSucceeded"],"family":"argoCd","notices":["read argocd.argoproj.io/hook; helm.sh/hook beside it was ignored","read argocd.argoproj.io/sync-wave; helm.sh/hook-weight beside it was ignored","read argocd.argoproj.io/hook-delete-policy; helm.sh/hook-delete-policy beside it was ignored"],"phases":["PostSync"],"wave":2,"words":["PostSync"]}"#);
    assert_snapshot!(argo(&others), @r#"{"deletePolicies":["HookSucceeded","BeforeHookCreation"],"family":"argoCd","notices":["read helm.sh/hook beside argocd.argoproj.io/hook for PostDelete, as Argo CD does","read argocd.argoproj.io/sync-wave; helm.sh/hook-weight beside it was ignored","joined argocd.argoproj.io/hook-delete-policy and helm.sh/hook-delete-policy, as Argo CD does"],"phases":["PostSync","PostDelete"],"wave":2,"words":["PostSync","PostDelete"]}"#);
    assert_snapshot!(argo(&[("argocd.argoproj.io/hook", "mine"), ("helm.sh/hook", "pre-install")]), @r#"{"family":"helm","notices":["read helm.sh/hook beside argocd.argoproj.io/hook for PreSync, as Argo CD does"],"phases":["PreSync"],"words":["mine","PreSync"]}"#);
}

#[test]
fn waves() {
    let values = ["-5", " 7 ", "+3", "first", "1.5", "2147483648", ""];
    assert_snapshot!(each("argocd.argoproj.io/sync-wave", &values, Mode::Native), @r#"
    -5: {"wave":-5}
     7 : {"wave":7}
    +3: {"wave":3}
    first: job.yaml:6: `first` is not a wave (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)
    1.5: job.yaml:6: `1.5` is not a wave (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)
    2147483648: job.yaml:6: `2147483648` is not a wave (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)
    : job.yaml:6: `argocd.argoproj.io/sync-wave` is empty (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)
    "#);
    assert_snapshot!(each("argocd.argoproj.io/sync-wave", &values, Mode::ArgoCd), @r#"
    -5: {"wave":-5}
     7 : {"notices":["` 7 ` is not a wave; it is ignored (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)"]}
    +3: {"wave":3}
    first: {"notices":["`first` is not a wave; it is ignored (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)"]}
    1.5: {"notices":["`1.5` is not a wave; it is ignored (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)"]}
    2147483648: {"notices":["the wave 2147483648 is out of range; 2147483647 is used"],"wave":2147483647}
    : {"notices":["`argocd.argoproj.io/sync-wave` is empty; it is ignored (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)"]}
    "#);
    assert_snapshot!(native(&[("helm.sh/hook-weight", "4")]), @r#"{"notices":["helm.sh/hook-weight is read for hooks only"]}"#);
    assert_snapshot!(argo(&[("helm.sh/hook-weight", "4")]), @r#"{"wave":4}"#);
    assert_snapshot!(native(&[("helm.sh/hook", "pre-install"), ("helm.sh/hook-weight", "4")]), @r#"{"family":"helm","phases":["PreSync"],"runIf":["first-install"],"wave":4,"words":["PreSync"]}"#);
    assert_snapshot!(argo(&[("capstan.dev/wave", "soon")]), @"job.yaml:6: `soon` is not a wave (a wave is a whole number from -2147483648 to 2147483647, as in `-1`, `0` or `5`)");
}

#[test]
fn delete_policies_are_judged_by_the_planner() {
    assert_snapshot!(each("helm.sh/hook-delete-policy", &["hook-succeeded,hook-failed", "hook-suceeded"], Mode::Native), @r#"
    hook-succeeded,hook-failed: {"deletePolicies":["HookSucceeded","HookFailed"]}
    hook-suceeded: job.yaml:6: `hook-suceeded` is not a delete policy of Helm (did you mean `hook-succeeded`?)
    "#);
    let wrong = |name: &str, word: &str| {
        let known = [
            "HookSucceeded",
            "HookFailed",
            "BeforeHookCreation",
            "acme/keep-two",
            "*",
        ];
        let known: Vec<String> = known.iter().map(|word| (*word).to_owned()).collect();
        describe(&unknown_policy_error(&job(&[(name, word)]), word, &known))
    };
    assert_snapshot!(wrong("argocd.argoproj.io/hook-delete-policy", "hooksucceeded"), @"job.yaml:6: `hooksucceeded` is not a delete policy (did you mean `HookSucceeded`?)");
    assert_snapshot!(wrong("capstan.dev/delete-policy", "acme/keep-three"), @"job.yaml:6: `acme/keep-three` is not a delete policy (did you mean `acme/keep-two`?)");
    assert_snapshot!(wrong("capstan.dev/delete-policy", "whatever"), @"job.yaml:6: `whatever` is not a delete policy (it can be `HookSucceeded`, `HookFailed`, `BeforeHookCreation` or `acme/keep-two`)");
}

#[test]
fn words_that_nobody_claims() {
    let wrong = |word: &str| {
        describe(&unknown_word_error(
            &job(&[("argocd.argoproj.io/hook", word)]),
            word,
            &["Canary".to_owned()],
        ))
    };
    assert_snapshot!(wrong("canari"), @"job.yaml:6: `canari` is not a phase, and no plugin claims it (did you mean `Canary`?)");
    assert_snapshot!(wrong("Nightly"), @"job.yaml:6: `Nightly` is not a phase, and no plugin claims it (it can be `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete`, `SyncFail`, `Skip` or `Canary`)");
}

#[test]
fn our_own_annotations() {
    let values = [
        ("capstan.dev/hook-type", vec!["http-check", " "]),
        ("capstan.dev/phase", vec!["PostSync", "postsync", "SyncFail"]),
        ("capstan.dev/ttl", vec!["600", "1h30m", "0", "soon"]),
        ("capstan.dev/ttl-failed", vec!["2d"]),
        ("capstan.dev/timeout", vec!["90s", "0"]),
        ("capstan.dev/on-timeout", vec!["continue", "go-on"]),
        ("capstan.dev/on-vanished", vec!["rerun", "reruns"]),
        ("capstan.dev/wait", vec!["none", "applied", "later"]),
        ("capstan.dev/degraded-grace", vec!["5m"]),
        ("capstan.dev/load-balancer", vec!["none", "maybe"]),
        ("capstan.dev/run-if", vec!["install", "never"]),
        ("capstan.dev/depends-on", vec!["Job/a, Job/b"]),
        ("capstan.dev/apply", vec!["if-not-present", "create"]),
        ("capstan.dev/propagation", vec!["orphan", "Foreground"]),
        ("capstan.dev/settings", vec!["{a: 1}", "", "[1]", "{"]),
        ("capstan.dev/tll", vec!["600"]),
        ("capstan.dev/colour", vec!["green"]),
    ];
    let read = values
        .iter()
        .map(|(name, values)| format!("{name}\n{}", each(name, values, Mode::Native)));
    assert_snapshot!(read.collect::<Vec<_>>().join("\n"), @r#"
    capstan.dev/hook-type
    http-check: {"hookType":"http-check"}
     : job.yaml:6: `capstan.dev/hook-type` is empty (write the name of a hook type)
    capstan.dev/phase
    PostSync: {"phase":"PostSync"}
    postsync: job.yaml:6: `postsync` is not a phase (did you mean `PostSync`?)
    SyncFail: job.yaml:6: `SyncFail` is not a value of `capstan.dev/phase` (it can be `PreSync`, `Sync` or `PostSync`)
    capstan.dev/ttl
    600: {"notices":["capstan.dev/ttl has no effect on an object that is not a hook"],"ttl":{"afterFinished":600}}
    1h30m: {"notices":["capstan.dev/ttl has no effect on an object that is not a hook"],"ttl":{"afterFinished":5400}}
    0: {"notices":["capstan.dev/ttl has no effect on an object that is not a hook"],"ttl":{"afterFinished":0}}
    soon: job.yaml:6: `soon` is not a duration for `capstan.dev/ttl` (write seconds or whole units, as in `600`, `10m`, `1h30m` or `2d`)
    capstan.dev/ttl-failed
    2d: {"notices":["capstan.dev/ttl-failed has no effect on an object that is not a hook"],"ttl":{"failed":172800}}
    capstan.dev/timeout
    90s: {"timeoutSeconds":90}
    0: job.yaml:6: `capstan.dev/timeout` can't be zero (leave it out if there is no limit)
    capstan.dev/on-timeout
    continue: {"onTimeout":"continue"}
    go-on: job.yaml:6: `go-on` is not a value of `capstan.dev/on-timeout` (it can be `fail` or `continue`)
    capstan.dev/on-vanished
    rerun: {"notices":["capstan.dev/on-vanished has no effect on an object that is not a hook"],"onVanished":"rerun"}
    reruns: job.yaml:6: `reruns` is not a value of `capstan.dev/on-vanished` (did you mean `rerun`?)
    capstan.dev/wait
    none: {"wait":"nothing"}
    applied: {"wait":"applied"}
    later: job.yaml:6: `later` is not a value of `capstan.dev/wait` (it can be `none`, `applied` or `healthy`)
    capstan.dev/degraded-grace
    5m: {"degradedGraceSeconds":300}
    capstan.dev/load-balancer
    none: {"notices":["capstan.dev/load-balancer has no effect on an object that is neither a Service nor an Ingress"]}
    maybe: job.yaml:6: `maybe` is not a value of `capstan.dev/load-balancer` (it can be `expected` or `none`)
    capstan.dev/run-if
    install: {"notices":["capstan.dev/run-if has no effect on an object that is not a hook"],"runIf":["first-install"]}
    never: job.yaml:6: `never` is not a value of `capstan.dev/run-if` (it can be `always`, `changed`, `first-install`, `upgrade`, `rollback`, `test` or `install`)
    capstan.dev/depends-on
    Job/a, Job/b: {"dependsOn":["Job/a","Job/b"]}
    capstan.dev/apply
    if-not-present: {"apply":"ifNotPresent"}
    create: job.yaml:6: `create` is not a value of `capstan.dev/apply` (it can be `merge`, `override`, `if-not-present` or `ignore`)
    capstan.dev/propagation
    orphan: {"propagation":"Orphan"}
    Foreground: {"propagation":"Foreground"}
    capstan.dev/settings
    {a: 1}: {"settings":{"a":1}}
    : {}
    [1]: job.yaml:6: the settings in `capstan.dev/settings` can't be read: this is not a mapping (write a mapping in YAML or JSON, as in `{"url": "http://shop/health"}`)
    {: job.yaml:6: the settings in `capstan.dev/settings` can't be read: this can't be read as YAML: a bracket isn't closed before the end (write a mapping in YAML or JSON, as in `{"url": "http://shop/health"}`)
    capstan.dev/tll
    600: job.yaml:6: there is no annotation `capstan.dev/tll` (did you mean `capstan.dev/ttl`?)
    capstan.dev/colour
    green: job.yaml:6: there is no annotation `capstan.dev/colour` (there is `capstan.dev/hook`, `capstan.dev/hook-type`, `capstan.dev/phase`, `capstan.dev/wave`, `capstan.dev/delete-policy`, `capstan.dev/ttl`, `capstan.dev/ttl-failed`, `capstan.dev/timeout`, `capstan.dev/on-timeout`, `capstan.dev/on-vanished`, `capstan.dev/wait`, `capstan.dev/degraded-grace`, `capstan.dev/load-balancer`, `capstan.dev/run-if`, `capstan.dev/run-if-inputs`, `capstan.dev/depends-on`, `capstan.dev/ignore-differences`, `capstan.dev/apply`, `capstan.dev/propagation`, `capstan.dev/settings` or `capstan.dev/lint-ignore`)
    "#);
    // Argo CD has no opinion on ours.
    assert_snapshot!(argo(&[("capstan.dev/timeout", "soon")]), @"job.yaml:6: `soon` is not a duration for `capstan.dev/timeout` (write seconds or whole units, as in `600`, `10m`, `1h30m` or `2d`)");
    assert_snapshot!(native(&[("capstan.dev/phase", "PreSync"), ("capstan.dev/hook", "PreSync")]), @"job.yaml:6: `capstan.dev/phase` is for objects that are not hooks, and this is one (write the phase into `capstan.dev/hook`)");
}

#[test]
fn options_of_argo_cd_and_the_resource_policy_of_helm() {
    let values = [
        "Prune=false,Delete=confirm",
        "PruneLast=true,Replace=true,Force=true,ServerSideApply=true,Validate=false,SkipDryRunOnMissingResource=true",
        "Prune=no",
        "prune=false",
        "CreateNamespace=true",
        "Prune=false,Prune=true",
        "Colour=green",
    ];
    assert_snapshot!(each("argocd.argoproj.io/sync-options", &values, Mode::Native), @r#"
    Prune=false,Delete=confirm: {"delete":"confirm","prune":"no"}
    PruneLast=true,Replace=true,Force=true,ServerSideApply=true,Validate=false,SkipDryRunOnMissingResource=true: {"force":true,"pruneLast":true,"replace":true,"serverSide":true,"skipDryRunOnMissing":true,"skipValidation":true}
    Prune=no: job.yaml:6: the sync option `Prune` can't be `no` (it can be `true`, `false` or `confirm`)
    prune=false: job.yaml:6: there is no sync option `prune` (did you mean `Prune`?)
    CreateNamespace=true: {"notices":["argocd.argoproj.io/sync-options: CreateNamespace is an option of applications; on an object it has no effect"]}
    Prune=false,Prune=true: {"notices":["argocd.argoproj.io/sync-options has Prune twice; the first one counts"],"prune":"no"}
    Colour=green: {"notices":["argocd.argoproj.io/sync-options: Colour is not known and ignored"]}
    "#);
    assert_snapshot!(each("argocd.argoproj.io/sync-options", &values[2..4], Mode::ArgoCd), @r#"
    Prune=no: {"notices":["the sync option `Prune` can't be `no`; it is ignored (it can be `true`, `false` or `confirm`)"]}
    prune=false: {"notices":["there is no sync option `prune`; it is ignored (did you mean `Prune`?)"]}
    "#);
    assert_snapshot!(each("helm.sh/resource-policy", &["keep", "delete", ""], Mode::Native), @r#"
    keep: {"delete":"no","prune":"no"}
    delete: {}
    : {}
    "#);
    assert_snapshot!(argo(&[("helm.sh/resource-policy", "keep")]), @r#"{"delete":"no"}"#);
}

#[test]
fn misspelt_names_are_found_and_those_of_others_left_alone() {
    let names = [
        "argocd.argoproj.io/hooks",
        "argocd.argoproj.io/sync-waves",
        "argocd.argoproj.io/hook-deletion-policy",
        "argocd.argoproj.io/tracking-id",
        "argocd.argoproj.io/compare-options",
        "helm.sh/hook-wait",
        "helm.sh/chart",
        "example.com/hook",
    ];
    let read = names.iter().map(|name| format!("{name}: {}", native(&[(name, "x")])));
    assert_snapshot!(read.collect::<Vec<_>>().join("\n"), @"
    argocd.argoproj.io/hooks: job.yaml:6: there is no annotation `argocd.argoproj.io/hooks` (did you mean `argocd.argoproj.io/hook`?)
    argocd.argoproj.io/sync-waves: job.yaml:6: there is no annotation `argocd.argoproj.io/sync-waves` (did you mean `argocd.argoproj.io/sync-wave`?)
    argocd.argoproj.io/hook-deletion-policy: job.yaml:6: there is no annotation `argocd.argoproj.io/hook-deletion-policy` (did you mean `argocd.argoproj.io/hook-delete-policy`?)
    argocd.argoproj.io/tracking-id: {}
    argocd.argoproj.io/compare-options: {}
    helm.sh/hook-wait: job.yaml:6: there is no annotation `helm.sh/hook-wait` (did you mean `helm.sh/hook-weight`?)
    helm.sh/chart: {}
    example.com/hook: {}
    ");
}

#[test]
fn a_hook_document_names_its_type_and_settings_in_its_spec() {
    let text = "apiVersion: capstan.dev/v1\nkind: Hook\nmetadata:\n  name: up\n  annotations: {capstan.dev/hook: PostSync}\nspec:\n  type: http-check\n  settings: {url: http://shop}\n";
    let found =
        read_directives(&manifest::decode("a.yaml", text).expect("a manifest")[0], Mode::Native).expect("directives");
    assert_eq!(found.hook_type.as_deref(), Some("http-check"));
    assert_eq!(found.settings.get("url"), Some(&json!("http://shop")));
    let text = text.replace("{url: http://shop}", "soon");
    let wrong = read_directives(&manifest::decode("a.yaml", &text).expect("a manifest")[0], Mode::Native);
    assert_snapshot!(describe(&wrong.expect_err("an error")[0]), @"a.yaml:8: `spec.settings` of a hook must be a mapping (write keys and values below it, as in `settings: {url: http://shop/health}`)");
}

#[test]
fn the_table_has_every_annotation_that_is_read() {
    let source = [
        include_str!("../directive.rs"),
        include_str!("family.rs"),
        include_str!("options.rs"),
        include_str!("reader.rs"),
        include_str!("values.rs"),
    ];
    for row in ANNOTATIONS {
        let short = row.name.trim_start_matches("capstan.dev/");
        let is_read = source
            .iter()
            .any(|text| text.contains(&format!("\"{short}\"")) || text.contains(row.name));
        assert!(is_read, "{} is read nowhere", row.name);
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(
        names in proptest::collection::vec(0..ANNOTATIONS.len(), 0..6),
        values in proptest::collection::vec("[ -~]{0,20}|PreSync|Skip|-1|keep|Prune=false|10m|\\{a: 1\\}", 6),
        mode in prop_oneof![Just(Mode::Native), Just(Mode::ArgoCd)],
    ) {
        let mut annotations: Vec<(&str, &str)> = Vec::new();
        for (name, value) in names.iter().zip(&values) {
            let name = ANNOTATIONS[*name].name;
            if !annotations.iter().any(|(known, _)| *known == name) {
                annotations.push((name, value));
            }
        }
        match read_directives(&job(&annotations), mode) {
            Ok(found) => prop_assert!(found.is_hook() || found.phases.is_empty()),
            Err(errors) => prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.place.is_some())),
        }
    }
}
