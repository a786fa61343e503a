//! Coming back: after a reload, a cut, a restart of the server, in another window.

use super::{
    actions::sync,
    in_browser,
    site::{Site, cluster},
};

/// A hook that writes a line every 300 ms, then one that asks a person.
const TALKATIVE: &str = "
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { argocd.argoproj.io/hook: PreSync } }
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: main, image: ubuntu }] }
---
apiVersion: capstan.dev/v1
kind: Hook
metadata: { name: gate, annotations: { capstan.dev/hook: PreSync, argocd.argoproj.io/sync-wave: '1' } }
spec: { type: approval }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
";
const LINES: usize = 24;

fn talkative() -> String {
    let lines: Vec<String> = (1..=LINES)
        .map(|number| format!("{{ at: {}ms, line: 'line {number}' }}", number * 300))
        .collect();
    format!(
        "behaviours:\n- {{ match: {{ owner: Job/migrate }}, run: {}ms, log: [{}] }}\n",
        (LINES + 1) * 300,
        lines.join(", ")
    )
}

/// All lines, each once and in order.
fn all_lines() -> Vec<String> {
    (1..=LINES).map(|number| format!("line {number}")).collect()
}

#[test]
fn a_reload_and_another_window_show_all_that_was_before_them() {
    in_browser(async |browser| {
        let site = Site::new(cluster(&talkative())).await;
        site.write(TALKATIVE);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".loglines", "line 3").await;
        page.reload().await;
        page.see_in(".loglines", "line 6").await;
        // A window that knows nothing of the first one.
        let other = site.open(browser, "/apps/shop/shop").await;
        other.see_in(".loglines", "line 9").await;
        page.see_in(".pill", "Waits for a person").await;
        assert_eq!(page.texts(".line .txt").await, all_lines());
        other.see_in(".pill", "Waits for a person").await;
        assert_eq!(other.texts(".line .txt").await, all_lines());
        other.click("Approve…").await;
        other.confirm("Approve").await;
        // Both see the end, and the same.
        for window in [&page, &other] {
            window.see_in(".pill", "Succeeded").await;
        }
        page.gone(".why").await;
        other.gone(".why").await;
        assert_eq!(page.texts(".tl-row").await, other.texts(".tl-row").await);
        assert_eq!(page.texts(".tl-head").await, other.texts(".tl-head").await);
        site
    });
}

#[test]
fn a_stream_that_is_cut_goes_on_without_loss_or_repetition() {
    in_browser(async |browser| {
        let site = Site::new(cluster(&talkative())).await;
        site.write(TALKATIVE);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".loglines", "line 2").await;
        browser.expects("net::ERR_");
        let server = site.cut().await;
        page.see_in(".banner", "The server does not answer. What you see is as of")
            .await;
        // What changes something is off, and says why.
        for name in ["Sync…", "Terminate…"] {
            let (can, words) = page.button(name).await;
            assert!(
                !can && words.contains("the server does not answer"),
                "{name}: {can} {words}"
            );
        }
        site.answer(server).await;
        page.click("Try now").await;
        page.gone(".banner").await;
        assert!(page.button("Sync…").await.0);
        page.see_in(".pill", "Waits for a person").await;
        assert_eq!(page.texts(".line .txt").await, all_lines());
        site
    });
}

#[test]
fn a_server_that_is_restarted_is_found_again_and_its_operation_carried_on() {
    in_browser(async |browser| {
        let site = Site::new(cluster(&talkative())).await;
        site.write(TALKATIVE);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".loglines", "line 2").await;
        browser.expects("net::ERR_");
        site.restart().await;
        page.see("Nobody drives this operation any more").await;
        page.click("Carry on").await;
        page.see_in("dialog", "Hooks that ended don't run again").await;
        page.confirm("Carry on").await;
        page.gone("dialog").await;
        page.see_in(".pill", "Waits for a person").await;
        page.see_in(".loglines", &format!("line {LINES}")).await;
        page.click("Approve…").await;
        page.confirm("Approve").await;
        page.see_in(".pill", "Succeeded").await;
        site
    });
}

/// `capstan ui` makes a token of its own each time.
#[test]
fn a_server_with_another_token_is_signed_in_to_in_place() {
    in_browser(async |browser| {
        let site = Site::new(cluster("{}")).await;
        site.write(TALKATIVE);
        browser.expects("401");
        let page = browser.window(super::page::DESK, super::page::Theme::Dark).await;
        let address = format!("http://{}/apps/shop/shop/plan?same=1", site.address);
        page.open(&format!("{address}#token=wrong")).await;
        page.see("Sign in").await;
        page.fill("Token", site.token.as_str()).await;
        page.click_among("Sign in", "button").await;
        page.see("settings").await;
        let here = page.run("return location.href", &[]).await;
        assert_eq!(
            here,
            serde_json::json!(address),
            "the address stays, and holds no token"
        );
        page.gone(".sign-in").await;
        site
    });
}

#[test]
fn a_page_that_has_failed_says_so() {
    in_browser(async |browser| {
        let site = Site::new(cluster("{}")).await;
        site.write(TALKATIVE);
        let page = site.open(browser, "/apps").await;
        page.see("shop").await;
        let fail = "dispatchEvent(new ErrorEvent('error', { error: new WebAssembly.RuntimeError('unreachable') })); return true";
        page.run(fail, &[]).await;
        page.run(fail, &[]).await;
        page.see_in("[role=alert]", "The page has failed").await;
        assert_eq!(page.count("[role=alert]").await, 1);
        site
    });
}
