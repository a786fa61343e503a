//! Signals: Sycamore's, all with one type of value, so that its code is compiled once.

use std::{any::Any, marker::PhantomData, rc::Rc};

use sycamore::reactive;

/// The value of every signal. Its type is that of the signal.
pub(super) type Value = Rc<dyn Any>;

/// A value that can be read and followed.
pub struct ReadSignal<T: 'static> {
    raw: reactive::ReadSignal<Value>,
    of: PhantomData<T>,
}

/// A value that can be read, followed and changed.
pub struct Signal<T: 'static> {
    raw: reactive::Signal<Value>,
    of: PhantomData<T>,
}

impl<T> From<reactive::ReadSignal<Value>> for ReadSignal<T> {
    fn from(raw: reactive::ReadSignal<Value>) -> ReadSignal<T> {
        ReadSignal { raw, of: PhantomData }
    }
}

/// Makes a value.
pub fn create_signal<T>(value: T) -> Signal<T> {
    Signal {
        raw: create(Rc::new(value)),
        of: PhantomData,
    }
}

/// Makes a value out of others.
pub fn create_memo<T: 'static>(mut value: impl FnMut() -> T + 'static) -> ReadSignal<T> {
    follow(Box::new(move || Rc::new(value())), |_, _| false).into()
}

/// Makes a value out of others that tells only of changes.
pub fn create_selector<T: PartialEq + 'static>(mut value: impl FnMut() -> T + 'static) -> ReadSignal<T> {
    follow(Box::new(move || Rc::new(value())), is_same::<T>).into()
}

pub(super) fn is_same<T: PartialEq + 'static>(one: &Value, other: &Value) -> bool {
    one.downcast_ref::<T>() == other.downcast_ref::<T>()
}

#[inline(never)]
fn create(value: Value) -> reactive::Signal<Value> {
    reactive::create_signal(value)
}

#[inline(never)]
fn follow(value: Box<dyn FnMut() -> Value>, is_same: fn(&Value, &Value) -> bool) -> reactive::ReadSignal<Value> {
    reactive::create_selector_with(value, is_same)
}

#[inline(never)]
fn read(raw: reactive::ReadSignal<Value>) -> Value {
    raw.get_clone_untracked()
}

#[inline(never)]
fn read_tracked(raw: reactive::ReadSignal<Value>) -> Value {
    raw.get_clone()
}

#[inline(never)]
fn write(raw: reactive::Signal<Value>, value: Value) {
    raw.set(value);
}

/// Takes the value for a change, which `write` ends.
#[inline(never)]
fn take(raw: reactive::Signal<Value>) -> Value {
    raw.replace_silent(Rc::new(()))
}

fn typed<T: 'static>(value: Value) -> Rc<T> {
    let Ok(value) = value.downcast() else {
        unreachable!("a signal is read while it is changed")
    };
    value
}

macro_rules! readable {
    ($($name:ident)*) => {
        $(
            impl<T> Clone for $name<T> {
                fn clone(&self) -> Self {
                    *self
                }
            }

            impl<T> Copy for $name<T> {}

            impl<T: 'static> $name<T> {
                /// Says whether its scope has not ended.
                pub fn is_alive(self) -> bool {
                    self.raw.is_alive()
                }

                /// Reads and follows it.
                pub fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
                    read(&typed(read_tracked(self.as_raw())))
                }

                /// Reads the value without following its changes.
                pub fn with_untracked<U>(self, with: impl FnOnce(&T) -> U) -> U {
                    with(&typed(read(self.as_raw())))
                }

                /// Returns and follows it.
                pub fn get(self) -> T
                where
                    T: Copy,
                {
                    *typed(read_tracked(self.as_raw()))
                }

                /// Returns the value without following its changes.
                pub fn get_untracked(self) -> T
                where
                    T: Copy,
                {
                    *typed(read(self.as_raw()))
                }

                /// Returns and follows a copy of it.
                pub fn get_clone(self) -> T
                where
                    T: Clone,
                {
                    T::clone(&typed(read_tracked(self.as_raw())))
                }

                /// Returns a copy of it.
                pub fn get_clone_untracked(self) -> T
                where
                    T: Clone,
                {
                    T::clone(&typed(read(self.as_raw())))
                }
            }
        )*
    };
}

readable! { ReadSignal Signal }

impl<T: 'static> ReadSignal<T> {
    fn as_raw(self) -> reactive::ReadSignal<Value> {
        self.raw
    }

    /// Follows it without reading it.
    pub fn track(self) {
        self.raw.track();
    }
}

impl<T: 'static> Signal<T> {
    fn as_raw(self) -> reactive::ReadSignal<Value> {
        *self.raw
    }

    /// Replaces the value, and draws again what follows it.
    pub fn set(self, value: T) {
        write(self.raw, Rc::new(value));
    }

    /// Changes the value in place, and draws again what follows it.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        let mut value = take(self.raw);
        let Some(changed) = Rc::get_mut(&mut value).and_then(|value| value.downcast_mut()) else {
            unreachable!("a signal is changed while it is read")
        };
        change(changed);
        write(self.raw, value);
    }
}
