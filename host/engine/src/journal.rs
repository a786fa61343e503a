//! Records the inputs of an operation and the calls of plugins, page by page. A page that isn't full yet is stored with the operation's
//! state, so that both are always of the same moment.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use capstan_core::{
    model::{
        grant::Grants,
        health::Assessment,
        hook::Disposal,
        plugins::{
            HealthQuestion, HookContext, HookQuestion, HookStep, Placement, PlacementQuestion, PluginError,
            PluginQuery, PluginRef, Plugins, PolicyQuestion, SettingsProblem,
        },
    },
    plan::Plan,
    run::{
        input::Input,
        journal::{Entry, EntryToWrite, HealthCall, Omission, PluginCall, PluginExchange},
    },
};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::EngineError;

/// A page is full from this number of compressed bytes on. The page that isn't full is sent with every write of the operation's state.
const PAGE_BYTES: usize = 96 << 10;
/// The most bytes of JSON: an operation on thousands of objects has a few million.
const MAX_JSON_BYTES: usize = 32 << 20;
/// The most bytes of health calls among them: enough for a few hundred large objects, or thousands of small ones.
const MAX_HEALTH_JSON_BYTES: usize = 8 << 20;

/// The journal of an operation.
pub(crate) struct Journal(Mutex<Pages>);

struct Pages {
    page: DeflateEncoder<Vec<u8>>,
    bytes: usize,
    health_bytes: usize,
    /// Hashes of the recorded health calls: the same call isn't recorded twice.
    seen_health_calls: HashSet<u64>,
    is_cut: bool,
    is_health_cut: bool,
}

/// A part of a journal that isn't stored yet.
pub(crate) enum Page {
    /// The page isn't full yet.
    Open(Vec<u8>),
    /// The page is full, and the next one has begun.
    Full(Vec<u8>),
}

impl Journal {
    /// Starts a journal with the plugin calls of planning.
    pub fn begin(call: Vec<PluginCall>) -> Arc<Journal> {
        let journal = Arc::new(Journal(Mutex::new(Pages {
            page: new_encoder(),
            bytes: 0,
            health_bytes: 0,
            seen_health_calls: HashSet::new(),
            is_cut: false,
            is_health_cut: false,
        })));
        for one in call {
            journal.record_call(one);
        }
        journal
    }

    /// Records an input of the operation.
    pub fn record_input(&self, input: &Input) {
        self.pages().write(&EntryToWrite::Input(input));
    }

