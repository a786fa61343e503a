//! Test cases of plugins: files with the input of a plugin and the expected answer. A file maps names to cases; `argo_cd` reads Argo CD's
//! layout, `script` runs a case, `record` writes answers into the files.

mod argo_cd;
pub mod input;
pub mod record;
pub mod script;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use capstan_core::{
    model::{
        error::Diagnostic,
        object::Object,
        place::reference_token,
        remedy::{Command, Remedies, Setting},
    },
    read::manifest::{self, Manifest},
};
use capstan_project::config_errors;
use capstan_sandbox::Function;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::usage_error;

/// The time at which a case starts by default: a fixed one, so that every run is the same.
const DEFAULT_START_UNIX_SECONDS: i64 = 1_767_225_600;

/// Returns how a first case comes to be.
fn first_case() -> Remedies {
    let example = "write `cases/first.yaml` with `first: { assess: { apiVersion: .., kind: .., status: {} } }`";
    [example.into(), Command::RecordCases.into(), Setting::Cases.into()].into()
}

/// Returns where cases are.
fn place_of_cases() -> Remedies {
    [
        "cases are in the folder `cases` beside the plugin".into(),
        Setting::Cases.into(),
    ]
    .into()
}

/// A case of a plugin: calls, and the answers that are expected.
pub struct Case {
    /// The case's name.
    pub name: String,
    /// The file with the case.
    pub file: Arc<CaseFile>,
    /// The JSON pointer to the case in its file.
    pub pointer: String,
    /// The claim to call; if absent, the one that matches the object, or the only one.
    pub claim: Option<String>,
    /// The time at which the case starts.
    pub now: Timestamp,
    /// The calls of the case.
    pub task: Task,
}

/// A file of cases.
pub struct CaseFile {
    /// The file's path.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// The YAML document, with the places of all values.
    pub document: Manifest,
    /// Whether the file has Capstan's own layout, and can be written.
    pub is_native: bool,
}

/// The calls of a case.
pub enum Task {
    /// A single call.
    Ask {
        /// The function of the contract.
        function: Function,
        /// The input, in the contract's form.
        input: Map<String, Value>,
        /// The expected answer, if there is one.
        expect: Option<Value>,
    },
    /// A run of a hook.
    Hook {
        /// The input, in the contract's form, without observations.
        input: Map<String, Value>,
        /// The steps, in order.
        steps: Vec<Step>,
    },
    /// None: the case is invalid, for this reason.
    Unreadable(Box<Diagnostic>),
}

/// One step of a hook's case.
pub struct Step {
    /// The JSON pointer to the step in its file.
    pub pointer: String,
    /// The time since the previous step.
    pub after: SignedDuration,
    /// What the hook is told.
    pub event: HookEvent,
    /// The expected answer, if there is one.
    pub expect: Option<Value>,
}

/// What a hook is told.
pub enum HookEvent {
    /// The hook's run starts.
    Start,
    /// This observation is made.
    Observe(Map<String, Value>),
    /// The run is stopped, for this reason.
    Abort(String),
}

/// A case as it is written in a file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenCase {
    /// A description for readers.
    #[serde(rename = "about")]
    _about: Option<String>,
    claim: Option<String>,
    now: Option<Timestamp>,
    #[serde(default, deserialize_with = "present")]
    assess: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    place: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    decide: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    hook: Option<Value>,
    steps: Option<Vec<WrittenStep>>,
    expect: Option<Value>,
}

/// A step as it is written in a file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenStep {
    after: Option<SignedDuration>,
    #[serde(rename = "see")]
    observe: Option<Value>,
    abort: Option<String>,
    expect: Option<Value>,
}

/// Deserializes a key without a value as present: then the input doesn't matter.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads the cases in a file or a folder: its YAML files, and every `health_test.yaml` at any depth. An invalid case becomes a case that
/// fails.
pub fn read(path: &Path) -> anyhow::Result<Vec<Case>> {
    let mut files = Vec::new();
    if !path.exists() {
        return Err(usage_error(
            format!("there are no cases: {} doesn't exist", path.display()),
            first_case(),
        ));
    }
    if path.is_dir() {
        collect(path, true, &mut files)?;
    } else if path.exists() {
        files.push(path.to_owned());
    } else {
        return Err(usage_error(
            format!("{} can't be read: there is no such file", path.display()),
            place_of_cases(),
        ));
    }
    let cases: Vec<Case> = files.iter().flat_map(|file| read_file(file)).collect();
    if cases.is_empty() {
        return Err(usage_error(format!("{} has no cases", path.display()), first_case()));
    }
    Ok(cases)
}

