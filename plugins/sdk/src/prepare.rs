//! An interpreter that is made into a plugin.

/// Reads, once and before any call, what every call shall find in its memory: a script, say, compiled.
///
/// The importers of `capstan plugin` call it, and keep the memory that it leaves as a component of its own. So whatever it stores in a `static` or a `thread_local` is there in each call. It runs as a call does: no files, no network, and a
/// clock that says 1970.
pub trait Prepare {
    /// Reads what the importer hands over; the answer is what that importer must know of it. An error is shown to the user.
    fn prepare(text: &str) -> Result<String, String>;
}
