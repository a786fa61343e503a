//! All output to a terminal is a [`Text`]: it contains nothing that has an effect on a terminal or is invisible, except for our own
//! colours and line breaks.
//!
//! Text of others comes from plugins, clusters, files and programs, and reaches a person who decides by what is on the screen. So a
//! `Text` can only be made of it by [`clean`]: [`text!`](crate::text) takes a format of ours and cleans each argument, [`Text::block`]
//! takes a text of several lines and indents all but the first, and all printing functions take a `Text`.

mod write;

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use capstan_stamp::is_hidden;
use serde::Serialize;

pub(crate) use self::write::{LogWriter, flush, print, print_raw, print_stderr, show_usage, take_write_error};

/// The replacement for a tab, whose width depends on its position.
const TAB: &str = "    ";
/// The indentation of further lines of others' texts. No line of ours begins like this.
const INDENT: &str = "    ";

/// A text that may be written to a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

/// An argument of [`text!`](crate::text): a [`Text`] as it is, anything else as one cleaned line.
pub trait TextArgument {
    /// Writes the argument.
    ///
    /// # Errors
    ///
    /// Returns what the formatter returns.
    fn show(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: fmt::Display + ?Sized> TextArgument for T {
    fn show(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&clean(&self.to_string()))
    }
}

impl TextArgument for Text {
    fn show(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TextArgument for &Text {
    fn show(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A wrapper that writes an argument of a format.
#[doc(hidden)]
#[derive(Debug)]
pub struct Cleaned<'a, T: ?Sized>(pub &'a T);

impl<T: TextArgument + ?Sized> fmt::Display for Cleaned<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(formatter)
    }
}

/// Makes a [`Text`] as `format!` makes a `String`. Only the format itself may contain line breaks; every argument that isn't a [`Text`]
/// is cleaned.
///
/// Arguments have to follow the format: one that is named within it wouldn't be cleaned, and doesn't compile.
#[macro_export]
macro_rules! text {
    ($format:literal $(, $argument:expr)* $(,)?) => {{
        const _: () = assert!(
            $crate::terminal::has_no_names($format),
            "the arguments of `text!` stand behind its format"
        );
        $crate::terminal::Text::of_format(format_args!($format $(, $crate::terminal::Cleaned(&$argument))*))
    }};
}

/// Says whether all placeholders of a format are positional, including their widths.
#[doc(hidden)]
pub const fn has_no_names(format: &str) -> bool {
    let bytes = format.as_bytes();
    let (mut at, mut is_inside) = (0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        let next = if at + 1 < bytes.len() { bytes[at + 1] } else { 0 };
        if is_inside {
            is_inside = byte != b'}';
            if byte == b'$' {
                return false;
            }
        } else if byte == b'{' && next == b'{' {
            at += 1;
        } else if byte == b'{' {
            if next != b'}' && next != b':' {
                return false;
            }
            is_inside = true;
        }
        at += 1;
    }
    true
}

/// Returns a text as one line in which everything is visible: `\x1b`, `\u{202e}`, and `
/// ` for line breaks. A line break at its end is removed.
pub fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(['\n', '\r']);
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\t' => cleaned.push_str(TAB),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => cleaned.push_str("\\n"),
            '\r' => cleaned.push_str("\\r"),
            letter if is_hidden(letter) => {
                let number = u32::from(letter);
                // Writing to a `String` succeeds.
                _ = if number < 0x100 {
                    write!(cleaned, "\\x{number:02x}")
                } else {
                    write!(cleaned, "\\u{{{number:x}}}")
                };
            }
            letter => cleaned.push(letter),
        }
    }
    Cow::Owned(cleaned)
}

impl<T: fmt::Display> From<T> for Text {
    fn from(shown: T) -> Text {
        Text(clean(&shown.to_string()).into_owned())
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Text {
        text.clone()
    }
}

impl Text {
    /// The function behind [`text!`](crate::text).
    #[doc(hidden)]
    pub fn of_format(format: fmt::Arguments<'_>) -> Text {
        Text(format.to_string())
    }

