//! Who may do what, and what strangers can send.

use super::*;

/// What names of others can hold changes nothing but the text of answers.
#[test]
fn hostile_words_stay_data() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), CONFIG).await;
        let strange = [
            "<script>alert(1)</script>",
            "../../../etc/passwd",
            "a/b/c",
            "\u{202e}txt",
            "%00",
            &"x".repeat(5000),
        ];
        for word in strange {
            let word = path::encoded(word);
            for address in [
                format!("{}/shop/{word}", path::APPLICATIONS),
                format!("{}/{word}/shop", path::APPLICATIONS),
                path::operation("shop", "shop", &word),
                path::operation_stream("shop", "shop", &word),
                format!("{}?application={word}", path::ME),
                format!("/ui/d1/{word}"),
            ] {
                let response = client
                    .send(client.request(Method::GET, &address).body(Body::empty()).unwrap())
                    .await;
                let headers = response.headers().clone();
                let (status, body) = read(response).await;
                assert_eq!(status, StatusCode::NOT_FOUND, "{address}: {body}");
                assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{address}");
                assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
                serde_json::from_str::<ApiError>(&body).unwrap();
            }
        }
    });
}

/// Allows one verb, and knows one user.
struct Only(Verb);

#[async_trait]
impl Access for Only {
    async fn user(&self, _: &HeaderMap) -> Result<User, ApiError> {
        Ok(User {
            name: "viewer".to_owned(),
        })
    }

    async fn missing(
        &self,
        _: &User,
        _: Option<&Application>,
        verbs: &[Verb],
    ) -> Result<BTreeMap<Verb, String>, ApiError> {
        let missing = verbs.iter().filter(|verb| **verb != self.0);
        Ok(missing.map(|verb| (*verb, format!("a right to {verb:?}"))).collect())
    }
}

#[test]
fn what_a_user_may_not_do_is_refused_with_the_right_that_is_missing() {
    in_virtual_time(async {
        let (stage, first) = shop(talkative(), &[JOB, CONFIG].join("---\n")).await;
        let id = first.sync().await;
        first.to_end(&id).await;
        let client = Client::with(&stage, HOST, Token::random().unwrap(), Arc::new(Only(Verb::Get)), false);
        client.write(stage.request_text(CONFIG));
        let me: Me = client.get(&format!("{}?application=shop/shop", path::ME)).await;
        assert!(me.denied(Verb::Sync).is_some() && me.denied(Verb::Get).is_none());
        for path in ["/plan", "/objects", "/operations/last/logs"] {
            let (status, body) = client.get_text(&address(path)).await;
            let error: ApiError = serde_json::from_str(&body).unwrap();
            assert_eq!(
                (status, error.class, error.missing.len()),
                (StatusCode::FORBIDDEN, ErrorClass::Denied, 1),
                "{path}"
            );
        }
        for trigger in [sync(), Trigger::Terminate {}, Trigger::Sweep {}, Trigger::Resume {}] {
            assert_eq!(
                client.post_text(&address("/triggers"), &trigger).await.0,
                StatusCode::FORBIDDEN,
                "{trigger:?}"
            );
        }
        // Whoever may not see logs sees no lines among the events.
        let (_, events) = client.get_text(&address("/operations/last/events")).await;
        assert!(!events.contains("one <b>") && events.contains("TaskFinished"));
        let records = client.to_end("last").await;
        assert!(
            !records
                .iter()
                .any(|(_, record)| matches!(record, StreamRecord::Line(_)))
        );
        // Whoever may not see an application has it in no list.
        let blind = Client::with(
            &stage,
            HOST,
            Token::random().unwrap(),
            Arc::new(Only(Verb::Logs)),
            false,
        );
        assert_eq!(blind.get::<Vec<ApplicationRow>>(path::APPLICATIONS).await, []);
        let token = Token::random().unwrap();
        let access = TokenAccess {
            token: token.clone(),
            user: User { name: USER.to_owned() },
        };
        let frozen = Client::with(&stage, HOST, token, Arc::new(access), true);
        assert_eq!(
            frozen.post_text(&address("/triggers"), &sync()).await.0,
            StatusCode::FORBIDDEN
        );
        assert!(frozen.get::<Me>(path::ME).await.denied(Verb::Sync).is_some());
    });
}

