//! The text that manifests came from, and its lines, for messages.

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
}
