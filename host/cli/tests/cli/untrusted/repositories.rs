//! Git repositories: no configuration, hook or filter of theirs counts.

use std::{fs, process::Command};

use super::{SETTINGS, Victim};

#[test]
fn a_bare_repository_among_the_files_is_not_asked_anything() {
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = \"touch {}; false\"\n",
        "PWNED"
    );
    let victim = Victim::new(&[
        ("deploy/settings.yaml", SETTINGS),
        ("deploy/HEAD", "0123456789abcdef0123456789abcdef01234567\n"),
        ("deploy/config", &config),
        ("deploy/objects/keep", ""),
        ("deploy/refs/keep", ""),
    ]);
    let commit = victim.commit();
    assert_eq!(victim.looked_at("deploy"), commit);
    assert!(!victim.is_owned(), "looking at the folder ran its command");
    let mut git = Command::new("git");
    git.args(["-c", "safe.bareRepository=all", "status"])
        .current_dir(victim.path("tree/deploy"));
    git.output().unwrap();
    assert!(
        victim.is_owned(),
        "git itself would run it; else this test shows nothing"
    );
}

#[test]
fn nothing_that_a_repositorys_configuration_names_is_run() {
    let victim = Victim::new(&[
        ("deploy/settings.yaml", SETTINGS),
        (".gitattributes", "*.yaml filter=evil diff=evil\n"),
    ]);
    let commit = victim.commit();
    assert_eq!(victim.looked_at("deploy"), commit);
    let touch = format!("touch {}/PWNED", victim.0.path().display());
    for hook in [
        "post-index-change",
        "fsmonitor-watchman",
        "pre-auto-gc",
        "reference-transaction",
    ] {
        victim.script(&format!("tree/.git/hooks/{hook}"), &touch);
    }
    victim.file(
        "tree/.git/included",
        &format!("[core]\n\tfsmonitor = \"{touch}; false\"\n"),
    );
    victim.file("tree/.git/info/attributes", "* filter=evil\n");
    let config = format!(
        "[filter \"evil\"]\n\tclean = \"{touch}; cat\"\n\tsmudge = \"{touch}; cat\"\n\tprocess = \"{touch}\"\n\trequired = true\n\
         [diff \"evil\"]\n\ttextconv = \"{touch}; cat\"\n\tcommand = \"{touch}\"\n[diff]\n\texternal = \"{touch}\"\n\
         [core]\n\tsshCommand = \"{touch}\"\n\tpager = \"{touch}\"\n\talternateRefsCommand = \"{touch}\"\n\
         [alias]\n\tstatus = \"!{touch}\"\n\tls-files = \"!{touch}\"\n[include]\n\tpath = included\n[status]\n\tsubmoduleSummary = true\n"
    );
    let mut whole = fs::read_to_string(victim.path("tree/.git/config")).unwrap();
    whole.push_str(&config);
    victim.file("tree/.git/config", &whole);
    // Now git has to look into the file, through the filter.
    victim.file("tree/deploy/settings.yaml", &format!("{SETTINGS}data: {{}}\n"));
    assert_eq!(victim.looked_at("deploy"), format!("{commit}-dirty"));
    victim.file("tree/deploy/settings.yaml", SETTINGS);
    assert_eq!(victim.looked_at("deploy"), commit);
    assert!(!victim.is_owned(), "looking at the folder ran something of it");
    Command::new("git")
        .arg("status")
        .current_dir(victim.tree())
        .output()
        .unwrap();
    assert!(
        victim.is_owned(),
        "git itself would run it; else this test shows nothing"
    );
}

#[test]
fn a_submodule_is_looked_at_without_its_configuration() {
    let victim = Victim::new(&[("settings.yaml", SETTINGS)]);
    victim.commit();
    fs::rename(victim.tree(), victim.path("module")).unwrap();
    victim.file("tree/deploy/settings.yaml", SETTINGS);
    let module = victim.path("module").display().to_string();
    victim.git(&["init", "-q"]);
    victim.git(&["submodule", "--quiet", "add", &module, "deploy/module"]);
    let commit = victim.commit();
    let looked = || victim.looked_at("deploy");
    assert_eq!(looked(), commit);
    let mut config = fs::read_to_string(victim.path("tree/.git/modules/deploy/module/config")).unwrap();
    let touch = format!("touch {}/PWNED", victim.0.path().display());
    config.push_str(&format!("[core]\n\tfsmonitor = \"{touch}; false\"\n"));
    victim.file("tree/.git/modules/deploy/module/config", &config);
    victim.file("tree/deploy/module/settings.yaml", &format!("{SETTINGS}data: {{}}\n"));
    assert_eq!(looked(), format!("{commit}-dirty"), "what is in a submodule counts");
    assert!(
        !victim.is_owned(),
        "looking at the folder ran something of its submodule"
    );
}

#[test]
fn the_environment_of_a_git_hook_names_no_other_repository() {
    let victim = Victim::new(&[("deploy/settings.yaml", SETTINGS)]);
    victim.commit();
    let mut command = victim.command("plan -f deploy --simulate");
    command
        .env("GIT_DIR", victim.path("outside"))
        .env("GIT_CONFIG_COUNT", "1");
    command
        .env("GIT_CONFIG_KEY_0", "core.fsmonitor")
        .env("GIT_CONFIG_VALUE_0", "touch PWNED; false");
    assert!(command.output().unwrap().status.success());
    assert!(!victim.is_owned());
}
