use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::render::{Paint, columns, lines};

/// Texts with what a terminal acts on, among letters.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop_oneof![
        (0_u32..0x20).prop_map(|number| char::from_u32(number).expect("a control character")),
        (0x7f_u32..0xa0).prop_map(|number| char::from_u32(number).expect("a control character")),
        proptest::char::ranges(
            vec![
                '\u{ad}'..='\u{ad}',
                '\u{61c}'..='\u{61c}',
                '\u{200b}'..='\u{200f}',
                '\u{2028}'..='\u{202e}',
                '\u{2060}'..='\u{206f}',
                '\u{feff}'..='\u{feff}',
                '\u{fff9}'..='\u{fffb}',
                '\u{e0000}'..='\u{e007f}',
            ]
            .into()
        ),
        Just('\n'),
        any::<char>(),
        proptest::char::range('a', 'z'),
    ];
    proptest::collection::vec(special, 0..40).prop_map(|letters| letters.into_iter().collect())
}

/// The code points that the issue of untrusted text is about, written again: not the function that cleans.
fn is_acted_on(letter: char) -> bool {
    let number = u32::from(letter);
    number < 0x20
        || (0x7f..0xa0).contains(&number)
        || matches!(number, 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2064 | 0x2066..=0x206f | 0xfeff)
        || matches!(number, 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// Takes our own colours and ends of lines out.
fn without_ours(text: &str) -> String {
    let mut rest = text.replace('\n', "");
    for code in ["0", "1", "2", "31", "32", "33"] {
        rest = rest.replace(&format!("\u{1b}[{code}m"), "");
    }
    rest
}

fn assert_clean(text: &Text) {
    let rest = without_ours(text.as_str());
    assert!(!rest.chars().any(is_acted_on), "{:?}", text.as_str());
}

proptest! {
    #[test]
    fn nothing_that_a_terminal_acts_on_gets_through(one in hostile(), other in hostile()) {
        let paint = Paint::ALWAYS;
        let texts = [
            Text::from(&one),
            Text::block(&one),
            text!("{} and {:<9}\n", one, other),
            text!("{}", paint.failure(&one)),
            text!("{}{}", paint.heading(paint.success(&one)), Text::block(&other)),
            lines(columns(&[vec![one.clone(), other.clone()], vec![other.clone()]], 3)),
            Text::json(&json!({ one.as_str(): [other] }))?,
            Text::pretty_json(&json!([one, other]))?,
            Text::from(&one).with_prefix(&Text::from(&other)),
            Text::join(Text::lines_of(&one), "\n"),
        ];
        for text in &texts {
            assert_clean(text);
        }
    }

    #[test]
    fn no_line_of_others_begins_like_one_of_ours(one in hostile()) {
        let line = Text::from(&one);
        prop_assert!(!line.as_str().contains('\n'));
        let block = Text::block(&one);
        for line in block.as_str().lines().skip(1) {
            prop_assert!(line.is_empty() || line.starts_with(INDENT), "{line:?}");
        }
    }

    #[test]
    fn json_stays_what_it_was(one in hostile(), other in hostile()) {
        let value = json!({ one.as_str(): other });
        for text in [Text::json(&value)?, Text::pretty_json(&value)?] {
            let read: serde_json::Value = serde_json::from_str(text.as_str())?;
            prop_assert_eq!(&read, &value);
        }
    }
}

#[test]
fn what_others_write_is_shown_as_it_is() {
    for (text, shown) in [
        ("any\u{1b}[1A\u{1b}[2Kwhere", "any\\x1b[1A\\x1b[2Kwhere"),
        ("\u{1b}]52;c;ZXZpbA==\u{7}", "\\x1b]52;c;ZXZpbA==\\x07"),
        ("100%\rSucceeded", "100%\\rSucceeded"),
        ("done\r\nSucceeded in 0.0s", "done\\nSucceeded in 0.0s"),
        ("c1 \u{9b}2J", "c1 \\x9b2J"),
        ("user\u{202e}nimda", "user\\u{202e}nimda"),
        (
            "a\u{200b}b\u{2066}c\u{feff}d\u{ad}e",
            "a\\u{200b}b\\u{2066}c\\u{feff}d\\xade",
        ),
        ("tag \u{e0041}", "tag \\u{e0041}"),
        ("a\tb", "a    b"),
        ("a line\n", "a line"),
        ("ünïcödé 漢字 ❤\u{fe0f} שלום", "ünïcödé 漢字 ❤\u{fe0f} שלום"),
    ] {
        assert_eq!(clean(text), shown);
    }
    assert_eq!(
        Text::block("it says:\n\nSucceeded in 0.0s\r\nerror: \u{1b}[2K\n").as_str(),
        "it says:\n\n    Succeeded in 0.0s\n    error: \\x1b[2K"
    );
    assert_eq!(
        Text::json(&"a\u{202e}\u{e0041}\u{1b}").expect("JSON").as_str(),
        r#""a\u202e\udb40\udc41\u001b""#
    );
}

#[test]
fn formats_that_name_their_arguments_are_refused() {
    for (format, is_fine) in [
        ("{} {:>6} {{name}}\n", true),
        ("", true),
        ("{name}", false),
        ("{} {0}", false),
        ("{:<width$}", false),
        ("{:<1$}", false),
    ] {
        assert_eq!(has_no_names(format), is_fine, "{format}");
    }
}

/// Each word in a file that writes to a stream by itself, with why it may.
const WRITERS: [(&str, &str, &str); 3] = [
    ("terminal/write.rs", "", "the only way"),
    ("render.rs", "stdout().is_terminal()", "whether there are colours"),
    (
        "commands/plugin/build.rs",
        ".stdout(std::io::stderr())",
        "the user's own toolchain says what it does",
    ),
];

#[test]
fn nothing_else_writes_to_the_terminal() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![folder.clone()];
    let mut found = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&folder).expect("a file of it").display().to_string();
            let text = std::fs::read_to_string(&path).expect("a text");
            let writes = |line: &&str| {
                ["::stdout()", "::stderr()", "println!", "print!("]
                    .iter()
                    .any(|word| line.contains(word))
                    && !line.trim_start().starts_with("//")
            };
            let is_allowed = |line: &str| {
                WRITERS
                    .iter()
                    .any(|(file, word, _)| name == *file && line.contains(word))
            };
            let lines = text.lines().filter(writes).filter(|line| !is_allowed(line));
            found.extend(lines.map(|line| format!("{name}: {line}")));
        }
    }
    found.retain(|line| !line.starts_with("terminal/tests.rs"));
    assert!(found.is_empty(), "{found:#?}");
}
