//! `capstan plugin run`.

use std::path::Path;

use capstan_core::model::plugins::PluginError;
use capstan_devkit::{
    answer::{to_contract_json, without_empty_fields},
    cases::input,
};
use capstan_files::Readers;
use capstan_runtime::plugin_folder;
use capstan_sandbox::{Answer, Function, Question};
use serde_json::{Map, Value, json};

use super::{find_subject, indent, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginRun},
    context,
    diagnostics::{Diagnostics, usage_error},
    environment,
    exit::Exit,
    terminal::{Text, print_stderr},
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &PluginRun) -> anyhow::Result<Exit> {
    let (sandbox, name) = if is_path(&args.name) || Path::new(&args.name).join(plugin_folder::MANIFEST).is_file() {
        find_subject(global, Path::new(&args.name))?.load(&global.plugin_host)?
    } else {
        (context::load_sandbox(global)?, args.name.clone())
    };
    let text = environment::read_text(&args.input).map_err(|mistake| Diagnostics(vec![mistake]))?;
    let value = capstan_core::read::manifest::parse_value(&text)
        .map_err(|why| usage_error(format!("the input can't be read: {why}"), "write JSON or YAML"))?;
    let memory = match &args.memory {
        Some(path) => std::fs::read(path)
            .map_err(|error| usage_error(format!("{} can't be read: {error}", path.display()), "name a file"))?,
        None => Vec::new(),
    };
    let question = Question {
        function: args.function,
        claim: args.claim.clone(),
        input: complete_input(args.function, value)?,
        state: memory,
        now: args.now.unwrap_or_else(jiff::Timestamp::now),
    };
    let result = sandbox.ask(&name, question).await?;
    let failed = result.answer.as_ref().err().map(ToString::to_string);
    let answer = if failed.is_none() {
        to_contract_json(&result.answer)
    } else {
        Value::Null
    };
    if let (Some(file), Ok(Answer::Step(step))) = (&args.memory_out, &result.answer) {
        capstan_files::write(file, &step.state, Readers::Inherited).map_err(|error| {
            let message = format!("{} can't be written: {error}", file.display());
            usage_error(message, "name a file in a folder that exists")
        })?;
    }
    let cost = &result.cost;
    if global.output == Output::Text {
        match &failed {
            None => print_json(&shown_answer(answer))?,
            Some(why) => print(&text!("{}\n", Text::block(why))),
        }
        let mut streams = vec![("stdout", &cost.stdout), ("stderr", &cost.stderr)];
        if let Err(PluginError::Failed { backtrace, .. }) = &result.answer
            && !backtrace.is_empty()
        {
            print(&indent(backtrace.lines()));
            // The plugin's stderr is shown below its stack.
            streams.pop();
        }
        for line in &cost.log {
            print(&text!("log {}: {}\n", format!("{:?}", line.severity), line.text));
        }
        for (name, text) in streams {
            for line in text.lines() {
                print(&text!("{}: {}\n", name, line));
            }
        }
        print_stderr(&text!(
            "claim {}, {} ms, {} fuel, {} KiB of memory",
            result.claim,
            format!("{:.3}", cost.duration.as_secs_f64() * 1000.0),
            cost.fuel,
            cost.peak_memory_bytes / 1024
        ));
    } else {
        print_json(
            &json!({ "claim": result.claim, "answer": answer, "error": failed, "fuel": cost.fuel, "memory": cost.peak_memory_bytes }),
        )?;
    }
    Ok(if failed.is_some() { Exit::Plugin } else { Exit::Done })
}

/// Removes empty values from an answer, as a recorded test case does, but not the plugin's state.
fn shown_answer(answer: Value) -> Value {
    let state = answer.get("state").cloned();
    let mut shown = without_empty_fields(answer);
    if let (Value::Object(map), Some(state)) = (&mut shown, state)
        && state != ""
    {
        map.insert("state".to_owned(), state);
    }
    shown
}

/// Says whether a text is the path of a component or its folder, rather than a plugin's name.
fn is_path(text: &str) -> bool {
    text.contains(['/', '.'])
}

/// Completes an input as the cases of `capstan plugin test` are completed. A single object becomes the input of a health check.
fn complete_input(function: Function, value: Value) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(map) = value else {
        return Err(usage_error(
            "the input is not a mapping",
            "write the contract's JSON, or an object",
        ));
    };
    let is_object = map.contains_key("kind") && map.contains_key("apiVersion") && !map.contains_key("object");
    let mut question = if is_object {
        Map::from_iter([("object".to_owned(), Value::Object(map))])
    } else {
        map
    };
    input::complete(function, &mut question);
    Ok(question)
}
