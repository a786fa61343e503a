//! Requests that are made side by side.
//!
//! The compiler can't prove that a future is `Send` if a lazy iterator of futures with borrowed parts lives across an `await` in it
//! (<https://github.com/rust-lang/rust/issues/102211>). Here the iterator and the futures are boxed, so that servers can spawn what contains
//! them.

use futures::{
    FutureExt, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};

/// How many requests are sent at the same time.
pub(crate) const MAX_CONCURRENT_REQUESTS: usize = 16;

type Boxed<'a, T> = Box<dyn Iterator<Item = BoxFuture<'a, T>> + Send + 'a>;

fn boxed<'a, F, I>(futures: I) -> Boxed<'a, F::Output>
where
    F: Future + Send + 'a,
    I: IntoIterator<Item = F>,
    I::IntoIter: Send + 'a,
{
    Box::new(futures.into_iter().map(FutureExt::boxed))
}

/// Awaits futures, at most [`MAX_CONCURRENT_REQUESTS`] side by side, and returns their outputs in the order of the futures.
pub(crate) fn in_order<'a, F, I>(futures: I) -> BoxStream<'a, F::Output>
where
    F: Future + Send + 'a,
    F::Output: Send + 'a,
    I: IntoIterator<Item = F>,
    I::IntoIter: Send + 'a,
{
    stream::iter(boxed(futures)).buffered(MAX_CONCURRENT_REQUESTS).boxed()
}

/// Awaits futures, at most [`MAX_CONCURRENT_REQUESTS`] side by side, and returns their outputs as they come.
pub(crate) fn in_any_order<'a, F, I>(futures: I) -> BoxStream<'a, F::Output>
where
    F: Future + Send + 'a,
    F::Output: Send + 'a,
    I: IntoIterator<Item = F>,
    I::IntoIter: Send + 'a,
{
    stream::iter(boxed(futures))
        .buffer_unordered(MAX_CONCURRENT_REQUESTS)
        .boxed()
}
