//! What all parts of the page share: where it is, who asks, the list of applications, the time, and the open dialog.

use capstan_api::{ApiError, ApplicationRow, ErrorClass, Me, PluginRow, Verb, path, stream::ListRecord};

use super::{connection, dialogs::Dialog, dom::*, stream};
use crate::{
    address::{Address, Route},
    applications,
    span::{Millis, millis},
    words,
};

/// Whether the server answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    Live,
    /// It doesn't: what is shown is as of a moment.
    Lost {
        since: Millis,
        again_at: Millis,
    },
    /// It doesn't know who asks.
    SignedOut(ApiError),
}

/// Which colours the page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Those of the system.
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// Returns its word.
    pub const fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    const fn next(self) -> Theme {
        match self {
            Theme::Auto => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::Auto,
        }
    }
}

const THEME: &str = "capstan.theme";

/// What all parts of the page share.
#[derive(Clone, Copy)]
pub struct Store {
    pub address: Signal<Address>,
    /// The time on the server; it goes on once a second.
    pub now: Signal<Millis>,
    /// How far the server's clock is ahead of the browser's.
    offset: Signal<Millis>,
    pub me: Signal<Option<Me>>,
    /// What one may do with the application that is shown.
    pub rights: Signal<Option<Me>>,
    pub rows: Signal<Option<Vec<ApplicationRow>>>,
    pub plugins: Signal<Option<Vec<PluginRow>>>,
    pub link: Signal<Link>,
    pub dialog: Signal<Option<Dialog>>,
    pub theme: Signal<Theme>,
    /// What assistive technology is told.
    pub announcement: Signal<String>,
    retries: Signal<u32>,
    /// Whether single letters are keys.
    pub has_letter_keys: Signal<bool>,
}

impl Store {
    /// Makes one, and takes the token out of the address.
    pub fn new() -> Store {
        connection::move_token_to_session();
        let theme = match stored(THEME).as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        Store {
            address: create_signal(here()),
            now: create_signal(browser_now()),
            offset: create_signal(0),
            me: create_signal(None),
            rights: create_signal(None),
            rows: create_signal(None),
            plugins: create_signal(None),
            link: create_signal(Link::Live),
            dialog: create_signal(None),
            theme: create_signal(theme),
            announcement: create_signal(String::new()),
            retries: create_signal(0),
            has_letter_keys: create_signal(stored("capstan.letters").as_deref() != Some("off")),
        }
    }

