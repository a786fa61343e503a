//! The options of every command as plain values: those of the flags, with those of the files that describe applications.

use std::path::PathBuf;

use capstan_core::model::grant::UserGrants;
use capstan_project::{PluginSpec, Project, grants};
use capstan_runtime::{ClusterSpec, PluginHost};
use capstan_source::FileAccess;

use crate::{
    args::{Color, GlobalFlags, Output},
    environment,
};

/// The options of every command.
#[derive(Debug, Clone)]
pub struct GlobalOptions {
    /// The namespace of applications that don't name one; the context's if absent.
    pub namespace: Option<String>,
    /// The cluster and the user.
    pub cluster: ClusterSpec,
    /// The embedded cluster.
    pub simulation: SimulationSpec,
    /// The plugins that are loaded, and the policy for their signatures.
    pub plugins: PluginSpec,
    /// The environment of plugins.
    pub plugin_host: PluginHost,
    /// Which files may be read.
    pub files: FileAccess,
    /// The format of the output.
    pub output: Output,
    /// When to use colours.
    pub color: Color,
    /// How often `-v` was given.
    pub verbose: u8,
}

/// Whether commands use an embedded cluster, and its options.
#[derive(Debug, Clone, Default)]
pub struct SimulationSpec {
    /// Whether commands use an embedded cluster.
    pub is_enabled: bool,
    /// The file with the behaviour of its pods and its faults.
    pub scenario: Option<PathBuf>,
    /// Whether the containers' commands run as processes of this machine, in real time.
    pub exec: bool,
    /// Whether it runs in real time, though no commands are run.
    pub is_real_time: bool,
    /// The file that keeps the embedded cluster between commands.
    pub state: Option<PathBuf>,
}

impl SimulationSpec {
    /// Says whether time is virtual.
    pub fn has_virtual_time(&self) -> bool {
        self.is_enabled && !self.exec && !self.is_real_time
    }
}

impl GlobalFlags {
    /// Returns the options of the embedded cluster.
    pub fn simulation_spec(&self) -> SimulationSpec {
        let scenario = self.simulate.as_ref().filter(|path| !path.is_empty());
        SimulationSpec {
            is_enabled: self.simulate.is_some(),
            scenario: scenario.map(PathBuf::from),
            exec: self.exec,
            is_real_time: self.is_real_time,
            state: self.state.clone(),
        }
    }
}

impl GlobalOptions {
    /// Makes the options from the flags.
    ///
    /// # Errors
    ///
    /// Returns which grants are invalid.
    pub fn from_flags(flags: &GlobalFlags) -> anyhow::Result<GlobalOptions> {
        let mut granted = UserGrants::default();
        if let Some(path) = &flags.grants_file {
            let text = environment::read_text(path).map_err(capstan_core::model::error::Diagnostics::from)?;
            granted = grants::parse_file(&path.display().to_string(), &text)?;
        }
        for word in &flags.grants {
            grants::add_from_flag(&mut granted, word)?;
        }
        let simulation = flags.simulation_spec();
        Ok(GlobalOptions {
            namespace: flags.namespace.clone(),
            cluster: environment::cluster_spec(flags),
            plugins: PluginSpec {
                sources: flags.plugins.clone(),
                without: flags.without_plugins.clone(),
                grants: granted,
                ..PluginSpec::default()
            },
            plugin_host: PluginHost {
                uses_virtual_time: simulation.has_virtual_time(),
                ..environment::plugin_host(flags.plugin_cache.clone())
            },
            simulation,
            files: environment::file_access(flags.allow_outside_tree),
            output: flags.output,
            color: flags.color,
            verbose: flags.verbose,
        })
    }

    /// Returns these options with those of applications' files.
    #[must_use]
    pub fn with_project(&self, project: &Project) -> GlobalOptions {
        GlobalOptions {
            namespace: project.namespace.clone(),
            plugins: project.plugins.clone(),
            ..self.clone()
        }
    }
}