/// Says a request over a socket, and returns the status and the head of the answer.
async fn say(address: std::net::SocketAddr, text: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

#[tokio::test]
async fn a_page_of_a_stranger_can_do_nothing() {
    let stage = Stage::new(Setup::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::at(&stage, &address.to_string());
    client.write(stage.request_text(CONFIG));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(client.server.clone(), listener, async {
        stopped.await.ok();
    }));
    let host = format!("Host: {address}");
    let token = format!("Authorization: Bearer {}", client.token.as_str());
    let wrong = format!("Authorization: Bearer {}x", client.token.as_str());
    let origin = format!("Origin: http://{address}");
    let json = "Content-Type: application/json";
    let (get, post) = ("GET /api/v1/me", "POST /api/v1/applications/shop/shop/triggers");
    let own = |more: &[&str]| -> Vec<String> {
        [host.as_str(), token.as_str()]
            .iter()
            .chain(more)
            .map(|header| (*header).to_owned())
            .collect()
    };
    let cases: Vec<(&str, Vec<String>, u16)> = vec![
        (get, own(&[]), 200),
        (get, own(&[&origin]), 200),
        (get, own(&["Sec-Fetch-Site: same-origin"]), 200),
        (get, vec![host.clone()], 401),
        (get, vec![host.clone(), wrong], 401),
        (get, own(&[&token]), 401),
        (get, own(&["Origin: http://evil.example"]), 403),
        (get, own(&["Origin: null"]), 403),
        (get, own(&[&origin, &origin]), 403),
        (get, own(&["Sec-Fetch-Site: cross-site"]), 403),
        (get, own(&["Sec-Fetch-Site: none"]), 403),
        (get, vec!["Host: evil.example".to_owned(), token.clone()], 403),
        (get, vec![format!("{host}0"), token.clone()], 403),
        ("GET http://evil.example/api/v1/me", own(&[]), 403),
        ("GET /apps", vec!["Host: evil.example".to_owned()], 403),
        (
            "GET /apps",
            vec![host.clone(), "Sec-Fetch-Site: cross-site".to_owned()],
            200,
        ),
        (post, own(&[json, "X-Capstan: 1"]), 200),
        (post, own(&[json]), 400),
        (post, own(&["X-Capstan: 1"]), 400),
        (post, own(&["X-Capstan: 1", "Content-Type: text/plain"]), 400),
        (
            post,
            own(&["X-Capstan: 1", "Content-Type: application/x-www-form-urlencoded"]),
            400,
        ),
        (post, own(&["X-Capstan: 2", json]), 400),
        (post, own(&["X-Capstan: 1", json, "Sec-Fetch-Site: same-site"]), 403),
        (post, own(&["X-Capstan: 1", json, "Origin: https://evil.example"]), 403),
        (
            "DELETE /api/v1/applications/shop/shop",
            own(&["X-Capstan: 1", json]),
            400,
        ),
    ];
    let body = r#"{"do":"sync","dryRun":true}"#;
    for (line, headers, expected) in cases {
        let length = if line.starts_with("GET") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let sent = if length.is_empty() { "" } else { body };
        let text = format!(
            "{line} HTTP/1.1\r\n{}\r\n{length}Connection: close\r\n\r\n{sent}",
            headers.join("\r\n")
        );
        let (status, head) = say(address, &text).await;
        assert_eq!(status, expected, "{text}\n{head}");
        // Every answer, refusals included, says what the page may do.
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "permissions-policy: ",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{line}: no {header} in {head}");
        }
        assert!(!head.contains("access-control-allow"), "{head}");
    }
    // Whatever is open ends with the server.
    let mut open = TcpStream::connect(address).await.unwrap();
    let stream = format!("GET {} HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n", path::LIST_STREAM);
    open.write_all(stream.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    open.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let began = std::time::Instant::now();
    stop.send(()).unwrap();
    serving.await.unwrap();
    let mut rest = Vec::new();
    open.read_to_end(&mut rest).await.ok();
    assert!(
        began.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn files_of_the_page_are_kept_for_ever_and_the_page_itself_never() {
    let stage = Stage::new(Setup::default()).await;
    let client = Client::new(&stage);
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = http::Request::builder().uri(path).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client.send(request.body(Body::empty()).unwrap()).await
    };
    for path in ["/", "/apps", "/apps/shop/shop/plan?open=a", "/plugins"] {
        let response = ask(path, &[]).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8",
            "{path}"
        );
        assert!(read(response).await.1.contains("<title>Capstan</title>"), "{path}");
    }
    let response = ask("/ui/d1/page.js", &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
    assert_eq!(response.headers()[header::VARY], "accept-encoding");
    assert_eq!(read(response).await.1, BROTLI);
    let response = ask("/ui/d1/page.js", &[("accept-encoding", "br;q=0, gzip")]).await;
    let headers = response.headers().clone();
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    assert_eq!(headers[header::CONTENT_TYPE], "text/javascript");
    let tag = headers[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        ask("/ui/d1/page.js", &[("if-none-match", &tag)]).await.status(),
        StatusCode::NOT_MODIFIED
    );
    let plain = read(ask("/ui/d1/page.js", &[]).await).await.1;
    assert!(plain.starts_with("// a script"));
    for path in [
        "/ui/d0/page.js",
        "/ui/d1/",
        "/ui/d1/../../index.html",
        "/ui/index.html",
        "/index.html",
        "/favicon.ico",
        "/appsx",
        "/ui",
    ] {
        assert_eq!(ask(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
