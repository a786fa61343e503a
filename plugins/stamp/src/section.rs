//! The custom section: into a component, and out of it.

use serde_json::Value;
use thiserror::Error;
use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _, ProducersField, ProducersSection};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use crate::{Flaws, Manifest, check};

/// The name of the custom section that holds the manifest.
pub const SECTION: &str = "capstan:plugin";

/// A manifest larger than this many bytes is refused: it is read before anything bounds the plugin.
pub const MAX_MANIFEST: usize = 256 * 1024;

/// Why a component could not be stamped.
#[derive(Debug, Error)]
pub enum StampError {
    /// It is not a component.
    #[error("not a component: {0}")]
    NotAComponent(String),
    /// The manifest says something that can't be.
    #[error("failed to stamp with this manifest")]
    Manifest(#[from] Flaws),
    /// The manifest can't be written.
    #[error("failed to write the manifest")]
    Json(#[from] serde_json::Error),
    /// The manifest is too large.
    #[error("the manifest has {0} bytes, and may have {MAX_MANIFEST}")]
    TooLarge(usize),
}

/// Why no manifest could be read of a component.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is not a component.
    #[error("not a component: {0}")]
    NotAComponent(String),
    /// It is a component, but no plugin.
    #[error("no manifest: there is no section `{SECTION}`")]
    NoManifest,
    /// It was stamped twice, so that two readers could see two things.
    #[error("two manifests: there is more than one section `{SECTION}`")]
    TwoManifests,
    /// The manifest is too large.
    #[error("the manifest has {0} bytes, and may have {MAX_MANIFEST}")]
    TooLarge(usize),
    /// The section holds something else.
    #[error("failed to read the manifest")]
    Json(#[from] serde_json::Error),
    /// The manifest says something that can't be.
    #[error("the manifest is wrong: {0}")]
    Flaws(#[from] Flaws),
}

/// Appends the manifest to a component, in place of an older one. Nothing else of it changes.
pub fn stamp(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, StampError> {
    manifest.validate()?;
    let json = serde_json::to_vec(manifest)?;
    if json.len() > MAX_MANIFEST {
        return Err(StampError::TooLarge(json.len()));
    }
    let mut out = Vec::with_capacity(component.len() + json.len() + 32);
    let mut copied = 0;
    for found in sections(component).map_err(StampError::NotAComponent)? {
        out.extend_from_slice(component.get(copied..found.start).unwrap_or_default());
        copied = found.end;
    }
    out.extend_from_slice(component.get(copied..).unwrap_or_default());
    let section = CustomSection {
        name: SECTION.into(),
        data: json.into(),
    };
    out.push(section.id());
    section.encode(&mut out);
    Ok(out)
}

/// Notes in a component in which language its program is written, as the component model's tools do: some toolchains name only the language of
/// their own runtime.
#[must_use]
pub fn with_language(component: &[u8], language: &str) -> Vec<u8> {
    let mut languages = ProducersField::new();
    languages.value(language, "");
    let mut producers = ProducersSection::new();
    producers.field("language", &languages);
    let mut out = component.to_vec();
    out.push(producers.id());
    producers.encode(&mut out);
    out
}

/// Returns the manifest of a component. Newer keys are ignored: the host is told by `contract` what it must know.
pub fn read(component: &[u8]) -> Result<Manifest, ReadError> {
    let found = sections(component).map_err(ReadError::NotAComponent)?;
    let [section] = &*found else {
        return Err(if found.is_empty() {
            ReadError::NoManifest
        } else {
            ReadError::TwoManifests
        });
    };
    if section.data.len() > MAX_MANIFEST {
        return Err(ReadError::TooLarge(section.data.len()));
    }
    // Before anything else: what is wrong with it is told in its own words.
    check::texts(&serde_json::from_slice::<Value>(section.data)?)?;
    let manifest: Manifest = serde_json::from_slice(section.data)?;
    manifest.validate()?;
    Ok(manifest)
}

/// One of our sections: where it starts (with its id and length) and ends, and what it holds.
struct Section<'a> {
    start: usize,
    end: usize,
    data: &'a [u8],
}

/// Finds our sections at the top level. The parser descends into nested modules and components, where a composed or
/// hostile component may have more of them: those are not this component's.
fn sections(component: &[u8]) -> Result<Vec<Section<'_>>, String> {
    let mut found = Vec::new();
    // Sections follow each other without gaps, so one starts where the one before ends.
    let mut last = 0;
    for payload in top_level(component) {
        let payload = payload?;
        let end = end_of(&payload).unwrap_or(last);
        if let Payload::CustomSection(section) = &payload
            && section.name() == SECTION
        {
            found.push(Section {
                start: last,
                end,
                data: section.data(),
            });
        }
        last = end;
    }
    Ok(found)
}

fn end_of(payload: &Payload<'_>) -> Option<usize> {
    match payload {
        Payload::Version { range, .. } => Some(range.end),
        Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
            Some(unchecked_range.end)
        }
        section => section.as_section().map(|(_, range)| range.end),
    }
}

/// Goes through what stands at the top level of a component; anything but a component is an error.
pub(crate) fn top_level(component: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, String>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(component).filter_map(move |payload| {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return Some(Err(broken(&error))),
        };
        match &payload {
            Payload::Version { encoding, .. } => {
                depth += 1;
                if depth == 1 && *encoding != Encoding::Component {
                    return Some(Err("a core module".to_owned()));
                }
            }
            Payload::End(_) => {
                depth = depth.saturating_sub(1);
                return None;
            }
            _ => {}
        }
        (depth == 1).then_some(Ok(payload))
    })
}

