//! The web page in a real browser: Debian's Chromium, driven through chromedriver.
//!
//! One browser serves the whole suite, and the tests use it one after another. Each has windows of its own, and its own server on a free
//! port, which is an origin of its own: nothing that one test stores is seen by another. The clusters are embedded ones in real time.

mod actions;
mod axe;
mod driver;
mod hostile;
mod keys;
mod looks;
mod page;
mod rights;
mod site;
mod streams;
mod webdriver;

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
    sync::LazyLock,
};

use futures::FutureExt as _;
use skipped_tests::{current_test, program_or_skip};
use tokio::{runtime::Runtime, sync::Mutex};

use self::driver::Browser;

/// How to get the browser.
const HINT: &str = "`apt-get install chromium chromium-driver`";

/// The browser outlives the test that starts it, so its tasks can't run on that test's runtime.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static BROWSER: Mutex<Option<Browser>> = Mutex::const_new(None);

/// Runs a test in the browser, or skips it where there is none.
///
/// The test fails if the browser's console has an error or a warning at its end: a violation of the content security policy, an error
/// of the page. Those that the test names with [`Browser::expects`] are right. What the test returns is kept until its windows are closed:
/// its server, whose end would be complained about.
fn in_browser<Kept>(test: impl AsyncFnOnce(&Browser) -> Kept) {
    let (Some(chromium), Some(chromedriver)) =
        (program_or_skip("chromium", HINT), program_or_skip("chromedriver", HINT))
    else {
        return;
    };
    let name = current_test().replace("::", "-");
    RUNTIME.block_on(async {
        let mut started = BROWSER.lock().await;
        if let Some(browser) = &*started
            && !browser.is_alive().await
        {
            *started = None;
        }
        if started.is_none() {
            *started = Some(Browser::start(&chromium, &chromedriver).await);
        }
        let Some(browser) = &*started else { return };
        let result = AssertUnwindSafe(test(browser)).catch_unwind().await;
        if result.is_err() {
            browser.picture_of_failure(&name).await;
        }
        let complaints = browser.complaints().await;
        browser.close_windows().await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
        assert!(complaints.is_empty(), "the browser's console: {complaints:#?}");
    });
}

/// The folder of the pictures: `CAPSTAN_SCREENSHOTS`, or `tmp/screenshots` of the target folder.
fn pictures() -> PathBuf {
    let folder = std::env::var_os("CAPSTAN_SCREENSHOTS").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
