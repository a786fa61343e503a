//! Manifests whose places are known: a text is written from random values, and what is remembered of each value and key while it is
//! written is what messages about it have to point at.

use std::fmt::Write as _;

use capstan_core::{model::place::reference_token, read::manifest};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

use crate::watch::check;

/// A value and how it is written.
#[derive(Debug, Clone)]
enum Written {
    Scalar(Scalar),
    List(Form, Vec<Written>),
    Map(Form, Vec<Entry>),
}

#[derive(Debug, Clone)]
struct Entry {
    key: String,
    quote: Quote,
    value: Written,
    /// What is in the line before the key.
    before: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Quote {
    None,
    Single,
    Double,
}

#[derive(Debug, Clone, Copy)]
enum Scalar {
    Plain,
    Quoted,
    TwoLines,
    Block,
    Empty,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// Between brackets, with this before each value.
    Flow(&'static str),
    /// By indentation, so many columns more than what it is in.
    Block(usize),
}

/// One object of a file.
#[derive(Debug, Clone)]
struct Document {
    separator: &'static str,
    is_json: bool,
    spec: Vec<Entry>,
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        prop::sample::select(vec!["", " ", "\n        ", "\t", " # {\n        "]).prop_map(Form::Flow),
        (1_usize..4).prop_map(Form::Block),
        (1_usize..4).prop_map(Form::Block),
    ]
}

fn entries(value: impl Strategy<Value = Written> + Clone) -> impl Strategy<Value = Vec<Entry>> {
    let quote = prop::sample::select(vec![Quote::None, Quote::None, Quote::Single, Quote::Double]);
    let before = prop::sample::select(vec!["", "", "", "\n", "# c: d\n", "    # ü\n\n"]);
    let keys = btree_map("k[a-z]{0,2}|[a-zü😀]{1,2}/[a-z~]", (quote, value, before), 1..4);
    keys.prop_map(|entries| {
        let entries = entries.into_iter();
        let entry = |(key, (quote, value, before))| Entry {
            key,
            quote,
            value,
            before,
        };
        entries.map(entry).collect()
    })
}

fn value() -> impl Strategy<Value = Written> + Clone {
    let scalars = vec![
        Scalar::Plain,
        Scalar::Quoted,
        Scalar::TwoLines,
        Scalar::Block,
        Scalar::Empty,
    ];
    let scalar = prop::sample::select(scalars).prop_map(Written::Scalar);
    let nested = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (form(), vec(inner.clone(), 1..4)).prop_map(|(form, values)| Written::List(form, values)),
            (form(), entries(inner)).prop_map(|(form, entries)| Written::Map(form, entries)),
        ]
    });
    nested.boxed()
}

fn document() -> impl Strategy<Value = Document> {
    let separator = prop::sample::select(vec![
        "---\n",
        "--- # next\n",
        "---# next\n",
        "---\n\n# next\n",
        "---\n---\n",
    ]);
    let document = |(separator, is_json, spec)| Document {
        separator,
        is_json,
        spec,
    };
    (separator, prop::bool::weighted(0.2), entries(value())).prop_map(document)
}

/// What a place is of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    Key,
    Value,
}

/// Where something is written: its JSON pointer, line and column.
type Known = (Of, String, u32, u32);

/// A text, and what is known of the object that is being written.
struct Writer {
    text: String,
    line: u32,
    column: u32,
    known: Vec<Known>,
}

impl Writer {
    fn put(&mut self, text: &str) {
        for letter in text.chars() {
            (self.line, self.column) = if letter == '\n' {
                (self.line + 1, 1)
            } else {
                (self.line, self.column + 1)
            };
        }
        self.text.push_str(text);
    }

    fn indent(&mut self, columns: usize) {
        self.put(&" ".repeat(columns));
    }

    fn mark(&mut self, of: Of, pointer: &str) {
        self.known.push((of, pointer.to_owned(), self.line, self.column));
    }

    fn key(&mut self, entry: &Entry, quote: Quote, pointer: &str) {
        self.mark(Of::Key, pointer);
        let key = &entry.key;
        self.put(&match quote {
            Quote::None => key.clone(),
            Quote::Single => format!("'{key}'"),
            Quote::Double => format!("\"{key}\""),
        });
        self.put(":");
    }

    /// Writes the entries of a mapping by indentation, from a line that is indented already.
    fn block_entries(&mut self, entries: &[Entry], indent: usize, pointer: &str) {
        for (number, entry) in entries.iter().enumerate() {
            if number > 0 {
                self.put(entry.before);
                self.indent(indent);
            }
            let pointer = format!("{pointer}/{}", reference_token(&entry.key));
            self.key(entry, entry.quote, &pointer);
            self.block_value(&entry.value, indent, &pointer);
        }
    }

