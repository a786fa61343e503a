//! Paths and links that lead out of the work tree.

use std::{fs, os::unix::fs::symlink, process::Command};

use super::{SECRET, SETTINGS, Victim};

#[test]
fn a_link_out_of_the_tree_is_not_read() {
    for is_git in [false, true] {
        let victim = Victim::new(&[("deploy/settings.yaml", SETTINGS)]);
        symlink(victim.path("outside/secret.yaml"), victim.path("tree/deploy/a.yaml")).unwrap();
        if is_git {
            victim.commit();
        }
        let place = if is_git { "the Git work tree" } else { "the folder" };
        for words in ["lint -f deploy", "plan -f . -R --app shop --simulate"] {
            victim.refused(
                words,
                &[
                    "deploy/a.yaml leads outside",
                    place,
                    "move it inside, or allow it with `--allow-outside-tree`",
                ],
            );
        }
        let allowed = victim.run("lint -f deploy --allow-outside-tree");
        assert!(allowed.all().contains("--> deploy/a.yaml:1\n"), "{}", allowed.all());
        assert!(
            !allowed.all().contains(SECRET),
            "its lines are not shown: {}",
            allowed.all()
        );
    }
    // A link that stays inside is like any other file.
    let victim = Victim::new(&[("common/settings.yaml", SETTINGS)]);
    fs::create_dir(victim.path("tree/deploy")).unwrap();
    symlink("../common/settings.yaml", victim.path("tree/deploy/a.yaml")).unwrap();
    assert_eq!(victim.run("lint -f deploy").code, 0);
    // What the user typed is the user's, wherever it is.
    victim.file("outside/settings.yaml", SETTINGS);
    assert_eq!(victim.run("lint -f ../outside/settings.yaml").code, 0);
}

#[test]
fn a_link_that_was_typed_is_the_users_only_where_the_user_made_it() {
    let victim = Victim::new(&[]);
    symlink(victim.path("outside/secret.yaml"), victim.path("tree/a.yaml")).unwrap();
    symlink(victim.path("outside"), victim.path("tree/all")).unwrap();
    let output = victim.run("lint -f a.yaml");
    assert!(output.code == 2 && !output.all().contains(SECRET), "{}", output.all());
    victim.commit();
    victim.refused("lint -f a.yaml", &["a.yaml leads outside the Git work tree"]);
    victim.refused("lint -f all", &["all leads outside the Git work tree"]);
    victim.refused(
        "lint -f all/secret.yaml",
        &["all/secret.yaml leads outside the Git work tree"],
    );
    fs::remove_file(victim.path("tree/a.yaml")).unwrap();
    symlink(victim.path("outside/secret.yaml"), victim.path("tree/capstan.yaml")).unwrap();
    victim.refused("plan --simulate", &["capstan.yaml leads outside the Git work tree"]);
    victim.refused(
        "plan -f . --simulate",
        &["capstan.yaml leads outside the Git work tree"],
    );
    victim.refused(
        "plan --argocd-application capstan.yaml --simulate",
        &["leads outside the Git work tree"],
    );
}

#[test]
fn a_pipe_in_a_folder_is_not_waited_for() {
    let victim = Victim::new(&[("deploy/settings.yaml", SETTINGS)]);
    let made = Command::new("mkfifo").arg(victim.path("tree/deploy/a.yaml")).status();
    assert!(made.unwrap().success());
    victim.refused(
        "lint -f deploy",
        &["deploy/a.yaml can't be read: it is not a regular file"],
    );
}

