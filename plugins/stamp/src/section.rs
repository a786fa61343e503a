//! The custom section: into a component, and out of it.

use thiserror::Error;
use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use crate::{Flaws, Manifest};

/// The name of the custom section that holds the manifest.
pub const SECTION: &str = "capstan:plugin";

/// A manifest larger than this many bytes is refused: it is read before anything bounds the plugin.
pub const MAX_MANIFEST: usize = 256 * 1024;

/// Why a component could not be stamped.
#[derive(Debug, Error)]
pub enum StampError {
    /// It is no component.
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
    /// It is no component.
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
