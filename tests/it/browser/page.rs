//! A window of the browser, as a person uses it: looks for words, clicks what has a name, types, presses keys.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    driver::Browser,
    webdriver::{Element, Session, key},
};

/// How long anything that a test waits for may take. The machine may be busy.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often the page is asked.
const POLL: Duration = Duration::from_millis(40);
/// How much of a page a failure shows.
const MAX_SHOWN: usize = 3000;

/// Finds what can be clicked by its name, in the open dialog if there is one. The name is what assistive technology reads, or what stands
/// there.
const FIND: &str = r"
    const words = text => (text ?? '').replace(/\s+/g, ' ').trim().toLowerCase();
    const [name, kinds] = arguments;
    const root = document.querySelector('dialog[open]') ?? document;
    const names = element => [
        element.getAttribute('aria-label'), element.innerText, element.placeholder,
        element.labels?.[0]?.innerText, element.getAttribute('title'),
    ].map(words);
    const all = [...root.querySelectorAll(kinds)].filter(element => element.checkVisibility());
    return all.find(element => names(element).includes(words(name)))
        ?? all.find(element => names(element).some(text => text.startsWith(words(name)))) ?? null;
";
const CLICKABLE: &str = "button, a, summary, [role=tab], [role=radio], label, tr";
const FIELDS: &str = "input, select, textarea";

/// The size of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// A usual window.
pub const DESK: Size = Size {
    width: 1440,
    height: 900,
};
/// The size of a phone, in CSS pixels.
pub const PHONE: Size = Size {
    width: 390,
    height: 844,
};
/// A large screen.
pub const WIDE: Size = Size {
    width: 2200,
    height: 1200,
};

/// What the system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
}

impl Theme {
    pub const fn word(self) -> &'static str {
        match self {
            Theme::Dark => "dark",
            Theme::Light => "light",
        }
    }
}

/// A window of the browser, with one page in it.
pub struct Page<'b> {
    pub browser: &'b Browser,
    window: String,
}

