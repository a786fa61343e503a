//! What the parser makes of tokens.

use std::borrow::Cow;

/// What a document is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// An alias, written `*name`: the value with the anchor of this name.
    Alias(&'a str),
    /// A text, which may mean something else.
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

/// A text as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar<'a> {
    /// The text without quotes and escapes.
    pub text: Cow<'a, str>,
    /// Whether it is neither quoted nor a block.
    pub is_plain: bool,
    /// Its name for aliases.
    pub anchor: Option<&'a str>,
    /// Its tag, in full.
    pub tag: Option<String>,
}
