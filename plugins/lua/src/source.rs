//! The text of a script: its pieces, and its language.
//!
//! Argo CD's scripts are Lua 5.1 with the `goto` of 5.2. The interpreter speaks 5.2, which is that but for some functions, for which see
//! `library`, and for escapes in strings: to 5.1 `"\."` is `"."`, to 5.2 it is a mistake.

use std::borrow::Cow;

/// A piece of a script, with all of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// White space, or a comment.
    Space(&'a str),
    /// A name, or a word of the language.
    Name(&'a str),
    /// A string in quotes, with them.
    Quoted(&'a str),
    /// A string in long brackets, a number, or a sign.
    Other(&'a str),
}

/// Takes a script to pieces. What is not a Lua gives pieces, too: whether it is, the interpreter says.
pub(crate) fn pieces<'a>(text: &'a str) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (make, length): (fn(&'a str) -> Piece<'a>, usize) = if first.is_whitespace() {
            (Piece::Space, while_(rest, char::is_whitespace))
        } else if let Some(comment) = rest.strip_prefix("--") {
            let length = long(comment).unwrap_or_else(|| while_(comment, |c| c != '\n'));
            (Piece::Space, 2 + length)
        } else if first.is_alphabetic() || first == '_' {
            (Piece::Name, while_(rest, |c| c.is_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            (Piece::Other, while_(rest, |c| c.is_ascii_alphanumeric() || c == '.'))
        } else if first == '"' || first == '\'' {
            (Piece::Quoted, quoted(rest, first))
        } else {
            (Piece::Other, long(rest).unwrap_or(first.len_utf8()))
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        Some(make(piece))
    })
}

fn while_(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a long bracket that the text begins with: `[[..]]`, `[==[..]==]`.
fn long(text: &str) -> Option<usize> {
    let level = while_(text.strip_prefix('[')?, |c| c == '=');
    let body = text.get(1 + level..)?.strip_prefix('[')?;
    let end = format!("]{}]", "=".repeat(level));
    Some(body.find(&end).map_or(text.len(), |at| 2 + level + at + end.len()))
}

/// The length of a quoted string; one that isn't closed ends with its line.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '\n' => return at,
            c if c == quote => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// Turns what 5.1 means by a script into what means the same to 5.2. Lines stay where they are.
pub(crate) fn to_52(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let same = pieces(text).map(|piece| match piece {
        Piece::Quoted(text) => plain_escapes(text),
        Piece::Space(text) | Piece::Name(text) | Piece::Other(text) => Cow::Borrowed(text),
    });
    Cow::Owned(same.collect())
}

/// Takes the backslash from what 5.1 doesn't know as an escape.
fn plain_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let Some(escaped) = characters.next() else {
            plain.push(c);
            break;
        };
        if matches!(
            escaped,
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"' | '\'' | '\n' | '\r' | '0'..='9'
        ) {
            plain.push('\\');
        }
        plain.push(escaped);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::{
        Piece::{Name, Other, Quoted},
        *,
    };

    #[test]
    fn a_script_is_the_sum_of_its_pieces() {
        let script = "-- a comment\nlocal s = 'it\\'s' .. [==[ ]] ]==] --[[ long\n]] x = 0x1F >= 1.5e3 \"open\ny";
        let all: Vec<Piece<'_>> = pieces(script)
            .filter(|piece| !matches!(piece, Piece::Space(_)))
            .collect();
        assert_eq!(
            all,
            [
                Name("local"),
                Name("s"),
                Other("="),
                Quoted("'it\\'s'"),
                Other("."),
                Other("."),
                Other("[==[ ]] ]==]"),
                Name("x"),
                Other("="),
                Other("0x1F"),
                Other(">"),
                Other("="),
                Other("1.5e3"),
                Quoted("\"open"),
                Name("y"),
            ]
        );
        for broken in ["'", "\"\\", "[[", "--[==[", "\\", "[=", "é'ß"] {
            let whole: String = pieces(broken)
                .map(|piece| match piece {
                    Piece::Space(text) | Name(text) | Quoted(text) | Other(text) => text,
                })
                .collect();
            assert_eq!(whole, broken);
        }
    }

    #[test]
    fn escapes_that_5_1_does_not_know_are_the_letter_itself() {
        assert_eq!(
            to_52(r#"x = "a\.b\/c\n\x41\065\"" -- "\.""#),
            r#"x = "a.b/c\nx41\065\"" -- "\.""#
        );
        assert_eq!(to_52("x = [[\\.]]"), "x = [[\\.]]");
        assert!(matches!(to_52("return {}"), Cow::Borrowed(_)));
    }
}
