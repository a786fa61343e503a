use super::*;

const SECRET: &str = "0123456789abcdef";

fn secret() -> WebhookSecret {
    WebhookSecret::new(SECRET.as_bytes()).unwrap()
}

fn hmac(body: &[u8]) -> String {
    let mut mac = secret().mac().unwrap();
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    base16(&digest)
}

fn base16(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The headers that a service sends with a body: the signature, and the event.
fn headers(provider: Provider, event: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let hmac = hmac(body);
    match provider {
        Provider::GitHub => vec![
            ("x-hub-signature-256", format!("sha256={hmac}")),
            ("x-github-event", event.to_owned()),
        ],
        Provider::GitLab => vec![
            ("x-gitlab-token", SECRET.to_owned()),
            ("x-gitlab-event", event.to_owned()),
        ],
        Provider::Gitea => vec![("x-gitea-signature", hmac), ("x-gitea-event", event.to_owned())],
        Provider::Bitbucket => vec![
            ("x-hub-signature", format!("sha256={hmac}")),
            ("x-event-key", event.to_owned()),
        ],
        Provider::Generic => vec![("x-signature", format!("sha256={hmac}"))],
    }
}

fn read_with(provider: Provider, headers: &[(&'static str, String)], body: &[u8]) -> Result<Event, WebhookError> {
    let find = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    };
    read(provider, &secret(), find, body)
}

fn read_signed(provider: Provider, event: &str, body: &str) -> Result<Event, WebhookError> {
    read_with(provider, &headers(provider, event, body.as_bytes()), body.as_bytes())
}

const COMMIT: &str = "1234567890123456789012345678901234567890";

/// What each service sends after a push to `main` of `acme/shop`, as its documentation shows it, without what isn't read.
fn pushes() -> Vec<(Provider, &'static str, String)> {
    let replace = |text: &str| text.replace("COMMIT", COMMIT);
    vec![
        (
            Provider::GitHub,
            "push",
            replace(
                r#"{"ref": "refs/heads/main", "before": "0", "after": "COMMIT", "deleted": false, "repository": {"id": 1,
                "clone_url": "https://git.example.com/acme/shop.git", "ssh_url": "git@git.example.com:acme/shop.git",
                "html_url": "https://git.example.com/acme/shop", "url": 5}}"#,
            ),
        ),
        (
            Provider::GitLab,
            "Push Hook",
            replace(
                r#"{"object_kind": "push", "ref": "refs/heads/main", "after": "COMMIT", "checkout_sha": "COMMIT", "project": {"id": 1,
                "git_http_url": "https://git.example.com/acme/shop.git", "git_ssh_url": "git@git.example.com:acme/shop.git",
                "web_url": "https://git.example.com/acme/shop"}}"#,
            ),
        ),
        (
            Provider::Gitea,
            "push",
            replace(
                r#"{"ref": "refs/heads/main", "after": "COMMIT", "repository": {"clone_url": "https://git.example.com/acme/shop.git",
                "ssh_url": "ssh://git@git.example.com:2222/acme/shop.git"}}"#,
            ),
        ),
        (
            Provider::Bitbucket,
            "repo:push",
            replace(
                r#"{"push": {"changes": [{"old": null, "new": {"type": "branch", "name": "main", "target": {"hash": "COMMIT"}}}]},
                "repository": {"links": {"html": {"href": "https://git.example.com/acme/shop"}}}}"#,
            ),
        ),
        (
            Provider::Bitbucket,
            "repo:refs_changed",
            replace(
                r#"{"changes": [{"ref": {"id": "refs/heads/main"}, "toHash": "COMMIT", "type": "UPDATE"}], "repository": {"links":
                {"clone": [{"href": "ssh://git@git.example.com:7999/acme/shop.git", "name": "ssh"}]}}}"#,
            ),
        ),
        (
            Provider::Generic,
            "push",
            replace(r#"{"url": "https://git.example.com/acme/shop", "ref": "refs/heads/main", "commit": "COMMIT"}"#),
        ),
    ]
}

#[test]
fn a_push_of_every_service_names_repository_reference_and_commit() {
    let own = RepositoryUrl::parse("https://git.example.com/acme/shop.git").unwrap();
    let other = RepositoryUrl::parse("https://git.example.com/acme/other").unwrap();
    for (provider, event, body) in pushes() {
        let Event::Push(push) = read_signed(provider, event, &body).unwrap() else {
            panic!("{provider:?}");
        };
        assert!(push.is_about(&own) && !push.is_about(&other), "{provider:?}: {push:?}");
        let expected = Change {
            reference: "refs/heads/main".to_owned(),
            commit: Some(COMMIT.to_owned()),
        };
        assert_eq!(push.changes, [expected], "{provider:?}");
        // A deleted branch.
        let deleted = body.replace(COMMIT, &"0".repeat(40));
        let Event::Push(push) = read_signed(provider, event, &deleted).unwrap() else {
            panic!("{provider:?}");
        };
        assert_eq!(push.changes[0].commit, None, "{provider:?}");
    }
}

