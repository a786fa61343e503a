//! What a component imports and exports, by name, without compiling it: enough for a first refusal and to show it. A character that can't
//! be seen is written as its code, so such a name is none of the contract's.

use wasmparser::Payload;

use crate::{ReadError, section::top_level, visible};

/// Returns the names of what the component needs, in its order: `wasi:cli/stderr@0.2.6`, `capstan:plugin/host@0.1.0`.
pub fn imports(component: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    for payload in top_level(component) {
        if let Payload::ComponentImportSection(section) = payload.map_err(ReadError::NotAComponent)? {
            for import in section {
                names.push(visible(import.map_err(|error| unreadable(&error))?.name.name));
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
                names.push(visible(export.map_err(|error| unreadable(&error))?.name.name));
            }
        }
    }
    Ok(names)
}

fn unreadable(error: &wasmparser::BinaryReaderError) -> ReadError {
    ReadError::NotAComponent(error.message().to_owned())
}