#[test]
fn what_capstan_yaml_names_stays_in_the_tree() {
    let chart = ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n");
    for (yaml, at, path) in [
        ("sources: [{ path: ../outside }]", 1, "../outside"),
        ("sources:\n- path: /etc", 2, "/etc"),
        ("sources:\n- kustomization: ../outside", 2, "../outside"),
        ("sources:\n- chart: ../outside", 2, "../outside"),
        (
            "sources:\n- chart: chart\n  valueFiles: [ok.yaml, ../outside/secret.yaml]",
            3,
            "../outside/secret.yaml",
        ),
        ("sources:\n- chart: chart\n  setFile: [a=/etc/passwd]", 3, "/etc/passwd"),
        (
            "applications:\n- name: a\n  sources:\n  - path: ../outside",
            4,
            "../outside",
        ),
        (
            "argocdApplications: [../outside/secret.yaml]",
            1,
            "../outside/secret.yaml",
        ),
        (
            "sources: [{ path: deploy }]\nplugins: [../outside/secret.yaml]",
            2,
            "../outside/secret.yaml",
        ),
        (
            "sources: [{ path: deploy }]\npluginSignatures:\n- source: '*'\n  anyOf: [{ key: ../outside/secret.yaml }]",
            4,
            "../outside/secret.yaml",
        ),
        ("sources:\n- path: linked", 2, "linked"),
    ] {
        let victim = Victim::new(&[
            chart,
            ("ok.yaml", ""),
            ("deploy/a.yaml", SETTINGS),
            ("capstan.yaml", yaml),
        ]);
        symlink(victim.path("outside"), victim.path("tree/linked")).unwrap();
        let error = format!("error: {path} leads outside the folder ");
        victim.refused("plan --simulate", &[&error, &format!("--> capstan.yaml:{at}\n")]);
    }
    // Other commands don't read the sources, and need no flag.
    let victim = Victim::new(&[("capstan.yaml", "name: shop\nsources: [{ path: ../outside/ok }]\n")]);
    victim.file("outside/ok/a.yaml", SETTINGS);
    assert_eq!(victim.run("plan --simulate --allow-outside-tree").code, 0);
    let status = victim.run("status --simulate");
    assert!(!status.err.contains("leads outside"), "{}", status.all());
}

#[test]
fn what_an_application_names_stays_in_the_tree() {
    let head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: { name: shop }\nspec:\n  source:\n    repoURL: https://a/b\n";
    for (spec, at, error) in [
        ("    path: ../outside", 7, "../outside leads outside"),
        ("    path: linked", 7, "linked leads outside"),
        (
            "    path: chart\n    helm:\n      valueFiles: [../../outside/secret.yaml]",
            9,
            "outside/secret.yaml leads outside",
        ),
        (
            "    path: chart\n    helm:\n      fileParameters: [{ name: a, path: ../../outside/secret.yaml }]",
            9,
            "outside/secret.yaml leads outside",
        ),
        (
            "    path: chart\n    helm:\n      fileParameters: [{ name: 'a=/etc/passwd,b', path: ok.yaml }]",
            9,
            "must be one key and one file",
        ),
        (
            "    path: chart\n    helm:\n      fileParameters: [{ name: a, path: 'ok.yaml,b=/etc/passwd' }]",
            9,
            "must be one key and one file",
        ),
        (
            "    path: chart\n    helm:\n      valueFiles: ['secrets://x']",
            9,
            "files can't be read from `secrets:`",
        ),
        (
            "    path: chart\n    helm:\n      releaseName: '--post-renderer=./evil.sh'",
            9,
            "`--post-renderer=./evil.sh` is not a release name",
        ),
        ("    chart: --output-dir=x", 7, "`--output-dir=x` begins with `-`"),
    ] {
        let chart = ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n");
        let victim = Victim::new(&[chart, ("chart/ok.yaml", ""), ("app.yaml", &format!("{head}{spec}\n"))]);
        symlink(victim.path("outside"), victim.path("tree/linked")).unwrap();
        let place = format!("--> app.yaml:{at}\n");
        victim.refused("plan --argocd-application app.yaml --simulate", &[error, &place]);
    }
}

#[test]
fn a_chart_with_a_link_out_of_the_tree_is_not_rendered() {
    let victim = Victim::new(&[("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n")]);
    fs::create_dir(victim.path("tree/chart/templates")).unwrap();
    symlink(victim.path("outside"), victim.path("tree/chart/templates/more")).unwrap();
    victim.refused(
        "plan -f chart --simulate",
        &["chart/templates/more leads outside the folder"],
    );
}
