//! `capstan plugin test`: cases that pass, fail, and are recorded.

use std::fs;

use insta::assert_snapshot;

use super::folder;
use crate::support::{CommandOutput, project, run, run_in};

#[test]
fn the_plugins_of_this_repository_pass_their_cases() {
    for plugin in capstan_bundle::ALL {
        let cases = format!("plugins/{}/cases", plugin.name);
        let output = run(&format!("plugin test {} --cases {cases}", plugin.name));
        assert_eq!(output.code, 0, "{}", output.all());
    }
    let further = ["approval", "http-check", "keep-last", "scale"];
    let folder = folder(&further);
    for name in further {
        let output = run_in(
            folder.path(),
            &format!("plugin test DIR/{name}.wasm --cases plugins/{name}/cases"),
        );
        assert_eq!(output.code, 0, "{}", output.all());
    }
}

/// Cases of which each goes wrong in its own way.
const WRONG: &str = r#"
another answer:
  hook: { settings: { url: "https://api.example.com" } }
  steps:
    - expect:
        progress: running
        message: calling it
        asks: [{ id: 1, http: { method: POST, url: "https://api.example.com" } }]

nobody asked:
  hook: { settings: { url: "https://api.example.com" } }
  steps:
    - expect: { progress: running }
    - see: { kind: signal, by: alice }
      expect: { progress: failed }

too late:
  hook: { settings: { url: "https://api.example.com", interval: 5s } }
  steps:
    - expect: { progress: running }
    - see: { kind: http, status: 503 }
      expect: { wake-after-ms: 5000 }
    - after: 6s
      see: { kind: http, status: 200 }
      expect: { progress: succeeded }

after the end:
  hook: { settings: { url: "https://api.example.com" } }
  steps:
    - expect: { progress: running }
    - see: { kind: http, status: 200 }
      expect: { progress: succeeded }
    - see: woke

nothing expected:
  place: { settings: { url: "https://api.example.com" } }

good:
  place: { settings: { url: "https://api.example.com" } }
  expect: { run: { phases: [PreSync], object: none } }
"#;

