//! What a component is made of, for people: its modules, its custom sections, and what its tools wrote into it, so that every character
//! can be seen.

use std::collections::BTreeMap;

use serde::Serialize;
use wasmparser::{KnownCustom, Parser, Payload};

use crate::{ReadError, visible};

/// What a component is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Anatomy {
    /// How many core modules it has, at any depth.
    pub modules: usize,
    /// Bytes of their code.
    pub code: usize,
    /// Bytes of their data.
    pub data: usize,
    /// Its custom sections by name, at any depth: bytes of those with one name together.
    pub sections: BTreeMap<String, usize>,
    /// Which tools made it, each once: the languages, then what processed it.
    pub producers: Vec<Producer>,
    /// What its tools say of it: `authors`, `licenses`, `revision`, as of the component model's tools.
    pub annotations: BTreeMap<String, String>,
}

/// A tool or a language that a component was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

/// Custom sections of a component that hold one text about it.
const TEXTS: [&str; 7] = [
    "authors",
    "description",
    "homepage",
    "licenses",
    "revision",
    "source",
    "version",
];

/// Takes a component apart, without compiling it.
pub fn anatomy(component: &[u8]) -> Result<Anatomy, ReadError> {
    let wrong = |error: wasmparser::BinaryReaderError| ReadError::NotAComponent(error.message().to_owned());
    let mut found = Anatomy::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(wrong)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ModuleSection { .. } => found.modules += 1,
            Payload::CodeSectionStart { size, .. } => found.code += usize::try_from(size).unwrap_or_default(),
            Payload::DataSection(data) => found.data += data.range().len(),
            Payload::CustomSection(section) => {
                *found.sections.entry(visible(section.name())).or_default() += section.data().len();
                if let KnownCustom::Producers(producers) = section.as_known() {
                    for field in producers {
                        let field = field.map_err(wrong)?;
                        for value in field.values {
                            let value = value.map_err(wrong)?;
                            found.producers.push(Producer {
                                field: visible(field.name),
                                name: visible(value.name),
                                version: visible(value.version),
                            });
                        }
                    }
                }
                if depth == 1
                    && TEXTS.contains(&section.name())
                    && let Ok(text) = std::str::from_utf8(section.data())
                {
                    found.annotations.insert(section.name().to_owned(), visible(text));
                }
            }
            _ => {}
        }
    }
    found.producers.sort();
    found.producers.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Component, CustomSection, Function, FunctionSection, Module, ModuleSection, ProducersField,
        ProducersSection, TypeSection,
    };

    use super::*;

    fn module() -> Module {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut code = CodeSection::new();
        let mut nothing = Function::new([]);
        nothing.instructions().end();
        code.function(&nothing);
        let mut tools = ProducersField::new();
        tools.value("rustc", "1.95.0");
        let mut producers = ProducersSection::new();
        producers.field("processed-by", &tools);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&code)
            .section(&producers);
        module
    }

    #[test]
    fn modules_tools_and_texts_are_found_at_their_depth() {
        let mut component = Component::new();
        let text = |name: &'static str, text: &'static str| CustomSection {
            name: name.into(),
            data: text.as_bytes().into(),
        };
        component
            .section(&ModuleSection(&module()))
            .section(&ModuleSection(&module()))
            .section(&text("revision", "abc123"))
            .section(&text("moon", "full"));
        let found = anatomy(&component.finish()).unwrap();
        assert_eq!((found.modules, found.data), (2, 0));
        assert!(found.code > 0);
        assert_eq!(
            found.producers,
            [Producer {
                field: "processed-by".to_owned(),
                name: "rustc".to_owned(),
                version: "1.95.0".to_owned(),
            }]
        );
        assert_eq!(
            found.annotations,
            BTreeMap::from([("revision".to_owned(), "abc123".to_owned())])
        );
        assert_eq!(found.sections.get("moon"), Some(&4));
    }

    #[test]
    fn what_is_cut_is_an_error() {
        let mut component = Component::new();
        component.section(&ModuleSection(&module()));
        let bytes = component.finish();
        assert!(anatomy(bytes.get(..bytes.len() - 1).unwrap()).is_err());
    }
}
