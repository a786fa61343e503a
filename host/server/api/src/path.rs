//! The addresses of the interface.
//!
//! `NS` and `NAME` are an application's namespace and name, `ID` is the number or the id of an operation.

/// Under which all others are.
pub const ROOT: &str = "/api/v1";
/// GET: [`Me`](crate::Me). `?application=NS/NAME` for the rights in one application.
pub const ME: &str = "/api/v1/me";
/// GET: a list of [`ApplicationRow`](crate::ApplicationRow).
pub const APPLICATIONS: &str = "/api/v1/applications";
/// GET: the stream of the list; each record is a [`ListRecord`](crate::stream::ListRecord).
pub const LIST_STREAM: &str = "/api/v1/stream";
/// GET: a list of [`PluginRow`](crate::PluginRow).
pub const PLUGINS: &str = "/api/v1/plugins";

/// GET: [`ApplicationReport`](crate::ApplicationReport).
pub fn application(namespace: &str, name: &str) -> String {
    format!("{APPLICATIONS}/{}/{}", encoded(namespace), encoded(name))
}

/// GET: [`OperationPage`](crate::OperationPage). `current` and `last` are operations, too.
pub fn operation(namespace: &str, name: &str, id: &str) -> String {
    format!("{}/operations/{}", application(namespace, name), encoded(id))
}

/// GET: the stream of an operation; each record is a [`StreamRecord`](crate::StreamRecord).
pub fn operation_stream(namespace: &str, name: &str, id: &str) -> String {
    format!("{}/stream", operation(namespace, name, id))
}

/// GET: all events and kept lines of an operation, one [`StreamRecord`](crate::StreamRecord) in each line.
pub fn operation_events(namespace: &str, name: &str, id: &str) -> String {
    format!("{}/events", operation(namespace, name, id))
}

/// GET: a list of [`TaskLogs`](crate::operation::TaskLogs). `?task=` for one task.
pub fn operation_logs(namespace: &str, name: &str, id: &str) -> String {
    format!("{}/logs", operation(namespace, name, id))
}

/// GET, and POST with [`PlanRequest`](crate::plan::PlanRequest): [`PlanPage`](crate::PlanPage).
pub fn plan(namespace: &str, name: &str) -> String {
    format!("{}/plan", application(namespace, name))
}

/// POST [`Trigger`](crate::Trigger): [`Outcome`](crate::Outcome).
pub fn triggers(namespace: &str, name: &str) -> String {
    format!("{}/triggers", application(namespace, name))
}

/// POST [`Approval`](crate::Approval): [`Outcome`](crate::Outcome).
pub fn approvals(namespace: &str, name: &str) -> String {
    format!("{}/approvals", application(namespace, name))
}

/// GET: a list of [`ObjectRow`](crate::ObjectRow).
pub fn objects(namespace: &str, name: &str) -> String {
    format!("{}/objects", application(namespace, name))
}

/// GET: a list of [`OperationSummary`](crate::OperationSummary) with the times of waves, newest first.
pub fn history(namespace: &str, name: &str) -> String {
    format!("{}/history", application(namespace, name))
}

/// Encodes a segment of a path or a value of a query, by [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2.3).
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(
            operation("shop", "a/../b", "4?x#y"),
            "/api/v1/applications/shop/a%2F..%2Fb/operations/4%3Fx%23y"
        );
        assert_eq!(encoded("ä b"), "%C3%A4%20b");
    }
}
