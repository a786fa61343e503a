//! Elements, made by code that knows one type of element and one of attribute.

use std::borrow::Cow;

use sycamore::web::{HtmlNode, ViewHtmlNode as _, ViewNode as _, events::EventDescriptor};

use super::*;

/// An element of the document that is being built.
pub struct Element(HtmlNode);

impl From<Element> for View {
    fn from(element: Element) -> View {
        View::from_node(element.0)
    }
}

/// The elements of the page.
pub mod tags {
    use sycamore::web::{HtmlNode, ViewHtmlNode as _};

    use super::Element;

    macro_rules! elements {
        ($($name:ident)*) => {
            $(pub fn $name() -> Element {
                html(stringify!($name))
            })*
        };
    }

    elements! {
        a article aside b button code dd details dialog div dl dt em fieldset figcaption figure footer form h1 h2 h3 header i input kbd label legend
        li main mark nav ol option p pre q s section select small span summary table tbody td th thead time tr u ul
    }

    macro_rules! shapes {
        ($($name:ident)*) => {
            $(pub fn $name() -> Element {
                shape(stringify!($name))
            })*
        };
    }

    shapes! { circle path rect svg }

    fn html(name: &'static str) -> Element {
        Element(HtmlNode::create_element(name.into()))
    }

    fn shape(name: &'static str) -> Element {
        Element(HtmlNode::create_element_ns("http://www.w3.org/2000/svg", name.into()))
    }
}

/// The value of an attribute; without one the element doesn't have the attribute.
type Words = Option<Cow<'static, str>>;

/// What an attribute is set to.
pub enum Attribute {
    /// A value that doesn't change.
    Fixed(Words),
    /// A value that follows what its function reads.
    Followed(Box<dyn FnMut() -> Words>),
}

/// What has the value of an attribute.
pub trait AsWords {
    /// Returns the value.
    fn words(self) -> Words;
}

macro_rules! words {
    ($($type:ty, $value:ident => $words:expr;)*) => {
        $(
            impl AsWords for $type {
                fn words(self) -> Words {
                    let $value = self;
                    $words
                }
            }

            impl From<$type> for Attribute {
                fn from(value: $type) -> Attribute {
                    Attribute::Fixed(value.words())
                }
            }
        )*
    };
}

words! {
    &'static str, text => Some(Cow::Borrowed(text));
    String, text => Some(Cow::Owned(text));
    Option<&'static str>, text => text.map(Cow::Borrowed);
    Option<String>, text => text.map(Cow::Owned);
    bool, is_there => is_there.then_some(Cow::Borrowed(""));
}

impl<F: Fn() -> T + 'static, T: AsWords> From<F> for Attribute {
    fn from(value: F) -> Attribute {
        Attribute::Followed(Box::new(move || value().words()))
    }
}

impl Element {
    /// Sets an attribute.
    pub fn attr(self, name: &'static str, value: impl Into<Attribute>) -> Element {
        self.with_attribute(name, value.into())
    }

    /// Sets an attribute that is there or not.
    pub fn bool_attr(self, name: &'static str, value: impl Into<Attribute>) -> Element {
        self.attr(name, value)
    }

    fn with_attribute(mut self, name: &'static str, value: Attribute) -> Element {
        match value {
            Attribute::Fixed(value) => self.set(name, value),
            Attribute::Followed(mut value) => {
                let mut element = Element(HtmlNode::from_web_sys(self.0.as_web_sys().clone()));
                create_effect(move || element.set(name, value()));
            }
        }
        self
    }

    fn set(&mut self, name: &str, value: Words) {
        let element: &web_sys::Element = self.0.as_web_sys().unchecked_ref();
        // Names of attributes are the page's own, and valid.
        let _ = match value {
            Some(value) => element.set_attribute(name, &value),
            None => element.remove_attribute(name),
        };
    }

    /// Sets its classes.
    pub fn class(self, value: impl Into<Attribute>) -> Element {
        self.attr("class", value)
    }

    /// Sets a property that follows a value.
    pub fn prop(self, name: &'static str, value: impl FnMut() -> JsValue + 'static) -> Element {
        self.with_property(name, Box::new(value))
    }

    fn with_property(self, name: &'static str, mut value: Box<dyn FnMut() -> JsValue>) -> Element {
        let node = self.0.as_web_sys().clone();
        create_effect(move || {
            let _ = js_sys::Reflect::set(&node, &JsValue::from(name), &value());
        });
        self
    }

    /// Sets its style through the object model, which the content security policy allows.
    pub fn styled(self, style: impl Fn() -> String + 'static) -> Element {
        self.prop("style", move || JsValue::from(style()))
    }

    /// Sets a style that doesn't change.
    pub fn fixed_style(self, style: String) -> Element {
        let _ = js_sys::Reflect::set(self.0.as_web_sys(), &JsValue::from("style"), &JsValue::from(style));
        self
    }

    /// Hides it from assistive technology: what it shows is said elsewhere.
    pub fn hidden_from_readers(self) -> Element {
        self.attr("aria-hidden", "true")
    }

    /// Listens to an event.
    pub fn hear<E: EventDescriptor>(self, _: E, mut handler: impl FnMut(E::EventTy) + 'static) -> Element {
        self.listen(E::NAME, Box::new(move |event| handler(event.unchecked_into())))
    }

    fn listen(mut self, name: &'static str, mut handler: Box<dyn FnMut(web_sys::Event)>) -> Element {
        let scope = use_current_scope();
        self.0
            .set_event_handler(name.into(), move |event| scope.run_in(|| handler(event)));
        self
    }

    /// Sets what it contains.
    pub fn children(self, content: impl Content) -> Element {
        let mut views = Vec::new();
        content.add_to(&mut views);
        self.containing(views)
    }

    fn containing(mut self, views: Vec<View>) -> Element {
        for view in views {
            self.0.append_view(view);
        }
        self
    }

    /// Remembers the element.
    pub fn referenced(self, reference: NodeRef) -> Element {
        reference.set(Some(self.0.as_web_sys().clone()));
        self
    }
}
