//! Log lines: what they look like. Colours of ANSI escape sequences are read; every other escape sequence is removed.

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    /// Whether it is what was searched for.
    pub is_found: bool,
    /// Its colour: 0 for none, 1 to 6 for red, green, yellow, blue, magenta and cyan.
    pub colour: u8,
    pub is_bold: bool,
}

/// How much a line wants to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Plain,
    Warning,
    Error,
}

/// Splits a line into its parts.
pub fn parts(text: &str, wanted: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (text, colour, is_bold) in coloured(text) {
        split(&text, wanted, |text, is_found| {
            parts.push(Part {
                text: text.to_owned(),
                is_found,
                colour,
                is_bold,
            });
        });
    }
    parts
}

/// Splits a text at what is searched for, whatever its case.
fn split(text: &str, wanted: &str, mut push: impl FnMut(&str, bool)) {
    let lower = text.to_lowercase();
    // Lower case may be longer than the text: then places don't agree, and nothing is marked.
    if wanted.is_empty() || lower.len() != text.len() {
        push(text, false);
        return;
    }
    let wanted = wanted.to_lowercase();
    let mut begin = 0;
    for (at, found) in lower.match_indices(&wanted) {
        let (Some(before), Some(hit)) = (text.get(begin..at), text.get(at..at + found.len())) else {
            break;
        };
        if !before.is_empty() {
            push(before, false);
        }
        push(hit, true);
        begin = at + found.len();
    }
    if let Some(rest) = text.get(begin..).filter(|rest| !rest.is_empty()) {
        push(rest, false);
    }
}

/// Splits a text at its escape sequences.
fn coloured(text: &str) -> Vec<(String, u8, bool)> {
    if !text.contains('\u{1b}') && !text.chars().any(is_hidden) {
        return vec![(text.to_owned(), 0, false)];
    }
    let (mut parts, mut run) = (Vec::new(), String::new());
    let (mut colour, mut is_bold) = (0, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            if is_hidden(letter) {
                run.push('\u{fffd}');
            } else {
                run.push(letter);
            }
            continue;
        }
        match letters.next() {
            Some('[') => {
                let (codes, end) = control_sequence(&mut letters);
                if end == Some('m') {
                    if !run.is_empty() {
                        parts.push((std::mem::take(&mut run), colour, is_bold));
                    }
                    (colour, is_bold) = render(&codes, colour, is_bold);
                }
            }
            Some(']') => skip_operating_system_command(&mut letters),
            Some(_) | None => {}
        }
    }
    if !run.is_empty() {
        parts.push((run, colour, is_bold));
    }
    parts
}

/// Returns a text of others with a mark in place of each invisible character or changes what is around it.
pub fn plain(text: String) -> String {
    let is_odd = |letter: char| letter != '\n' && (letter == '\u{1b}' || is_hidden(letter));
    if text.contains(is_odd) {
        text.replace(is_odd, "\u{fffd}")
    } else {
        text
    }
}

/// Control characters, and those that change the direction of what follows.
fn is_hidden(letter: char) -> bool {
    (letter.is_control() && letter != '\t' && letter != '\u{1b}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Reads the parameters of a control sequence and its last byte (ECMA-48, 5.4).
fn control_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (String, Option<char>) {
    let mut codes = String::new();
    for letter in letters.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&letter) {
            return (codes, Some(letter));
        }
        codes.push(letter);
    }
    (codes, None)
}

/// Skips to the string terminator (ECMA-48, 8.3.143) or to a bell, which terminals take for it.
fn skip_operating_system_command(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(letter) = letters.next() {
        if letter == '\u{7}' || (letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some()) {
            return;
        }
    }
}

