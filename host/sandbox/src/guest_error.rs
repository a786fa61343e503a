//! Finds the error in a guest's own language that ended a call, with its place, in the guest's stderr.
//!
//! Python, JavaScript (as `rquickjs` writes an exception), Rust and Go have forms of their own. Other text is ignored.

/// Finds the error that ended a program, as in `KeyError: 'nothing' (plugin.py:9)`.
pub(crate) fn thrown_error(stderr: &str) -> Option<String> {
    javascript_error(stderr)
        .or_else(|| python_error(stderr))
        .or_else(|| go_error(stderr))
        .or_else(|| rust_error(stderr))
}

fn with_place(message: &str, place: Option<String>) -> Option<String> {
    let message = message.trim();
    if message.is_empty() {
        return None;
    }
    Some(match place {
        Some(place) => format!("{message} ({place})"),
        None => message.to_owned(),
    })
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// `Traceback (most recent call last):`, indented frames, and the unindented exception. Of several tracebacks, the last one ended the
/// program.
fn python_error(stderr: &str) -> Option<String> {
    let (_, trace) = stderr.rsplit_once("Traceback (most recent call last):")?;
    let mut place = None;
    for line in trace.lines().skip(1) {
        let is_frame = line.is_empty() || line.starts_with(' ') || line.starts_with('\t');
        if !is_frame {
            return with_place(line, place);
        }
        if let Some(found) = python_place(line) {
            // The author's own files are more useful than those of the library that they call.
            place = if is_python_library(line) {
                place.or(Some(found))
            } else {
                Some(found)
            };
        }
    }
    None
}

/// `  File "/app/plugin.py", line 9, in assess`
fn python_place(line: &str) -> Option<String> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("{}:{number}", file_name(path)))
}

fn is_python_library(line: &str) -> bool {
    line.contains("/lib/python")
        || line.contains("/site-packages/")
        || line.contains("/python/")
        || line.contains("<frozen ")
}

/// `Exception { message: Some("..."), stack: Some("    at assess (/plugin.js:6:34)\n") }`
fn javascript_error(stderr: &str) -> Option<String> {
    let (_, exception) = stderr.rsplit_once("Exception { ")?;
    let message = quoted_after(exception, "message: Some(").unwrap_or_default();
    let stack = quoted_after(exception, "stack: Some(").unwrap_or_default();
    let place = stack.lines().find_map(|line| {
        let frame = line.trim().strip_prefix("at ")?;
        let inside = frame.rsplit_once('(').map_or(frame, |(_, inside)| inside);
        let place = file_name(inside.trim_end_matches(')'));
        place.contains(':').then(|| place.to_owned())
    });
    let first = message.lines().next().unwrap_or_default();
    if first.is_empty() {
        return place.map(|place| format!("an Error without a message ({place})"));
    }
    with_place(first, place)
}

/// Returns the text in quotes after a word, with its escapes undone.
fn quoted_after(text: &str, word: &str) -> Option<String> {
    let rest = text.split_once(word)?.1.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(value),
            '\\' => match letters.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            letter => value.push(letter),
        }
    }
}

/// `panic: MESSAGE`, and below `goroutine` the frames: each is a function, and a line with its file.
fn go_error(stderr: &str) -> Option<String> {
    let begins = |line: &&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let first = stderr.lines().find(begins)?;
    let (_, message) = first.split_once(": ")?;
    let message = message.trim_end_matches(" [recovered]");
    let (_, frames) = stderr.split_once("\ngoroutine ").unwrap_or_default();
    let place = frames.lines().find_map(|line| {
        let path = line.strip_prefix('\t')?.split(' ').next()?;
        let is_own = !path.contains("/src/runtime/") && !path.contains("wit_exports");
        is_own.then(|| file_name(path).to_owned())
    });
    with_place(message, place)
}

/// The path of the JavaScript runtime's sources in its panics.
const JAVASCRIPT_RUNTIME: &str = "crates/runtime/src/";

