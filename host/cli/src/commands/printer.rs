//! Prints the output of an application. With several applications, each line starts with the application's name.

use std::cell::RefCell;

use serde::Serialize;
use serde_json::{Value, json};

use super::{print, print_json, print_stderr};
use crate::{terminal::Text, text};

/// Prints the output of one application.
#[derive(Debug, Default)]
pub(super) struct Printer {
    /// The application's name and the width of the longest name; `None` for a single application.
    name: Option<(String, usize)>,
    documents: RefCell<Vec<Value>>,
}

impl Printer {
    /// Makes the printer of one of several applications; `width` is that of the longest name.
    pub(super) fn for_app(name: &str, width: usize) -> Printer {
        Printer {
            name: Some((name.to_owned(), width)),
            documents: RefCell::default(),
        }
    }

    /// Prints text to stdout, line by line.
    pub(super) fn print(&self, text: &Text) {
        print(&self.with_name(text));
    }

    /// Prints text to stderr, line by line.
    pub(super) fn print_stderr(&self, text: &Text) {
        print_stderr(&self.with_name(text).trim_end());
    }

    fn with_name(&self, text: &Text) -> Text {
        match &self.name {
            Some((name, width)) => text.with_prefix(&text!("{} | ", format!("{name:<width$}"))),
            None => text.clone(),
        }
    }

    /// Prints one JSON record of a stream; with several applications, with the application's name.
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

    /// Prints a JSON document. With several applications it is kept until [`documents`](Printer::documents).
    pub(super) fn document(&self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.name.is_none() {
            return print_json(value);
        }
        self.documents.borrow_mut().push(serde_json::to_value(value)?);
        Ok(())
    }

    /// Returns the documents that were kept, each with the application's name.
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
        let printer = Printer::for_app("db", 4);
        assert_eq!(
            printer.with_name(&text!("a\n\nb")).as_str(),
            "db   | a\ndb   |\ndb   | b\n"
        );
        assert_eq!(Printer::default().with_name(&text!("a\n")).as_str(), "a\n");
    }
}
