//! The words of YAML.

use std::borrow::Cow;

/// What a text is made of, as the grammar of libyaml has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The end of the text.
    StreamEnd,
    /// `%YAML`.
    VersionDirective,
    /// `%TAG`.
    TagDirective {
        /// As `!e!`.
        handle: &'a str,
        /// What it stands for.
        prefix: String,
    },
    /// `---`.
    DocumentStart,
    /// `...`.
    DocumentEnd,
    /// A list in block style begins, seen by the indentation of its first `-`.
    BlockSequenceStart,
    /// A mapping in block style begins, seen by the indentation of its first key.
    BlockMappingStart,
    /// A list or mapping in block style ends, seen by the indentation.
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
        /// As `!!`; empty for a tag that is written in full.
        handle: &'a str,
        /// The rest.
        suffix: String,
    },
    /// A text.
    Scalar {
        /// Its value.
        text: Cow<'a, str>,
        /// Whether it is neither quoted nor a block.
        is_plain: bool,
    },
}
