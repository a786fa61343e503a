//! Streams of the server: read by `fetch`, gone on with after a cut, closed while nobody looks.

use std::{cell::Cell, rc::Rc};

use capstan_api::{
    ErrorClass,
    frames::{Frame, FrameReader},
};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, Response};

use super::{
    connection,
    dom::*,
    store::{Link, Store},
};
use crate::pause::pause;

/// How long a tab may be hidden before its streams are closed, in milliseconds.
const HIDDEN: i32 = 60_000;

/// What becomes of a stream after some frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    GoOn,
    /// The last record came.
    End,
}

/// Follows a stream until it ends or the scope does. `take` is given the frames of each chunk at once.
pub fn follow(store: Store, path: String, take: impl FnMut(Vec<Frame>) -> Next + 'static) {
    let is_alive = Rc::new(Cell::new(true));
    let current: Rc<Cell<Option<AbortController>>> = Rc::default();
    on_cleanup({
        let (is_alive, current) = (Rc::clone(&is_alive), Rc::clone(&current));
        move || {
            is_alive.set(false);
            if let Some(controller) = current.take() {
                controller.abort();
            }
        }
    });
    on_window("visibilitychange", {
        let current = Rc::clone(&current);
        move |_| {
            if !is_hidden() {
                return;
            }
            let current = Rc::clone(&current);
            later_in_any_case(HIDDEN, move || {
                if is_hidden()
                    && let Some(controller) = current.take()
                {
                    controller.abort();
                }
            });
        }
    });
    spawn_local(run(store, path, is_alive, current, take));
}

fn is_hidden() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Hidden
}

async fn run(
    store: Store,
    path: String,
    is_alive: Rc<Cell<bool>>,
    current: Rc<Cell<Option<AbortController>>>,
    mut take: impl FnMut(Vec<Frame>) -> Next + 'static,
) {
    let mut after: Option<String> = None;
    let mut failures = 0;
    while is_alive.get() {
        while is_hidden() && failures > 0 {
            sleep(1000).await;
        }
        let Ok(controller) = AbortController::new() else { return };
        let signal = controller.signal();
        current.set(Some(controller));
        match connection::open(&path, after.as_deref(), &signal).await {
            Ok(response) => {
                failures = 0;
                store.link.set(Link::Live);
                let is_over = read(&response, &mut after, &mut take, &is_alive).await;
                if is_over == Next::End || !is_alive.get() {
                    return;
                }
            }
            Err(error) if error.class == ErrorClass::SignIn => {
                store.link.set(Link::SignedOut(error));
                return;
            }
            Err(error) if matches!(error.class, ErrorClass::Denied | ErrorClass::NotFound) => return,
            Err(_) => {}
        }
        if !is_alive.get() {
            return;
        }
        failures += 1;
        let wait = pause(failures, js_sys::Math::random());
        if failures > 1 {
            store.lost(wait);
        }
        let retry = store.retry_count();
        let mut waited = 0;
        while waited < wait && is_alive.get() && store.retry_count() == retry {
            sleep(200).await;
            waited += 200;
        }
    }
}

async fn read(
    response: &Response,
    after: &mut Option<String>,
    take: &mut impl FnMut(Vec<Frame>) -> Next,
    is_alive: &Cell<bool>,
) -> Next {
    let Some(body) = response.body() else { return Next::GoOn };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut frames = FrameReader::new();
    loop {
        let Ok(chunk) = JsFuture::from(reader.read()).await else {
            return Next::GoOn;
        };
        let field = |name: &str| js_sys::Reflect::get(&chunk, &JsValue::from(name)).unwrap_or_default();
        if !is_alive.get() || field("done").is_truthy() {
            return Next::GoOn;
        }
        let bytes = js_sys::Uint8Array::new(&field("value")).to_vec();
        let Ok(read) = frames.read(&bytes) else {
            return Next::GoOn;
        };
        if let Some(id) = read.iter().rev().find_map(|frame| frame.id.clone()) {
            *after = Some(id);
        }
        if !read.is_empty() && take(read) == Next::End {
            return Next::End;
        }
    }
}
