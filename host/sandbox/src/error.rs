//! Why plugins can't be loaded, and why one can't be called by name.

use capstan_core::model::remedy::Remedies;
use capstan_stamp::{Interface, ReadError};
use thiserror::Error;

use crate::examine::BUILD;

/// Why the sandbox couldn't be made. A plugin is named as the user named it: by its path, or as a built-in.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// This machine can't run WebAssembly.
    #[error("failed to start the WebAssembly engine: {0}")]
    Engine(String),
    /// The component is too large.
    #[error("plugin {plugin} has {size} bytes, and may have {limit}")]
    TooLarge {
        /// The plugin's name or path.
        plugin: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The file isn't a component, or has no manifest.
    #[error("{plugin} is not a plugin")]
    NotAPlugin {
        /// The file.
        plugin: String,
        /// What is wrong with it.
        source: ReadError,
    },
    /// It imports interfaces that no plugin gets.
    #[error("plugin {plugin} imports {}, which plugins may not import", quoted(imports))]
    ForeignImport {
        /// The plugin's name or path.
        plugin: String,
        /// The names of these imports.
        imports: Vec<String>,
    },
    /// It doesn't export the interface of one of its claims.
    #[error("plugin {plugin} claims `{interface}`, and does not export `{export}`")]
    MissingExport {
        /// The plugin's name or path.
        plugin: String,
        /// The interface of the claim.
        interface: Interface,
        /// The missing export.
        export: String,
    },
    /// It requests grants that don't exist.
    #[error("plugin {plugin} requests grants that can't be understood: {reason}")]
    Grants {
        /// The plugin's name or path.
        plugin: String,
        /// What is wrong with the requested permissions.
        reason: String,
    },
    /// The schema of its settings is invalid.
    #[error("plugin {plugin}: {reason}")]
    Settings {
        /// The plugin's name or path.
        plugin: String,
        /// What is wrong with the schema of the settings.
        reason: String,
    },
    /// Its code is invalid, or its types differ from the contract's.
    #[error("failed to compile plugin {plugin}: {reason}")]
    Compile {
        /// The plugin's name or path.
        plugin: String,
        /// The error of the compiler.
        reason: String,
    },
    /// Two plugins have the same name.
    #[error("plugins {one} and {two} are both named `{name}`")]
    SameName {
        /// The name of both plugins.
        name: String,
        /// The first plugin's path.
        one: String,
        /// The second plugin's path.
        two: String,
    },
    /// Two built-in plugins have the same claim, and nothing decides between them.
    #[error("plugins {one} and {two} both claim {interface} `{claim}`")]
    Conflict {
        /// The interface of the claim.
        interface: Interface,
        /// The claim that both plugins make.
        claim: String,
        /// The first plugin.
        one: String,
        /// The second plugin.
        two: String,
    },
    /// A plugin that is to be left out doesn't exist.
    #[error("there is no plugin `{name}` to leave out")]
    NoSuchPlugin {
        /// The name that was given.
        name: String,
        /// The names of all plugins.
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
                "a plugin may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data"
                    .into()
            }
            SandboxError::MissingExport { .. } => "export it, or remove the claim from `plugin.toml`".into(),
            SandboxError::Grants { .. } => {
                "correct the `grants` in its `plugin.toml`; `wit/README.md` shows them".into()
            }
            SandboxError::Settings { .. } => {
                "correct `settings` in its `plugin.toml`; `wit/README.md` describes it".into()
            }
            SandboxError::Compile { .. } => "build it again against the contract 0.1.0 in `wit/`".into(),
            SandboxError::SameName { .. } => "rename one of them in its `plugin.toml`".into(),
            SandboxError::NoSuchPlugin { known, .. } => format!("there are {}", quoted(known)).into(),
        }
    }
}

/// Why a plugin can't be called by name.
#[derive(Debug, Error)]
pub enum AskError {
    /// It is not loaded.
    #[error("there is no plugin `{name}`")]
    NoSuchPlugin {
        /// The name that was given.
        name: String,
        /// The names of all plugins.
        known: Vec<String>,
    },
    /// It doesn't have this claim.
    #[error("plugin `{plugin}` has no {interface} claim `{claim}`")]
    NoSuchClaim {
        /// The plugin's name.
        plugin: String,
        /// The interface of the function.
        interface: Interface,
        /// The claim that was given.
        claim: String,
        /// The claims that the plugin makes.
        known: Vec<String>,
    },
    /// It has several claims, or none that matches the object.
    #[error("it is not clear which {interface} claim of plugin `{plugin}` to use")]
    WhichClaim {
        /// The plugin's name.
        plugin: String,
        /// The interface of the function.
        interface: Interface,
        /// The claims that the plugin makes.
        known: Vec<String>,
    },
    /// It can't be compiled.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The input is invalid, for this reason.
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
