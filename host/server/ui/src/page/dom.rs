//! What every part of the page is made with. What a page calls is generic, and does nothing but box its closures: elements, lists and signals
//! are made by code that is compiled once. Sycamore's own generic code would be compiled for each closure and each type.

mod element;
mod signal;

use std::{collections::HashMap, future::Future, pin::Pin, rc::Rc};

use sycamore::prelude::Props as _;
use sycamore::{
    reactive::{self, NodeHandle},
    web::{Keyed, KeyedProps},
};
pub use sycamore::{
    reactive::{on_cleanup, provide_context, untrack, use_current_scope},
    web::{NodeRef, View, create_node_ref, document, events, on_mount, window},
};
pub use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

use self::signal::{Value, is_same};
pub use self::{
    element::{Attribute, Element, tags},
    signal::{ReadSignal, Signal, create_memo, create_selector, create_signal},
};
use crate::lines::plain;

/// What an element may contain.
pub trait Content {
    /// Adds its nodes.
    fn add_to(self, views: &mut Vec<View>);
}

impl Content for View {
    fn add_to(self, views: &mut Vec<View>) {
        views.push(self);
    }
}

impl Content for Vec<View> {
    fn add_to(self, views: &mut Vec<View>) {
        views.extend(self);
    }
}

macro_rules! contents {
    ($($type:ty)*) => {
        $(impl Content for $type {
            fn add_to(self, views: &mut Vec<View>) {
                views.push(View::from(self));
            }
        })*
    };
}

impl Content for String {
    fn add_to(self, views: &mut Vec<View>) {
        views.push(View::from(plain(self)));
    }
}

contents! { &'static str Element Option<View> }

macro_rules! content_tuples {
    ($(($($part:ident)*))*) => {
        $(impl<$($part: Content),*> Content for ($($part,)*) {
            fn add_to(self, views: &mut Vec<View>) {
                #[expect(non_snake_case, reason = "the parts are named after their types")]
                let ($($part,)*) = self;
                $($part.add_to(views);)*
            }
        })*
    };
}

content_tuples! { (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I) (A B C D E F G H I J) }

/// Makes one view of several.
pub fn all(content: impl Content) -> View {
    let mut views = Vec::new();
    content.add_to(&mut views);
    View::from(views)
}

/// Runs something whenever what it reads changes.
pub fn create_effect(action: impl FnMut() + 'static) {
    reactive::create_effect(Box::new(action) as Box<dyn FnMut()>);
}

/// Text for assistive technology alone.
pub fn for_readers(text: impl Content) -> View {
    tags::span().class("sr").children(text).into()
}

/// Returns a view that draws nothing.
pub fn nothing() -> View {
    View::new()
}

/// A view that is made again whenever what it reads changes.
pub fn dynamic(view: impl FnMut() -> View + 'static) -> View {
    View::from_dynamic(Box::new(view) as Box<dyn FnMut() -> View>)
}

/// A view that is shown while a condition holds, and made again each time it begins to.
pub fn when(condition: impl FnMut() -> bool + 'static, view: impl Fn() -> View + 'static) -> View {
    while_shown(create_selector(condition), Box::new(view))
}

fn while_shown(is_shown: ReadSignal<bool>, view: Box<dyn Fn() -> View>) -> View {
    dynamic(move || if is_shown.get() { untrack(&view) } else { nothing() })
}

/// A view that is made again whenever a value changes.
pub fn each_time<T: PartialEq + Clone + 'static>(
    value: impl FnMut() -> T + 'static,
    view: impl Fn(T) -> View + 'static,
) -> View {
    let value = create_selector(value);
    dynamic(move || {
        let value = value.get_clone();
        untracked(&mut || view(value.clone()))
    })
}

#[inline(never)]
fn untracked(view: &mut dyn FnMut() -> View) -> View {
    untrack(view)
}

/// Text that follows a value.
pub fn text(value: impl FnMut() -> String + 'static) -> View {
    text_of(create_selector(value))
}

