//! The applications of a command: their names, sources and options. They come from the user ([`ProjectSpec`]) or from a
//! [`ConfigFile`](file::ConfigFile) next to the manifests; the user's options win.
//!
//! In reading order: [`load`](load()) finds the applications, [`mod@file`] is `capstan.yaml`, `argocd` an Application of Argo CD, [`Options`] what is wanted of an application,
//! [`SourceSpec`] which sources the user names; [`PluginSpec`] is which plugins are loaded, with [`grants`], the [`signature_policy`] and [`WrittenSettings`];
//! `order` sorts applications, [`edit`] changes a file, [`config_errors`] reports what is wrong with one. This crate knows no command
//! line, no terminal and no environment: all that is handed in.

pub mod argocd;
pub mod config_errors;
mod duration;
pub mod edit;
pub mod file;
pub mod grants;
mod load;
mod options;
mod order;
mod plugin_settings;
pub mod plugins;
pub mod signature_policy;
mod sources;

use std::sync::Arc;

use capstan_core::{
    model::error::{Diagnostic, Diagnostics},
    read::manifest::Manifest,
};
use capstan_source::{
    Capabilities, Deadline, DesiredState, FileAccess, Gathered, ReadOptions, Release, Source, WorkTree,
};

pub use self::{
    duration::{Seconds, parse_seconds},
    file::FILE_NAME as FILE,
    load::{find_described, load},
    options::{Options, confirmed_objects},
    plugin_settings::WrittenSettings,
    plugins::PluginSpec,
    sources::{ChartSpec, SourceSpec},
};

/// What the user says about applications. It wins over files that describe them.
#[derive(Debug, Clone)]
pub struct ProjectSpec {
    /// Where manifests come from.
    pub sources: SourceSpec,
    /// The application's name, or the one that is selected of several.
    pub app: Option<String>,
    /// The namespace of all applications.
    pub namespace: Option<String>,
    /// The options of the applications.
    pub options: Options,
    /// The plugins that are loaded. The grants here win over those of files.
    pub plugins: PluginSpec,
    /// Which files may be read.
    pub access: FileAccess,
}

/// The applications of a command.
#[derive(Debug, Clone)]
pub struct Project {
    /// The applications, each after those that it depends on.
    pub apps: Vec<App>,
    /// The namespace of applications that don't name one; the context's if absent.
    pub namespace: Option<String>,
    /// The plugins that are loaded, by the user and the files.
    pub plugins: PluginSpec,
}

/// One application, as flags and files describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// The application's name.
    pub name: String,
    /// Its namespace; the context's if absent.
    pub namespace: Option<String>,
    /// Where its manifests come from.
    pub sources: Vec<Source>,
    /// The options of `capstan.yaml`, overridden by those of the user.
    pub options: Options,
    /// The applications that must be synced before it, by name.
    pub depends_on: Vec<String>,
    /// What the user should know about its description.
    pub notices: Vec<String>,
    /// The tree that its sources have to stay in; `None` if they are from the command line.
    pub tree: Option<WorkTree>,
    /// Errors about its sources. They are reported when the sources are read, as some commands don't need them.
    pub refused: Vec<Diagnostic>,
    /// The place of its description, as a file and a JSON pointer.
    origin: Option<(Arc<Manifest>, String)>,
}

/// An application after everything was read that needs no cluster.
#[derive(Debug)]
pub struct GatheredApp {
    /// The application.
    pub app: App,
    gathered: Gathered,
}

impl App {
    /// Makes one with nothing but a name.
    pub fn new(name: &str) -> App {
        App {
            name: name.to_owned(),
            namespace: None,
            sources: Vec::new(),
            options: Options::default(),
            depends_on: Vec::new(),
            notices: Vec::new(),
            tree: None,
            refused: Vec::new(),
            origin: None,
        }
    }

    /// Reads its sources, as far as that needs no cluster.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with them, together, or what was being read when the deadline passed.
    pub async fn gather(&self, deadline: Deadline, access: &FileAccess) -> Result<Gathered, Diagnostics> {
        if !self.refused.is_empty() {
            return Err(Diagnostics(self.refused.clone()));
        }
        let reading = ReadOptions {
            render_timeout: deadline,
            tree: self.tree.clone(),
            access: access.clone(),
            allows_duplicate_keys: self.options.compat.is_some(),
            is_applied: true,
        };
        capstan_source::gather(self.sources.clone(), reading).await
    }

    /// Makes an error about a part of its description.
    fn diagnostic_at(&self, pointer: &str, message: String) -> Diagnostic {
        match &self.origin {
            Some((document, at)) => document.error(&format!("{at}{pointer}"), message),
            None => Diagnostic::new(message),
        }
    }
}

/// Reads the sources of applications, as far as that needs no cluster.
///
/// # Errors
///
/// Returns everything that is wrong with them, together, or what was being read when the deadline passed.
pub async fn read(apps: &[App], deadline: Deadline, access: &FileAccess) -> Result<Vec<GatheredApp>, Diagnostics> {
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for app in apps {
        match app.gather(deadline, access).await {
            Ok(gathered) => read.push(GatheredApp {
                app: app.clone(),
                gathered,
            }),
            Err(Diagnostics(wrong)) => mistakes.extend(wrong),
        }
        if !mistakes.is_empty() && deadline.left().is_zero() {
            break;
        }
    }
    if mistakes.is_empty() {
        Ok(read)
    } else {
        Err(Diagnostics(mistakes))
    }
}

impl GatheredApp {
    /// Says whether there are charts to render, which may depend on what the cluster serves.
    pub fn has_charts(&self) -> bool {
        self.gathered.has_charts()
    }

    /// Renders what is left. `namespace` is that of an application that names none, `capabilities` what the cluster serves. `deadline`
    /// is what is left of the one that the sources were read by.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the charts, or what was being rendered when the deadline passed.
    pub async fn render(
        self,
        namespace: &str,
        capabilities: Option<Arc<Capabilities>>,
        deadline: Deadline,
    ) -> Result<(App, DesiredState), Diagnostics> {
        let namespace = self.app.namespace.as_deref().unwrap_or(namespace);
        let release = Release {
            name: self.app.name.clone(),
            namespace: namespace.to_owned(),
            capabilities,
        };
        let desired = self.gathered.render(release, deadline).await?;
        Ok((self.app, desired))
    }
}

#[cfg(test)]
mod tests;
