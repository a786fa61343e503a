//! The commands that fetch, pin and publish plugins. A downloaded plugin is inspected and compiled, but not called.

mod add;
mod publish;
mod pull;
mod summary;
mod update;
mod verify;

use std::path::PathBuf;

use capstan_project::file::{self, Configuration};
use capstan_registry::{SignaturePolicy, Store};
use capstan_runtime::plugins;

use crate::{
    args::{Distribute, GlobalOptions, RegistryArgs},
    diagnostics::Diagnostics,
    exit::Exit,
    project::FILE,
};

pub(super) fn run(global: &GlobalOptions, command: &Distribute) -> anyhow::Result<Exit> {
    match command {
        Distribute::Add(args) => add::run(global, args),
        Distribute::Update(args) => update::run(global, args),
        Distribute::Pull(args) => pull::run(global, args),
        Distribute::Publish(args) => publish::run(global, args),
        Distribute::Verify(args) => verify::run(global, args),
    }
}

/// Reads the `capstan.yaml` of the working directory, if there is one.
fn read_configuration(global: &GlobalOptions) -> anyhow::Result<Option<Configuration>> {
    let path = PathBuf::from(FILE);
    if !path.is_file() {
        return Ok(None);
    }
    Ok(Some(file::read(&path, &global.files).map_err(Diagnostics)?))
}

/// Returns the signature policy in `capstan.yaml`.
fn read_policy(file: Option<&Configuration>) -> anyhow::Result<SignaturePolicy> {
    match file {
        Some(configuration) => Ok(configuration.signature_policy().map_err(Diagnostics)?),
        None => Ok(SignaturePolicy::default()),
    }
}

/// Makes a store that uses the flags for registries, and else the environment variables.
fn new_store(global: &GlobalOptions, reach: &RegistryArgs, policy: SignaturePolicy) -> Store {
    let mut access = global.plugin_host.access.clone();
    access.ca_file = reach.registry_ca.clone().or(access.ca_file);
    access.plain_http.extend(reach.registry_http.iter().cloned());
    plugins::store(&global.plugin_host, access, policy)
}