    /// Makes one of a text of several lines: each is cleaned, and those after the first are indented, so that none looks like a line of
    /// ours.
    pub fn block(text: &str) -> Text {
        let mut block = String::with_capacity(text.len());
        for (number, line) in text.trim_end().split('\n').enumerate() {
            if number > 0 {
                block.push('\n');
            }
            let line = clean(line.trim_end());
            if number > 0 && !line.is_empty() {
                block.push_str(INDENT);
            }
            block.push_str(&line);
        }
        Text(block)
    }

    /// Makes one of each line of a text.
    pub fn lines_of(text: &str) -> Vec<Text> {
        text.lines().map(Text::from).collect()
    }

    /// Formats a value as JSON in one line, with escapes for everything that has an effect on a terminal.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written as JSON.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Text> {
        serde_json::to_string(value).map(|json| escaped(&json))
    }

    /// Formats a value as indented JSON, with escapes for everything that has an effect on a terminal.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written as JSON.
    pub fn pretty_json(value: &impl Serialize) -> serde_json::Result<Text> {
        serde_json::to_string_pretty(value).map(|json| escaped(&json))
    }

    /// Adds a text at the end.
    pub fn push(&mut self, text: Text) {
        self.0.push_str(&text.0);
    }

    /// Adds a line break.
    pub fn end_line(&mut self) {
        self.0.push('\n');
    }

    /// Joins texts with some words of ours between them.
    pub fn join(texts: impl IntoIterator<Item = impl Into<Text>>, between: &'static str) -> Text {
        let texts: Vec<String> = texts.into_iter().map(|text| text.into().0).collect();
        Text(texts.join(between))
    }

    /// Adds a prefix to each line, and removes spaces at its end.
    #[must_use]
    pub fn with_prefix(&self, prefix: &Text) -> Text {
        let lines = self.0.split_inclusive('\n');
        Text(lines.fold(String::new(), |all, line| {
            let line = format!("{}{line}", prefix.0);
            all + line.trim_end_matches([' ', '\n']) + "\n"
        }))
    }

    /// Returns the text without spaces and line breaks at its end.
    #[must_use]
    pub fn trim_end(mut self) -> Text {
        self.0.truncate(self.0.trim_end().len());
        self
    }

    /// Says whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the visible characters, without colours.
    pub fn width(&self) -> usize {
        let mut is_code = false;
        let is_seen = |letter: &char| match (is_code, *letter) {
            (false, '\u{1b}') => {
                is_code = true;
                false
            }
            (true, 'm') => {
                is_code = false;
                false
            }
            (is_code, _) => !is_code,
        };
        self.0.chars().filter(is_seen).count()
    }

    /// Returns the text as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Surrounds the text with two colour codes.
    pub(crate) fn with_codes(self, code: &'static str) -> Text {
        Text(format!("\u{1b}[{code}m{}\u{1b}[0m", self.0))
    }

    /// Removes the first character, if it is one of these.
    pub(crate) fn split_sign(&self, signs: &[char]) -> Option<(char, Text)> {
        let sign = self.0.chars().next().filter(|sign| signs.contains(sign))?;
        Some((sign, Text(self.0.get(sign.len_utf8()..)?.to_owned())))
    }
}

impl FromIterator<Text> for Text {
    fn from_iter<T: IntoIterator<Item = Text>>(texts: T) -> Text {
        texts.into_iter().fold(Text::default(), |mut all, text| {
            all.push(text);
            all
        })
    }
}

/// Escapes everything in JSON that has an effect on a terminal. That only occurs within strings, for which JSON has escapes; its line
/// breaks stay.
fn escaped(json: &str) -> Text {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter != '\n' && is_hidden(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
    Text(text)
}

#[cfg(test)]
mod tests;