impl Page<'_> {
    pub const fn new(browser: &Browser, window: String) -> Page<'_> {
        Page { browser, window }
    }

    async fn session(&self) -> &Session {
        self.browser.session(&self.window).await
    }

    /// Opens an address.
    pub async fn open(&self, address: &str) {
        // An address that differs in its fragment alone would not load the page.
        self.session().await.open("about:blank").await.unwrap();
        self.session().await.open(address).await.unwrap();
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.session().await.reload().await.unwrap();
    }

    /// Sets the size of what is seen. A window itself is never narrower than about 500 pixels.
    pub async fn resize(&self, size: Size) {
        self.session().await;
        let metrics =
            json!({ "width": size.width, "height": size.height, "deviceScaleFactor": 1, "mobile": size == PHONE });
        self.browser
            .devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Sets what the system prefers. Animations are off: pictures of the same state look the same.
    pub async fn set_theme(&self, theme: Theme) {
        self.session().await;
        let features = json!([
            { "name": "prefers-color-scheme", "value": theme.word() },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        let media = json!({ "features": features });
        self.browser.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Runs a script in the page, and returns what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.session().await.run(script, arguments).await.unwrap()
    }

    /// Waits until a script returns something that is true, and returns that.
    pub async fn wait(&self, what: &str, script: &str, arguments: &[Value]) -> Value {
        let began = Instant::now();
        loop {
            // While a page is being left, a script may fail.
            let found = self.session().await.run(script, arguments).await;
            if let Ok(found) = &found
                && !matches!(found, Value::Null | Value::Bool(false))
            {
                return found.clone();
            }
            if began.elapsed() > DEADLINE {
                let seen: String = self.text().await.chars().take(MAX_SHOWN).collect();
                panic!("waited {DEADLINE:?} for {what}, got {found:?}; the page shows: {seen}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns the text that can be seen.
    pub async fn text(&self) -> String {
        let script = "return (document.querySelector('dialog[open]') ?? document.body).innerText.replace(/\\s+/g, ' ')";
        let text = self.session().await.run(script, &[]).await;
        text.map_or_else(
            |error| error.to_string(),
            |text| text.as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Waits until a text can be seen. Upper case and the length of spaces don't matter.
    pub async fn see(&self, text: &str) {
        self.see_in("body", text).await;
    }

    /// Waits until a text can be seen in an element.
    pub async fn see_in(&self, selector: &str, text: &str) {
        let script = "return [...document.querySelectorAll(arguments[0])].some(element =>
            element.innerText.replace(/\\s+/g, ' ').toLowerCase().includes(arguments[1].toLowerCase()))";
        let what = format!("{text:?} in `{selector}`");
        self.wait(&what, script, &[selector.into(), text.into()]).await;
    }

    /// Waits until nothing matches a selector.
    pub async fn gone(&self, selector: &str) {
        let what = format!("the end of `{selector}`");
        self.wait(
            &what,
            "return !document.querySelector(arguments[0])",
            &[selector.into()],
        )
        .await;
    }

    /// Waits until something matches a selector and can be seen.
    pub async fn there(&self, selector: &str) {
        let script = "return [...document.querySelectorAll(arguments[0])].some(element => element.checkVisibility())";
        self.wait(&format!("`{selector}`"), script, &[selector.into()]).await;
    }

    /// Returns how many elements match a selector.
    pub async fn count(&self, selector: &str) -> u64 {
        let count = self
            .run(
                "return document.querySelectorAll(arguments[0]).length",
                &[selector.into()],
            )
            .await;
        count.as_u64().unwrap()
    }

    /// Returns the texts of all elements that match a selector.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText.replace(/\\s+/g, ' ').trim())";
        let texts = self.run(script, &[selector.into()]).await;
        serde_json::from_value(texts).unwrap()
    }

    async fn element(&self, name: &str, kinds: &str) -> Element {
        let what = format!("something named {name:?} among `{kinds}`");
        let found = self.wait(&what, FIND, &[name.into(), kinds.into()]).await;
        Element::of(&found).unwrap()
    }

    /// Clicks a button, a link or a tab as a pointer does: what lies below something else can't be clicked.
    pub async fn click(&self, name: &str) {
        self.click_among(name, CLICKABLE).await;
    }

    /// Clicks the button of the open dialog that does what the dialog is about.
    pub async fn confirm(&self, name: &str) {
        self.click_among(name, "dialog .btn-go").await;
    }

    /// Clicks what matches a selector and begins with a text.
    pub async fn click_among(&self, name: &str, kinds: &str) {
        let began = Instant::now();
        // The page may draw it again in between.
        loop {
            let element = self.element(name, kinds).await;
            let Err(error) = self.session().await.click(&element).await else {
                return;
            };
            assert!(began.elapsed() < DEADLINE, "{name:?} can't be clicked: {error}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Says whether a button can be used, and how it is described.
    pub async fn button(&self, name: &str) -> (bool, String) {
        self.button_among(name, "button").await
    }

    /// The same, among the buttons that match a selector.
    pub async fn button_among(&self, name: &str, kinds: &str) -> (bool, String) {
        let button = self.element(name, kinds).await;
        let script = "const button = arguments[0];
            return [!button.disabled && button.getAttribute('aria-disabled') !== 'true', button.textContent]";
        serde_json::from_value(self.run(script, &[button.argument()]).await).unwrap()
    }

    /// Types into a field.
    pub async fn fill(&self, field: &str, text: &str) {
        let field = self.element(field, FIELDS).await;
        self.session().await.fill(&field, text).await.unwrap();
    }

    /// Presses a key, wherever the focus is.
    pub async fn press(&self, key: char) {
        self.session().await.press(key).await.unwrap();
    }

    /// Presses Tab until the focus is on something of that name, as assistive technology reads it.
    pub async fn tab_to(&self, name: &str) {
        let script = r"
            const words = text => (text ?? '').replace(/\s+/g, ' ').trim();
            const focused = document.activeElement;
            if (focused === document.body) return '';
            return words(focused.getAttribute('aria-label') || focused.innerText);
        ";
        let mut passed = Vec::new();
        while passed.len() < 120 {
            let name_of_focused = self.run(script, &[]).await.as_str().unwrap_or_default().to_owned();
            if name_of_focused.to_lowercase().starts_with(&name.to_lowercase()) {
                return;
            }
            passed.push(name_of_focused);
            self.press(key::TAB).await;
        }
        panic!("no Tab leads to {name:?}, but to {passed:?}");
    }

    /// Keeps a picture.
    pub async fn picture(&self, name: &str) {
        let picture = self.session().await.screenshot().await.unwrap();
        std::fs::write(super::pictures().join(format!("{name}.png")), picture).unwrap();
    }
}