#[test]
fn what_is_not_signed_is_not_read() {
    for (provider, event, body) in pushes() {
        let right = headers(provider, event, body.as_bytes());
        assert!(read_with(provider, &right, body.as_bytes()).is_ok());
        let missing = read_with(provider, &right[1..], body.as_bytes()).unwrap_err();
        assert!(
            matches!(missing, WebhookError::NoSignature { .. }),
            "{provider:?}: {missing}"
        );
        for wrong in [
            "",
            "sha256=",
            "sha256",
            "x",
            &format!("{SECRET}x"),
            &SECRET[1..],
            &"0".repeat(64),
            &"+".repeat(64),
            "\u{fc}",
        ] {
            for prefix in ["", "sha256=", "sha1="] {
                let mut headers = right.clone();
                headers[0].1 = format!("{prefix}{wrong}");
                let error = read_with(provider, &headers, body.as_bytes()).unwrap_err();
                assert!(
                    matches!(error, WebhookError::WrongSignature { .. }),
                    "{provider:?} {wrong}: {error}"
                );
                assert!(!error.to_string().contains(SECRET));
            }
        }
        // One byte of the body is other than signed. GitLab's token is not about the body.
        if provider != Provider::GitLab {
            let changed = body.replacen("main", "mail", 1);
            let error = read_with(provider, &right, changed.as_bytes()).unwrap_err();
            assert!(
                matches!(error, WebhookError::WrongSignature { .. }),
                "{provider:?}: {error}"
            );
        }
        // Signed, but by another service's rules.
        for other in [
            Provider::GitHub,
            Provider::GitLab,
            Provider::Gitea,
            Provider::Bitbucket,
            Provider::Generic,
        ] {
            if other != provider {
                assert!(
                    read_with(other, &right, body.as_bytes()).is_err(),
                    "{provider:?} as {other:?}"
                );
            }
        }
        let large = vec![b' '; MAX_BODY_BYTES + 1];
        let error = read_with(provider, &[], &large).unwrap_err();
        assert_eq!(
            error,
            WebhookError::TooLarge { bytes: large.len() },
            "the size is checked first"
        );
    }
}

#[test]
fn other_events_and_odd_bodies_are_no_pushes() {
    for (provider, event) in [(Provider::GitHub, "ping"), (Provider::Bitbucket, "diagnostics:ping")] {
        assert_eq!(read_signed(provider, event, "{}"), Ok(Event::Ping));
    }
    assert_eq!(
        read_signed(Provider::GitHub, "issues\u{1b}[0m", "{}"),
        Ok(Event::Other("issues[0m".to_owned()))
    );
    let created = read_signed(Provider::GitLab, "System Hook", r#"{"object_kind": "project_create"}"#);
    assert!(matches!(created, Ok(Event::Other(_))), "{created:?}");
    for (provider, event, body) in pushes() {
        for odd in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"repository": null, "project": null, "ref": null}"#,
            r#"{"repository": {"clone_url": 5, "links": 5}, "url": 5, "project": 5}"#,
            r#"{"repository": {}, "project": {}, "changes": [null], "push": {"changes": [{}]}}"#,
            r#"{"repository": "s3cret-value", "project": "s3cret-value", "url": {"a": "s3cret-value"}}"#,
            "payload=%7B%7D",
            &"[".repeat(100_000),
        ] {
            let error = read_signed(provider, event, odd).unwrap_err();
            assert!(
                matches!(error, WebhookError::Body { .. }),
                "{provider:?} {odd:.20}: {error}"
            );
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        // Cut anywhere.
        for end in (0..body.len()).filter(|end| body.is_char_boundary(*end)) {
            assert!(
                read_signed(provider, event, &body[..end]).is_err(),
                "{provider:?} {end}"
            );
        }
    }
    let changes: Vec<String> = (0..1000)
        .map(|at| format!(r#"{{"ref": {{"id": "refs/heads/{at}"}}}}"#))
        .collect();
    let links = r#""repository": {"links": {"clone": [{"href": "https://git.example.com/a/b"}]}}"#;
    let body = format!(r#"{{"changes": [{}], {links}}}"#, changes.join(","));
    let Ok(Event::Push(push)) = read_signed(Provider::Bitbucket, "repo:refs_changed", &body) else {
        panic!();
    };
    assert_eq!(push.changes.len(), MAX_CHANGES);
}

#[test]
fn a_secret_that_anybody_could_guess_is_refused_and_none_is_shown() {
    assert_eq!(WebhookSecret::new(b"").unwrap_err(), WebhookError::ShortSecret);
    assert_eq!(WebhookSecret::new(b"1234567").unwrap_err(), WebhookError::ShortSecret);
    assert_eq!(format!("{:?}", secret()), "(hidden)");
}
