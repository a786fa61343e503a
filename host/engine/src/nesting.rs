//! Leaves out of the API server's answers what is nested too deep to be read.
//!
//! JSON is read by recursion. Anybody who can write one object with very deep nesting could make every list unreadable that has it. So
//! the parts of an answer that are nested too deep are left out before it is parsed, and the rest is read. Kubernetes accepts 10,000
//! levels; manifests may have 100 (`capstan_core::read::manifest`), and so may live objects.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::{Response, header};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use serde_json::Value;

/// How many levels of an answer are read. Stored state has a few more around an object, and `serde_json` reads 128.
const MAX_LEVELS: u32 = 100;
/// The placeholder for a part that is left out.
pub(crate) const CUT_MARKER: &str = "[capstan: nested deeper than 100 levels, not read]";

/// Counts the parts that were left out.
pub(crate) type CutCount = Arc<AtomicU64>;

/// Returns a client whose answers are nested at most [`MAX_LEVELS`] levels deep.
pub(crate) fn limit_nesting(client: Client) -> (Client, CutCount) {
    let count = CutCount::default();
    let counted = Arc::clone(&count);
    let (namespace, valid_until) = (client.default_namespace().to_owned(), *client.valid_until());
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (client, count) = (client.clone(), Arc::clone(&counted));
        async move { client.send(request).await.map(|answer| limit_answer(answer, count)) }
    });
    (Client::new(service, namespace).with_valid_until(valid_until), count)
}

fn limit_answer(
    answer: Response<Body>,
    count: CutCount,
) -> Response<impl http_body::Body<Data = Bytes, Error = kube::Error>> {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let mut scan = NestingFilter {
        count,
        ..NestingFilter::default()
    };
    answer
        .map(|body| body.map_frame(move |frame| frame.map_data(|data| if is_json { scan.filter(data) } else { data })))
}

/// Scans JSON in pieces, as far as is needed to know how deep it is nested.
#[derive(Default)]
struct NestingFilter {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    count: CutCount,
}

impl NestingFilter {
    /// Returns a piece without what is nested too deep.
    fn filter(&mut self, piece: Bytes) -> Bytes {
        let mut kept: Vec<u8> = Vec::new();
        let mut from = 0;
        for (at, byte) in piece.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    if self.depth == MAX_LEVELS + 1 {
                        kept.extend_from_slice(piece.get(from..at).unwrap_or_default());
                        kept.push(b'"');
                        kept.extend_from_slice(CUT_MARKER.as_bytes());
                        kept.push(b'"');
                        self.count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                b'}' | b']' => {
                    if self.depth == MAX_LEVELS + 1 {
                        from = at + 1;
                    }
                    self.depth = self.depth.saturating_sub(1);
                }
                _ => {}
            }
        }
        let rest = if self.depth > MAX_LEVELS { piece.len() } else { from };
        if kept.is_empty() {
            return piece.slice(rest..);
        }
        kept.extend_from_slice(piece.get(rest..).unwrap_or_default());
        kept.into()
    }
}

/// Says whether a part of a value was left out.
pub(crate) fn is_cut(value: &Value) -> bool {
    match value {
        Value::String(text) => text == CUT_MARKER,
        Value::Array(members) => members.iter().any(is_cut),
        Value::Object(members) => members.values().any(is_cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!("deep"), |inner, level| {
            if level % 2 == 0 {
                json!([inner])
            } else {
                json!({ "in ]}\\\"": inner })
            }
        })
    }

    /// Lets a text pass in pieces of so many bytes.
    fn pass(text: &str, size: usize) -> (String, u64) {
        let mut scan = NestingFilter::default();
        let pieces = text.as_bytes().chunks(size);
        let passed: Vec<u8> = pieces
            .flat_map(|piece| scan.filter(Bytes::copy_from_slice(piece)))
            .collect();
        let count = scan.count.load(Ordering::Relaxed);
        (String::from_utf8(passed).unwrap(), count)
    }

    #[test]
    fn what_is_not_too_deep_passes_as_it_is() {
        for size in [1, 7, 4096] {
            let text = format!("{}\n{}\n", nested(100), nested(3));
            assert_eq!(pass(&text, size), (text, 0));
        }
    }

    #[test]
    fn of_what_is_too_deep_only_that_part_is_left_out() {
        // Written by hand: a value that is so deep can't be written, or even dropped, without much of a stack.
        let text = serde_json::to_string(
            &json!({ "items": [{ "name": "a" }, { "name": "b", "spec": "SPEC", "last": 1 }, { "name": "c" }] }),
        );
        let text = text
            .unwrap()
            .replace("\"SPEC\"", &format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000)));
        for size in [1, 7, 4096, 100_000] {
            let (passed, count) = pass(&text, size);
            let read: Value = serde_json::from_str(&passed).unwrap();
            assert_eq!(count, 1);
            assert_eq!(read["items"][0], json!({ "name": "a" }));
            assert_eq!(
                (&read["items"][1]["name"], &read["items"][1]["last"]),
                (&json!("b"), &json!(1))
            );
            assert_eq!(read["items"][2], json!({ "name": "c" }));
            assert!(is_cut(&read) && !is_cut(&read["items"][2]));
        }
    }
}
