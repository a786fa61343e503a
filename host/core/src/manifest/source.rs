//! The text that manifests came from: its lines, for messages, and its documents, as kubectl cuts them.

/// A text and its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The file's name as it was given.
    pub file: String,
    /// What is in it, without a byte order mark.
    pub text: String,
    /// Whether its lines may be shown in errors.
    pub shows_lines: bool,
}

/// A part of a text that is read by itself, so that a mistake in it doesn't hide those in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    /// How many lines are before it.
    pub lines_before: u32,
    /// The part.
    pub text: &'a str,
}

impl Source {
    /// Takes a text, without its byte order mark.
    pub fn new(file: &str, text: &str) -> Source {
        Source {
            file: file.to_owned(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            shows_lines: true,
        }
    }

    /// Returns a line, the first being 1, if it is short enough to be shown.
    pub fn line(&self, line: u32) -> Option<&str> {
        if !self.shows_lines {
            return None;
        }
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let line = self.text.split('\n').nth(index)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        (line.len() <= 400).then_some(line)
    }

    /// Cuts the text before each line that starts a document. Such a line starts one wherever it stands: even a block of text can't
    /// hold it.
    pub fn chunks(&self) -> Vec<Chunk<'_>> {
        let mut chunks = Vec::new();
        let mut current = Chunk {
            lines_before: 0,
            text: "",
        };
        let (mut start, mut at) = (0, 0);
        let mut has_directive = false;
        let mut has_content = false;
        for (number, line) in self.text.split_inclusive('\n').enumerate() {
            let is_blank = line.trim().is_empty() || line.trim_start().starts_with('#');
            let is_directive = line.starts_with('%') && !has_content;
            if starts_document(line) {
                // before the first `---` there is a document only if there is something in it; directives belong to the next
                if has_content {
                    current.text = self.text.get(start..at).unwrap_or_default();
                    chunks.push(current);
                }
                if has_content || !has_directive {
                    start = at;
                    current.lines_before = u32::try_from(number).unwrap_or(u32::MAX);
                }
                has_directive = false;
                has_content = true;
            } else if is_directive {
                has_directive = true;
            } else if !is_blank {
                has_content = true;
            }
            at += line.len();
        }
        current.text = self.text.get(start..).unwrap_or_default();
        chunks.push(current);
        chunks
    }
}

/// Says whether a line is `---`, or that followed by something.
fn starts_document(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}
