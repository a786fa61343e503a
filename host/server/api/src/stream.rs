//! The records of streams. A stream is a `text/event-stream`: each record is a frame with the name of its kind and JSON as its data.

use capstan_core::{
    model::plugins::Application,
    plan::task::TaskId,
    run::{
        event::{Event, OperationStatus},
        record_id::RecordId,
        view::OperationView,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::Error as _};

use crate::{application::ApplicationRow, frames::Frame, json, operation::Waiting};

/// A record of an operation's stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamRecord {
    /// How the operation looks. It replaces all that was known of it. It comes first if not all events are kept, and whenever the
    /// operation is driven by another process and has changed.
    Past(Box<OperationView>),
    /// An event of the operation.
    Event(Event),
    /// A hook's container wrote a line.
    Line(Line),
    /// The reader was too slow, and so many events and lines were left out. A `Past` follows.
    Missed {
        /// The number of events and lines that were dropped.
        records: u64,
    },
    /// What is waited for; when that changes, at most once a second. It has no id.
    Waiting(Waiting),
    /// The operation is over, or no process runs it any more: nothing follows.
    End {
        /// How it is or ended.
        status: OperationStatus,
    },
}

/// A line that a hook's container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it was read.
    pub at: Timestamp,
    /// The hook's task.
    pub task: TaskId,
    /// The name of the pod that wrote the line.
    pub pod: String,
    /// The name of the container that wrote the line.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

impl StreamRecord {
    /// Returns the name of its kind, which is the `event` of its frame.
    pub fn kind(&self) -> &'static str {
        match self {
            StreamRecord::Past(_) => "past",
            StreamRecord::Event(_) => "event",
            StreamRecord::Line(_) => "line",
            StreamRecord::Missed { .. } => "missed",
            StreamRecord::Waiting(_) => "waiting",
            StreamRecord::End { .. } => "end",
        }
    }

    /// Writes it as a frame.
    ///
    /// # Errors
    ///
    /// Returns that it cannot be written as JSON.
    pub fn to_frame(&self, id: Option<RecordId>) -> serde_json::Result<String> {
        let data = match self {
            StreamRecord::Past(view) => serde_json::to_string(view)?,
            StreamRecord::Event(event) => serde_json::to_string(event)?,
            StreamRecord::Line(line) => serde_json::to_string(line)?,
            StreamRecord::Missed { records } => serde_json::to_string(&Missed { records: *records })?,
            StreamRecord::Waiting(waiting) => serde_json::to_string(waiting)?,
            StreamRecord::End { status } => serde_json::to_string(&End { status: status.clone() })?,
        };
        Ok(Frame::write(self.kind(), id.map(|id| id.to_string()).as_deref(), &data))
    }

    /// Reads it from a frame; nothing if its kind is not known.
    ///
    /// # Errors
    ///
    /// Returns that its data is not what its kind says.
    pub fn of_frame(frame: &Frame) -> Result<Option<StreamRecord>, json::Error> {
        let data = frame.data.as_str();
        Ok(Some(match frame.event.as_str() {
            "past" => StreamRecord::Past(json::from_str(data)?),
            "event" => StreamRecord::Event(json::from_str(data)?),
            "line" => StreamRecord::Line(json::from_str(data)?),
            "missed" => StreamRecord::Missed {
                records: json::from_str::<Missed>(data)?.records,
            },
            "waiting" => StreamRecord::Waiting(json::from_str(data)?),
            "end" => StreamRecord::End {
                status: json::from_str::<End>(data)?.status,
            },
            _ => return Ok(None),
        }))
    }
}

#[derive(Serialize, Deserialize)]
struct Missed {
    records: u64,
}

#[derive(Serialize, Deserialize)]
struct End {
    status: OperationStatus,
}

/// A record of the list's stream.
#[derive(Debug, Clone, PartialEq)]
pub enum ListRecord {
    /// All rows. It comes first.
    All(Vec<ApplicationRow>),
    /// A row that is new or has changed.
    Row(Box<ApplicationRow>),
    /// An application that is gone.
    Gone(Application),
}

impl ListRecord {
    /// Writes it as a frame.
    ///
    /// # Errors
    ///
    /// Returns that it cannot be written as JSON.
    pub fn to_frame(&self) -> serde_json::Result<String> {
        let (kind, data) = match self {
            ListRecord::All(rows) => ("all", serde_json::to_string(rows)?),
            ListRecord::Row(row) => ("row", serde_json::to_string(row)?),
            ListRecord::Gone(application) => ("gone", serde_json::to_string(application)?),
        };
        Ok(Frame::write(kind, None, &data))
    }

    /// Reads it from a frame.
    ///
    /// # Errors
    ///
    /// Returns that its kind is not known, or that its data is not what its kind says.
    pub fn of_frame(frame: &Frame) -> Result<ListRecord, json::Error> {
        let data = frame.data.as_str();
        match frame.event.as_str() {
            "all" => Ok(ListRecord::All(json::from_str(data)?)),
            "row" => Ok(ListRecord::Row(json::from_str(data)?)),
            "gone" => Ok(ListRecord::Gone(json::from_str(data)?)),
            other => Err(json::Error::custom(format!("`{other}` is not a record of the list"))),
        }
    }
}
