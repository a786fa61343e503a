//! What a script's answer means, by Argo CD's rules.
//!
//! Argo CD writes the returned table as JSON and reads that as `status` and `message`. So a table that is a list, the empty one too, has no
//! status at all, and what JSON can't say is an error.

use capstan_sdk::{Assessment, Failure, HealthStatus, Mode};
use luna_core::runtime::{Gc, Table, Value};

/// Tables may be nested so deep; one that contains itself is deeper.
const DEEPEST: usize = 100;

/// Reads the first value that a script returned. `script` is its name.
pub(crate) fn of(script: &str, mode: Mode, returned: Option<Value>) -> Result<Assessment, Failure> {
    let failed = |why: &str| Err(Failure::failed(format!("{script}: {why}")));
    let table = match returned {
        None | Some(Value::Nil) => return Ok(no_status(script, mode)),
        Some(Value::Table(table)) => table,
        Some(other) => return failed(&format!("returned a {}, not a table with `status`", other.type_name())),
    };
    let shape = match shape(table, DEEPEST) {
        Ok(shape) => shape,
        Err(why) => return failed(&format!("returned a table {why}")),
    };
    if shape == Shape::List {
        return Ok(no_status(script, mode));
    }
    let (status, message) = match (text(table, "status"), text(table, "message")) {
        (Ok(status), Ok(message)) => (status.unwrap_or_default(), message.unwrap_or_default()),
        (Err(why), _) | (Ok(_), Err(why)) => return failed(&why),
    };
    let status = match &*status {
        "Healthy" => HealthStatus::Healthy,
        "Progressing" => HealthStatus::Progressing,
        "Degraded" => HealthStatus::Degraded,
        "Suspended" => HealthStatus::Suspended,
        "Missing" => HealthStatus::Missing,
        "Unknown" => HealthStatus::Unknown,
        "" => return Ok(Assessment::unknown(script, "the script returned no status")),
        other => {
            return Ok(Assessment::unknown(
                script,
                format!("the script returned `{other}`, which is not a status"),
            ));
        }
    };
    Ok(Assessment::new(status, script, message))
}

/// Argo CD goes on waiting for an object without a status, and takes a hook without one for done: as for one that is missing.
fn no_status(script: &str, mode: Mode) -> Assessment {
    match mode {
        Mode::ArgoCd => Assessment::new(HealthStatus::Missing, script, ""),
        Mode::Native => Assessment::progressing(script, "the script doesn't handle it yet"),
    }
}

/// What a table is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    List,
    Map,
}

/// Says what a table is in JSON, or why it is nothing.
fn shape(table: Gc<Table>, deepest: usize) -> Result<Shape, String> {
    let (mut numbers, mut names, mut last) = (0_i64, 0_usize, Value::Nil);
    while let Ok(Some((key, value))) = table.next(last) {
        match key {
            Value::Int(_) | Value::Float(_) => numbers += 1,
            Value::Str(_) => names += 1,
            other => return Err(format!("with a {} as a key", other.type_name())),
        }
        match value {
            Value::Table(_) if deepest == 0 => return Err("that contains itself".to_owned()),
            Value::Table(inner) => drop(shape(inner, deepest - 1)?),
            Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => (),
            other => return Err(format!("with a {} in it", other.type_name())),
        }
        last = key;
    }
    match (numbers, names) {
        (_, 0) if table.len() == numbers => Ok(Shape::List),
        (_, 0) => Err("that is a list with gaps".to_owned()),
        (0, _) => Ok(Shape::Map),
        (_, _) => Err("that is half a list, half a map".to_owned()),
    }
}

/// Reads a text of a table. A name that differs in case will do, as it does for Argo CD.
fn text(table: Gc<Table>, name: &str) -> Result<Option<String>, String> {
    let (mut found, mut last) = (None, Value::Nil);
    while let Ok(Some((key, value))) = table.next(last) {
        let Some(bytes) = key.as_bytes() else { break };
        if bytes == name.as_bytes() {
            found = Some(value);
            break;
        }
        if bytes.eq_ignore_ascii_case(name.as_bytes()) {
            found = Some(value);
        }
        last = key;
    }
    match found {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => match value.as_bytes() {
            Some(bytes) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            None => Err(format!("`{name}` is a {}, not a text", value.type_name())),
        },
    }
}
