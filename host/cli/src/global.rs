//! The options of every command as plain values: what the flags say, with what files that describe applications add.

use std::path::PathBuf;

use capstan_core::grant::UserGrants;
use capstan_project::{PluginSpec, Project, grants};
use capstan_runtime::{ClusterSpec, PluginHost};
use capstan_source::FileAccess;

use crate::{
    args::{Color, GlobalFlags, Output},
    environment,
};

/// The options of every command.
#[derive(Debug, Clone)]
pub struct Global {
    /// The namespace of applications that name none; the context's if absent.
    pub namespace: Option<String>,
    /// Which cluster, and as whom.
    pub cluster: ClusterSpec,
    /// The embedded cluster.
    pub simulation: SimulationSpec,
    /// Which plugins.
    pub plugins: PluginSpec,
    /// What this machine has for plugins.
    pub plugin_host: PluginHost,
    /// Which files may be read.
    pub files: FileAccess,
    /// How to print.
    pub output: Output,
    /// When to use colours.
    pub color: Color,
    /// How often `-v` was given.
    pub verbose: u8,
}

/// Whether the cluster is an embedded one, and how that runs.
#[derive(Debug, Clone, Default)]
pub struct SimulationSpec {
    /// Whether commands work on an embedded cluster.
    pub is_on: bool,
    /// What its pods do and what fails.
    pub scenario: Option<PathBuf>,
    /// Whether containers' commands run as processes of this machine, in real time.
    pub exec: bool,
    /// Whether it runs in real time, though no commands are run.
    pub is_real_time: bool,
    /// The file that keeps the cluster between commands.
    pub state: Option<PathBuf>,
}

impl SimulationSpec {
    /// Says whether time is virtual.
    pub fn is_virtual(&self) -> bool {
        self.is_on && !self.exec && !self.is_real_time
    }
}

impl GlobalFlags {
    /// Says what the flags say of the embedded cluster.
    pub fn simulation(&self) -> SimulationSpec {
        let scenario = self.simulate.as_ref().filter(|path| !path.is_empty());
        SimulationSpec {
            is_on: self.simulate.is_some(),
            scenario: scenario.map(PathBuf::from),
            exec: self.exec,
            is_real_time: self.is_real_time,
            state: self.state.clone(),
        }
    }
}

impl Global {
    /// Reads the flags.
    ///
    /// # Errors
    ///
    /// Returns what of them is no grant.
    pub fn of_flags(flags: &GlobalFlags) -> anyhow::Result<Global> {
        let mut granted = UserGrants::default();
        if let Some(path) = &flags.grants_file {
            let text = environment::text(path).map_err(capstan_core::error::Diagnostics::from)?;
            granted = grants::of_file(&path.display().to_string(), &text)?;
        }
        for word in &flags.grants {
            grants::add(&mut granted, word)?;
        }
        let simulation = flags.simulation();
        Ok(Global {
            namespace: flags.namespace.clone(),
            cluster: environment::cluster(flags),
            plugins: PluginSpec {
                sources: flags.plugins.clone(),
                without: flags.without_plugins.clone(),
                grants: granted,
                ..PluginSpec::default()
            },
            plugin_host: PluginHost {
                is_timeless: simulation.is_virtual(),
                ..environment::plugin_host(flags.plugin_cache.clone())
            },
            simulation,
            files: environment::file_access(flags.allow_outside_tree),
            output: flags.output,
            color: flags.color,
            verbose: flags.verbose,
        })
    }

    /// Returns these options with what applications' files say.
    #[must_use]
    pub fn with(&self, project: &Project) -> Global {
        Global {
            namespace: project.namespace.clone(),
            plugins: project.plugins.clone(),
            ..self.clone()
        }
    }
}
