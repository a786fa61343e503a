//! The same checks by the tools that people have: gopher-lua as Argo CD uses it, cel-go as Flux does. They are handed the object in
//! memory, as the engine has it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use capstan_core::model::object::Object;
use serde::Deserialize;
use serde_json::json;

use super::languages::{LUA, Row, cel};

#[derive(Deserialize)]
struct Answer {
    name: String,
    /// The durations of the calls, in nanoseconds.
    times: Vec<u64>,
}

/// Asks each about each object; nothing where they can't be built, which is told.
pub fn rows(calls: usize, deployment: &Object, widget: &Object) -> Vec<Row> {
    let program = match capstan_cluster::health_bench() {
        Ok(program) => program,
        Err(error) => {
            println!("SKIPPED: gopher-lua and cel-go: {error}");
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    let cel = cel();
    let checks = cel["checks"].as_array().expect("checks");
    for (name, object) in [("Deployment", deployment), ("custom resource", widget)] {
        let claim = object.group_kind().to_string();
        let script = LUA.iter().find(|(of, _)| *of == claim).expect("a script").1;
        let expressions = checks.iter().find(|check| check["claim"] == claim).expect("a check");
        let question = json!({
            "calls": calls, "object": object.0, "script": script, "cel": expressions["expressions"],
        });
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("its input");
        input.write_all(question.to_string().as_bytes()).expect("it listens");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).expect("its times");
        let size = object.0.to_string().len() / 1024;
        rows.extend(answers.into_iter().map(|answer| Row {
            what: format!("{name} of {size} KiB in {}", answer.name),
            times: answer.times.into_iter().map(Duration::from_nanos).collect(),
        }));
    }
    rows
}