    /// Begins to listen and to ask.
    pub fn start(self) {
        on_window("popstate", move |_| self.address.set(here()));
        create_effect(move || {
            let Some(root) = document().document_element() else {
                return;
            };
            let _ = match self.theme.get() {
                Theme::Auto => root.remove_attribute("data-theme"),
                theme => root.set_attribute("data-theme", theme.word()),
            };
        });
        let tick = Closure::<dyn FnMut()>::new(move || {
            if document().visibility_state() != web_sys::VisibilityState::Hidden && self.is_live() {
                self.now.set(browser_now() + self.offset.get_untracked());
            }
        });
        let _ = window().set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), 1000);
        tick.forget();
        self.ask();
    }

    /// Asks who one is, and follows the list.
    fn ask(self) {
        spawn_local(async move {
            match connection::get::<Me>(path::ME).await {
                Ok(me) => {
                    self.set_clock(millis(me.now));
                    self.me.set(Some(me));
                }
                Err(error) if error.class == ErrorClass::SignIn => self.link.set(Link::SignedOut(error)),
                Err(_) => {}
            }
        });
        stream::follow(self, path::LIST_STREAM.to_owned(), move |frames| {
            let mut rows = self.rows.get_clone_untracked().unwrap_or_default();
            for frame in frames {
                if let Ok(record) = ListRecord::of_frame(&frame) {
                    applications::apply(&mut rows, record);
                }
            }
            self.rows.set(Some(rows));
            stream::Next::GoOn
        });
        spawn_local(async move {
            if let Ok(plugins) = connection::get(path::PLUGINS).await {
                self.plugins.set(Some(plugins));
            }
        });
    }

    /// Begins again with another token.
    pub fn sign_in(token: &str) {
        connection::set_token(token);
        let _ = window().location().reload();
    }

    /// Sets the clock to the server's.
    pub fn set_clock(self, now: Millis) {
        self.offset.set(now - browser_now());
        self.now.set(now);
    }

    /// Says whether the server answers.
    pub fn is_live(self) -> bool {
        self.link.with_untracked(|link| *link == Link::Live)
    }

    /// Notes that the server doesn't answer, and that it is asked again in so many milliseconds.
    pub fn lost(self, wait: i32) {
        let now = browser_now() + self.offset.get_untracked();
        let since = match self.link.get_clone_untracked() {
            Link::Lost { since, .. } => since,
            Link::Live | Link::SignedOut(_) => now,
        };
        self.link.set(Link::Lost {
            since,
            again_at: now + Millis::from(wait),
        });
    }

    /// Asks the server again at once.
    pub fn retry(self) {
        self.retries.set(self.retries.get_untracked() + 1);
    }

    /// Returns how often that was wanted.
    pub fn retry_count(self) -> u32 {
        self.retries.get_untracked()
    }

    /// Goes to an address.
    pub fn go(self, address: &str) {
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
        }
        self.dialog.set(None);
        self.address.set(here());
    }

    /// Changes the query and nothing else, without an entry in the browser's history.
    pub fn look(self, changes: &[(&str, Option<&str>)]) {
        let mut address = self.address.get_clone_untracked();
        for (name, value) in changes {
            address = address.with(name, value.filter(|value| !value.is_empty()));
        }
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address.text()));
        }
        self.address.set(address);
    }

    /// Returns a value of the address' query.
    pub fn query(self, name: &str) -> Option<String> {
        self.address.with(|address| address.get(name).map(str::to_owned))
    }

    /// Returns which page is shown.
    pub fn route(self) -> Route {
        self.address.with(Address::route)
    }

    /// Returns why something may not be done; nothing if it may.
    pub fn denied(self, verb: Verb) -> Option<String> {
        if self.link.with(|link| *link != Link::Live) {
            return Some(words::NOT_WHILE_LOST.to_owned());
        }
        let denied = |me: &Option<Me>| me.as_ref().map(|me| me.denied(verb).map(words::missing_right));
        let of_application = self.rights.with(denied);
        of_application.or_else(|| self.me.with(denied)).flatten()
    }

    /// Changes to the next theme.
    pub fn next_theme(self) {
        let theme = self.theme.get_untracked().next();
        store(THEME, theme.word());
        self.theme.set(theme);
    }

    /// Switches single letters as keys on or off.
    pub fn set_letter_keys(self, is_on: bool) {
        store("capstan.letters", if is_on { "on" } else { "off" });
        self.has_letter_keys.set(is_on);
    }

    /// Tells assistive technology something.
    pub fn announce(self, text: &str) {
        self.announcement.set(text.to_owned());
    }
}

fn here() -> Address {
    let location = window().location();
    Address::parse(
        &location.pathname().unwrap_or_default(),
        &location.search().unwrap_or_default(),
    )
}

/// Returns the browser's time.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds of this millennium")]
pub fn browser_now() -> Millis {
    js_sys::Date::now() as Millis
}

/// Returns how far the browser's zone is east of UTC at a moment, in seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "at most 14 hours; whole milliseconds"
)]
pub fn zone(at: Millis) -> i32 {
    let date = js_sys::Date::new(&JsValue::from(at as f64));
    (date.get_timezone_offset() * -60.0) as i32
}

/// Reads a choice of this browser.
pub fn stored(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Writes a choice of this browser.
pub fn store(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(name, value);
    }
}