#[test]
fn a_case_that_fails_says_where_and_in_what() {
    let folder = folder(&["http-check"]);
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::write(folder.path().join("cases/wrong.yaml"), WRONG).unwrap();
    let output = run_in(folder.path(), "plugin test DIR/http-check.wasm --junit DIR/report.xml");
    assert_snapshot!(output.all(), @"
    FAILED DIR/cases/wrong.yaml: another answer
        --> DIR/cases/wrong.yaml:5
          asks[0].http.method
            - POST
            + GET
          message
            - calling it
            + calling https://api.example.com
    FAILED DIR/cases/wrong.yaml: nobody asked
        --> DIR/cases/wrong.yaml:14
          none of its requests is answered with `signal`: under way are 1 (http GET https://api.example.com)
    FAILED DIR/cases/wrong.yaml: too late
        --> DIR/cases/wrong.yaml:23
          its wake-up comes first, after 5s: write `- see: woke` before
    FAILED DIR/cases/wrong.yaml: after the end
        --> DIR/cases/wrong.yaml:33
          the hook has succeeded: no more steps may follow
    FAILED DIR/cases/wrong.yaml: nothing expected
        --> DIR/cases/wrong.yaml:35
          nothing is expected
          hint: write `expect`, or let `--record` do it
    ok     DIR/cases/wrong.yaml: good

    http-check: 1 of 6 cases passed, 8 calls
    (- is what was expected, + what was answered)
    [exit code 1]
    ");
    let report = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let report = report.replace(&folder.path().display().to_string(), "DIR");
    let mut is_time = false;
    // Times differ from run to run.
    let pieces = report.split('"').map(|piece| {
        let shown = if is_time { "TIME" } else { piece };
        is_time = piece.ends_with("time=");
        shown
    });
    assert_snapshot!(pieces.collect::<Vec<_>>().join("\""), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites tests="6" failures="5" errors="0" time="TIME">
      <testsuite name="http-check" tests="6" failures="5" errors="0" time="TIME">
        <testcase classname="http-check" name="another answer" file="DIR/cases/wrong.yaml" time="TIME">
          <failure message="asks[0].http.method">  --&gt; DIR/cases/wrong.yaml:5
        asks[0].http.method
          - POST
          + GET
        message
          - calling it
          + calling https://api.example.com
    </failure>
        </testcase>
        <testcase classname="http-check" name="nobody asked" file="DIR/cases/wrong.yaml" time="TIME">
          <failure message="none of its requests is answered with `signal`: under way are 1 (http GET https://api.example.com)">  --&gt; DIR/cases/wrong.yaml:14
        none of its requests is answered with `signal`: under way are 1 (http GET https://api.example.com)
    </failure>
        </testcase>
        <testcase classname="http-check" name="too late" file="DIR/cases/wrong.yaml" time="TIME">
          <failure message="its wake-up comes first, after 5s: write `- see: woke` before">  --&gt; DIR/cases/wrong.yaml:23
        its wake-up comes first, after 5s: write `- see: woke` before
    </failure>
        </testcase>
        <testcase classname="http-check" name="after the end" file="DIR/cases/wrong.yaml" time="TIME">
          <failure message="the hook has succeeded: no more steps may follow">  --&gt; DIR/cases/wrong.yaml:33
        the hook has succeeded: no more steps may follow
    </failure>
        </testcase>
        <testcase classname="http-check" name="nothing expected" file="DIR/cases/wrong.yaml" time="TIME">
          <failure message="nothing is expected">  --&gt; DIR/cases/wrong.yaml:35
        nothing is expected
        hint: write `expect`, or let `--record` do it
    </failure>
        </testcase>
        <testcase classname="http-check" name="good" file="DIR/cases/wrong.yaml" time="TIME"/>
      </testsuite>
    </testsuites>
    "#);
    let one = run_in(folder.path(), "plugin test DIR/http-check.wasm --only good");
    assert_eq!(one.code, 0, "{}", one.all());
    assert_snapshot!(run_in(folder.path(), "plugin test DIR/http-check.wasm --only god").all(), @"
    error: none of 6 cases has `god` in its name
      hint: `--only` accepts part of a name
    [exit code 2]
    ");
}

#[test]
fn answers_are_recorded_and_then_expected() {
    let folder = folder(&["approval"]);
    let file = folder.path().join("cases.yaml");
    fs::write(&file, "waits:\n  hook: # nothing of it matters\n  steps:\n    - expect: { progress: failed }\n    - after: 1h\n      see: { kind: signal, by: alice, value: { verdict: approved } }\n").unwrap();
    let test = "plugin test DIR/approval.wasm --cases DIR/cases.yaml";
    assert_eq!(run_in(folder.path(), test).code, 1);
    assert_snapshot!(run_in(folder.path(), &format!("{test} --record")).all(), @"
    ok     DIR/cases.yaml: waits

    approval: 1 of 1 case passed, 2 calls; 2 answers recorded
    [exit code 0]
    ");
    assert_snapshot!(fs::read_to_string(&file).unwrap(), @"
    waits:
      hook: # nothing of it matters
      steps:
        - expect:
            progress: running
            message: 'waits for approval by a person: `capstan approve test test -n test`'
            asks:
            - id: 1
              wait-signal: approval
        - after: 1h
          see: { kind: signal, by: alice, value: { verdict: approved } }
          expect:
            progress: succeeded
            message: approved by alice
    ");
    let output = run_in(folder.path(), test);
    assert_eq!(output.code, 0, "{}", output.all());
}

#[test]
fn the_cases_of_the_guide_pass() {
    let guide = fs::read_to_string(project().join("plugins/README.md")).unwrap();
    let cases = guide
        .split("```yaml\n")
        .find(|block| block.starts_with("messages wait:"))
        .unwrap();
    let cases = cases.split("```").next().unwrap();
    let folder = folder(&["http-check", "keep-last"]);
    fs::write(folder.path().join("cases.yaml"), cases).unwrap();
    for (plugin, only) in [
        ("http-check", "a check"),
        ("http-check", "a hook"),
        ("http-check", "settings"),
        ("keep-last", "an older"),
    ] {
        let mut command = crate::support::capstan("plugin test");
        command
            .arg(folder.path().join(plugin).with_extension("wasm"))
            .arg("--cases")
            .arg(folder.path().join("cases.yaml"))
            .args(["--only", only]);
        let output: CommandOutput = command.output().unwrap().into();
        assert_eq!(output.code, 0, "{}", output.all());
    }
}
