//! The interpreter: it compiles scripts and asks them.

use std::time::Duration;

use capstan_sdk::{Assessment, Failure, HealthInput};
use luna_core::{
    runtime::Value,
    vm::{HostRootTicket, LuaError, LuaErrorKind, Vm},
};

use crate::{library, source, value, verdict};

/// Steps that a script may take. The call's own budget is an order of magnitude larger and ends what these don't count: a pattern that is
/// matched for ever, say.
const STEPS: i64 = 1_000_000;

/// Bytes that a script may hold beside its object.
const MEMORY: usize = 8 << 20;

/// Bytes that a script may write before what it dropped is looked for. To look costs more than a usual script does altogether.
const BEFORE_COLLECTION: usize = 4 << 20;

/// When a script is asked again that has asked for the time.
const RECHECK: Duration = Duration::from_secs(10);

/// An interpreter with its libraries.
pub(crate) struct Interpreter {
    vm: Vm,
    /// Says whether the script has asked for the time.
    asked_for_time: Value,
    /// Why there are no libraries. That can't be, and is told rather than taken for granted.
    broken: Option<String>,
}

/// A compiled script.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    name: String,
    function: HostRootTicket,
}

impl Interpreter {
    /// Makes one with the libraries of Argo CD's users, or the whole.
    pub(crate) fn new(open_libs: bool) -> Interpreter {
        match library::open(open_libs) {
            Ok((mut vm, asked_for_time)) => {
                vm.pin_host(asked_for_time);
                Interpreter {
                    vm,
                    asked_for_time,
                    broken: None,
                }
            }
            Err(error) => Interpreter {
                vm: Vm::new_minimal(luna_core::version::LuaVersion::Lua52),
                asked_for_time: Value::Nil,
                broken: Some(format!("Lua's library can't be made: {error}")),
            },
        }
    }

    /// Compiles a script; what is wrong with it is told with its name and line.
    pub(crate) fn load(&mut self, name: &str, text: &str) -> Result<Script, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let source = source::to_52(text);
        let function = self.vm.load(source.as_bytes(), format!("={name}").as_bytes());
        let function = function.map_err(|error| {
            let why = String::from_utf8_lossy(&error.msg);
            format!("{name}:{}: {why}", error.line)
        })?;
        Ok(Script {
            name: name.to_owned(),
            function: self.vm.pin_host(Value::Closure(function)),
        })
    }

    /// Drops what compiling left over, and has the next collection wait until a script writes much.
    pub(crate) fn reset(&mut self) {
        self.vm.collect_garbage();
        let used = self.vm.memory_used().max(1);
        let percent = (used + BEFORE_COLLECTION).saturating_mul(100) / used;
        self.vm.heap.rearm_gc_pause(i64::try_from(percent).unwrap_or(i64::MAX));
    }

    /// Calls a script and reads its answer.
    pub(crate) fn assess(&mut self, script: &Script, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        let Script { name, function } = script;
        let unreadable =
            |why: &dyn std::fmt::Display| Failure::failed(format!("{name}: the object can't be handed over: {why}"));
        let object = value::of_json(&mut self.vm, input.object.json()).map_err(|why| unreadable(&why))?;
        self.vm.set_global("obj", object).map_err(|why| unreadable(&why))?;
        let function = self.vm.read_host(*function).unwrap_or(Value::Nil);
        self.vm.set_instr_budget(Some(STEPS));
        let held = self.vm.memory_used();
        self.vm.set_memory_cap(Some(held + MEMORY));
        let returned = self.vm.call_value(function, &[]);
        self.vm.set_instr_budget(None);
        self.vm.set_memory_cap(None);
        let returned = returned.map_err(|error| Failure::Failed(self.why(name, error)))?;
        let mut assessment = verdict::of(name, input.mode, returned.first().copied())?;
        let asked_for_time = self.vm.call_value(self.asked_for_time, &[]);
        if asked_for_time.is_ok_and(|answer| answer.first().is_some_and(|answer| answer.truthy())) {
            assessment = assessment.recheck_after(RECHECK);
        }
        Ok(assessment)
    }

    /// Says what went wrong, with the script's name and line.
    fn why(&mut self, name: &str, error: LuaError) -> String {
        let text = self.vm.error_text(&error);
        let text = match &*text {
            _ if self.vm.error_kind() == LuaErrorKind::InstrBudget => {
                format!("not done after {STEPS} steps; does it loop for ever?")
            }
            "memory cap exceeded" => format!("needs more than {} MiB of memory", MEMORY >> 20),
            _ => text,
        };
        if text.starts_with(&format!("{name}:")) {
            return text;
        }
        // The interpreter's own errors, and those that a script raises as it likes, have no place: their stack has.
        let stack = self.vm.take_error_traceback().unwrap_or_default();
        let place = format!("{name}:");
        let line = stack.split(&place).skip(1).find_map(|rest| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u32>().ok()
        });
        match line {
            Some(line) => format!("{name}:{line}: {text}"),
            None => format!("{name}: {text}"),
        }
    }
}
