//! Chromium and chromedriver: <https://www.w3.org/TR/webdriver2/>, <https://developer.chrome.com/docs/chromedriver>.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use serde_json::{Value, json};

use super::{
    page::{Page, Size, Theme},
    webdriver::Session,
};

/// Ends the driver and the browser when the pipe to the shell's stdin closes: when this process ends, however it does. They are one
/// process group, of which the shell is the leader; the browser outlives its driver.
const UNTIL_STDIN_CLOSES: &str =
    "trap : TERM; \"$1\" --port=0 & read -r _; kill -- -$$; wait; sleep 1; rm -rf \"$2\"; kill -KILL -- -$$";
/// What chromedriver says before its port.
const ON_PORT: &str = "started successfully on port ";

/// A running browser.
pub struct Browser {
    session: Session,
    /// The window that stays open, so that the browser does.
    first: String,
    /// The window that commands are for.
    current: Mutex<String>,
    /// Parts of complaints in the console that are right.
    expected: Mutex<Vec<&'static str>>,
    /// Its stdin and stdout stay open as long as the browser is used.
    _driver: Child,
}

impl Browser {
    /// Starts the browser.
    pub async fn start(chromium: &Path, chromedriver: &Path) -> Browser {
        let profile = tempfile::Builder::new()
            .prefix("capstan-browser-")
            .tempdir()
            .unwrap()
            .keep();
        let mut driver = Command::new("sh")
            .args(["-c", UNTIL_STDIN_CLOSES, "sh"])
            .args([chromedriver, &profile])
            // An interrupt from the terminal is for the tests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.as_mut().unwrap());
        let mut all = String::new();
        let port: u16 = loop {
            let before = all.len();
            assert!(said.read_line(&mut all).unwrap() > 0, "chromedriver ended: {all}");
            if let Some((_, port)) = all[before..].split_once(ON_PORT) {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        let options = json!({
            "goog:chromeOptions": { "binary": chromium, "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--lang=en-US",
                "--window-size=1440,900", format!("--user-data-dir={}", profile.display()),
            ] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let session = Session::start(port, &options).await.unwrap();
        let first = session.window().await.unwrap();
        Browser {
            session,
            current: Mutex::new(first.clone()),
            first,
            expected: Mutex::default(),
            _driver: driver,
        }
    }

    /// Says whether it still answers.
    pub async fn is_alive(&self) -> bool {
        self.session.windows().await.is_ok()
    }

    /// Opens a window.
    pub async fn window(&self, size: Size, theme: Theme) -> Page<'_> {
        let window = self.session.new_window().await.unwrap();
        let page = Page::new(self, window);
        page.resize(size).await;
        page.set_theme(theme).await;
        page
    }

    /// Returns the session, with a window as the current one.
    pub async fn session(&self, window: &str) -> &Session {
        let is_current = *self.current.lock().unwrap() == *window;
        if !is_current {
            self.session.switch_to(window).await.unwrap();
            window.clone_into(&mut self.current.lock().unwrap());
        }
        &self.session
    }

    /// Sends a command of Chromium's debugging protocol to the current window: <https://chromedevtools.github.io/devtools-protocol>.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.session.post("/goog/cdp/execute", &body).await.unwrap()
    }

    /// Says that the console is right to complain with such a text.
    pub fn expects(&self, complaint: &'static str) {
        self.expected.lock().unwrap().push(complaint);
    }

    /// Returns what the console complained about since the last call, without what was expected.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self
            .session
            .post("/se/log", &json!({ "type": "browser" }))
            .await
            .unwrap();
        let expected = std::mem::take(&mut *self.expected.lock().unwrap());
        let entries = log.as_array().unwrap().iter();
        let complaints = entries
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        complaints
            .filter(|message| !expected.iter().any(|part| message.contains(part)))
            .collect()
    }

    /// Closes all windows of a test.
    pub async fn close_windows(&self) {
        for window in self.session.windows().await.unwrap() {
            if window != self.first {
                self.session.switch_to(&window).await.unwrap();
                self.session.close_window().await.unwrap();
            }
        }
        self.session.switch_to(&self.first).await.unwrap();
        self.current.lock().unwrap().clone_from(&self.first);
    }

    /// Keeps a picture of the current window.
    pub async fn picture_of_failure(&self, test: &str) {
        if let Ok(picture) = self.session.screenshot().await {
            let file = super::pictures().join(format!("failed-{test}.png"));
            std::fs::write(&file, picture).unwrap();
            println!("a picture of the page: {}", file.display());
        }
    }
}
