//! Every page in both colours, on a desk and on a phone: axe finds nothing, nothing is cut off, and a picture is kept to look at.

use super::{
    actions::{BROKEN, ENDLESS, GATE, sync},
    axe::Axe,
    driver::Browser,
    in_browser,
    page::{DESK, PHONE, Page, Size, Theme, WIDE},
    site::{Site, cluster, example},
};

/// In which forms each page is looked at.
const FORMS: [(&str, Size, Theme); 4] = [
    ("dark", DESK, Theme::Dark),
    ("light", DESK, Theme::Light),
    ("phone-dark", PHONE, Theme::Dark),
    ("phone-light", PHONE, Theme::Light),
];

/// What is wider than the window, and nobody can scroll to.
const CUT_OFF: &str = r"
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) return [`the page is ${page.scrollWidth} wide, the window ${page.clientWidth}`];
    const scrolls = element => {
        for (let above = element.parentElement; above; above = above.parentElement)
            if (/auto|scroll|hidden|clip/.test(getComputedStyle(above).overflowX)) return true;
        return false;
    };
    return [...document.querySelectorAll('button, a, input, h1, h2, p, td, th')]
        .filter(element => element.checkVisibility() && element.getBoundingClientRect().right > page.clientWidth + 1 && !scrolls(element))
        .map(element => element.outerHTML.slice(0, 120));
";

/// The clusters' behaviours: the example's hooks write a few lines, a hook fails, one never ends.
const CLUSTER: &str = "
behaviours:
- match: { owner: 'Job/presync-job*' }
  run: 2s
  log: [migrating customers, { at: 1s, line: 'WARN slow: 1.2 s for 40,000 rows' }, { at: 1500ms, line: 2 migrations done }]
- match: { owner: 'Job/postsync-job*' }
  run: 1s
  log: [GET /healthz 200]
- { match: { owner: Job/migrate }, exit: 3, run: 1s, log: [connecting, 'ERROR no database at db:5432'] }
- { match: { owner: Job/alarm }, log: [somebody was called] }
- { match: { owner: Job/endless }, never-ends: true, log: [waiting for what never comes] }
";

/// Keeps a picture of a page in every form, and returns what is wrong with it.
async fn look(axe: &Axe, page: &Page<'_>, name: &str, wrong: &mut Vec<String>) {
    for (form, size, theme) in FORMS {
        page.resize(size).await;
        page.set_theme(theme).await;
        // The timeline is drawn again for its size.
        page.run(
            "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))",
            &[],
        )
        .await;
        page.picture(&format!("{name}-{form}")).await;
        let found = axe.violations(page).await;
        wrong.extend(found.into_iter().map(|found| format!("{name}, {form}: {found}")));
        let cut_off = page.run(CUT_OFF, &[]).await;
        let cut_off = cut_off.as_array().cloned().unwrap_or_default();
        wrong.extend(
            cut_off
                .into_iter()
                .map(|cut_off| format!("{name}, {form}: cut off: {cut_off}")),
        );
    }
    page.resize(WIDE).await;
    page.set_theme(Theme::Dark).await;
    page.picture(&format!("{name}-wide")).await;
    page.resize(DESK).await;
}