/// Lists the invalid cases of a folder, each with the reason; empty for a folder without cases.
pub fn unreadable_cases(folder: &Path) -> Vec<String> {
    let cases = read(folder).unwrap_or_default();
    let unreadable = cases.iter().filter_map(|case| Some((case, case.mistake()?)));
    unreadable
        .map(|(case, mistake)| format!("{}: {}: {}", case.file.path.display(), case.name, mistake.message))
        .collect()
}

/// Reads the cases whose name contains a text.
pub fn select(path: &Path, only: Option<&str>) -> anyhow::Result<Vec<Case>> {
    let mut cases = read(path)?;
    let Some(text) = only else {
        return Ok(cases);
    };
    let all = cases.len();
    cases.retain(|case| case.name.contains(text));
    if cases.is_empty() {
        return Err(usage_error(
            format!("none of {all} cases has `{text}` in its name"),
            Setting::OnlyCases,
        ));
    }
    Ok(cases)
}

fn collect(folder: &Path, is_top: bool, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let wrong =
        |error: std::io::Error| usage_error(format!("{} can't be read: {error}", folder.display()), place_of_cases());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        entries.push(entry.map_err(wrong)?.path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, false, files)?;
        } else if is_argo_cd_file(&entry) || is_top && is_yaml(&entry) {
            files.push(entry);
        }
    }
    Ok(())
}

fn is_yaml(file: &Path) -> bool {
    file.extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn is_argo_cd_file(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == argo_cd::FILE_NAME)
}

fn read_file(path: &Path) -> Vec<Case> {
    let is_ours = !is_argo_cd_file(path);
    let read = capstan_source::read_text_file(path).map_err(|mistake| (String::new(), vec![mistake]));
    let read = read.and_then(|text| {
        let name = path.display().to_string();
        let document = if is_ours {
            manifest::parse_document(&name, &text)
        } else {
            manifest::parse_go_document(&name, &text)
        };
        match document {
            Ok(document) => Ok((text, document)),
            Err(mistakes) => Err((text, mistakes)),
        }
    });
    let (text, document, mistakes) = match read {
        Ok((text, document)) => (text, document, Vec::new()),
        Err((text, mistakes)) => (text, Manifest::new(Object(Value::Null)), mistakes),
    };
    let file = Arc::new(CaseFile {
        path: path.to_owned(),
        text,
        document,
        is_native: is_ours,
    });
    let found = if !mistakes.is_empty() {
        Err(mistakes)
    } else if is_ours {
        read_native(&file)
    } else {
        argo_cd::cases(&file)
    };
    found.unwrap_or_else(|mistakes| {
        let cases = mistakes.into_iter();
        cases
            .map(|mistake| Case::from_error(&file, "the file".to_owned(), String::new(), mistake))
            .collect()
    })
}

/// Reads the cases in a file of Capstan's own layout, in the order of the file.
fn read_native(file: &Arc<CaseFile>) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let written: BTreeMap<String, WrittenCase> =
        config_errors::deserialize(&file.document, "it has the names of cases as its keys")?;
    let mut cases: Vec<Case> = written
        .into_iter()
        .map(|(name, written)| {
            parse_case(file, name.clone(), written).unwrap_or_else(|mistake| {
                let pointer = format!("/{}", reference_token(&name));
                Case::from_error(file, name, pointer, mistake)
            })
        })
        .collect();
    cases.sort_by_key(|case| file.document.key_place(&case.pointer).map(|place| place.line));
    Ok(cases)
}

