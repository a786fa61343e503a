//! HTTP servers outside of the cluster, by rules of a scenario. It is a tower service like the cluster.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::time::Instant;

use crate::{
    glob,
    service::{Body, ConnectionBroken, full_body},
    span::Span,
};

/// The answer of some URLs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpRule {
    /// The URLs: `*` matches anything but a slash, `**` anything.
    pub url: String,
    /// The method; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// The headers of the response.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body of the response.
    #[serde(default)]
    pub body: String,
    /// From when on it answers, after the start; until then, a later rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// How many calls it answers; all if absent. After that, a later rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<usize>,
    /// How long the answer takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "takes")]
    pub delay: Option<Span>,
    /// Whether the connection breaks instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
}

fn ok() -> u16 {
    200
}

/// A call that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCall {
    /// The HTTP method.
    pub method: String,
    /// The URL, with its query.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; empty if there was none.
    pub body: String,
}

/// Answers calls of all URLs.
#[derive(Clone, Debug)]
pub struct HttpStub {
    pages: Arc<Vec<HttpRule>>,
    start: Instant,
    recorded: Arc<Mutex<RecordedCalls>>,
}

#[derive(Debug, Default)]
struct RecordedCalls {
    calls: Vec<RecordedCall>,
    /// How many calls each rule has answered.
    answered: Vec<usize>,
}

impl HttpStub {
    /// Makes one with these rules; the first that matches answers. Must be called in a tokio runtime.
    pub fn new(pages: Vec<HttpRule>) -> HttpStub {
        HttpStub {
            recorded: Arc::new(Mutex::new(RecordedCalls {
                calls: Vec::new(),
                answered: vec![0; pages.len()],
            })),
            pages: Arc::new(pages),
            start: Instant::now(),
        }
    }

    /// Returns the calls that were received.
    pub fn calls(&self) -> Vec<RecordedCall> {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.calls.clone()
    }

    /// Records a call, and finds the rule that answers it.
    fn answer_for(&self, called: RecordedCall) -> Option<&HttpRule> {
        let begun = self.start.elapsed();
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let RecordedCalls { calls, answered } = &mut *recorded;
        let mut pages = self.pages.iter().zip(answered);
        let found = pages.find(|(page, answered)| {
            glob::matches(&page.url, &called.url)
                && page.method.as_ref().is_none_or(|method| *method == called.method)
                && page.after.is_none_or(|Span(after)| after <= begun)
                && page.first.is_none_or(|first| **answered < first)
        });
        calls.push(called);
        found.map(|(page, answered)| {
            *answered += 1;
            page
        })
    }
}

impl<B> tower::Service<Request<B>> for HttpStub
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = ConnectionBroken;
    type Future = BoxFuture<'static, Result<Response<Body>, ConnectionBroken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionBroken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let web = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| ConnectionBroken)?.to_bytes();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = parts.headers.iter();
            let called = RecordedCall {
                method: parts.method.to_string(),
                url: parts.uri.to_string(),
                headers: headers
                    .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                    .collect(),
                body: text(&body),
            };
            let page = web.answer_for(called).cloned();
            let page = page.filter(|page| !page.drop).ok_or(ConnectionBroken)?;
            tokio::time::sleep(page.delay.map_or(Duration::ZERO, |Span(takes)| takes)).await;
            let mut response = Response::new(full_body(page.body.clone()));
            *response.status_mut() = StatusCode::from_u16(page.status).map_err(|_| ConnectionBroken)?;
            for (name, value) in &page.headers {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ConnectionBroken)?;
                let value = HeaderValue::from_str(value).map_err(|_| ConnectionBroken)?;
                response.headers_mut().append(name, value);
            }
            Ok(response)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(web: &HttpStub, url: &str) -> Result<(u16, String), ConnectionBroken> {
        let request = Request::get(url).body(Full::new(Bytes::new())).unwrap();
        let answer = web.clone().oneshot(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Ok((status, String::from_utf8(body.to_vec()).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_page_that_fits_answers_from_its_moment_on_and_as_often_as_it_may() {
        let pages = r#"[
            {"url": "http://api.example/health", "after": "5s", "body": "ready"},
            {"url": "http://api.example/**", "status": 503, "takes": "1s"},
            {"url": "http://gone.example/", "drop": true},
            {"url": "http://often.example/", "first": 2, "status": 429},
            {"url": "http://often.example/", "body": "at last"}
        ]"#;
        let web = HttpStub::new(serde_json::from_str(pages).unwrap());
        let url = "http://api.example/health";
        assert_eq!(get(&web, url).await, Ok((503, String::new())));
        assert_eq!(web.start.elapsed(), Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(get(&web, url).await, Ok((200, "ready".to_owned())));
        assert_eq!(get(&web, "http://gone.example/").await, Err(ConnectionBroken));
        assert_eq!(get(&web, "http://nowhere.example/").await, Err(ConnectionBroken));
        for (status, body) in [(429, ""), (429, ""), (200, "at last"), (200, "at last")] {
            assert_eq!(get(&web, "http://often.example/").await, Ok((status, body.to_owned())));
        }
        assert_eq!((web.calls().len(), web.calls()[0].url.as_str()), (8, url));
    }
}