fn check(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs a test that looks at pages.
fn looking(test: impl AsyncFnOnce(&Axe, &Browser, &mut Vec<String>) -> Site) {
    let Some(axe) = Axe::get() else { return };
    in_browser(async |browser| {
        let mut wrong = Vec::new();
        let site = test(&axe, browser, &mut wrong).await;
        check(&wrong);
        site
    });
}

/// Several applications: one runs, one waits for a person, one failed, one is in sync, one is new.
async fn several(browser: &Browser) -> (Site, Page<'_>) {
    let site = Site::new(cluster(CLUSTER)).await;
    for (name, text) in [
        ("broken", BROKEN),
        ("gated", GATE),
        ("endless", &ENDLESS.replace("name: front", "name: back")),
        ("fresh", &GATE.replace("name: settings", "name: colours")),
    ] {
        site.write_for(name, text, &[]);
    }
    site.write_for(
        "shop",
        &example(),
        &["`shop/notes.txt` is not read: it is not a manifest"],
    );
    let page = site.open(browser, "/apps/shop/shop").await;
    for (name, end) in [
        ("shop", "Succeeded"),
        ("shop", "Succeeded"),
        ("broken", "Failed"),
        ("gated", "Waits for a person"),
        ("endless", "Running"),
    ] {
        page.open(&site.url(&format!("/apps/shop/{name}"))).await;
        sync(&page).await;
        page.see_in(".pill", end).await;
    }
    (site, page)
}

#[test]
fn lists_and_plans_and_histories() {
    looking(async |axe, browser, wrong| {
        let (site, page) = several(browser).await;
        for (name, path, seen) in [
            ("applications", "/apps", "Needs somebody"),
            (
                "applications-none-found",
                "/apps?find=nothing",
                "No application matches.",
            ),
            ("operation-succeeded", "/apps/shop/shop", "Where the time went"),
            ("operation-events", "/apps/shop/shop?pane=events", "Where the time went"),
            ("operation-failed", "/apps/shop/broken", "failed in PreSync"),
            ("operation-asks", "/apps/shop/gated", "a person says so"),
            ("operation-running", "/apps/shop/endless", "Job/endless"),
            ("operation-none", "/apps/shop/fresh", "Nothing was deployed yet."),
            ("objects", "/apps/shop/shop/objects", "echo-server"),
            ("plan-unchanged", "/apps/shop/shop/plan?same=1", "echo-server"),
            ("plan", "/apps/shop/broken/plan", "front"),
            ("history", "/apps/shop/shop/history", "Pick one"),
            ("history-replay", "/apps/shop/shop/history?pick=2&t=1", "as it was at"),
            ("history-compare", "/apps/shop/shop/history?pick=2,1", "differ."),
            ("plugins", "/plugins", "built in"),
            ("no-such-page", "/apps/shop/shop/no/page", "There is no such page."),
            ("no-such-application", "/apps/shop/nothing", "nothing"),
        ] {
            browser.expects("404");
            page.open(&site.url(path)).await;
            page.see(seen).await;
            page.gone(".loading").await;
            look(axe, &page, name, wrong).await;
        }
        site
    });
}

#[test]
fn dialogs() {
    looking(async |axe, browser, wrong| {
        let (site, page) = several(browser).await;
        // There is nothing to roll back to, and the dialog says so.
        browser.expects("400 (Bad Request)");
        let open = async |name: &str| {
            page.open(&site.url(&format!("/apps/shop/{name}"))).await;
            page.there(".pill").await;
        };
        for (name, application, clicks, seen) in [
            ("dialog-sync", "broken", vec!["Sync…"], "to apply"),
            ("dialog-sync-busy", "endless", vec!["Sync…"], "Another operation runs"),
            (
                "dialog-terminate",
                "endless",
                vec!["Terminate…"],
                "Hooks that run are stopped",
            ),
            ("dialog-approve", "gated", vec!["Approve…"], "It asks"),
            ("dialog-reject", "gated", vec!["Reject…"], "It asks"),
            ("menu", "shop", vec!["More actions"], "Delete…"),
            (
                "dialog-delete",
                "shop",
                vec!["More actions", "Delete…"],
                "Service/echo-server",
            ),
            (
                "dialog-rollback",
                "shop",
                vec!["More actions", "Roll back…"],
                "are deployed again",
            ),
            (
                "dialog-tests",
                "shop",
                vec!["More actions", "Run tests…"],
                "Nothing is applied",
            ),
            (
                "dialog-sweep",
                "shop",
                vec!["More actions", "Delete what is due…"],
                "whose time is over",
            ),
        ] {
            open(application).await;
            for click in clicks {
                page.click(click).await;
            }
            page.see(seen).await;
            page.gone(".loading").await;
            look(axe, &page, name, wrong).await;
        }
        open("shop").await;
        page.press('?').await;
        page.see("Single letters work as keys").await;
        look(axe, &page, "dialog-keys", wrong).await;
        open("shop").await;
        page.click_among("Find", ".side button").await;
        page.there("dialog input").await;
        look(axe, &page, "dialog-find", wrong).await;
        site
    });
}

#[test]
fn states_of_the_connection() {
    looking(async |axe, browser, wrong| {
        let site = Site::new(cluster(CLUSTER)).await;
        let page = site.open(browser, "/apps").await;
        page.see("There is no application yet.").await;
        look(axe, &page, "applications-none", wrong).await;
        site.write(ENDLESS);
        page.open(&site.url("/apps/shop/shop")).await;
        sync(&page).await;
        page.see_in(".why", "Job/endless").await;
        browser.expects("net::ERR_");
        let server = site.cut().await;
        page.see("The server does not answer.").await;
        look(axe, &page, "no-answer", wrong).await;
        // The page also tries again by itself, so the button may be gone as soon as the server answers.
        page.click("Try now").await;
        site.answer(server).await;
        page.gone(".banner").await;
        site.restart().await;
        page.see("Nobody drives this operation any more").await;
        look(axe, &page, "operation-left", wrong).await;
        browser.expects("401");
        page.open(&format!("http://{}/apps#token=wrong", site.address)).await;
        page.see("Sign in").await;
        look(axe, &page, "sign-in", wrong).await;
        site
    });
}