    /// Returns the part that isn't stored yet.
    pub fn page(&self) -> Page {
        let mut pages = self.pages();
        // Writing into memory succeeds.
        pages.page.flush().ok();
        if pages.page.get_ref().len() < PAGE_BYTES {
            return Page::Open(pages.page.get_ref().clone());
        }
        let full = mem::replace(&mut pages.page, new_encoder());
        Page::Full(full.finish().unwrap_or_default())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_encoder() -> DeflateEncoder<Vec<u8>> {
    DeflateEncoder::new(Vec::new(), Compression::fast())
}

impl Pages {
    fn write(&mut self, entry: &impl Serialize) {
        self.append_line(json_line(entry));
    }

    fn append_line(&mut self, mut line_of_it: Vec<u8>) {
        if self.is_cut {
            return;
        }
        self.bytes += line_of_it.len();
        self.is_cut = self.bytes > MAX_JSON_BYTES;
        if self.is_cut {
            line_of_it = json_line(&Entry::Omitted(Omission::Everything));
        }
        // Writing into memory succeeds.
        self.page.write_all(&line_of_it).ok();
    }

    /// Records a health call, if it is new and there is room.
    fn record_health_call(&mut self, judged: &HealthCall<'_>) {
        if self.is_cut || self.is_health_cut || !self.seen_health_calls.insert(judged.hash()) {
            return;
        }
        let line = json_line(&EntryToWrite::PluginCall(judged));
        self.health_bytes += line.len();
        self.is_health_cut = self.health_bytes > MAX_HEALTH_JSON_BYTES;
        if self.is_health_cut {
            self.write(&Entry::Omitted(Omission::Health));
        } else {
            self.append_line(line);
        }
    }
}

/// Writes an entry as a line of JSON. It is only ever an entry that can be written.
fn json_line(entry: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Reads a page, full or not.
///
/// # Errors
///
/// Returns the entry that can't be read, since a newer version wrote it.
pub(crate) fn read(page: &[u8]) -> Result<Vec<Entry>, EngineError> {
    let mut text = Vec::new();
    // A page that isn't full has no end of the stream; what is there is complete.
    let read = DeflateDecoder::new(page)
        .take(2 * MAX_JSON_BYTES as u64)
        .read_to_end(&mut text);
    if let Err(error) = read
        && error.kind() != std::io::ErrorKind::UnexpectedEof
    {
        return Err(EngineError::InvalidState(error.to_string()));
    }
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|error| EngineError::InvalidState(error.to_string())))
        .collect()
}

/// A finished operation with everything that a replay needs.
#[derive(Debug, Clone)]
pub struct StoredOperation {
    /// The plan that the operation ran.
    pub plan: Arc<Plan>,
    /// The inputs and plugin calls, in order.
    pub entries: Vec<Entry>,
}

/// Records the calls of plugins.
pub(crate) trait CallRecorder: Send + Sync {
    /// Records a call about a hook, with its answer.
    fn record_call(&self, call: PluginCall);

    /// Records a call about the health of an object.
    fn record_health_call(&self, judged: &HealthCall<'_>);
}

impl CallRecorder for Journal {
    fn record_call(&self, call: PluginCall) {
        self.pages().write(&Entry::PluginCall(Box::new(call)));
    }

