//! What others write changes nothing of the page but its text, and other origins can do nothing.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    actions::sync,
    driver::Browser,
    in_browser,
    page::Page,
    site::{Options, Site, cluster},
};

const MARKUP: &str =
    "\"'><img src=x onerror='window.hacked=1'><script>window.hacked=1</script><b class=evil>bold</b>&lt;i&gt;";
const ESCAPES: &str = "\u{1b}]0;hacked\u{7}\u{1b}]8;;javascript:window.hacked=1\u{1b}\\link\u{1b}]8;;\u{1b}\\ \u{1b}[2J\u{1b}[31mred\u{1b}[0m \u{9b}5m\u{0}\u{8}\u{8}";
const BIDI: &str = "\u{202e}gnp.exe\u{2066}\u{200f}";
/// A line of a megabyte.
const LONG: usize = 1024 * 1024;
const MANY: usize = 4000;
/// How many nodes a page may have.
const MAX_NODES: u64 = 15_000;

/// What must be true of each page: nothing was made of the words of others.
const UNTOUCHED: &str = r"
    const wrong = [];
    for (const kind of ['img', 'iframe', 'object', 'embed', 'base', '.evil', 'body script', '[onerror]', '[onclick]'])
        if (document.querySelector(kind)) wrong.push(kind);
    for (const link of document.querySelectorAll('[href]'))
        if (!/^(\/(?!\/)|#)/.test(link.getAttribute('href'))) wrong.push(link.getAttribute('href'));
    if (window.hacked) wrong.push('a script ran');
    if (document.title !== 'Capstan') wrong.push(document.title);
    const text = document.body.innerText + [...document.querySelectorAll('[title], [aria-label]')]
        .map(element => (element.title ?? '') + (element.getAttribute('aria-label') ?? '')).join('');
    const odd = text.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069].{0,40}/g);
    if (odd) wrong.push(JSON.stringify(odd.slice(0, 5)));
    return wrong;
";

fn strange() -> String {
    [MARKUP, ESCAPES, BIDI].concat()
}

async fn untouched(page: &Page<'_>, place: &str) {
    let wrong = page.run(UNTOUCHED, &[]).await;
    assert_eq!(wrong, json!([]), "{place}");
    let nodes = page.count("*").await;
    assert!(nodes < MAX_NODES, "{place}: {nodes} nodes");
}

fn manifests() -> String {
    let annotated = |kind: Value| {
        let mut object = kind;
        object["metadata"]["annotations"]["example.com/note"] = strange().into();
        serde_json::to_string(&object).unwrap()
    };
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "migrate", "annotations": { "argocd.argoproj.io/hook": "PreSync" } },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "main", "image": strange() }] } } },
    });
    let gate = json!({
        "apiVersion": "capstan.dev/v1", "kind": "Hook",
        "metadata": { "name": "gate", "annotations": { "argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": "1" } },
        "spec": { "type": "approval", "settings": { "prompt": strange() } },
    });
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" },
        "data": { "page.html": strange().repeat(3), "long": "x".repeat(100_000) },
    });
    [job, gate, config].map(annotated).join("\n---\n")
}

#[test]
fn what_applications_write_stays_text() {
    in_browser(async |browser| {
        let mut lines: Vec<String> = (0..MANY).map(|number| format!("{number} {}", strange())).collect();
        lines.push("long ".repeat(LONG / 5));
        lines.push("the last line".to_owned());
        let scenario = json!({
            "behaviours": [{ "match": { "owner": "Job/migrate" }, "run": "3s", "log": lines }],
        });
        let options = Options {
            cluster: Some(strange()),
            user: Some(strange()),
            ..Options::default()
        };
        let site = Site::with(cluster(&scenario.to_string()), options).await;
        site.write_for("shop", &manifests(), &[&strange()]);
        let page = site.open(browser, "/apps").await;
        page.see("shop").await;
        untouched(&page, "the list").await;
        page.open(&site.url("/apps/shop/shop/plan?same=1")).await;
        page.see_in(".planmain", "settings").await;
        page.click_among("new settings", ".prow-head").await;
        page.see_in(".planmain", "page.html").await;
        untouched(&page, "the plan").await;
        page.click("Operation").await;
        page.see("Nothing was deployed yet.").await;
        sync(&page).await;
        page.see_in(".pill", "Waits for a person").await;
        page.see_in(".loglines", "the last line").await;
        untouched(&page, "the operation").await;
        for tab in ["Events", "Logs"] {
            page.click_among(tab, ".dock [role=tab]").await;
            untouched(&page, tab).await;
        }
        page.fill("Find in logs", "img src").await;
        page.there(".loglines mark").await;
        untouched(&page, "the log that is searched").await;
        page.click("Approve…").await;
        page.see_in("dialog", "It asks").await;
        untouched(&page, "the question").await;
        page.fill("Why", MARKUP).await;
        page.confirm("Approve").await;
        page.see_in(".pill", "Succeeded").await;
        untouched(&page, "the end").await;
        page.click_among("1 gate", ".tl-row").await;
        page.click_among("Hook/gate", ".dock [role=tab]").await;
        untouched(&page, "the hook").await;
        for tab in ["Objects", "History", "Plan"] {
            page.click_among(tab, ".tabs [role=tab]").await;
            page.gone(".loading").await;
            untouched(&page, tab).await;
        }
        // The page still does what it is told.
        page.click("Applications").await;
        page.see_in("tr.app", "Succeeded").await;
        untouched(&page, "the list at the end").await;
        site
    });
}