fn text_of(value: ReadSignal<String>) -> View {
    View::from_dynamic(move || plain(value.get_clone()))
}

/// Draws a row that follows its value.
type DrawRow = Rc<dyn Fn(reactive::ReadSignal<Value>) -> View>;

/// A row of a list: its value by its key.
struct Row {
    key: String,
    value: Value,
}

/// A row of a list, by its key: what draws it, and how it is told of a change.
#[derive(Clone)]
struct Entry {
    key: String,
    item: reactive::Signal<Value>,
    draw: DrawRow,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key == other.key
    }
}

/// A list whose rows are known by their keys. A row that stays keeps its elements, and with them the focus; only what changed in it is
/// drawn again.
pub fn list<T: PartialEq + 'static, K: ToString>(
    mut rows: impl FnMut() -> Vec<T> + 'static,
    key: impl Fn(&T) -> K + 'static,
    view: impl Fn(ReadSignal<T>) -> View + 'static,
) -> View {
    let rows = move || {
        let as_row = |row: T| Row {
            key: key(&row).to_string(),
            value: Rc::new(row),
        };
        rows().into_iter().map(as_row).collect::<Vec<Row>>()
    };
    follow_rows(
        use_current_scope(),
        Box::new(rows),
        is_same::<T>,
        Rc::new(move |item| view(ReadSignal::from(item))),
    )
}

fn follow_rows(
    scope: NodeHandle,
    mut rows: Box<dyn FnMut() -> Vec<Row>>,
    is_same: fn(&Value, &Value) -> bool,
    draw: DrawRow,
) -> View {
    let entries = reactive::create_signal(Vec::<Entry>::new());
    let mut items: HashMap<String, reactive::Signal<Value>> = HashMap::new();
    create_effect(move || {
        let rows = rows();
        let mut known = std::mem::take(&mut items);
        let mut next = Vec::with_capacity(rows.len());
        for Row { key, value } in rows {
            let item = match known.remove(&key) {
                Some(item) => {
                    if !item.with_untracked(|old| is_same(old, &value)) {
                        item.set(value);
                    }
                    item
                }
                None => scope.run_in(|| reactive::create_signal(value)),
            };
            items.insert(key.clone(), item);
            next.push(Entry {
                key,
                item,
                draw: Rc::clone(&draw),
            });
        }
        if entries.with_untracked(|known| *known != next) {
            entries.set(next);
        }
        for item in known.into_values() {
            item.dispose();
        }
    });
    let props = KeyedProps::builder()
        .list(entries)
        .view(|entry: Entry| (entry.draw)(*entry.item))
        .key(|entry: &Entry| entry.key.clone())
        .build();
    Keyed(props)
}

/// Runs a future to its end.
pub fn spawn_local(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(Box::pin(future) as Pin<Box<dyn Future<Output = ()>>>);
}

/// Runs something later, in milliseconds, unless the scope is over by then: its signals can't be read any more.
pub fn later(milliseconds: i32, action: impl FnOnce() + 'static) {
    let scope = create_signal(());
    later_in_any_case(milliseconds, move || {
        if scope.is_alive() {
            action();
        }
    });
}

/// Runs something later, in milliseconds. It may read no signal.
pub fn later_in_any_case(milliseconds: i32, action: impl FnOnce() + 'static) {
    later_boxed(milliseconds, Box::new(action));
}

fn later_boxed(milliseconds: i32, action: Box<dyn FnOnce()>) {
    let action = Closure::once_into_js(action);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(action.unchecked_ref(), milliseconds);
}

/// Returns after so many milliseconds.
pub async fn sleep(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
}

/// Listens to an event of the window until the scope ends.
pub fn on_window(event: &'static str, handler: impl FnMut(web_sys::Event) + 'static) {
    on_window_boxed(event, Box::new(handler));
}

fn on_window_boxed(event: &'static str, handler: Box<dyn FnMut(web_sys::Event)>) {
    let closure = Closure::wrap(handler);
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