    fn record_health_call(&self, judged: &HealthCall<'_>) {
        self.pages().record_health_call(judged);
    }
}

/// During planning there is no journal yet, and no health is assessed.
impl CallRecorder for Mutex<Vec<PluginCall>> {
    fn record_call(&self, call: PluginCall) {
        self.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn record_health_call(&self, _: &HealthCall<'_>) {}
}

/// Plugins whose calls are recorded.
pub(crate) struct RecordingPlugins {
    pub plugins: Arc<dyn Plugins>,
    pub recorder: Arc<dyn CallRecorder>,
}

impl RecordingPlugins {
    fn record(&self, at: Option<Timestamp>, by: &PluginRef, what: PluginExchange) {
        self.recorder.record_call(PluginCall::new(at, by, what));
    }
}

#[async_trait]
impl Plugins for RecordingPlugins {
    fn plugin_for(&self, need: &PluginQuery) -> Option<PluginRef> {
        self.plugins.plugin_for(need)
    }

    fn policies_for_all(&self) -> Vec<PluginRef> {
        self.plugins.policies_for_all()
    }

    fn requested_grants(&self, by: &PluginRef) -> Grants {
        self.plugins.requested_grants(by)
    }

    fn check_settings(&self, by: &PluginRef, settings: &Map<String, Value>) -> Vec<SettingsProblem> {
        self.plugins.check_settings(by, settings)
    }

    fn setting_names(&self, by: &PluginRef) -> Option<Vec<String>> {
        self.plugins.setting_names(by)
    }

    fn hook_types(&self) -> Vec<String> {
        self.plugins.hook_types()
    }

    async fn place(&self, by: &PluginRef, question: PlacementQuestion) -> Result<Placement, PluginError> {
        let answer = self.plugins.place(by, question.clone()).await;
        let what = PluginExchange::Place {
            question,
            answer: answer.clone(),
        };
        self.record(None, by, what);
        answer
    }

    async fn step(
        &self,
        by: &PluginRef,
        context: &HookContext,
        question: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError> {
        let answer = self.plugins.step(by, context, question.clone(), now).await;
        let what = PluginExchange::Step {
            context: Box::new(context.clone()),
            question,
            answer: answer.clone(),
        };
        self.record(Some(now), by, what);
        answer
    }

    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError> {
        let answer = self.plugins.assess(by, question).await;
        self.recorder
            .record_health_call(&HealthCall::new(by, &question, &answer));
        answer
    }

    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError> {
        let answer = self.plugins.decide(by, question.clone(), now).await;
        let what = PluginExchange::Decide {
            question: Box::new(question),
            answer: answer.clone(),
        };
        self.record(Some(now), by, what);
        answer
    }
}

#[cfg(test)]
mod tests {
    use capstan_core::{
        model::{compat::Mode, health::Health, object::Object, plugins::Application},
        run::input::InputKind,
    };
    use serde_json::json;

    use super::*;

    fn troubled(message: String) -> Input {
        Input {
            at: Timestamp::UNIX_EPOCH,
            kind: InputKind::Problem { message },
        }
    }

    fn of(page: &Page) -> &[u8] {
        match page {
            Page::Open(page) | Page::Full(page) => page,
        }
    }

    #[test]
    fn a_page_can_be_read_at_any_time_and_a_full_one_is_followed_by_the_next() {
        let journal = Journal::begin(Vec::new());
        let mut expected = Vec::new();
        let mut kept = Vec::new();
        for n in 0..30_000_u32 {
            // Numbers that don't compress away.
            let input = troubled(format!("{:x}", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            journal.record_input(&input);
            expected.push(Entry::Input(Box::new(input)));
            if n % 1000 == 0 {
                let page = journal.page();
                let so_far = [kept.clone(), read(of(&page)).unwrap()].concat();
                assert_eq!(so_far, expected);
                if let Page::Full(_) = page {
                    kept = so_far;
                }
            }
        }
        assert!(!kept.is_empty(), "pages have become full");
    }

    #[test]
    fn a_journal_that_becomes_too_long_says_where_it_ends() {
        let journal = Journal::begin(Vec::new());
        for _ in 0..40 {
            journal.record_input(&troubled("x".repeat(1 << 20)));
        }
        let entries = read(of(&journal.page())).unwrap();
        assert_eq!(entries.len(), 32);
        assert_eq!(entries.last(), Some(&Entry::Omitted(Omission::Everything)));
    }

    #[test]
    fn the_same_question_about_health_is_taken_down_once() {
        let journal = Journal::begin(Vec::new());
        let by = PluginRef {
            plugin: "resource".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "00".to_owned(),
            claim: "*/*".to_owned(),
        };
        let ask = |second: i64, version: &str| {
            let object = json!({
                "kind": "Widget",
                "metadata": { "resourceVersion": version, "managedFields": [{ "manager": "kubectl" }] },
            });
            let (object, application) = (
                Object(object),
                Application {
                    name: "shop".to_owned(),
                    namespace: "shop".to_owned(),
                },
            );
            let question = HealthQuestion {
                application: &application,
                object: &object,
                mode: Mode::Native,
                related: None,
                settings: None,
                now: Timestamp::from_second(second).unwrap(),
            };
            let answer = Ok(Assessment::new(Health::Healthy, "", ""));
            journal.record_health_call(&HealthCall::new(&by, &question, &answer));
        };
        ask(1, "1");
        ask(2, "1");
        ask(3, "2");
        let entries = read(of(&journal.page())).unwrap();
        let versions = entries.iter().map(|entry| match entry {
            Entry::PluginCall(call) => match &call.exchange {
                PluginExchange::Assess { object, .. } => {
                    assert_eq!(
                        object.0,
                        json!({ "kind": "Widget", "metadata": { "resourceVersion": object.resource_version() } })
                    );
                    object.resource_version()
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
        assert_eq!(versions.collect::<Vec<_>>(), ["1", "2"]);
    }
}
