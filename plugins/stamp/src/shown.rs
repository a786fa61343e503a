//! Characters that may not be in a text of a plugin's: they can't be seen, or they move what is seen. A terminal obeys control characters;
//! bidirectional controls make a reader see another order than there is; what has no width makes two texts look like one.

use serde_json::Value;

use crate::check::Flaw;

/// As many flaws of this kind as anybody reads.
const MAX_FLAWS: usize = 10;

/// Says whether a terminal acts on a character, or shows nothing of it, or shows it elsewhere than it stands.
///
/// Those are the control characters (C0 with escape, carriage return and tab; delete; C1), what Unicode calls bidirectional controls
/// (`Bidi_Control`) and ignorable by default (`Default_Ignorable_Code_Point`, without the variation selectors of emoji), and the separators
/// of lines and paragraphs.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes a text so that every character of it can be seen: `\u{202e}` for one that can't.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Finds texts, keys included, with characters that can't be seen.
pub(crate) fn flaws(value: &Value) -> Vec<Flaw> {
    let mut found = Vec::new();
    look(value, "", &mut found);
    found
}

fn look(value: &Value, place: &str, found: &mut Vec<Flaw>) {
    if found.len() >= MAX_FLAWS {
        return;
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => check(text, place, found),
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                look(value, &format!("{place}[{n}]"), found);
            }
        }
        Value::Object(values) => {
            for (key, value) in values {
                let gap = if place.is_empty() { "" } else { "." };
                let place = format!("{place}{gap}{}", visible(key));
                check(key, &place, found);
                look(value, &place, found);
            }
        }
    }
}

fn check(text: &str, place: &str, found: &mut Vec<Flaw>) {
    if let Some(hidden) = text.chars().find(|character| is_hidden(*character)) {
        let code = u32::from(hidden);
        found.push(Flaw {
            place: place.to_owned(),
            message: format!("contains U+{code:04X}, a {}; remove it", kind(hidden)),
        });
    }
}

fn kind(hidden: char) -> &'static str {
    match hidden {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "line break",
        hidden if hidden.is_control() => "control character",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "bidirectional control character"
        }
        _ => "invisible character",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_not_be_seen_is_hidden_and_nothing_else() {
        let classes: [(u32, u32); 16] = [
            (0x00, 0x1f),
            (0x7f, 0x9f),
            (0xad, 0xad),
            (0x61c, 0x61c),
            (0x200b, 0x200f),
            (0x2028, 0x2029),
            (0x202a, 0x202e),
            (0x2060, 0x2064),
            (0x2065, 0x2065),
            (0x2066, 0x206f),
            (0xfeff, 0xfeff),
            (0xfff0, 0xfffb),
            (0xe0000, 0xe0000),
            (0xe0001, 0xe0001),
            (0xe0020, 0xe007e),
            (0xe007f, 0xe0fff),
        ];
        let outside = [
            '\n',
            ' ',
            'a',
            '\u{a0}',
            'ä',
            '\u{5d0}',
            '\u{200a}',
            '\u{2010}',
            '\u{2027}',
            '\u{202f}',
            '\u{2070}',
            '日',
            '🚀',
            '\u{fe0f}',
            '\u{e1000}',
        ];
        for (first, last) in classes {
            for code in [first, last] {
                assert!(is_hidden(char::from_u32(code).unwrap()), "U+{code:04X}");
            }
        }
        for shown in outside.into_iter().skip(1) {
            assert!(!is_hidden(shown), "{shown:?}");
        }
        let hidden = (0..=0x0010_ffff)
            .filter_map(char::from_u32)
            .filter(|character| is_hidden(*character));
        assert_eq!(
            hidden.count(),
            32 + 33 + 1 + 1 + 1 + 2 + 2 + 5 + 5 + 7 + 16 + 1 + 1 + 1 + 12 + 4 + 8 + 4096
        );
    }

    #[test]
    fn a_text_is_found_wherever_it_is() {
        let value = json!({
            "a": ["fine", "x\r\u{1b}[1A"],
            "b\u{202e}": {"c": "zero\u{200b}width"},
            "d": {"e": "two\nlines", "f": [1, true, null, "日本"]}
        });
        let lines: Vec<String> = flaws(&value)
            .into_iter()
            .map(|flaw| format!("{}: {}", flaw.place, flaw.message))
            .collect();
        assert_eq!(
            lines,
            [
                "a[1]: contains U+000D, a line break; remove it",
                "b\\u{202e}: contains U+202E, a bidirectional control character; remove it",
                "b\\u{202e}.c: contains U+200B, a invisible character; remove it",
                "d.e: contains U+000A, a line break; remove it",
            ]
        );
        assert!(!visible(&lines.concat()).contains(is_hidden));
        assert_eq!(flaws(&json!(vec!["\u{7}"; 1000])).len(), MAX_FLAWS);
    }
}
