//! Where does this hook go, and what comes next? The questions a hook type answers, and what comes with them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Application, Failure, Mode, Object, PlaceInput, Placement, Seen, Step};

/// A hook type: a step function. The host says what happened, it answers how far the hook is and what shall be done.
pub trait HookType {
    /// What it remembers between two steps: at most 64 KiB as JSON. `()` for nothing.
    ///
    /// After a crash an observation may come again on an older state, so a step must not count on being the only one.
    type State: Default + Serialize + DeserializeOwned;

    /// Says where a manifest goes, while planning. By default it runs, as an object of the cluster, in the phases that
    /// the user wrote.
    fn place(_claim: &str, input: &PlaceInput<'_>) -> Result<Placement, Failure> {
        Ok(Placement::run(input))
    }

    /// Begins one run, when its wave has come. May be asked again for the same run after a crash.
    fn start(claim: &str, input: &HookInput<'_>, state: &mut Self::State) -> Result<Step, Failure>;

    /// Goes on after something happened.
    fn advance(claim: &str, input: &HookInput<'_>, seen: &Seen<'_>, state: &mut Self::State) -> Result<Step, Failure>;

    /// Stops a run. By default that is a failure; the host then deletes the own object.
    fn abort(_claim: &str, input: &HookInput<'_>, _state: &mut Self::State) -> Result<Step, Failure> {
        Ok(Step::aborted(input))
    }
}

/// What the host passes with every question about a running hook.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookInput<'a> {
    /// Which run this is.
    #[serde(default)]
    pub hook: Hook,
    #[serde(borrow, default)]
    operation: Object<'a>,
    /// The manifest as planned.
    #[serde(borrow, default)]
    pub object: Object<'a>,
    /// The user's settings for this hook.
    #[serde(borrow, default)]
    pub settings: Object<'a>,
    /// Whose rules the user wants.
    #[serde(rename = "compat", default)]
    pub mode: Mode,
    #[serde(borrow, default)]
    application: Object<'a>,
    #[serde(borrow, default)]
    cause: Object<'a>,
    /// In `abort`: why the run is to stop.
    #[serde(default)]
    pub reason: Option<AbortReason>,
    /// In `advance`: what happened. Hook types get it as an argument of its own.
    #[serde(borrow, default)]
    pub(crate) observation: Option<Seen<'a>>,
}

/// What few hook types need is read only by those: it makes a component smaller and its calls shorter.
impl HookInput<'_> {
    /// Which operation the hook is part of.
    pub fn operation(&self) -> Result<Operation, Failure> {
        self.operation.read_or_default()
    }

    /// Which application it belongs to.
    pub fn application(&self) -> Result<Application, Failure> {
        self.application.read_or_default()
    }

    /// In `SyncFail`: what went wrong.
    pub fn cause(&self) -> Result<Option<Cause>, Failure> {
        self.cause.read()
    }
}

/// One run of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hook {
    /// Identifies this run; the same after a crash.
    pub run: String,
    /// The phase: `PreSync`, `PostSync`.
    pub phase: String,
    /// The wave within the phase.
    pub wave: i64,
    /// 1 for the first attempt of the operation.
    pub attempt: u32,
    /// What the user wants if the object vanishes before its verdict.
    pub on_vanished: OnVanished,
}

/// The operation that a hook is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// The operation's ID.
    pub id: String,
    /// `sync` or `delete`.
    pub kind: String,
}

/// What went wrong before a `SyncFail` hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// `hook`, `health`, `apply`, `timeout`.
    pub class: String,
    /// The messages of the failures.
    pub message: String,
    /// The failing objects: `Job shop/migrate`.
    pub objects: Vec<String>,
}

/// What to do if a hook's object vanishes before it had a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnVanished {
    /// The hook has failed.
    #[default]
    Fail,
    /// It is created again.
    Rerun,
    /// The hook has succeeded.
    Succeed,
    /// A word of a later contract; treated as `Fail`.
    #[serde(other)]
    Unknown,
}

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AbortReason {
    /// Somebody terminated the operation.
    Terminated,
    /// A deadline passed.
    Deadline,
    /// Something else in the operation failed.
    Failed,
    /// A word of a later contract.
    #[serde(other)]
    Unknown,
}