fn broken(error: &BinaryReaderError) -> String {
    // Of some errors the parser shows the bytes, over several lines.
    let message = error.message().split(" - expected=").next().unwrap_or_default();
    format!("{message} (at byte {})", error.offset())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Component, Module, NestedComponentSection};

    use super::*;

    fn manifest(version: &str) -> Manifest {
        let toml = format!(
            "contract = '0.1.0'\nname = 'queue'\nversion = '{version}'\nlicence = 'MIT'\ndescription = 'Queues.'\n\
             [[claims]]\ninterface = 'health'\nkinds = ['example.com/Queue']\n"
        );
        Manifest::from_toml(&toml).unwrap()
    }

    fn with_section(data: &[u8]) -> Vec<u8> {
        let mut component = Component::new();
        component.section(&CustomSection {
            name: SECTION.into(),
            data: data.into(),
        });
        component.finish()
    }

    #[test]
    fn what_was_stamped_is_read() {
        let bare = Component::new().finish();
        let stamped = stamp(&bare, &manifest("1.0.0")).unwrap();
        assert_eq!(read(&stamped).unwrap(), manifest("1.0.0"));
        assert_eq!(stamped.get(..bare.len()), Some(&*bare), "nothing else changes");
    }

    #[test]
    fn a_new_stamp_takes_the_place_of_the_old() {
        let mut component = Component::new();
        component.section(&CustomSection {
            name: "other".into(),
            data: b"stays".into(),
        });
        let first = stamp(&component.finish(), &manifest("1.0.0")).unwrap();
        let second = stamp(&first, &manifest("2.0.0")).unwrap();
        assert_eq!(read(&second).unwrap().version, "2.0.0");
        assert_eq!(second.len(), first.len());
        assert_eq!(stamp(&second, &manifest("1.0.0")).unwrap(), first);
    }

    #[test]
    fn a_section_whose_length_is_padded_is_replaced_whole() {
        let data = serde_json::to_vec(&manifest("1.0.0")).unwrap();
        let mut padded = Component::new().finish();
        let mut body = vec![u8::try_from(SECTION.len()).unwrap()];
        body.extend_from_slice(SECTION.as_bytes());
        body.extend_from_slice(&data);
        let length = u16::try_from(body.len()).unwrap().to_le_bytes();
        let low = length[0] & 0x7f;
        let high = (length[1] << 1) | (length[0] >> 7);
        padded.extend([0, 0x80 | low, 0x80 | high, 0x80, 0x80, 0]);
        padded.extend(body);
        assert_eq!(read(&padded).unwrap().version, "1.0.0");
        let stamped = stamp(&padded, &manifest("2.0.0")).unwrap();
        assert_eq!(stamped, stamp(&Component::new().finish(), &manifest("2.0.0")).unwrap());
    }

    #[test]
    fn a_section_inside_of_a_nested_component_is_not_ours() {
        let mut inner = Component::new();
        let data = serde_json::to_vec(&manifest("6.6.6")).unwrap();
        inner.section(&CustomSection {
            name: SECTION.into(),
            data: (&*data).into(),
        });
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner));
        let outer = outer.finish();
        assert!(matches!(read(&outer), Err(ReadError::NoManifest)));
        let stamped = stamp(&outer, &manifest("1.0.0")).unwrap();
        assert_eq!(read(&stamped).unwrap().version, "1.0.0");
        let again = stamp(&stamped, &manifest("1.0.0")).unwrap();
        assert_eq!(again, stamped);
    }

    #[test]
    fn two_manifests_are_refused() {
        let data = serde_json::to_vec(&manifest("1.0.0")).unwrap();
        let section = CustomSection {
            name: SECTION.into(),
            data: (&*data).into(),
        };
        let mut component = Component::new();
        component.section(&section).section(&section);
        assert!(matches!(read(&component.finish()), Err(ReadError::TwoManifests)));
    }

    #[test]
    fn a_newer_key_is_ignored_and_anything_else_is_refused() {
        let text = r#"{"contract":"0.1.0","name":"q","version":"1.0.0","licence":"MIT","description":"d","moon":"full",
            "claims":[{"interface":"health","kinds":["Pod"],"tides":2}]}"#;
        assert_eq!(read(&with_section(text.as_bytes())).unwrap().name, "q");
        let refused = |data: &str| read(&with_section(data.as_bytes())).unwrap_err().to_string();
        assert_eq!(refused("{"), "failed to read the manifest");
        assert_eq!(refused("[1]"), "failed to read the manifest");
        assert_eq!(refused(&"[".repeat(10_000)), "failed to read the manifest");
        assert_eq!(refused("\u{0}"), "failed to read the manifest");
        assert_eq!(refused(""), "failed to read the manifest");
        assert_eq!(
            refused(&text.replace("\"health\"", "\"weather\"")),
            "failed to read the manifest"
        );
        assert_eq!(
            refused(&text.replace("0.1.0", "7.0.0")),
            "the manifest is wrong: contract: version \"7.0.0\" is not known here; known are: 0.1.0"
        );
        assert_eq!(
            refused(&text.replace("\"q\"", "\"\"")).split(" is not ").next(),
            Some("the manifest is wrong: name: \"\"")
        );
        let endless = " ".repeat(MAX_MANIFEST + 1);
        assert_eq!(refused(&endless), "the manifest has 262145 bytes, and may have 262144");
        let long = Manifest {
            settings: Some(serde_json::json!({ "x": endless })),
            ..manifest("1.0.0")
        };
        assert!(matches!(stamp(&with_section(b""), &long), Err(StampError::TooLarge(_))));
    }

    /// Returns copies of a document, in each of which another text or key has something put into its middle.
    fn each_text_with(document: &Value, put: char) -> Vec<Value> {
        let with = |text: &str| {
            let (start, end) = text.split_at(text.len() / 2);
            format!("{start}{put}{end}")
        };
        match document {
            Value::String(text) => vec![Value::String(with(text))],
            Value::Array(values) => {
                let changed = values.iter().enumerate().flat_map(|(n, value)| {
                    let changed = each_text_with(value, put).into_iter();
                    changed.map(move |value| {
                        let mut values = values.clone();
                        values[n] = value;
                        Value::Array(values)
                    })
                });
                changed.collect()
            }
            Value::Object(values) => {
                let mut changed = Vec::new();
                for (key, value) in values {
                    for value in each_text_with(value, put) {
                        let mut values = values.clone();
                        values.insert(key.clone(), value);
                        changed.push(Value::Object(values));
                    }
                    let mut values = values.clone();
                    values.insert(with(key), value.clone());
                    changed.push(Value::Object(values));
                }
                changed
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }

    #[test]
    fn no_text_of_a_manifest_holds_what_can_not_be_seen() {
        let full = serde_json::json!({
            "contract": "0.1.0", "name": "queue", "version": "1.0.0", "licence": "MIT", "description": "Queues.",
            "source": "https://example.com/queue",
            "claims": [
                {"interface": "health", "kinds": ["example.com/*"], "except": ["example.com/Topic"], "fields": ["/status"],
                 "related": ["owned-pods"]},
                {"interface": "hook", "types": ["drain-queue"], "words": ["Drain"]},
                {"interface": "delete-policy", "policies": ["example.com/keep"]}
            ],
            "grants": {
                "cluster": [{"verbs": ["get"], "kinds": ["Secret"], "namespaces": ["shop"]}],
                "http": [{"hosts": ["api.example.com"], "methods": ["GET"]}],
                "secrets": [{"names": ["token"], "keys": ["bearer"]}],
                "related": ["events"]
            },
            "settings": {"title": "Settings", "properties": {"url": {"description": "Where", "enum": ["a"], "pattern": "^a$"}}}
        });
        read(&with_section(full.to_string().as_bytes())).unwrap();
        for hidden in [
            '\n',
            '\r',
            '\u{1b}',
            '\u{9b}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            let manifests = each_text_with(&full, hidden);
            assert!(manifests.len() > 60, "{}", manifests.len());
            for manifest in manifests {
                let text = manifest.to_string();
                let refused = read(&with_section(text.as_bytes())).unwrap_err().to_string();
                let code = format!("contains U+{:04X}, a ", u32::from(hidden));
                assert!(
                    refused.starts_with("the manifest is wrong: ") && refused.contains(&code),
                    "{refused} of {text}"
                );
                assert!(!refused.contains(crate::is_hidden), "{refused:?}");
            }
        }
        // And where it is written.
        let toml = "contract = '0.1.0'\nname = 'queue'\nversion = '1.0.0'\nlicence = 'MIT'\n\"descr\\u202Eiption\" = 'Queues.'\n";
        assert_eq!(
            Manifest::from_toml(toml).unwrap_err().to_string(),
            "descr\\u{202e}iption: contains U+202E, a bidirectional control character; remove it"
        );
        let mut hidden = manifest("1.0.0");
        hidden.grants.related = vec!["pods\r\u{1b}[2K".to_owned()];
        let error = stamp(&with_section(b""), &hidden).unwrap_err();
        assert!(matches!(error, StampError::Manifest(_)), "{error}");
    }

    #[test]
    fn a_schema_of_settings_that_costs_too_much_is_refused_when_it_is_written_and_when_it_is_read() {
        let mut defs = serde_json::Map::new();
        for n in 0..40 {
            let next = serde_json::json!({ "$ref": format!("#/$defs/d{}", n + 1) });
            defs.insert(format!("d{n}"), serde_json::json!({ "allOf": [next, next] }));
        }
        defs.insert("d40".to_owned(), Value::Bool(true));
        let doubling = serde_json::json!({ "$ref": "#/$defs/d0", "$defs": defs });
        let patterns: Vec<Value> = (0..6000)
            .map(|n| serde_json::json!({ "pattern": format!("\\p{{L}}{{5}}{n}") }))
            .collect();
        for (settings, flaw) in [
            (doubling, "may take more than 20000 steps"),
            (
                serde_json::json!({ "allOf": patterns.get(..4000) }),
                "one pattern too many: there may be 64",
            ),
            (
                serde_json::json!({ "allOf": patterns }),
                "consists of more than 5000 schemas",
            ),
        ] {
            let manifest = Manifest {
                settings: Some(settings),
                ..manifest("1.0.0")
            };
            let written = stamp(&with_section(b""), &manifest).unwrap_err();
            assert!(
                matches!(&written, StampError::Manifest(flaws) if flaws.to_string().contains(flaw)),
                "{written:?}"
            );
            let old = with_section(&serde_json::to_vec(&manifest).unwrap());
            let read = read(&old).unwrap_err().to_string();
            assert!(
                read.starts_with("the manifest is wrong: settings") && read.contains(flaw),
                "{read}"
            );
        }
    }

    #[test]
    fn names_of_imports_and_what_tools_wrote_are_shown_so_that_all_of_it_can_be_seen() {
        use wasm_encoder::{ComponentImportSection, ComponentTypeRef, ComponentTypeSection};
        let mut component = Component::new();
        let mut types = ComponentTypeSection::new();
        types.instance(&wasm_encoder::InstanceType::new());
        component.section(&types);
        let mut imports = ComponentImportSection::new();
        imports.import("evil\r\u{1b}[2K", ComponentTypeRef::Instance(0));
        component.section(&imports);
        component.section(&CustomSection {
            name: "authors".into(),
            data: "\u{202e}me".as_bytes().into(),
        });
        let component = component.finish();
        assert_eq!(crate::imports(&component).unwrap(), ["evil\\u{d}\\u{1b}[2K"]);
        assert_eq!(
            crate::anatomy(&component).unwrap().annotations["authors"],
            "\\u{202e}me"
        );
    }

    #[test]
    fn what_is_no_component_is_said_to_be_none() {
        let module = Module::new().finish();
        for bytes in [&*module, b"", b"\0asm", b"hello", b"#!/bin/sh", &[0; 64]] {
            let (read, stamped) = (read(bytes).unwrap_err(), stamp(bytes, &manifest("1.0.0")).unwrap_err());
            assert!(read.to_string().starts_with("not a component: "), "{read}");
            assert_eq!(read.to_string().lines().count(), 1, "{read}");
            assert!(stamped.to_string().starts_with("not a component: "), "{stamped}");
            assert!(crate::imports(bytes).is_err() && crate::exports(bytes).is_err());
        }
        assert_eq!(read(&module).unwrap_err().to_string(), "not a component: a core module");
    }

    #[test]
    fn a_file_cut_anywhere_is_never_read_and_never_a_panic() {
        let stamped = stamp(&Component::new().finish(), &manifest("1.0.0")).unwrap();
        for length in 0..stamped.len() {
            assert!(read(stamped.get(..length).unwrap()).is_err(), "cut at {length}");
        }
        for at in 0..stamped.len() {
            for bit in 0..8 {
                let mut bent = stamped.clone();
                bent[at] ^= 1 << bit;
                let _ = (
                    read(&bent),
                    stamp(&bent, &manifest("2.0.0")),
                    crate::imports(&bent),
                    crate::exports(&bent),
                );
            }
        }
    }
}
