//! What the command writes: files that are whole and for their owner alone, and output that isn't lost in silence.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Stdio,
};

use crate::support::{CommandOutput, capstan, run};

const SET: &str = "tests/example/echo";

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_saved_plan_and_a_state_touch_no_other_file_and_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["p.new", "p.json.new", "st.new", "st.json.new"] {
        fs::write(at(name), "mine").unwrap();
    }
    let (plan, state) = (at("p.json"), at("st.json"));
    let words = format!(
        "plan -f {SET} --simulate --state {} --save {}",
        state.display(),
        plan.display()
    );
    let output = run(&words);
    assert_eq!(output.code, 0, "{}", output.all());
    let output = run(&format!("sync -f {SET} --simulate --state {}", state.display()));
    assert_eq!(output.code, 0, "{}", output.all());
    assert_eq!((mode(&plan), mode(&state)), (0o600, 0o600));
    for name in ["p.new", "p.json.new", "st.new", "st.json.new"] {
        assert_eq!(fs::read_to_string(at(name)).unwrap(), "mine", "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
}

#[test]
fn a_link_that_was_planted_for_a_plan_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (victim, plan) = (folder.path().join("victim"), folder.path().join("p.json"));
    fs::write(&victim, "theirs").unwrap();
    symlink(&victim, &plan).unwrap();
    let output = run(&format!("plan -f {SET} --simulate --save {}", plan.display()));
    assert_eq!(output.code, 0, "{}", output.all());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
    assert!(fs::symlink_metadata(&plan).unwrap().is_file());
}

fn with_stdout(words: &str, out: Stdio) -> CommandOutput {
    let child = capstan(words).stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn output_that_can_not_be_written_has_an_exit_code_of_its_own() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for words in [
        format!("plan -f {SET} --simulate -o json"),
        format!("plan -f {SET} --simulate"),
        format!("sync -f {SET} --simulate -o jsonl"),
        "--help".to_owned(),
        "completion bash".to_owned(),
    ] {
        let output = with_stdout(&words, full());
        assert_eq!(output.code, 18, "{words}: {}", output.all());
        let warnings = output
            .err
            .matches("error: the output can't be written: No space left on device")
            .count();
        assert_eq!(warnings, 1, "{words}: {}", output.all());
    }
    // What failed anyway says so.
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(
        &scenario,
        "behaviours: [{ match: { image: 'nowhere/*' }, image-pull: error }]\n",
    )
    .unwrap();
    let words = format!(
        "sync -f tests/fixtures/sets/pods-image --simulate={}",
        scenario.display()
    );
    let output = with_stdout(&words, full());
    assert_eq!(output.code, 10, "{}", output.all());
}

#[test]
fn a_reader_that_has_gone_is_no_mistake() {
    for words in [format!("plan -f {SET} --simulate -o json"), "--help".to_owned()] {
        let mut child = capstan(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output: CommandOutput = child.wait_with_output().unwrap().into();
        assert_eq!(
            (output.code, output.err.contains("can't be written")),
            (0, false),
            "{words}: {}",
            output.all()
        );
    }
}
