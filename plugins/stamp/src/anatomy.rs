//! What a component is made of, for people: its modules, its custom sections, and what its tools wrote into it, so that every character
//! can be seen.

use std::collections::BTreeMap;

use serde::Serialize;
use wasmparser::{Instance, KnownCustom, Parser, Payload};

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
    /// Which tools made it, each once: the languages, then what processed it. Where the language of the program is known, those of its
    /// interpreter and its adapters are left out.
    pub producers: Vec<Producer>,
    /// What its tools say of it: `authors`, `licenses`, `revision`, as of the component model's tools.
    pub annotations: BTreeMap<String, String>,
}

/// A tool or a language that a component was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The name of the tool or language.
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

/// The field of a producers section that names languages.
const LANGUAGE: &str = "language";

/// Languages whose programs are in a component together with their interpreter, which is written in another language.
const INTERPRETED: [&str; 3] = ["JavaScript", "Lua", "Python"];

/// Returns the language of the program if a library of a component is its interpreter: componentize-py names no language, but links
/// `libpython3.14.so`.
fn interpreted_by(library: &str) -> Option<Producer> {
    let version = library.strip_prefix("libpython")?.strip_suffix(".so")?;
    Some(Producer {
        field: LANGUAGE.to_owned(),
        name: "Python".to_owned(),
        version: visible(version),
    })
}

/// Leaves out the languages of interpreters and adapters, where others are known: that of a script, or what the outermost component says.
fn retain_languages_of_program(producers: &mut Vec<Producer>, own: &[String]) {
    let is_language = |tool: &Producer| tool.field == LANGUAGE;
    let languages = producers.iter().filter(|tool| is_language(tool));
    let of_scripts: Vec<String> = languages
        .map(|tool| tool.name.clone())
        .filter(|name| INTERPRETED.contains(&name.as_str()))
        .collect();
    let kept = if of_scripts.is_empty() { own } else { &of_scripts };
    if kept.is_empty() {
        return;
    }
    producers.retain(|tool| !is_language(tool) || kept.contains(&tool.name));
    // One tool may say the version of a language that another only names.
    let versions: Vec<String> = producers
        .iter()
        .filter(|tool| is_language(tool) && !tool.version.is_empty())
        .map(|tool| tool.name.clone())
        .collect();
    producers.retain(|tool| !is_language(tool) || !tool.version.is_empty() || !versions.contains(&tool.name));
}

/// Takes a component apart, without compiling it.
pub fn anatomy(component: &[u8]) -> Result<Anatomy, ReadError> {
    let wrong = |error: wasmparser::BinaryReaderError| ReadError::NotAComponent(error.message().to_owned());
    let mut found = Anatomy::default();
    let mut depth = 0_usize;
    let (mut interpreted, mut own_languages) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(wrong)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ModuleSection { .. } => found.modules += 1,
            Payload::CodeSectionStart { size, .. } => found.code += usize::try_from(size).unwrap_or_default(),
            Payload::DataSection(data) => found.data += data.range().len(),
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    if let Instance::Instantiate { args, .. } = instance.map_err(wrong)? {
                        interpreted.extend(args.iter().find_map(|argument| interpreted_by(argument.name)));
                    }
                }
            }
            Payload::CustomSection(section) => {
                *found.sections.entry(visible(section.name())).or_default() += section.data().len();
                if let KnownCustom::Producers(producers) = section.as_known() {
                    for field in producers {
                        let field = field.map_err(wrong)?;
                        for value in field.values {
                            let value = value.map_err(wrong)?;
                            if depth == 1 && field.name == LANGUAGE {
                                own_languages.push(visible(value.name));
                            }
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
    found.producers.extend(interpreted);
    found.producers.sort();
    found.producers.dedup();
    retain_languages_of_program(&mut found.producers, &own_languages);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Component, CustomSection, Function, FunctionSection, InstanceSection, Module, ModuleArg,
        ModuleSection, ProducersField, ProducersSection, TypeSection,
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

    /// As componentize-py links a component: its runtime, which is written in Rust, beside the library of Python.
    #[test]
    fn a_program_of_an_interpreter_is_of_the_programs_language() {
        let mut languages = ProducersField::new();
        languages.value("Rust", "").value("C11", "");
        let mut producers = ProducersSection::new();
        producers.field(LANGUAGE, &languages);
        let mut runtime = module();
        runtime.section(&producers);
        let languages = |library: &str| {
            let mut instances = InstanceSection::new();
            instances.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
            instances.instantiate(0, [(library, ModuleArg::Instance(0))]);
            let mut component = Component::new();
            component.section(&ModuleSection(&runtime)).section(&instances);
            let found = anatomy(&component.finish()).unwrap().producers;
            let found = found.into_iter().filter(|tool| tool.field == LANGUAGE);
            let found = found.map(|tool| format!("{} {}", tool.name, tool.version));
            found.collect::<Vec<_>>()
        };
        assert_eq!(languages("libpython3.14.so"), ["Python 3.14"]);
        assert_eq!(languages("libc.so"), ["C11 ", "Rust "]);
    }

    #[test]
    fn the_language_of_a_project_is_the_one_that_counts() {
        let languages = |inside: [(&str, &str); 2], project: &str| {
            let mut languages = ProducersField::new();
            for (name, version) in inside {
                languages.value(name, version);
            }
            let mut producers = ProducersSection::new();
            producers.field(LANGUAGE, &languages);
            let mut runtime = module();
            runtime.section(&producers);
            let mut component = Component::new();
            component.section(&ModuleSection(&runtime));
            let stamped = crate::with_language(&component.finish(), project);
            let found = anatomy(&stamped).unwrap().producers;
            let found = found.into_iter().filter(|tool| tool.field == LANGUAGE);
            found.map(|tool| (tool.name, tool.version)).collect::<Vec<_>>()
        };
        let is = |name: &str, version: &str| vec![(name.to_owned(), version.to_owned())];
        let go = languages([("Go", "go1.26.8"), ("Rust", "")], "Go");
        assert_eq!(go, is("Go", "go1.26.8"));
        assert_eq!(languages([("C11", ""), ("Rust", "")], "Rust"), is("Rust", ""));
        assert_eq!(
            languages([("C11", ""), ("Rust", "")], "JavaScript"),
            is("JavaScript", "")
        );
    }

    #[test]
    fn a_language_that_a_tool_names_for_the_program_is_the_only_one() {
        let mut languages = ProducersField::new();
        languages.value("Rust", "").value("JavaScript", "");
        let mut producers = ProducersSection::new();
        producers.field(LANGUAGE, &languages);
        let mut runtime = module();
        runtime.section(&producers);
        let mut component = Component::new();
        component.section(&ModuleSection(&runtime));
        let found = anatomy(&component.finish()).unwrap().producers;
        let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["JavaScript", "rustc"]);
    }

    #[test]
    fn what_is_cut_is_an_error() {
        let mut component = Component::new();
        component.section(&ModuleSection(&module()));
        let bytes = component.finish();
        assert!(anatomy(bytes.get(..bytes.len() - 1).unwrap()).is_err());
    }
}
