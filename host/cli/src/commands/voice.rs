//! Who speaks: the only application of a command, or one of several, whose lines then carry its name.

use std::cell::RefCell;

use serde::Serialize;
use serde_json::{Value, json};

use super::{print, print_json, say};
use crate::{terminal::Text, text};

/// Who speaks.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// The name and how wide the widest is; nothing for an only one.
    name: Option<(String, usize)>,
    documents: RefCell<Vec<Value>>,
}

impl Voice {
    /// Speaks for one of several; `width` is that of the longest name.
    pub(super) fn of(name: &str, width: usize) -> Voice {
        Voice {
            name: Some((name.to_owned(), width)),
            documents: RefCell::default(),
        }
    }

    /// Prints text for people, line by line.
    pub(super) fn print(&self, text: &Text) {
        print(&self.lines(text));
    }

    /// Tells something beside the output.
    pub(super) fn say(&self, text: &Text) {
        say(&self.lines(text).trim_end());
    }

    fn lines(&self, text: &Text) -> Text {
        match &self.name {
            Some((name, width)) => text.with_prefix(&text!("{} | ", format!("{name:<width$}"))),
            None => text.clone(),
        }
    }

    /// Prints one record of a stream; that of one of several names it.
    pub(super) fn record(&self, record: &impl Serialize) -> anyhow::Result<()> {
        let Some((name, _)) = &self.name else {
            print(&text!("{}\n", Text::json(record)?));
            return Ok(());
        };
        let mut value = serde_json::to_value(record)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("application".to_owned(), json!(name));
        }
        print(&text!("{}\n", Text::json(&value)?));
        Ok(())
    }

    /// Prints a document; those of several are kept until [`documents`](Voice::documents).
    pub(super) fn document(&self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.name.is_none() {
            return print_json(value);
        }
        self.documents.borrow_mut().push(serde_json::to_value(value)?);
        Ok(())
    }

    /// Returns the documents that were kept, with the application's name.
    pub(super) fn documents(self) -> Vec<Value> {
        let name = self.name.map(|(name, _)| name);
        let documents = self.documents.into_inner().into_iter().map(|mut value| {
            if let (Some(name), Some(fields)) = (&name, value.as_object_mut()) {
                fields.insert("name".to_owned(), json!(name));
            }
            value
        });
        documents.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_one_of_several_carries_its_name() {
        let voice = Voice::of("db", 4);
        assert_eq!(voice.lines(&text!("a\n\nb")).as_str(), "db   | a\ndb   |\ndb   | b\n");
        assert_eq!(Voice::default().lines(&text!("a\n")).as_str(), "a\n");
    }
}