#[test]
fn what_stands_in_the_address_stays_text() {
    in_browser(async |browser| {
        let site = Site::new(cluster("{}")).await;
        site.write(super::actions::GATE);
        let word = capstan_api::path::encoded(&strange());
        browser.expects("404");
        browser.expects("400");
        let page = site.open(browser, "/apps").await;
        page.see("shop").await;
        for path in [
            format!("/apps?find={word}&show={word}&cluster={word}"),
            format!("/apps/{word}/{word}"),
            format!("/apps/shop/shop?task={word}&pane={word}&scale={word}&find={word}"),
            format!("/apps/shop/shop/plan?open={word}&same={word}"),
            format!("/apps/shop/shop/history?pick={word}&t={word}"),
            format!("/apps/shop/shop/operations/{word}"),
            format!("/apps/shop/shop/{word}"),
            format!("/plugins?plugin={word}"),
        ] {
            page.open(&site.url(&path)).await;
            page.there("main *").await;
            page.gone(".loading").await;
            untouched(&page, &path).await;
        }
        site
    });
}

/// What a page of a stranger tries. It knows the address of the server, and has no token.
const ATTACK: &str = r"
    const [target] = arguments;
    const told = [];
    const tries = [
        ['cors', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Capstan': '1' }, body: JSON.stringify({ do: 'sync' }) }],
        ['no-cors', { method: 'POST', mode: 'no-cors', body: JSON.stringify({ do: 'sync' }) }],
        ['guessed', { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body: JSON.stringify({ do: 'sync' }) }],
    ];
    window.told = told;
    (async () => {
        for (const [name, options] of tries) {
            try {
                const response = await fetch(`${target}/api/v1/applications/shop/shop/triggers`, options);
                told.push(`${name}: ${response.type} ${response.status}`);
            } catch (error) {
                told.push(`${name}: ${error.name}`);
            }
        }
        for (const path of ['/api/v1/applications', '/api/v1/me']) {
            try {
                told.push(`read ${path}: ${(await fetch(target + path)).status}`);
            } catch (error) {
                told.push(`read ${path}: ${error.name}`);
            }
        }
        const frame = document.createElement('iframe');
        frame.src = `${target}/apps`;
        const loaded = new Promise(done => frame.addEventListener('load', done));
        document.body.append(frame);
        await loaded;
        told.push(`frame: ${frame.contentDocument}`);
        told.push('done');
    })();
    return true;
";

const STRANGE_PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html><title>A stranger</title><p>hello";

async fn stranger() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            if !matches!(socket.read(&mut head).await, Ok(1..)) {
                continue;
            }
            socket.write_all(STRANGE_PAGE.as_bytes()).await.ok();
        }
    });
    format!("http://{address}/")
}

/// The stranger's own page.
async fn of_stranger(browser: &Browser) -> Page<'_> {
    let page = browser.window(super::page::DESK, super::page::Theme::Light).await;
    page.open(&stranger().await).await;
    page.see("hello").await;
    page
}

#[test]
fn another_origin_can_read_and_do_nothing() {
    in_browser(async |browser| {
        for complaint in [
            "CORS",
            "net::ERR_",
            "frame-ancestors",
            "Framing",
            "401",
            "403",
            "Refused",
            "blocked",
            "favicon.ico",
        ] {
            browser.expects(complaint);
        }
        let site = Site::new(cluster("{}")).await;
        site.write(super::actions::GATE);
        // The user has the page open and is signed in.
        let own = site.open(browser, "/apps/shop/shop").await;
        own.see("Nothing was deployed yet.").await;
        let evil = of_stranger(browser).await;
        let target = format!("http://{}", site.address);
        evil.run(ATTACK, &[target.clone().into()]).await;
        evil.wait("the end of the attack", "return window.told.includes('done')", &[])
            .await;
        let told: Vec<String> = serde_json::from_value(evil.run("return window.told", &[]).await).unwrap();
        assert_eq!(
            told,
            [
                "cors: TypeError",
                "no-cors: TypeError",
                "guessed: TypeError",
                "read /api/v1/applications: TypeError",
                "read /api/v1/me: TypeError",
                "frame: null",
                "done"
            ]
        );
        // A form of the stranger leads to a refusal, and a window that it opens is none of its own.
        let form = "const [target] = arguments; const form = document.createElement('form');
            form.method = 'POST'; form.action = `${target}/api/v1/applications/shop/shop/triggers`; form.enctype = 'text/plain';
            const field = document.createElement('input'); field.name = '{\"do\":\"sync\",\"x\":\"'; field.value = '\"}';
            form.append(field); document.body.append(form); form.submit(); return true";
        evil.run(form, &[target.clone().into()]).await;
        evil.wait(
            "an answer to the form",
            "return location.pathname !== '/' && document.body.innerText",
            &[],
        )
        .await;
        let said = evil.text().await;
        assert!(said.contains("requests of other pages are refused"), "{said}");
        let objects = site.objects(&["ConfigMap"]).await;
        assert!(!objects.contains(&"ConfigMap/settings".to_owned()), "{objects:?}");
        own.reload().await;
        own.see("Nothing was deployed yet.").await;
        site
    });
}
