//! A unified diff as rows in which what is left out can be seen and what changes within a line is marked.

/// A row of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffRow {
    /// Lines that are the same and not shown.
    Gap(usize),
    /// A line of the diff, with its numbers before and after.
    Line {
        old: Option<usize>,
        new: Option<usize>,
        /// Its text in parts; those that changed within the line are marked.
        parts: Vec<(String, bool)>,
    },
}

/// Reads a unified diff. Headers of files are left out.
pub fn diff_rows(text: &str) -> Vec<DiffRow> {
    let mut rows = Vec::new();
    let (mut old, mut new) = (1, 1);
    let mut is_inside = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((from, to)) = hunk(line) {
            if from > old {
                rows.push(DiffRow::Gap(from - old));
            }
            (old, new, is_inside) = (from, to, true);
            continue;
        }
        if !is_inside && (line.starts_with("---") || line.starts_with("+++")) {
            continue;
        }
        is_inside = true;
        let Some(removed) = line.strip_prefix('-') else {
            if let Some(added) = line.strip_prefix('+') {
                rows.push(one_sided(None, Some(&mut new), added));
            } else if !line.starts_with('\\') {
                let text = line.strip_prefix(' ').unwrap_or(line);
                rows.push(one_sided(Some(&mut old), Some(&mut new), text));
            }
            continue;
        };
        let mut gone = vec![removed];
        while let Some(line) = lines.next_if(|line| line.starts_with('-')) {
            gone.push(&line[1..]);
        }
        let mut come = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('+')) {
            come.push(&line[1..]);
        }
        let pairs: Vec<_> = gone.iter().zip(&come).map(|(gone, come)| within(gone, come)).collect();
        for (at, text) in gone.iter().enumerate() {
            let parts = pairs.get(at).map_or_else(|| plain(text), |(gone, _)| gone.clone());
            rows.push(numbered(Some(&mut old), None, parts));
        }
        for (at, text) in come.iter().enumerate() {
            let parts = pairs.get(at).map_or_else(|| plain(text), |(_, come)| come.clone());
            rows.push(numbered(None, Some(&mut new), parts));
        }
    }
    rows
}

fn plain(text: &str) -> Vec<(String, bool)> {
    vec![(text.to_owned(), false)]
}

fn one_sided(old: Option<&mut usize>, new: Option<&mut usize>, text: &str) -> DiffRow {
    numbered(old, new, plain(text))
}

fn numbered(old: Option<&mut usize>, new: Option<&mut usize>, parts: Vec<(String, bool)>) -> DiffRow {
    let next = |line: &mut usize| {
        *line += 1;
        *line - 1
    };
    DiffRow::Line {
        old: old.map(next),
        new: new.map(next),
        parts,
    }
}

/// Reads `@@ -10,7 +10,8 @@`.
fn hunk(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let first = |range: &str| range.split(',').next()?.parse().ok();
    Some((first(old)?, first(new)?))
}

/// Parts of a line that says what changed.
type Parts = Vec<(String, bool)>;

/// Marks what differs between two lines, in whole words.
fn within(old: &str, new: &str) -> (Parts, Parts) {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let shorter = old.len().min(new.len());
    let mut head = (0..shorter).take_while(|at| old[*at] == new[*at]).count();
    let is_word =
        |letter: Option<&char>| letter.is_some_and(|letter| letter.is_alphanumeric() || "_.:-".contains(*letter));
    while head > 0 && is_word(old.get(head - 1)) && (is_word(old.get(head)) || is_word(new.get(head))) {
        head -= 1;
    }
    let mut tail = (0..shorter - head)
        .take_while(|at| old[old.len() - 1 - at] == new[new.len() - 1 - at])
        .count();
    while tail > 0 {
        let (in_old, in_new) = (old.len() - tail, new.len() - tail);
        let before = |text: &[char], at: usize| at.checked_sub(1).and_then(|at| text.get(at)).copied();
        let continues = is_word(before(&old, in_old).as_ref()) || is_word(before(&new, in_new).as_ref());
        if !is_word(old.get(in_old)) || !continues {
            break;
        }
        tail -= 1;
    }
    let cut = |text: &[char]| {
        let parts = [
            (&text[..head], false),
            (&text[head..text.len() - tail], true),
            (&text[text.len() - tail..], false),
        ];
        let filled = parts.into_iter().filter(|(part, _)| !part.is_empty());
        filled
            .map(|(part, is_changed)| (part.iter().collect(), is_changed))
            .collect()
    };
    (cut(&old), cut(&new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(row: &DiffRow) -> String {
        match row {
            DiffRow::Gap(count) => format!("... {count}"),
            DiffRow::Line { old, new, parts } => {
                let number = |line: &Option<usize>| line.map_or("-".to_owned(), |line| line.to_string());
                let text: String = parts
                    .iter()
                    .map(|(text, is_changed)| if *is_changed { format!("[{text}]") } else { text.clone() })
                    .collect();
                format!("{} {} {text}", number(old), number(new))
            }
        }
    }

    #[test]
    fn gaps_are_seen_and_words_are_marked() {
        let text = "--- live\n+++ desired\n@@ -10,4 +10,5 @@\n spec:\n-  replicas: 4\n+  replicas: 5\n+  paused: true\n   selector:\n@@ -30 +31 @@\n-image: web:1.41.0\n+image: web:1.42.0\n";
        let rows: Vec<String> = diff_rows(text).iter().map(written).collect();
        assert_eq!(
            rows,
            [
                "... 9",
                "10 10 spec:",
                "11 -   replicas: [4]",
                "- 11   replicas: [5]",
                "- 12   paused: true",
                "12 13   selector:",
                "... 17",
                "30 - image: [web:1.41.0]",
                "- 31 image: [web:1.42.0]",
            ]
        );
    }

    #[test]
    fn any_text_is_shown() {
        assert_eq!(diff_rows(""), []);
        let rows: Vec<String> = diff_rows("@@ nonsense\n-ä\n+äö\n\\ No newline at end of file")
            .iter()
            .map(written)
            .collect();
        assert_eq!(rows, ["1 1 @@ nonsense", "2 - [ä]", "- 2 [äö]"]);
    }

    #[test]
    fn a_yaml_document_start_inside_a_hunk_is_a_line() {
        let rows: Vec<String> = diff_rows("@@ -1 +1 @@\n----\n+a").iter().map(written).collect();
        assert_eq!(rows, ["1 - [---]", "- 1 [a]"]);
    }
}
