//! Calls over the network of this machine, to a server that answers by path.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Starts a server on a free port; `/redirect?URL` sends elsewhere, `/echo` answers with the request, `/big` with much, `/slow` never.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => return,
                    }
                }
                let text = String::from_utf8(request).unwrap();
                let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, header, body) = match path.split_once('?').unwrap_or((&path, "")) {
                    ("/redirect", to) => ("302 Found", format!("location: {to}\r\n"), String::new()),
                    ("/echo", _) => ("200 OK", String::new(), text),
                    ("/big", _) => ("200 OK", String::new(), "x".repeat(100 << 10)),
                    // Much, with the request at a place of its own.
                    ("/padded", pad) => (
                        "200 OK",
                        String::new(),
                        "x".repeat(pad.parse().unwrap_or_default()) + &text,
                    ),
                    ("/base64", _) => ("200 OK", String::new(), BASE64_STANDARD.encode(&text)),
                    ("/packed", _) => ("200 OK", "content-encoding: gzip\r\n".to_owned(), text),
                    ("/header", _) => (
                        "200 OK",
                        format!("x-echo: {}\r\n", text.replace("\r\n", " ")),
                        String::new(),
                    ),
                    ("/slow", _) => return std::future::pending().await,
                    (_, _) => ("404 Not Found", String::new(), String::new()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                // Who has read enough is gone.
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    address
}

fn get(url: String) -> HttpCall {
    HttpCall {
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(10),
        may_be_local: true,
        secrets: Vec::new(),
    }
}

fn body(answer: &HttpResponse) -> String {
    String::from_utf8(BASE64_STANDARD.decode(&answer.body).unwrap()).unwrap()
}

#[tokio::test]
async fn a_call_is_sent_as_it_is_and_a_secret_does_not_come_back() {
    let at = server().await;
    let mut call = get(format!("http://{at}/echo"));
    call.headers = vec![
        ("x-one".to_owned(), "1".to_owned()),
        ("authorization".to_owned(), "Bearer s3cret".to_owned()),
    ];
    call.secrets = vec!["Bearer s3cret".to_owned()];
    let answer = HttpCaller::network().call(&call).await.unwrap();
    assert_eq!((answer.status, answer.is_truncated), (200, false));
    let sent = body(&answer).to_lowercase();
    assert!(
        sent.contains("x-one: 1") && sent.contains("user-agent: capstan/"),
        "{sent}"
    );
    assert!(
        sent.contains("authorization: (hidden)") && !sent.contains("s3cret"),
        "{sent}"
    );
}

/// Looks for a text, or the beginning of it, in what an answer shows.
fn shows(answer: &HttpResponse, secret: &str) -> bool {
    let start = &secret[..8];
    body(answer).contains(start) || answer.headers.iter().any(|(_, value)| value.contains(start))
}

#[tokio::test]
async fn a_secret_does_not_come_back_in_an_answer_that_is_cut_or_written_otherwise() {
    let at = server().await;
    let secret = "SECRET-BEARER-0123456789-ABCDEF/+\"";
    let with = |path: &str| {
        let mut call = get(format!("http://{at}{path}"));
        call.headers = vec![("authorization".to_owned(), format!("Bearer {secret}"))];
        call.secrets = vec![secret.to_owned()];
        call
    };
    let web = HttpCaller::network();
    // The value stands at, before and after the place at which the answer is cut.
    for pad in (MAX_BODY_BYTES - 200..MAX_BODY_BYTES + 20).step_by(3) {
        let answer = web.call(&with(&format!("/padded?{pad}"))).await.unwrap();
        assert!(!shows(&answer, secret), "{pad}");
        assert!(BASE64_STANDARD.decode(&answer.body).unwrap().len() <= MAX_BODY_BYTES);
    }
    let packed = web.call(&with("/packed")).await.unwrap_err();
    assert!(packed.reason.contains("compressed") && !packed.is_temporary);
    let answer = web.call(&with("/header")).await.unwrap();
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, value)| name == "x-echo" && value.contains("Bearer (hidden)"))
    );
    let answer = web.call(&with("/base64")).await.unwrap();
    assert_eq!(body(&answer).matches("(hidden)").count(), 1, "{}", body(&answer));
    // Without a Secret, what comes is passed on as it is.
    let answer = web.call(&get(format!("http://{at}/packed"))).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_and_port_only() {
    let (at, other) = (server().await, server().await);
    let web = HttpCaller::network();
    let answer = web.call(&get(format!("http://{at}/redirect?/echo"))).await.unwrap();
    assert_eq!(answer.status, 200);
    for elsewhere in [
        format!("http://{other}/echo"),
        format!("//{other}/echo"),
        format!("https://{at}/"),
    ] {
        let answer = web
            .call(&get(format!("http://{at}/redirect?{elsewhere}")))
            .await
            .unwrap();
        assert_eq!(answer.status, 302, "{elsewhere}");
        assert!(
            answer.headers.contains(&("location".to_owned(), elsewhere)),
            "{:?}",
            answer.headers
        );
    }
    let around = web.call(&get(format!("http://{at}/redirect?/redirect"))).await.unwrap();
    assert_eq!(around.status, 302, "where to is missing");
}

#[tokio::test]
async fn an_answer_has_bounds_in_size_and_time() {
    let at = server().await;
    let web = HttpCaller::network();
    let answer = web.call(&get(format!("http://{at}/big"))).await.unwrap();
    assert_eq!((body(&answer).len(), answer.is_truncated), (MAX_BODY_BYTES, true));
    let mut slow = get(format!("http://{at}/slow"));
    slow.timeout = Duration::from_millis(50);
    let error = web.call(&slow).await.unwrap_err();
    assert_eq!(error.reason, "no answer within 50 ms");
    assert!(error.is_temporary);
}

#[tokio::test]
async fn a_name_that_leads_here_is_refused_when_the_connection_is_made() {
    let at = server().await;
    let mut call = get(format!("http://localhost:{}/echo", at.port()));
    call.may_be_local = false;
    let error = HttpCaller::network().call(&call).await.unwrap_err();
    assert!(error.reason.starts_with("localhost resolves to "), "{}", error.reason);
    assert!(!error.is_temporary);
    call.url = "http://127.0.0.1:1/".to_owned();
    call.may_be_local = true;
    let error = HttpCaller::network().call(&call).await.unwrap_err();
    assert!(
        error.is_temporary && error.reason.contains("refused"),
        "{}",
        error.reason
    );
}
