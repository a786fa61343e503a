//! What a check's user says.

use std::collections::BTreeMap;

use capstan_sdk::{Failure, HeaderValue, HttpRequest, Object, Span};
use serde::Deserialize;
use serde_json::Value;

use crate::expect::Expect;

/// The settings of one check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub url: String,
    #[serde(default = "get")]
    pub method: String,
    #[serde(default)]
    headers: BTreeMap<String, Header>,
    /// Text, or anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    pub expect: Expect,
    /// The pause between two tries.
    #[serde(default = "interval")]
    pub interval: Span,
    /// How long one call may take.
    #[serde(default = "timeout")]
    timeout: Span,
    /// How long all tries together may take.
    #[serde(default = "deadline")]
    pub deadline: Span,
    /// How many tries at most; as many as fit before the deadline when absent.
    #[serde(default)]
    pub tries: Option<u32>,
    /// How many answers in a row have to be as expected.
    #[serde(default = "once")]
    pub successes: u32,
}

/// A header's value: text, or a key of a Secret that only the host sees, after a text like `Bearer `.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Header {
    Text(String),
    Secret {
        #[serde(default)]
        prefix: String,
        secret: String,
        key: String,
    },
}

fn get() -> String {
    "GET".to_owned()
}

fn interval() -> Span {
    Span::seconds(5)
}

fn timeout() -> Span {
    Span::seconds(10)
}

fn deadline() -> Span {
    Span::seconds(120)
}

fn once() -> u32 {
    1
}

impl Settings {
    /// Reads them, and says what can't work.
    pub(crate) fn read(settings: &Object<'_>) -> Result<Self, Failure> {
        let read: Self = settings.read_as("settings")?;
        if !read.url.starts_with("http://") && !read.url.starts_with("https://") {
            return Err(Failure::invalid(format!(
                "`url: {}` must begin with http:// or https://",
                read.url
            )));
        }
        for (name, span, most) in [("interval", read.interval, 3600), ("timeout", read.timeout, 60)] {
            if span < Span(std::time::Duration::from_millis(100)) || span > Span::seconds(most) {
                return Err(Failure::invalid(format!(
                    "`{name}` must be between 100ms and {}",
                    Span::seconds(most)
                )));
            }
        }
        if read.successes == 0 || read.tries == Some(0) {
            return Err(Failure::invalid("`successes` and `tries` must be at least 1"));
        }
        read.expect.check()?;
        Ok(read)
    }

    /// Returns the call.
    pub(crate) fn request(&self) -> HttpRequest {
        let header = |value: &Header| match value {
            Header::Text(text) => HeaderValue::Text(text.clone()),
            Header::Secret { prefix, secret, key } if prefix.is_empty() => HeaderValue::Secret {
                name: secret.clone(),
                key: key.clone(),
            },
            Header::Secret { prefix, secret, key } => HeaderValue::PrefixedSecret {
                prefix: prefix.clone(),
                name: secret.clone(),
                key: key.clone(),
            },
        };
        let headers = self.headers.iter();
        HttpRequest {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: headers.map(|(name, value)| (name.clone(), header(value))).collect(),
            body: self.body.as_ref().map(|body| match body {
                Value::String(text) => text.clone().into_bytes(),
                other => other.to_string().into_bytes(),
            }),
            timeout: self.timeout.0,
        }
    }
}
