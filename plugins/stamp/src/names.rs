//! What a component imports and exports, by name, without compiling it: enough for a first refusal and to show it.

use wasmparser::Payload;

use crate::{ReadError, section::top_level};

/// Returns the names of what the component needs, in its order: `wasi:cli/stderr@0.2.6`, `capstan:plugin/host@0.1.0`.
pub fn imports(component: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    for payload in top_level(component) {
        if let Payload::ComponentImportSection(section) = payload.map_err(ReadError::NotAComponent)? {
            for import in section {
                names.push(import.map_err(|error| unreadable(&error))?.name.name.to_owned());
            }
        }
    }
    Ok(names)
}

/// Returns the names of what the component offers, in its order: `capstan:plugin/health@0.1.0`.
pub fn exports(component: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    for payload in top_level(component) {
        if let Payload::ComponentExportSection(section) = payload.map_err(ReadError::NotAComponent)? {
            for export in section {
                names.push(export.map_err(|error| unreadable(&error))?.name.name.to_owned());
            }
        }
    }
    Ok(names)
}

fn unreadable(error: &wasmparser::BinaryReaderError) -> ReadError {
    ReadError::NotAComponent(error.message().to_owned())
}
