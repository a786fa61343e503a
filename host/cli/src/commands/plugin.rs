//! `capstan plugin`.

use capstan_core::plugins::Placement;
use capstan_sandbox::{Answer, Question, Source};
use serde_json::{Map, Value, json};

use super::{plugin_import, print, print_json};
use crate::{
    args::{Global, Output, Plugin, PluginRun},
    context,
    exit::Exit,
    render::{columns, lines},
    report::Mistakes,
    source,
};

pub(super) async fn run(global: &Global, command: &Plugin) -> anyhow::Result<Exit> {
    match command {
        Plugin::List => list(global),
        Plugin::Run(args) => ask(global, args).await,
        Plugin::ImportArgo(args) => plugin_import::argo(global, args).await,
        Plugin::ImportCel(args) => plugin_import::cel(global, args).await,
    }
}

fn list(global: &Global) -> anyhow::Result<Exit> {
    let sandbox = context::sandbox(global)?;
    let plugins = sandbox.plugins();
    if global.output != Output::Text {
        print_json(&plugins)?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![
        ["PLUGIN", "VERSION", "FROM", "DIGEST", "ANSWERS FOR", "CLAIM"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for plugin in &plugins {
        let from = match &plugin.source {
            Source::BuiltIn(_) => "built in".to_owned(),
            Source::Path(path) => path.clone(),
        };
        let digest = plugin.digest.get(..12).unwrap_or(&plugin.digest).to_owned();
        let mut head = vec![plugin.name.clone(), plugin.version.clone(), from, digest];
        for claim in &plugin.claims {
            let mut row = std::mem::replace(&mut head, vec![String::new(); 4]);
            row.push(claim.interface.to_string());
            row.push(match &claim.shadowed_by {
                Some(other) => format!("{} (answered by {other})", claim.claim),
                None => claim.claim.clone(),
            });
            rows.push(row);
        }
    }
    print(&lines(columns(&rows, 3)));
    for plugin in plugins.iter().filter(|plugin| !plugin.requests.is_empty()) {
        print(&format!(
            "\n{} requests, and gets what `--grant` says of that:\n",
            plugin.name
        ));
        print(&indented(&plugin.requests.join("\n")));
    }
    for note in sandbox.notes() {
        eprintln!("note: {note}");
    }
    Ok(Exit::Done)
}

async fn ask(global: &Global, args: &PluginRun) -> anyhow::Result<Exit> {
    let sandbox = context::sandbox(global)?;
    let text = source::text(&args.input).map_err(|mistake| Mistakes(vec![mistake]))?;
    let value = capstan_core::manifest::value(&text)
        .map_err(|why| Mistakes::one(format!("the input can't be read: {why}"), "write JSON or YAML"))?;
    let memory = match &args.memory {
        Some(path) => std::fs::read(path)
            .map_err(|error| Mistakes::one(format!("{} can't be read: {error}", path.display()), "name a file"))?,
        None => Vec::new(),
    };
    let question = Question {
        function: args.function,
        claim: args.claim.clone(),
        input: question_of(value)?,
        state: memory,
        now: args.now.unwrap_or_else(jiff::Timestamp::now),
    };
    let asked = sandbox.ask(&args.name, question).await?;
    let (answer, failed) = match &asked.answer {
        Ok(answer) => (answer_of(answer), None),
        Err(error) => (Value::Null, Some(error.to_string())),
    };
    let cost = &asked.cost;
    if global.output == Output::Text {
        match &failed {
            None => print(&format!("{}\n", serde_json::to_string_pretty(&answer)?)),
            Some(why) => print(&format!("{why}\n")),
        }
        if let Err(capstan_core::plugins::PluginError::Failed { backtrace, .. }) = &asked.answer {
            print(&indented(backtrace));
        }
        for line in &cost.log {
            print(&format!("log {:?}: {}\n", line.severity, line.text));
        }
        for (name, text) in [("stdout", &cost.stdout), ("stderr", &cost.stderr)] {
            for line in text.lines() {
                print(&format!("{name}: {line}\n"));
            }
        }
        eprintln!(
            "claim {}, {:.3} ms, {} fuel, {} KiB of memory",
            asked.claim,
            cost.duration.as_secs_f64() * 1000.0,
            cost.fuel,
            cost.memory / 1024
        );
    } else {
        print_json(
            &json!({ "claim": asked.claim, "answer": answer, "error": failed, "fuel": cost.fuel, "memory": cost.memory }),
        )?;
    }
    Ok(if failed.is_some() { Exit::Plugin } else { Exit::Done })
}

fn indented(text: &str) -> String {
    lines(text.lines().map(|line| format!("  {line}")))
}

/// A bare object is a question about that object.
fn question_of(value: Value) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(map) = value else {
        return Err(Mistakes::one(
            "the input is no mapping",
            "write the contract's JSON, or an object",
        ));
    };
    if map.contains_key("object") || !map.contains_key("kind") {
        return Ok(map);
    }
    let mut question = Map::new();
    question.insert("object".to_owned(), Value::Object(map));
    Ok(question)
}

fn answer_of(answer: &Answer) -> Value {
    match answer {
        Answer::Assessment(assessment) => json!(assessment),
        Answer::Placement(Placement::Skip(reason)) => json!({ "skip": reason }),
        Answer::Placement(Placement::Run {
            phases,
            has_object,
            also,
        }) => {
            json!({ "run": { "phases": phases, "hasObject": has_object, "also": also } })
        }
        Answer::Step(step) => json!(step),
        Answer::Disposal(disposal) => json!(disposal),
    }
}