/// `thread 'main' panicked at src/lib.rs:10:5:`, and the message in the next line.
fn rust_error(stderr: &str) -> Option<String> {
    let (_, panic) = stderr.rsplit_once(" panicked at ")?;
    let mut lines = panic.lines();
    let place = lines.next()?.trim_end_matches(':');
    let message = lines.find(|line| !line.trim().is_empty() && !line.starts_with("note: "))?;
    // A panic within a language's runtime in Rust doesn't name a place of the author's.
    let is_own = place.contains(".rs:")
        && !["/.cargo/", "/rustc/"].iter().any(|part| place.contains(part))
        && !place.starts_with(JAVASCRIPT_RUNTIME);
    with_place(message, is_own.then(|| place.to_owned()))
}

/// Says whether a backtrace shows endless recursion: one function is in most of its frames.
pub(crate) fn is_recursion<'a>(functions: impl IntoIterator<Item = &'a str>) -> bool {
    const MIN_REPETITIONS: usize = 8;
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for function in functions {
        let count = counts.entry(function).or_default();
        *count += 1;
        if *count >= MIN_REPETITIONS {
            return true;
        }
    }
    false
}

/// Describes an answer with a value of the wrong type, as the JavaScript runtime reports it.
pub(crate) fn type_error(cause: &str) -> Option<String> {
    if let Some(missing) = missing_export(cause) {
        return Some(missing);
    }
    if cause.contains(&format!("panicked at {JAVASCRIPT_RUNTIME}call.rs:")) && cause.contains("\nexpected object\n") {
        return Some(
            "its answer is not an object where the contract has a record; wit/REFERENCE.md shows the types".to_owned(),
        );
    }
    let from = cause.split_once("FromJs { from: \"")?.1;
    let (from, rest) = from.split_once('"')?;
    let (to, _) = rest.split_once("to: \"")?.1.split_once('"')?;
    let reason = quoted_after(rest, "message: Some(");
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!(
        "its answer has {} where the contract has {}{reason}; wit/REFERENCE.md shows the types",
        with_article(from),
        with_article(to)
    ))
}

/// Describes a missing export of a JavaScript program, which the runtime only detects in a call.
fn missing_export(cause: &str) -> Option<String> {
    let (before, _) = cause.split_once("' not found: FromJs { from: \"undefined\"")?;
    if let Some((_, interface)) = before.rsplit_once("interface 'capstan:plugin/") {
        let name = interface.split('@').next().unwrap_or(interface);
        // jco's name of an interface contains no dashes.
        let name = name.replace("delete-policy", "deletePolicy");
        return Some(format!("the program doesn't export `{name}`"));
    }
    let (_, function) = before.rsplit_once("function '")?;
    Some(format!("the program has no function `{function}`"))
}