/// Select graphic rendition (ECMA-48, 8.3.117): the basic colours and bold.
fn render(codes: &str, colour: u8, is_bold: bool) -> (u8, bool) {
    let (mut colour, mut is_bold) = (colour, is_bold);
    for code in codes.split(';') {
        match code.parse::<u8>().unwrap_or(0) {
            0 => (colour, is_bold) = (0, false),
            1 => is_bold = true,
            22 => is_bold = false,
            code @ 31..=36 => colour = code - 30,
            code @ 91..=96 => colour = code - 90,
            39 => colour = 0,
            // A colour of another palette, with parameters of its own.
            38 | 48 => break,
            _ => {}
        }
    }
    (colour, is_bold)
}

/// Words that mark a line as an error.
const ERRORS: [&str; 7] = ["error", "fail", "failed", "failure", "panic", "fatal", "exception"];
/// Words that mark a line as a warning.
const WARNINGS: [&str; 5] = ["warn", "warning", "timeout", "retry", "retrying"];

/// Returns how much a line wants to be seen.
pub fn level(text: &str) -> Level {
    let lower = text.to_lowercase();
    if lower.starts_with("not ok") {
        return Level::Error;
    }
    let has = |words: &[&str]| {
        lower
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .any(|word| words.contains(&word))
    };
    // `0 failed` and `failed=0` report that all is well.
    let is_none = ["0 failed", "0 errors", "failed=0", "errors=0", "0 failures"]
        .iter()
        .any(|none| lower.contains(none));
    if has(&ERRORS) && !is_none {
        Level::Error
    } else if has(&WARNINGS) {
        Level::Warning
    } else {
        Level::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_can_change_nothing_around_them() {
        assert_eq!(plain("two\nlines\tand a tab".to_owned()), "two\nlines\tand a tab");
        assert_eq!(
            plain("\u{1b}[2J\u{202e}gnp\u{0}".to_owned()),
            "\u{fffd}[2J\u{fffd}gnp\u{fffd}"
        );
    }

    fn texts(parts: &[Part]) -> Vec<(&str, bool)> {
        parts.iter().map(|part| (part.text.as_str(), part.is_found)).collect()
    }

    #[test]
    fn what_is_searched_for_is_found_whatever_its_case() {
        let found = parts("Lock on orders, LOCK lost", "lock");
        assert_eq!(
            texts(&found),
            [
                ("Lock", true),
                (" on orders, ", false),
                ("LOCK", true),
                (" lost", false)
            ]
        );
        assert_eq!(texts(&parts("İİ lock", "lock")), [("İİ lock", false)]);
        assert_eq!(texts(&parts("plain", "")), [("plain", false)]);
    }

    #[test]
    fn colours_are_read_and_every_other_sequence_is_removed() {
        let line = parts(
            "a\u{1b}[31;1mred\u{1b}[0m\u{1b}[2Jb\u{1b}]8;;javascript:alert(1)\u{7}c\u{1b}]0;title\u{1b}\\d",
            "",
        );
        let read: Vec<_> = line
            .iter()
            .map(|part| (part.text.as_str(), part.colour, part.is_bold))
            .collect();
        assert_eq!(read, [("a", 0, false), ("red", 1, true), ("bcd", 0, false)]);
        assert_eq!(parts("\u{1b}[38;5;31mx", "")[0].colour, 0);
        assert_eq!(parts("\u{1b}", ""), []);
        assert_eq!(parts("\u{1b}[31", ""), []);
    }

    #[test]
    fn characters_that_would_change_the_page_are_replaced() {
        assert_eq!(parts("a\u{202e}b\rc", "")[0].text, "a\u{fffd}b\u{fffd}c");
        assert_eq!(parts("a\tb", "")[0].text, "a\tb");
    }

    #[test]
    fn levels_follow_words() {
        assert_eq!(level("not ok 6 checkout"), Level::Error);
        assert_eq!(level("0143  lock timeout after 12s"), Level::Warning);
        assert_eq!(level("3 passed, 0 failed"), Level::Plain);
        assert_eq!(level("terror"), Level::Plain);
        assert_eq!(level("FATAL: no"), Level::Error);
    }
}
