//! Reading and rendering under one deadline: charts, git and standard input, and what is left when the user doesn't wait for it.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    sources::Programs,
    support::{CommandOutput, Running},
};

/// What helm prints, as a shell command without programs from `PATH`.
const MANIFEST: &str = "printf -- 'apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  generateName: a-\\n  annotations: {argocd.argoproj.io/hook: PreSync}\\n'";

/// Makes a folder with charts of these names.
fn charts(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::create_dir(folder.path().join(name)).unwrap();
        let chart = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        fs::write(folder.path().join(name).join("Chart.yaml"), chart).unwrap();
    }
    folder
}

#[test]
fn charts_that_are_fast_enough_alone_are_too_slow_together() {
    let programs = Programs::none().script("helm", &format!("/bin/sleep 3; {MANIFEST}"));
    let folder = charts(&["first", "second"]);
    let dir = folder.path().display();
    let words = format!("plan --app shop --chart {dir}/first --chart {dir}/second --simulate --render-timeout 5s");
    let began = Instant::now();
    let output: CommandOutput = programs.command(&words).output().unwrap().into();
    let output = output.with_dir(&dir.to_string());
    assert_eq!(
        output.all(),
        "error: helm can't render the chart DIR/second: it was stopped because reading and rendering may take 5.0s in all\n  \
           hint: `--render-timeout` allows more time\n[exit code 2]"
    );
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_git_that_hangs_is_cut_off_by_the_same_deadline() {
    let programs = Programs::none().script("git", "exec /bin/sleep 600");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::write(root.join(".git/HEAD"), format!("{}\n", "a".repeat(40))).unwrap();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
    fs::write(root.join("settings.yaml"), manifest).unwrap();
    let dir = root.display();
    let words = format!("plan --app shop -f {dir}/settings.yaml --simulate --render-timeout 2s");
    let output: CommandOutput = programs.command(&words).output().unwrap().into();
    let output = output.with_dir(&dir.to_string());
    assert_eq!(
        output.all(),
        "error: git can't compare DIR with its commit: it was stopped because reading and rendering may take 2.0s in all\n  \
           hint: `--render-timeout` allows more time\n[exit code 2]"
    );
}

#[test]
fn standard_input_that_never_ends_is_cut_off_by_the_same_deadline() {
    let mut command = Programs::none().command("plan --app shop -f - --simulate --render-timeout 1s");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let open = child.stdin.take();
    let output: CommandOutput = child.wait_with_output().unwrap().into();
    drop(open);
    assert_eq!(
        output.all(),
        "error: - can't be read: it was stopped because reading and rendering may take 1.0s in all\n  \
           hint: `--render-timeout` allows more time\n[exit code 2]"
    );
}

#[test]
fn a_signal_while_charts_are_rendered_leaves_no_program() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = charts(&["shop"]);
        let dir = folder.path().display();
        // What helm starts is in its process group, and would outlive it.
        let script = format!("/bin/sleep 600 & echo $! >{dir}/new; /bin/mv {dir}/new {dir}/pid; wait");
        let programs = Programs::none().script("helm", &script);
        let words = format!("plan --chart {dir}/shop --simulate");
        let mut running = Running::start(programs.command(&words));
        let pid = eventually(|| fs::read_to_string(folder.path().join("pid")).ok());
        running.signal(signal);
        assert_eq!(running.code(), code);
        eventually(|| has_ended(pid.trim()).then_some(()));
    }
}

/// Asks until there is an answer.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "it never happens");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says whether a process is gone or a zombie.
fn has_ended(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}
