//! The events of the parser.

use std::borrow::Cow;

/// An event: a part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// An alias, written `*name`: the value with the anchor of this name.
    Alias(&'a str),
    /// A scalar.
    Scalar(Scalar<'a>),
    /// A list begins.
    SequenceStart(Option<&'a str>),
    /// A list ends.
    SequenceEnd,
    /// A mapping begins.
    MappingStart(Option<&'a str>),
    /// A mapping ends.
    MappingEnd,
}

/// A scalar as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar<'a> {
    /// The text without quotes and escapes.
    pub text: Cow<'a, str>,
    /// Whether it is neither quoted nor a block.
    pub is_plain: bool,
    /// The anchor before it, without `&`.
    pub anchor: Option<&'a str>,
    /// The tag, with its handle resolved.
    pub tag: Option<String>,
}
