//! Calls of URLs, and their bounds.

use serde_json::json;

use super::{super::*, allowance, call, check};
use crate::model::request::{HeaderValue, HttpRequest, Request};

#[test]
fn urls_that_can_be_read_in_two_ways_are_none() {
    let all = json!({"http": [{"hosts": ["*"], "methods": ["*"]}]});
    let all = allowance(all, Granted::Requested);
    let refused = |url: &str| check(&Request::Http(call("GET", url)), Some(&all));
    for url in [
        "http://user@api.example.com/",
        "http://api.example.com\\@evil.example/",
        "http://api.example.com/a b",
        "ftp://api.example.com/",
        "//api.example.com/",
        "http:///path",
        "http://api.example.com:99999/",
        "http://[::1/",
        "http://127.0.0.1/",
        "http://127.1.2.3:8080/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
    ] {
        assert!(refused(url).is_err(), "{url}");
    }
    for url in [
        "http://api.example.com/a?b#c",
        "https://10.0.0.1:8443",
        "http://[2001:db8::1]:80/",
    ] {
        assert_eq!(refused(url), Ok(()), "{url}");
    }
    let local = json!({"http": [{"hosts": ["127.0.0.1:8080"], "local": true}]});
    let local = allowance(local, Granted::Requested);
    let at = |url: &str| check(&Request::Http(call("GET", url)), Some(&local));
    assert_eq!(at("http://127.0.0.1:8080/"), Ok(()));
    assert!(at("http://127.0.0.1/").is_err() && at("http://127.0.0.2:8080/").is_err());
}

#[test]
fn a_call_has_bounds_and_no_header_of_the_hosts() {
    let all = allowance(
        json!({"http": [{"hosts": ["*.example.com"], "methods": ["GET"]}]}),
        Granted::Requested,
    );
    let fails = |call: HttpRequest, why: &str| {
        let error = check(&Request::Http(call), Some(&all)).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    let good = call("GET", "https://api.example.com/");
    assert_eq!(check(&Request::Http(good.clone()), Some(&all)), Ok(()));
    fails(
        call("POST", "https://api.example.com/"),
        "call POST on api.example.com:443",
    );
    fails(call("GET", "https://example.com/"), "call GET on example.com:443");
    fails(call("get", "https://api.example.com/"), "`get` is not a method");
    let timeout_ms = 60_001;
    fails(
        HttpRequest {
            timeout_ms,
            ..good.clone()
        },
        "between 1 and 60000 ms",
    );
    let with = |name: &str, value: HeaderValue| HttpRequest {
        headers: vec![(name.to_owned(), value)],
        ..good.clone()
    };
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    fails(with("Host", text("x")), "the header `Host` is the host's");
    fails(with("Idempotency-Key", text("x")), "is the host's");
    fails(with("x:y", text("x")), "is not a header name");
    fails(with("x", text("a\r\nb: c")), "control characters");
    fails(with("x", text(&"y".repeat(20_000))), "16384 bytes");
    let secret = HeaderValue::Secret {
        prefix: String::new(),
        name: "token".to_owned(),
        key: "bearer".to_owned(),
    };
    fails(
        with("authorization", secret),
        "doesn't request to use Secret token (bearer)",
    );
}
