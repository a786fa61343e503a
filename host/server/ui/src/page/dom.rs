//! What every part of the page is made with.

use std::{collections::HashMap, hash::Hash, rc::Rc};

pub use sycamore::{
    reactive::*,
    web::{GlobalAttributes, GlobalProps, Keyed, NodeRef, View, create_node_ref, document, events, on_mount, tags, window},
};
use sycamore::prelude::Props as _;
pub use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

/// More ways to describe an element.
pub trait Describe: GlobalAttributes {
    /// Sets its classes.
    fn class(self, value: impl Into<sycamore::web::StringAttribute>) -> Self {
        self.attr("class", value)
    }

    /// Sets its style through the object model, which the content security policy allows.
    fn styled(self, style: impl Fn() -> String + 'static) -> Self {
        self.prop("style", move || JsValue::from(style()))
    }

    /// Sets a style that doesn't change.
    fn fixed_style(self, style: String) -> Self {
        self.prop("style", JsValue::from(style))
    }

    /// Hides it from assistive technology: what it shows is said elsewhere.
    fn hidden_from_readers(self) -> Self {
        self.attr("aria-hidden", "true")
    }
}

impl<T: GlobalAttributes> Describe for T {}

/// Text for assistive technology alone.
pub fn for_readers(text: impl Into<View>) -> View {
    tags::span().class("sr").children(text).into()
}

/// Nothing.
pub fn nothing() -> View {
    View::new()
}

/// A view that is shown while a condition holds, and made anew each time it begins to.
pub fn when(condition: impl FnMut() -> bool + 'static, view: impl Fn() -> View + 'static) -> View {
    let is_shown = create_selector(condition);
    View::from_dynamic(move || if is_shown.get() { view() } else { nothing() })
}

/// A view that is made anew whenever a value changes.
pub fn each_time<T: PartialEq + Clone + 'static>(
    value: impl FnMut() -> T + 'static,
    view: impl Fn(T) -> View + 'static,
) -> View {
    let value = create_selector(value);
    View::from_dynamic(move || {
        let value = value.get_clone();
        untrack(|| view(value))
    })
}

/// Text that follows a value.
pub fn text(value: impl FnMut() -> String + 'static) -> View {
    let value = create_selector(value);
    View::from_dynamic(move || value.get_clone())
}

/// A row of a list: it keeps its elements while its content changes.
struct Entry<K, T: 'static> {
    key: K,
    item: Signal<T>,
}

impl<K: Clone, T> Clone for Entry<K, T> {
    fn clone(&self) -> Entry<K, T> {
        Entry {
            key: self.key.clone(),
            item: self.item,
        }
    }
}

impl<K: PartialEq, T> PartialEq for Entry<K, T> {
    fn eq(&self, other: &Entry<K, T>) -> bool {
        self.key == other.key
    }
}

/// A list whose rows are known by their keys. A row that stays keeps its elements, and with them the focus; only what changed in it is
/// drawn again.
pub fn list<K, T>(
    rows: impl FnMut() -> Vec<T> + 'static,
    key: impl Fn(&T) -> K + 'static,
    view: impl Fn(ReadSignal<T>) -> View + 'static,
) -> View
where
    K: Eq + Hash + Clone + 'static,
    T: PartialEq + Clone + 'static,
{
    let entries = create_signal(Vec::<Entry<K, T>>::new());
    let scope = use_current_scope();
    let mut rows = rows;
    create_effect(move || {
        let rows = rows();
        untrack(|| {
            let mut known: HashMap<K, Signal<T>> =
                entries.with_untracked(|entries| entries.iter().map(|entry| (entry.key.clone(), entry.item)).collect());
            let mut is_same = known.len() == rows.len();
            let mut next = Vec::with_capacity(rows.len());
            for (place, row) in rows.into_iter().enumerate() {
                let key = key(&row);
                is_same = is_same
                    && entries.with_untracked(|entries| entries.get(place).is_some_and(|entry| entry.key == key));
                let item = match known.remove(&key) {
                    Some(item) => {
                        if item.with_untracked(|old| *old != row) {
                            item.set(row);
                        }
                        item
                    }
                    None => scope.run_in(|| create_signal(row)),
                };
                next.push(Entry { key, item });
            }
            if !is_same {
                entries.set(next);
                known.into_values().for_each(|item| item.dispose());
            }
        });
    });
    let view = Rc::new(view);
    let props = sycamore::web::KeyedProps::builder()
        .list(entries)
        .view(move |entry: Entry<K, T>| view(*entry.item))
        .key(|entry: &Entry<K, T>| entry.key.clone())
        .build();
    Keyed(props)
}

/// Runs something later, in milliseconds.
pub fn later(milliseconds: i32, action: impl FnOnce() + 'static) {
    let action = Closure::once_into_js(action);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(action.unchecked_ref(), milliseconds);
}

/// Waits.
pub async fn sleep(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
}

/// Listens to an event of the window until the scope ends.
pub fn on_window(event: &'static str, handler: impl FnMut(web_sys::Event) + 'static) {
    let closure = Closure::<dyn FnMut(web_sys::Event)>::new(handler);
    let _ = window().add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    on_cleanup(move || {
        let _ = window().remove_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    });
}

/// Returns the text of the input field that an event came from.
pub fn value_of(event: &web_sys::Event) -> String {
    let target = event.current_target();
    let input = target
        .as_ref()
        .and_then(|target| target.dyn_ref::<web_sys::HtmlInputElement>());
    if let Some(input) = input {
        return input.value();
    }
    let select = target
        .as_ref()
        .and_then(|target| target.dyn_ref::<web_sys::HtmlSelectElement>());
    select.map(web_sys::HtmlSelectElement::value).unwrap_or_default()
}

/// Returns the element behind a reference, once it is there.
pub fn element(reference: NodeRef) -> Option<web_sys::HtmlElement> {
    reference.try_get().and_then(|node| node.dyn_into().ok())
}
