//! What every part of the page is made with. Closures are boxed here, so that the library's generic code is compiled once and not once
//! for each of them: the module is a third as large.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use sycamore::prelude::Props as _;
use sycamore::{
    reactive,
    web::{CustomElement, GlobalProps, Keyed, KeyedProps, StringAttribute, events::EventDescriptor, tags as all_tags},
};
pub use sycamore::{
    reactive::*,
    web::{GlobalAttributes, NodeRef, View, create_node_ref, document, events, on_mount, window},
};
pub use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

use crate::lines::plain;

/// The elements of the page: all of HTML have one type.
pub mod tags {
    pub use sycamore::web::tags::{SvgSvg, circle, path, rect, svg};
    use sycamore::web::{CustomElement, custom_element};

    macro_rules! elements {
        ($($name:ident)*) => {
            $(pub fn $name() -> CustomElement {
                custom_element(stringify!($name))
            })*
        };
    }

    elements! {
        a article aside b button code dd details dialog div dl dt em fieldset figcaption figure footer form h1 h2 h3 header i input kbd label legend
        li main mark nav ol option p pre q s section select small span summary table tbody td th thead time tr u ul
    }
}

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

contents! { &'static str CustomElement all_tags::SvgSvg all_tags::SvgPath all_tags::SvgCircle all_tags::SvgRect Option<View> }

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

/// More ways to describe an element.
pub trait Describe: GlobalProps {
    /// Sets its classes.
    fn class(self, value: impl Into<StringAttribute>) -> Self {
        self.attr("class", value)
    }

    /// Sets its style through the object model, which the content security policy allows.
    fn styled(self, style: impl Fn() -> String + 'static) -> Self {
        let style: Rc<dyn Fn() -> String> = Rc::new(style);
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

    /// Listens to an event.
    fn hear<E: EventDescriptor>(self, event: E, handler: impl FnMut(E::EventTy) + 'static) -> Self
    where
        E::EventTy: 'static,
    {
        self.on(event, Box::new(handler) as Box<dyn FnMut(E::EventTy)>)
    }

    /// Sets what it contains.
    fn children(self, content: impl Content) -> Self {
        GlobalProps::children(self, all(content))
    }

    /// Remembers the element.
    fn referenced(self, reference: NodeRef) -> Self {
        GlobalProps::r#ref(self, reference)
    }
}

impl<T: GlobalProps> Describe for T {}

/// Runs something whenever what it reads changes.
pub fn create_effect(action: impl FnMut() + 'static) {
    reactive::create_effect(Box::new(action) as Box<dyn FnMut()>);
}

/// A value that is made of others.
pub fn create_memo<T: 'static>(value: impl FnMut() -> T + 'static) -> ReadSignal<T> {
    reactive::create_memo(Box::new(value) as Box<dyn FnMut() -> T>)
}

/// A value that is made of others, and tells only of changes.
pub fn create_selector<T: PartialEq + 'static>(value: impl FnMut() -> T + 'static) -> ReadSignal<T> {
    reactive::create_selector(Box::new(value) as Box<dyn FnMut() -> T>)
}

/// Text for assistive technology alone.
pub fn for_readers(text: impl Content) -> View {
    Describe::children(tags::span().class("sr"), text).into()
}

/// Nothing.
pub fn nothing() -> View {
    View::new()
}

/// A view that is made anew whenever what it reads changes.
pub fn dynamic(view: impl FnMut() -> View + 'static) -> View {
    View::from_dynamic(Box::new(view) as Box<dyn FnMut() -> View>)
}

/// A view that is shown while a condition holds, and made anew each time it begins to.
pub fn when(condition: impl FnMut() -> bool + 'static, view: impl Fn() -> View + 'static) -> View {
    let is_shown = create_selector(condition);
    dynamic(move || {
        if is_shown.get() {
            untrack_boxed(&view)
        } else {
            nothing()
        }
    })
}

fn untrack_boxed(view: &dyn Fn() -> View) -> View {
    untrack(view)
}

/// A view that is made anew whenever a value changes.
pub fn each_time<T: PartialEq + Clone + 'static>(
    value: impl FnMut() -> T + 'static,
    view: impl Fn(T) -> View + 'static,
) -> View {
    let known: Rc<RefCell<Option<T>>> = Rc::default();
    let (mut value, seen) = (value, Rc::clone(&known));
    let mut changes = 0_u32;
    let changed = create_selector(move || {
        let new = Some(value());
        if *seen.borrow() != new {
            *seen.borrow_mut() = new;
            changes += 1;
        }
        changes
    });
    dynamic(move || {
        changed.track();
        let value = known.borrow().clone();
        untrack_boxed(&|| value.clone().map_or_else(nothing, &view))
    })
}

/// Text that follows a value.
pub fn text(value: impl FnMut() -> String + 'static) -> View {
    let value = create_selector(value);
    View::from_dynamic(move || plain(value.get_clone()))
}

/// A row of a list, by its key: what draws it, and how it is told of a change.
#[derive(Clone)]
struct Entry {
    key: String,
    draw: Rc<dyn Fn() -> View>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key == other.key
    }
}

/// A list whose rows are known by their keys. A row that stays keeps its elements, and with them the focus; only what changed in it is
/// drawn again.
pub fn list<T: PartialEq + Clone + 'static, K: ToString>(
    rows: impl FnMut() -> Vec<T> + 'static,
    key: impl Fn(&T) -> K + 'static,
    view: impl Fn(ReadSignal<T>) -> View + 'static,
) -> View {
    let entries = create_signal(Vec::<Entry>::new());
    let scope = use_current_scope();
    follow_rows(
        entries,
        scope,
        Box::new(rows),
        Box::new(move |row| key(row).to_string()),
        Rc::new(view),
    );
    keyed(entries)
}

fn follow_rows<T: PartialEq + Clone + 'static>(
    entries: Signal<Vec<Entry>>,
    scope: NodeHandle,
    mut rows: Box<dyn FnMut() -> Vec<T>>,
    key: Box<dyn Fn(&T) -> String>,
    view: Rc<dyn Fn(ReadSignal<T>) -> View>,
) {
    let mut items: HashMap<String, Signal<T>> = HashMap::new();
    create_effect(move || {
        let rows = rows();
        let mut known = std::mem::take(&mut items);
        let mut next = Vec::with_capacity(rows.len());
        for row in rows {
            let key = key(&row);
            let item = match known.remove(&key) {
                Some(item) => {
                    if item.with_untracked(|old| *old != row) {
                        item.set(row);
                    }
                    item
                }
                None => scope.run_in(|| create_signal(row)),
            };
            items.insert(key.clone(), item);
            let view = Rc::clone(&view);
            let draw: Rc<dyn Fn() -> View> = Rc::new(move || view(*item));
            next.push(Entry { key, draw });
        }
        set_entries(entries, next);
        for item in known.into_values() {
            item.dispose();
        }
    });
}

fn set_entries(entries: Signal<Vec<Entry>>, next: Vec<Entry>) {
    if entries.with_untracked(|known| *known != next) {
        entries.set(next);
    }
}

fn keyed(entries: Signal<Vec<Entry>>) -> View {
    let props = KeyedProps::builder()
        .list(entries)
        .view(|entry: Entry| (entry.draw)())
        .key(|entry: &Entry| entry.key.clone())
        .build();
    Keyed(props)
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