fn parse_case(file: &Arc<CaseFile>, name: String, written: WrittenCase) -> Result<Case, Diagnostic> {
    let pointer = format!("/{}", reference_token(&name));
    let mistake = |message: &str, hint: &str| file.document.key_error(&pointer, message).hint(hint);
    let WrittenCase {
        _about,
        claim,
        now,
        assess,
        place,
        decide,
        hook,
        steps,
        expect,
    } = written;
    let ask = |function, key: &str, given: Value, expect| {
        let input = input::parse_input(file, &format!("{pointer}/{key}"), function, given)?;
        Ok(Task::Ask {
            function,
            input,
            expect,
        })
    };
    let task = match (assess, place, decide, hook) {
        (Some(given), None, None, None) => ask(Function::Assess, "assess", given, expect)?,
        (None, Some(given), None, None) => ask(Function::Place, "place", given, expect)?,
        (None, None, Some(given), None) => ask(Function::Decide, "decide", given, expect)?,
        (None, None, None, Some(given)) => {
            if expect.is_some() {
                return Err(mistake(
                    "a hook's case has no `expect` of its own",
                    "each of its `steps` has one",
                ));
            }
            let input = input::parse_input(file, &format!("{pointer}/hook"), Function::Start, given)?;
            let steps = parse_steps(file, &pointer, steps.unwrap_or_default())?;
            return Ok(Case::new(file, name, pointer, claim, now, Task::Hook { input, steps }));
        }
        _ => {
            return Err(mistake(
                "a case has exactly one of `assess`, `place`, `decide` and `hook`",
                "it is the input of the call",
            ));
        }
    };
    if steps.is_some() {
        return Err(mistake("only a hook's case has `steps`", "this one has one `expect`"));
    }
    Ok(Case::new(file, name, pointer, claim, now, task))
}

impl Case {
    fn new(
        file: &Arc<CaseFile>,
        name: String,
        pointer: String,
        claim: Option<String>,
        now: Option<Timestamp>,
        task: Task,
    ) -> Case {
        Case {
            name,
            file: file.clone(),
            pointer,
            claim,
            now: now.unwrap_or_else(|| default_start(&task)),
            task,
        }
    }

    /// Makes a case that fails, for an invalid one.
    fn from_error(file: &Arc<CaseFile>, name: String, pointer: String, why: Diagnostic) -> Case {
        let task = Task::Unreadable(Box::new(why));
        Case::new(file, name, pointer, None, None, task)
    }

    /// Returns why the case is invalid, if it is.
    pub fn mistake(&self) -> Option<&Diagnostic> {
        match &self.task {
            Task::Unreadable(mistake) => Some(mistake),
            Task::Ask { .. } | Task::Hook { .. } => None,
        }
    }
}

/// The time at which a case starts by default. Planning has no time.
fn default_start(task: &Task) -> Timestamp {
    match task {
        Task::Ask {
            function: Function::Place,
            ..
        } => Timestamp::UNIX_EPOCH,
        Task::Ask { .. } | Task::Hook { .. } | Task::Unreadable(_) => {
            Timestamp::from_second(DEFAULT_START_UNIX_SECONDS).unwrap_or_default()
        }
    }
}

fn parse_steps(file: &Arc<CaseFile>, pointer: &str, written: Vec<WrittenStep>) -> Result<Vec<Step>, Diagnostic> {
    let mut steps = Vec::new();
    for (n, written) in written.into_iter().enumerate() {
        let pointer = format!("{pointer}/steps/{n}");
        let mistake = |message: &str, hint: &str| file.document.error(&pointer, message).hint(hint);
        let WrittenStep {
            after,
            observe: see,
            abort,
            expect,
        } = written;
        let hook_event = match (n, see, abort) {
            (0, None, None) => HookEvent::Start,
            (0, _, _) => {
                return Err(mistake(
                    "the first step is the start: nothing has been seen yet",
                    "write the expected answer as `- expect: {...}`",
                ));
            }
            (_, Some(seen), None) => {
                HookEvent::Observe(input::parse_observation(file, &format!("{pointer}/see"), seen)?)
            }
            (_, None, Some(reason)) => HookEvent::Abort(reason),
            (_, _, _) => {
                return Err(mistake(
                    "a step has exactly one of `see` and `abort`",
                    "it says what happens: `see: woke`, `see: { kind: http, status: 200 }`, `abort: terminated`",
                ));
            }
        };
        steps.push(Step {
            pointer,
            after: after.unwrap_or_default(),
            event: hook_event,
            expect,
        });
    }
    if steps.is_empty() {
        let error = file
            .document
            .error(pointer, "a hook's case has `steps`, of which the first is the start");
        return Err(error.hint("write `steps: [{ expect: { progress: running } }]`"));
    }
    Ok(steps)
}
