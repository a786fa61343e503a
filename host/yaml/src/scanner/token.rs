//! The tokens of YAML.

use std::borrow::Cow;

/// A token, as in the grammar of libyaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The end of the text.
    StreamEnd,
    /// The directive `%YAML`.
    VersionDirective,
    /// The directive `%TAG`.
    TagDirective {
        /// The handle that tags of the document begin with, such as `!e!`.
        handle: &'a str,
        /// The prefix that the handle stands for.
        prefix: String,
    },
    /// `---`.
    DocumentStart,
    /// `...`.
    DocumentEnd,
    /// The start of a block list, recognized by the indentation of its first `-`.
    BlockSequenceStart,
    /// The start of a block mapping, recognized by the indentation of its first key.
    BlockMappingStart,
    /// The end of a block list or mapping, recognized by the indentation.
    BlockEnd,
    /// `[`.
    FlowSequenceStart,
    /// `]`.
    FlowSequenceEnd,
    /// `{`.
    FlowMappingStart,
    /// `}`.
    FlowMappingEnd,
    /// `- `.
    BlockEntry,
    /// `,`.
    FlowEntry,
    /// `? `, or what comes before a key without one.
    Key,
    /// `: `.
    Value,
    /// `*name`.
    Alias(&'a str),
    /// `&name`.
    Anchor(&'a str),
    /// `!handle!suffix`.
    Tag {
        /// The handle, such as `!!`; empty for a full tag.
        handle: &'a str,
        /// The tag without its handle.
        suffix: String,
    },
    /// A plain, quoted or block scalar.
    Scalar {
        /// The text without quotes and escapes.
        text: Cow<'a, str>,
        /// Whether it is neither quoted nor a block.
        is_plain: bool,
    },
}
