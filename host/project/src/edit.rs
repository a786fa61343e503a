//! Adds a plugin to a `capstan.yaml`, and leaves the other lines and comments as they are.

use capstan_core::read::manifest;

use super::{config_errors, file::ConfigFile};

/// Returns the text of a file with a plugin added. It replaces the sources `instead_of`, if the file has them. Returns `None` if that
/// isn't possible without other changes: then the user has to edit the file.
pub fn add_plugin(text: &str, source: &str, instead_of: &[String]) -> Option<String> {
    let before = plugins_of(text)?;
    if before.iter().any(|plugin| plugin == source) {
        return Some(text.to_owned());
    }
    let replaced = before.iter().find(|plugin| instead_of.contains(plugin));
    let edited = match replaced {
        Some(old) => replace_source(text, old, source)?,
        None => append_plugin(text, source),
    };
    let mut expected = before.clone();
    match replaced.and_then(|old| expected.iter_mut().find(|plugin| *plugin == old)) {
        Some(place) => source.clone_into(place),
        None => expected.push(source.to_owned()),
    }
    (plugins_of(&edited)? == expected).then_some(edited)
}

fn plugins_of(text: &str) -> Option<Vec<String>> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Some(Vec::new());
    }
    let document = manifest::parse_document("capstan.yaml", text).ok()?;
    let file: ConfigFile =
        config_errors::deserialize(&document, "it starts with keys like `name:` and `sources:`").ok()?;
    Some(file.plugins)
}

/// Replaces the only occurrence of the old source. With several, it isn't known which one is meant.
fn replace_source(text: &str, old: &str, new: &str) -> Option<String> {
    (text.matches(old).count() == 1).then(|| text.replace(old, new))
}

fn append_plugin(text: &str, source: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let Some(key) = lines.iter().position(|line| line.starts_with("plugins:")) else {
        lines.push("plugins:".to_owned());
        lines.push(format!("  - {}", quote(source)));
        return join_lines(&lines);
    };
    let is_list = lines.get(key).is_some_and(|line| line.trim_end().ends_with(']'));
    if is_list && let Some(line) = lines.get_mut(key) {
        let inner = line.trim_end().trim_end_matches(']').trim_end().to_owned();
        let separator = if inner.ends_with('[') { "" } else { ", " };
        *line = format!("{inner}{separator}{}]", serde_json::Value::from(source));
        return join_lines(&lines);
    }
    let is_item = |line: &str| line.trim_start().starts_with("- ");
    let is_inside = |line: &&String| line.starts_with([' ', '-']) || line.trim().is_empty() || line.starts_with('#');
    let inside = lines.iter().skip(key + 1).take_while(is_inside).count();
    let mut items = lines
        .iter()
        .enumerate()
        .skip(key + 1)
        .take(inside)
        .filter(|(_, line)| is_item(line));
    let (at, indent) = match items.next_back() {
        Some((at, line)) => (at, line.len() - line.trim_start().len()),
        None => (key, 2),
    };
    lines.insert(at + 1, format!("{}- {}", " ".repeat(indent), quote(source)));
    join_lines(&lines)
}

fn join_lines(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

/// Quotes a text that YAML would not read as a plain text.
fn quote(source: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_./:@#=+~-?&%".contains(letter);
    let starts_plain =
        source.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '/');
    if starts_plain && source.chars().all(is_plain) && !source.ends_with(':') {
        source.to_owned()
    } else {
        serde_json::Value::from(source).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "oci://a.io/queue:2";

    fn edited(text: &str) -> String {
        add_plugin(text, NEW, &["oci://a.io/queue:1".to_owned()]).unwrap()
    }

    #[test]
    fn a_plugin_comes_where_the_others_are() {
        for (before, after) in [
            ("", "plugins:\n  - oci://a.io/queue:2\n"),
            ("name: shop", "name: shop\nplugins:\n  - oci://a.io/queue:2\n"),
            (
                "plugins:\n- a.wasm # ours\n\n# more\nname: shop\n",
                "plugins:\n- a.wasm # ours\n- oci://a.io/queue:2\n\n# more\nname: shop\n",
            ),
            (
                "plugins:\n    - a.wasm\n    - b.wasm\nname: shop\n",
                "plugins:\n    - a.wasm\n    - b.wasm\n    - oci://a.io/queue:2\nname: shop\n",
            ),
            ("plugins: []\n", "plugins: [\"oci://a.io/queue:2\"]\n"),
            ("plugins: [a.wasm]\n", "plugins: [a.wasm, \"oci://a.io/queue:2\"]\n"),
            (
                "plugins:\n  - oci://a.io/queue:1 # pinned\n",
                "plugins:\n  - oci://a.io/queue:2 # pinned\n",
            ),
            (
                "plugins: [\"oci://a.io/queue:2\"]\n",
                "plugins: [\"oci://a.io/queue:2\"]\n",
            ),
        ] {
            assert_eq!(edited(before), after);
        }
    }

    #[test]
    fn what_can_not_be_done_is_left_to_people() {
        for text in [
            "plugins: [a.wasm, # one\n  b.wasm]\n",
            "\"plugins\": [a.wasm]\n",
            "# oci://a.io/queue:1 is old\nplugins: [oci://a.io/queue:1]\n",
            "name: [\n",
        ] {
            assert_eq!(
                add_plugin(text, NEW, &["oci://a.io/queue:1".to_owned()]),
                None,
                "{text}"
            );
        }
    }
}
