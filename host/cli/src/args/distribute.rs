//! Where plugins come from, and where they go.

use std::path::PathBuf;

use capstan_registry::Source;
use clap::{Args as ClapArgs, Subcommand};

use capstan_project::plugins::parse_source;

/// Getting, pinning and publishing plugins.
#[derive(Debug, Subcommand)]
pub enum Distribute {
    /// Download a plugin, check it, show its claims and requested permissions, and pin it in capstan.lock
    #[command(
        after_help = "Examples:\n  capstan plugin add oci://ghcr.io/acme/queue:1.2\n  capstan plugin add https://acme.io/queue.wasm#sha256=...\n  capstan plugin add plugins/queue.wasm\n\nIf the working directory has a capstan.yaml, the plugin is added to its `plugins`. host/DISTRIBUTION.md describes sources."
    )]
    Add(AddArgs),
    /// Look up pinned plugins again, and pin the present versions
    #[command(after_help = "Examples:\n  capstan plugin update\n  capstan plugin update queue")]
    Update(UpdateArgs),
    /// Download a plugin to a file
    #[command(after_help = "Examples:\n  capstan plugin pull oci://ghcr.io/acme/queue:1.2 queue.wasm")]
    Pull(PullArgs),
    /// Publish a plugin to an OCI registry
    #[command(
        after_help = "Examples:\n  capstan plugin publish queue.wasm oci://ghcr.io/acme/queue:1.2\n  cosign sign --key cosign.key ghcr.io/acme/queue@sha256:..."
    )]
    Publish(PublishArgs),
    /// Show who signed a plugin
    #[command(
        after_help = "Examples:\n  capstan plugin verify oci://ghcr.io/acme/queue:1.2\n  capstan plugin verify oci://ghcr.io/acme/queue:1.2 --key cosign.pub"
    )]
    Verify(VerifyArgs),
}

/// How registries are reached.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Registry options")]
pub struct RegistryArgs {
    /// Also trust the CA certificates in this PEM file [env: `CAPSTAN_REGISTRY_CA`]
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// Use plain HTTP for this registry, as HOST:PORT. May be repeated [env: `CAPSTAN_REGISTRY_HTTP`]
    #[arg(long, value_name = "HOST")]
    pub registry_http: Vec<String>,
}

/// The options of `capstan plugin add`.
#[derive(Debug, Clone, ClapArgs)]
pub struct AddArgs {
    /// Source of the plugin: oci://, https:// or file: with a digest, or a path
    #[arg(value_parser = parse_source)]
    pub source: Source,
    /// Name of the plugin in capstan.lock [default: its own name]
    #[arg(long)]
    pub name: Option<String>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: RegistryArgs,
}

/// The options of `capstan plugin update`.
#[derive(Debug, Clone, ClapArgs)]
pub struct UpdateArgs {
    /// Name of the plugin in capstan.lock [default: all]
    pub name: Option<String>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: RegistryArgs,
}

/// The options of `capstan plugin pull`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PullArgs {
    /// Source of the plugin
    #[arg(value_parser = parse_source)]
    pub source: Source,
    /// File to write [default: NAME.wasm]
    pub file: Option<PathBuf>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: RegistryArgs,
}

/// The options of `capstan plugin publish`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PublishArgs {
    /// The component file
    pub file: PathBuf,
    /// Destination: `oci://REGISTRY/REPOSITORY:TAG`
    #[arg(value_parser = parse_source)]
    pub target: Source,
    /// Annotation to add to the OCI manifest, such as `org.opencontainers.image.revision=COMMIT`. May be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub annotation: Vec<(String, String)>,
    /// Move a tag that already exists for another plugin
    #[arg(long)]
    pub overwrite: bool,
    /// How registries are reached
    #[command(flatten)]
    pub reach: RegistryArgs,
}

/// The options of `capstan plugin verify`.
#[derive(Debug, Clone, ClapArgs)]
pub struct VerifyArgs {
    /// Source of the plugin
    #[arg(value_parser = parse_source)]
    pub source: Source,
    /// PEM file with a public key that must have signed the plugin; replaces the rules of capstan.yaml. May be repeated
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: RegistryArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write `KEY=VALUE`".to_owned()),
    }
}
