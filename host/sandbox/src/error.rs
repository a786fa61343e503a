//! Why plugins can't be loaded, and why one can't be asked by name.

use capstan_core::remedy::Remedies;
use capstan_stamp::{Interface, ReadError};
use thiserror::Error;

use crate::examine::BUILD;

/// Why there is no sandbox. A plugin is named as the user named it: by its path, or as a built-in.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// This machine can't run WebAssembly.
    #[error("failed to start the WebAssembly engine: {0}")]
    Engine(String),
    /// The file is too large.
    #[error("plugin {plugin} has {size} bytes, and may have {limit}")]
    TooLarge {
        /// The plugin.
        plugin: String,
        /// Its size.
        size: usize,
        /// What it may have.
        limit: usize,
    },
    /// It is no component, or has no manifest.
    #[error("{plugin} is no plugin")]
    NotAPlugin {
        /// The file.
        plugin: String,
        /// What is wrong with it.
        source: ReadError,
    },
    /// It wants something that no plugin gets.
    #[error("plugin {plugin} imports {}, which no plugin gets", quoted(imports))]
    ForeignImport {
        /// The plugin.
        plugin: String,
        /// What it imports, by name.
        imports: Vec<String>,
    },
    /// It claims what it does not answer for.
    #[error("plugin {plugin} claims `{interface}`, and does not export `{export}`")]
    MissingExport {
        /// The plugin.
        plugin: String,
        /// The interface of the claim.
        interface: Interface,
        /// What it would have to export.
        export: String,
    },
    /// It requests what can't be requested.
    #[error("plugin {plugin} requests grants that can't be understood: {reason}")]
    Grants {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// Its schema of settings is none.
    #[error("plugin {plugin}: {reason}")]
    Settings {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// Its code is not valid, or has other types than the contract.
    #[error("failed to compile plugin {plugin}: {reason}")]
    Compile {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// Two plugins of the same name.
    #[error("plugins {one} and {two} are both named `{name}`")]
    SameName {
        /// Their name.
        name: String,
        /// One.
        one: String,
        /// The other.
        two: String,
    },
    /// Two built-in plugins claim the same, and nothing says who comes first.
    #[error("plugins {one} and {two} both claim {interface} `{claim}`")]
    Conflict {
        /// The interface of the claim.
        interface: Interface,
        /// The claim.
        claim: String,
        /// One.
        one: String,
        /// The other.
        two: String,
    },
    /// A plugin that shall be left out is not there.
    #[error("there is no plugin `{name}` to leave out")]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl SandboxError {
    /// Says what the user can do about it.
    pub fn hint(&self) -> Remedies {
        match self {
            SandboxError::Engine(_) | SandboxError::Conflict { .. } => Remedies::default(),
            SandboxError::TooLarge { .. } => "build it in release mode, without debug information".into(),
            SandboxError::NotAPlugin {
                source: ReadError::NotAComponent(_),
                ..
            } => "a plugin is a WebAssembly component (Rust: target `wasm32-wasip2`), not a core module".into(),
            SandboxError::NotAPlugin { .. } => BUILD.into(),
            SandboxError::ForeignImport { .. } => {
                "a plugin may import `capstan:plugin/host@0.1.0` and WASI 0.2, and asks for everything else as data"
                    .into()
            }
            SandboxError::MissingExport { .. } => "export it, or take the claim out of `plugin.toml`".into(),
            SandboxError::Grants { .. } => "mend the `grants` in its `plugin.toml`; `wit/README.md` shows them".into(),
            SandboxError::Settings { .. } => {
                "mend `settings` in its `plugin.toml`; `wit/README.md` says what it may be".into()
            }
            SandboxError::Compile { .. } => "build it again against the contract 0.1.0 in `wit/`".into(),
            SandboxError::SameName { .. } => "name one of them otherwise in its `plugin.toml`".into(),
            SandboxError::NoSuchPlugin { known, .. } => format!("there are {}", quoted(known)).into(),
        }
    }
}

/// Why one plugin can't be asked.
#[derive(Debug, Error)]
pub enum AskError {
    /// It is not loaded.
    #[error("there is no plugin `{name}`")]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It has no such claim.
    #[error("plugin `{plugin}` has no {interface} claim `{claim}`")]
    NoSuchClaim {
        /// The plugin.
        plugin: String,
        /// The interface of the function.
        interface: Interface,
        /// What was asked for.
        claim: String,
        /// What it has.
        known: Vec<String>,
    },
    /// It has several claims, or none for the object.
    #[error("it is not clear under which {interface} claim to ask plugin `{plugin}`")]
    WhichClaim {
        /// The plugin.
        plugin: String,
        /// The interface of the function.
        interface: Interface,
        /// What it has.
        known: Vec<String>,
    },
    /// It can't be compiled.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The input can't be passed on.
    #[error("{0}")]
    Input(String),
}

impl AskError {
    /// Says what the user can do about it.
    pub fn hint(&self) -> Remedies {
        match self {
            AskError::NoSuchPlugin { known, .. } => format!("there are {}", quoted(known)).into(),
            AskError::NoSuchClaim { known, .. } | AskError::WhichClaim { known, .. } if known.is_empty() => {
                "it has no claim of that interface".into()
            }
            AskError::NoSuchClaim { known, .. } => format!("it claims {}", quoted(known)).into(),
            AskError::WhichClaim { known, .. } => format!("name one of {}", quoted(known)).into(),
            AskError::Sandbox(error) => error.hint(),
            AskError::Input(_) => Remedies::default(),
        }
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
