//! Where plugins come from, and where they go.

use std::path::PathBuf;

use capstan_registry::Source;
use clap::{Args as ClapArgs, Subcommand};

use capstan_project::plugins::source;

/// Getting, pinning and publishing plugins.
#[derive(Debug, Subcommand)]
pub enum Distribute {
    /// Get a plugin, check it, show what it claims and requests, and pin it in capstan.lock
    #[command(
        after_help = "Examples:\n  capstan plugin add oci://ghcr.io/acme/queue:1.2\n  capstan plugin add https://acme.io/queue.wasm#sha256=...\n  capstan plugin add plugins/queue.wasm\n\nA capstan.yaml of the working directory gets the plugin under `plugins`. host/DISTRIBUTION.md has all about sources."
    )]
    Add(Add),
    /// Look pinned plugins up again, and pin what is there now
    #[command(after_help = "Examples:\n  capstan plugin update\n  capstan plugin update queue")]
    Update(Update),
    /// Write a plugin to a file
    #[command(after_help = "Examples:\n  capstan plugin pull oci://ghcr.io/acme/queue:1.2 queue.wasm")]
    Pull(Pull),
    /// Put a plugin into an OCI registry
    #[command(
        after_help = "Examples:\n  capstan plugin publish queue.wasm oci://ghcr.io/acme/queue:1.2\n  cosign sign --key cosign.key ghcr.io/acme/queue@sha256:..."
    )]
    Publish(Publish),
    /// Say by whom a plugin is signed
    #[command(
        after_help = "Examples:\n  capstan plugin verify oci://ghcr.io/acme/queue:1.2\n  capstan plugin verify oci://ghcr.io/acme/queue:1.2 --key cosign.pub"
    )]
    Verify(Verify),
}

/// How registries are reached.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Registry options")]
pub struct Reach {
    /// Trust the CAs of this PEM file, too [env: `CAPSTAN_REGISTRY_CA`]
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// A registry, as HOST:PORT, that has no TLS. May be repeated [env: `CAPSTAN_REGISTRY_HTTP`]
    #[arg(long, value_name = "HOST")]
    pub registry_http: Vec<String>,
}

/// Adding.
#[derive(Debug, Clone, ClapArgs)]
pub struct Add {
    /// Where it comes from: oci://, https:// or file: with a digest, or a path
    #[arg(value_parser = source)]
    pub source: Source,
    /// What it is called in capstan.lock [default: its own name]
    #[arg(long)]
    pub name: Option<String>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: Reach,
}

/// Updating.
#[derive(Debug, Clone, ClapArgs)]
pub struct Update {
    /// Which, by its name in capstan.lock; all if absent
    pub name: Option<String>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: Reach,
}

/// Pulling.
#[derive(Debug, Clone, ClapArgs)]
pub struct Pull {
    /// Where it comes from
    #[arg(value_parser = source)]
    pub source: Source,
    /// The file to write [default: the plugin's name and .wasm]
    pub file: Option<PathBuf>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: Reach,
}

/// Publishing.
#[derive(Debug, Clone, ClapArgs)]
pub struct Publish {
    /// The stamped component
    pub file: PathBuf,
    /// Where to: `oci://REGISTRY/REPOSITORY:TAG`
    #[arg(value_parser = source)]
    pub target: Source,
    /// Add this to the manifest: `org.opencontainers.image.revision=COMMIT`, where a bill of materials is. May be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub annotation: Vec<(String, String)>,
    /// Let a tag that names another plugin name this one
    #[arg(long)]
    pub overwrite: bool,
    /// How registries are reached
    #[command(flatten)]
    pub reach: Reach,
}

/// Verifying.
#[derive(Debug, Clone, ClapArgs)]
pub struct Verify {
    /// Where it comes from
    #[arg(value_parser = source)]
    pub source: Source,
    /// Whose signature it must have, as a public key in PEM; instead of the rules of capstan.yaml. May be repeated
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// How registries are reached
    #[command(flatten)]
    pub reach: Reach,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write `KEY=VALUE`".to_owned()),
    }
}
