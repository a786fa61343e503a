//! The text of manifests and its lines, for messages.

/// A text with its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The file's name as it was given.
    pub file: String,
    /// The content, without a byte order mark.
    pub text: String,
    /// Whether diagnostics may show its lines.
    pub shows_lines: bool,
}

impl Source {
    /// Creates a source; removes a byte order mark.
    pub fn new(file: &str, text: &str) -> Source {
        Source {
            file: file.to_owned(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            shows_lines: true,
        }
    }

    /// Returns a line, counted from 1, if it may be shown and is short enough.
    pub fn line(&self, line: u32) -> Option<&str> {
        if !self.shows_lines {
            return None;
        }
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let line = self.text.split('\n').nth(index)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        (line.len() <= 400).then_some(line)
    }
}
