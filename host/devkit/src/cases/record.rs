//! Records answers as expected ones in a file of cases. The rest of the file stays as it is, comments included.

use capstan_core::model::error::Diagnostic;
use serde_json::{Value, json};

use super::CaseFile;
use crate::answer::without_empty_fields;

/// An answer that is to be recorded, with its place.
pub struct Expectation {
    /// The JSON pointer to the case or step.
    pub pointer: String,
    /// The answer in the contract's words.
    pub answer: Value,
}

/// Returns the file's text with these answers recorded.
///
/// # Errors
///
/// Returns which of them can't be recorded.
pub fn with_expectations(file: &CaseFile, all: Vec<Expectation>) -> Result<String, Vec<Diagnostic>> {
    let mut lines: Vec<String> = file.text.lines().map(str::to_owned).collect();
    let (mut edits, mut mistakes) = (Vec::new(), Vec::new());
    for expectation in all {
        match edit_for(file, &lines, expectation) {
            Ok(edit) => edits.push(edit),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    // The edits are made from the end, so that the numbers of earlier lines stay right.
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.start, edit.end)));
    for Edit {
        start: from,
        end: to,
        text,
    } in edits
    {
        lines.splice(from..to, text);
    }
    let mut text = lines.join("\n");
    text.push('\n');
    Ok(text)
}

/// Replaces the lines from `from` up to `to` (exclusive, counted from 0) by others.
struct Edit {
    start: usize,
    end: usize,
    text: Vec<String>,
}

fn edit_for(file: &CaseFile, lines: &[String], expectation: Expectation) -> Result<Edit, Diagnostic> {
    let Expectation { pointer, answer } = expectation;
    let place = file.document.place(&pointer);
    let start = place
        .as_ref()
        .map(|place| (line_index(place.line), line_index(place.column)));
    let flow = || {
        let error = file
            .document
            .error(&pointer, "this is written in one line, in YAML's flow style");
        error.hint("write it on separate lines, so that the answer can be recorded")
    };
    let Some((line, column)) = start else {
        return Err(flow());
    };
    let is_flow = |line: usize, column: usize| {
        let rest = lines.get(line).and_then(|line| line.get(column..));
        rest.is_none_or(|rest| rest.starts_with(['{', '[']))
    };
    if is_flow(line, column) {
        return Err(flow());
    }
    let keys = file.document.object.0.pointer(&pointer);
    let has_one = keys.is_some_and(|keys| keys.get("expect").is_some());
    let text = expectation_block(&answer, column);
    if !has_one {
        let end = end_of_block(lines, line, column);
        return Ok(Edit { start: end, end, text });
    }
    let key = file.document.key_place(&format!("{pointer}/expect"));
    let from = key.map_or(line, |key| line_index(key.line));
    let mut text = text;
    // The first key of a step stands after its dash.
    if let (Some(first), Some(old)) = (text.first_mut(), lines.get(from))
        && let Some(dash) = old.get(..column)
    {
        first.replace_range(..column, dash);
    }
    Ok(Edit {
        start: from,
        end: end_of_block(lines, from, column + 1),
        text,
    })
}

fn line_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or_default().saturating_sub(1)
}

/// Finds the first line after this one with less indentation. Blank lines and comments before it belong to it.
fn end_of_block(lines: &[String], line: usize, indent: usize) -> usize {
    let width = |line: &String| line.len() - line.trim_start().len();
    let mut end = line + 1;
    for (n, text) in lines.iter().enumerate().skip(line + 1) {
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        if width(text) < indent {
            break;
        }
        end = n + 1;
    }
    end
}

/// The keys that are written first, as readers look for them.
const FIRST_KEYS: [&str; 4] = ["status", "progress", "message", "rule"];

/// Writes `expect` with the answer below it, with this indentation.
fn expectation_block(answer: &Value, indent: usize) -> Vec<String> {
    let yaml = |value: Value| capstan_yaml::write::to_text(&value);
    let answer = without_empty_fields(answer.clone());
    let Value::Object(mut keys) = answer else {
        return indent_lines(&yaml(json!({ "expect": answer })), indent);
    };
    let mut lines = indent_lines("expect:", indent);
    for first in FIRST_KEYS {
        if let Some((key, value)) = keys.remove_entry(first) {
            lines.extend(indent_lines(&yaml(json!({ key: value })), indent + 2));
        }
    }
    if !keys.is_empty() {
        lines.extend(indent_lines(&yaml(Value::Object(keys)), indent + 2));
    }
    lines
}

fn indent_lines(text: &str, indent: usize) -> Vec<String> {
    let indent = " ".repeat(indent);
    text.lines().map(|line| format!("{indent}{line}")).collect()
}

#[cfg(test)]
mod tests {
    use capstan_core::read::manifest;

    use super::*;

    fn recorded(text: &str, all: &[(&str, Value)]) -> Result<String, Vec<Diagnostic>> {
        let file = CaseFile {
            path: "cases.yaml".into(),
            text: text.to_owned(),
            document: manifest::parse_document("cases.yaml", text).unwrap(),
            is_native: true,
        };
        let all = all.iter().map(|(pointer, answer)| Expectation {
            pointer: (*pointer).to_owned(),
            answer: answer.clone(),
        });
        with_expectations(&file, all.collect())
    }

    #[test]
    fn only_what_is_expected_changes() {
        let text = "# the queue\nold:\n  assess: queue.yaml   # a file\n  expect:\n    status: healthy\n    rule: x\n\n# another\nnew:\n  assess:\n    \
                    kind: Queue\n    apiVersion: v1\n\nlast: { assess: a.yaml, expect: { status: healthy } }\n";
        let answer = json!({"status": "progressing", "message": "", "final": false});
        let written = recorded(text, &[("/old", answer.clone()), ("/new", answer.clone())]).unwrap();
        assert_eq!(
            written,
            "# the queue\nold:\n  assess: queue.yaml   # a file\n  expect:\n    status: progressing\n\n# another\nnew:\n  assess:\n    \
             kind: Queue\n    apiVersion: v1\n  expect:\n    status: progressing\n\nlast: { assess: a.yaml, expect: { status: healthy } }\n"
        );
        let refused = recorded(text, &[("/last", answer)]).unwrap_err();
        assert_eq!(refused[0].place.as_ref().unwrap().line, 14);
    }

    #[test]
    fn steps_keep_their_dashes() {
        let text = "run:\n  hook:\n  steps:\n    - expect: { progress: failed }\n    - see: woke\n      after: 5s\n    - expect:\n        progress: failed\n      see: woke\n";
        let running = json!({"progress": "running"});
        let steps = ["/run/steps/0", "/run/steps/1", "/run/steps/2"].map(|pointer| (pointer, running.clone()));
        assert_eq!(
            recorded(text, &steps).unwrap(),
            "run:\n  hook:\n  steps:\n    - expect:\n        progress: running\n    - see: woke\n      after: 5s\n      expect:\n        progress: running\n    - expect:\n        progress: running\n      see: woke\n"
        );
    }
}