fn with_article(word: &str) -> String {
    match word {
        "undefined" | "null" => word.to_owned(),
        _ if word.starts_with(['a', 'e', 'i', 'o']) => format!("an {word}"),
        _ => format!("a {word}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_javascript_program_lacks_is_named() {
        let undefined = "not found: FromJs { from: \"undefined\", to: \"object\", message: None }";
        let of = |what: &str| type_error(&format!("{what} {undefined}"));
        assert_eq!(
            of("interface 'capstan:plugin/delete-policy@0.1.0'").as_deref(),
            Some("the program doesn't export `deletePolicy`")
        );
        assert_eq!(
            of("function 'start'").as_deref(),
            Some("the program has no function `start`")
        );
    }

    #[track_caller]
    fn is(stderr: &str, expected: &str) {
        assert_eq!(thrown_error(stderr).as_deref(), Some(expected), "{stderr}");
    }

    #[test]
    fn an_exception_of_python_is_its_last_line_and_the_authors_own_place() {
        is(
            "Traceback (most recent call last):\n  File \"/app/plugin.py\", line 9, in assess\n    return {}[\"nothing\"]\n           ~~^^^^^^^^^^^\nKeyError: 'nothing'\nthread '<unnamed>' panicked at runtime/src/lib.rs:418:9:\nPython function threw an unexpected exception\nnote: run with `RUST_BACKTRACE=1`\n",
            "KeyError: 'nothing' (plugin.py:9)",
        );
        is(
            "Traceback (most recent call last):\n  File \"/app/plugin.py\", line 4, in assess\n  File \"/python/json/decoder.py\", line 356, in raw_decode\njson.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n",
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0) (plugin.py:4)",
        );
        is(
            "Traceback (most recent call last):\n  File \"plugin.py\", line 3, in f\nKeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"plugin.py\", line 5, in f\nValueError: b\n",
            "ValueError: b (plugin.py:5)",
        );
    }

    #[test]
    fn an_exception_of_javascript_is_its_message_and_first_frame() {
        is(
            r#"thread '<unnamed>' panicked at src/lib.rs:3:1:
called `Result::unwrap()` on an `Err` value: Exception { message: Some("cannot read property 'nothing' of undefined"), stack: Some("    at assess (/plugin.js:6:34)\n    at <anonymous> (/main.js:1:2)\n") }
"#,
            "cannot read property 'nothing' of undefined (plugin.js:6:34)",
        );
        is(
            r#"Failed to call 'assess': Value(Exception(
Exception { message: Some(""), stack: Some("    at assess (/plugin.js:6:34)\n") })"#,
            "an Error without a message (plugin.js:6:34)",
        );
        is(
            r#"Exception { message: Some("no \"phase\""), file: None, stack: Some("    at /plugin.js:2:1\n") }"#,
            "no \"phase\" (plugin.js:2:1)",
        );
    }

    #[test]
    fn a_panic_of_rust_or_go_is_its_message_and_place() {
        is(
            "\nthread '<unnamed>' (1) panicked at src/lib.rs:10:5:\nindex out of bounds: the len is 0 but the index is 1\nnote: run with `RUST_BACKTRACE=1` environment variable\n",
            "index out of bounds: the len is 0 but the index is 1 (src/lib.rs:10:5)",
        );
        is(
            "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.judge(...)\n\t/home/a/plugin.go:12\nmain.assess(0x1)\n\t/home/a/wit_exports.go:3 +0x2\n",
            "assignment to entry in nil map (plugin.go:12)",
        );
        is(
            "panic: runtime error: index out of range [1] with length 0\n\ngoroutine 1 [running]:\npanic(0x1)\n\t/usr/local/go/src/runtime/panic.go:787 +0x2\nmain.judge(...)\n\t/home/a/plugin.go:20 +0x1\n",
            "runtime error: index out of range [1] with length 0 (plugin.go:20)",
        );
    }

    #[test]
    fn what_has_no_known_form_gives_nothing() {
        for text in [
            "",
            "hello",
            "panic",
            "Traceback (most recent call last):\n",
            "Exception { message: None }",
        ] {
            assert_eq!(thrown_error(text), None, "{text}");
        }
    }

    #[test]
    fn recursion_is_one_function_again_and_again() {
        assert!(is_recursion(vec!["deep"; 16]));
        assert!(is_recursion(["one", "two"].repeat(8)));
        assert!(!is_recursion([
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "main"
        ]));
    }

    #[test]
    fn a_wrong_type_of_javascript_is_told_in_words() {
        assert_eq!(
            type_error(r#"invalid variant: Error(FromJs { from: "string", to: "variant", message: None })"#).as_deref(),
            Some("its answer has a string where the contract has a variant; wit/REFERENCE.md shows the types")
        );
        let no_object =
            "thread '<unnamed>' (1) panicked at crates/runtime/src/call.rs:374:39:\nexpected object\nnote: run with\n";
        assert_eq!(
            type_error(no_object).as_deref(),
            Some("its answer is not an object where the contract has a record; wit/REFERENCE.md shows the types")
        );
        assert_eq!(type_error("something else"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,200}", mark in prop_oneof!["panic: ", "Exception \\{ message: Some\\(\"", "Traceback \\(most recent call last\\):", " panicked at "]) {
            let text = format!("{mark}{text}");
            prop_assert!(thrown_error(&text).is_none_or(|found| found.len() <= text.len() + 4));
        }
    }
}
