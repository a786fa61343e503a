//! The page in the browser: it draws the values that the other modules make.

#![allow(clippy::wildcard_imports, reason = "every part is drawn with all of `dom`")]
#![allow(
    clippy::large_types_passed_by_value,
    reason = "handlers of events own a copy of the signals that they read"
)]

mod bits;
mod connection;
mod dialogs;
mod dom;
mod icons;
mod keys;
mod pages;
mod parts;
mod shell;
mod store;
mod stream;

use sycamore::{reactive::provide_context, web::document};
use wasm_bindgen::prelude::wasm_bindgen;

use self::store::Store;

/// Starts the page.
#[wasm_bindgen(start)]
pub fn start() {
    let Some(root) = document().get_element_by_id("app") else {
        return;
    };
    root.set_text_content(None);
    sycamore::render_to(
        || {
            let store = Store::new();
            provide_context(store);
            store.start();
            keys::listen(store);
            shell::shell(store)
        },
        &root,
    );
}