    /// Writes the entries of a list by indentation, from a line that is indented already.
    fn block_items(&mut self, values: &[Written], indent: usize, pointer: &str) {
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.indent(indent);
            }
            self.put("-");
            let pointer = format!("{pointer}/{number}");
            if let Written::Map(Form::Block(more), entries) = value {
                self.indent(*more);
                self.block_entries(entries, indent + 1 + more, &pointer);
            } else if let Written::List(Form::Block(more), values) = value {
                self.indent(*more);
                self.block_items(values, indent + 1 + more, &pointer);
            } else {
                self.block_value(value, indent, &pointer);
            }
        }
    }

    /// Writes what is behind `:` or `-`, and the end of the line.
    fn block_value(&mut self, value: &Written, indent: usize, pointer: &str) {
        match value {
            Written::Map(Form::Block(more), entries) => {
                self.put("\n");
                self.indent(indent + more);
                self.block_entries(entries, indent + more, pointer);
            }
            Written::List(Form::Block(more), values) => {
                self.put(" # a list\n");
                self.indent(indent + more);
                self.block_items(values, indent + more, pointer);
            }
            Written::Scalar(Scalar::Empty) => self.put("\n"),
            Written::Scalar(Scalar::Block) => {
                self.put(" ");
                self.mark(Of::Value, pointer);
                self.put("|\n");
                for line in ["x: y", "  # z"] {
                    self.indent(indent + 2);
                    self.put(line);
                    self.put("\n");
                }
            }
            _ => {
                self.put(" ");
                self.flow_value(value, false, indent + 1, pointer);
                self.put("\n");
            }
        }
    }

    /// Writes a value between brackets, or a scalar. `indent` is how far its lines are indented.
    fn flow_value(&mut self, value: &Written, is_json: bool, indent: usize, pointer: &str) {
        self.mark(Of::Value, pointer);
        let space = |form: &Form| match form {
            Form::Flow(space) if is_json && space.contains('#') => "\n",
            Form::Flow(space) => space,
            Form::Block(_) => " ",
        };
        match value {
            Written::Scalar(Scalar::TwoLines) if !is_json => {
                self.put("\"one: 1\n");
                self.indent(indent);
                self.put("two: 2\"");
            }
            Written::Scalar(Scalar::Plain) if !is_json => self.put("plain"),
            Written::Scalar(Scalar::Empty) if is_json => self.put("null"),
            Written::Scalar(Scalar::Empty) => self.put("~"),
            Written::Scalar(_) => self.put("\"ü, {é}: 😀\""),
            Written::List(form, values) => {
                for (number, value) in values.iter().enumerate() {
                    self.put(if number == 0 { "[" } else { "," });
                    self.put(space(form));
                    self.flow_value(value, is_json, indent, &format!("{pointer}/{number}"));
                }
                self.put("]");
            }
            Written::Map(form, entries) => {
                for (number, entry) in entries.iter().enumerate() {
                    self.put(if number == 0 { "{" } else { "," });
                    self.put(space(form));
                    let pointer = format!("{pointer}/{}", reference_token(&entry.key));
                    self.key(entry, if is_json { Quote::Double } else { entry.quote }, &pointer);
                    self.put(" ");
                    self.flow_value(&entry.value, is_json, indent, &pointer);
                }
                self.put("}");
            }
        }
    }

    fn document(&mut self, name: &str, document: &Document) {
        if document.is_json {
            let mut head = String::from("{\n\t\"apiVersion\": \"example.com/v1\", \"kind\": \"Widget\",");
            write!(head, " \"metadata\": {{\"name\": \"{name}\"}},\n  \"spec\": ").expect("a string takes all");
            self.put(&head);
            self.flow_value(&Written::Map(Form::Flow(" "), document.spec.clone()), true, 2, "/spec");
            self.put("\n}\n");
        } else {
            self.put("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: ");
            self.put(name);
            self.put("}\nspec:\n  ");
            self.block_entries(&document.spec, 2, "/spec");
        }
    }
}

#[test]
fn places_are_where_keys_and_values_are_written() {
    let files = (vec(document(), 1..4), any::<bool>(), any::<bool>(), any::<bool>());
    check(files, |(documents, has_mark, starts_with_separator, has_crlf)| {
        let mut writer = Writer {
            text: String::new(),
            line: 1,
            column: 1,
            known: Vec::new(),
        };
        let mut expected = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            if number > 0 || starts_with_separator {
                writer.put(document.separator);
            }
            writer.document(&format!("w{number}"), document);
            expected.push(std::mem::take(&mut writer.known));
        }
        let mut text = writer.text;
        if has_crlf {
            text = text.replace('\n', "\r\n");
        }
        if has_mark {
            text.insert(0, '\u{feff}');
        }
        let manifests = manifest::decode("set.yaml", &text);
        let manifests = manifests.map_err(|mistakes| TestCaseError::fail(format!("{mistakes:?}\n{text}")))?;
        prop_assert_eq!(manifests.len(), expected.len(), "{}", text);
        for (manifest, expected) in manifests.iter().zip(&expected) {
            for (of, pointer, line, column) in expected {
                let place = match of {
                    Of::Key => manifest.key_place(pointer),
                    Of::Value => manifest.place(pointer),
                };
                let found = place.map(|place| (place.line, place.column));
                prop_assert_eq!(found, Some((*line, *column)), "{:?} {} of\n{}", of, pointer, text);
            }
        }
        Ok(())
    });
}
