//! What this process was given: environment variables, home and working directory, standard input. The libraries look up none of it:
//! they are handed what they need.

use std::{
    io,
    path::{Path, PathBuf},
};

use capstan_core::error::Diagnostic;
use capstan_registry::{Access, Limits};
use capstan_runtime::{ClusterSpec, PluginHost, ProxyVariables};
use capstan_source::{FileAccess, Stdin};

use crate::args::GlobalFlags;

/// Returns which files may be read. `allows_outside` is what the user's flag says.
pub fn file_access(allows_outside: bool) -> FileAccess {
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    FileAccess {
        allows_outside,
        working_directory: std::env::current_dir().and_then(|here| here.canonicalize()).ok(),
        home: std::env::home_dir(),
        git_ceilings: std::env::split_paths(&ceilings)
            .filter(|ceiling| ceiling.is_absolute())
            .collect(),
        stdin: Stdin::new(io::stdin()),
    }
}

/// Reads a text file that the user named; standard input if the path is `-`.
///
/// # Errors
///
/// Returns why it couldn't be read.
pub fn text(path: &Path) -> Result<String, Diagnostic> {
    file_access(false).text(path)
}

/// Returns which cluster the flags name, and else the environment, as kubectl reads it.
pub(crate) fn cluster(flags: &GlobalFlags) -> ClusterSpec {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut kubeconfigs: Vec<PathBuf> = std::env::split_paths(&named)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if kubeconfigs.is_empty() {
        kubeconfigs.extend(std::env::home_dir().map(|home| home.join(".kube/config")));
    }
    ClusterSpec {
        kubeconfig: flags.kubeconfig.clone(),
        kubeconfigs,
        context: flags.context.clone(),
        act_as: flags.act_as.clone(),
        as_groups: flags.as_groups.clone(),
        namespace: flags.namespace.clone(),
        proxies: ProxyVariables::read(&variable),
    }
}

/// Returns what this machine has for plugins. `cache` is the folder that the user names.
pub(crate) fn plugin_host(cache: Option<PathBuf>) -> PluginHost {
    PluginHost {
        cache: cache.or_else(cache_folder),
        compiler: std::env::current_exe().ok(),
        access: Access {
            limits: Limits {
                component: capstan_sandbox::MAX_COMPONENT as u64,
                ..Limits::default()
            },
            ..Access::from_environment(&variable)
        },
        built_in: capstan_bundle::ALL
            .iter()
            .map(|plugin| (plugin.name, plugin.bytes))
            .collect(),
        is_timeless: false,
    }
}

/// Names the user who is at work.
pub(crate) fn user() -> String {
    let user = variable("USER").or_else(|| variable("USERNAME"));
    user.unwrap_or_else(|| "somebody".to_owned())
}

/// Names this machine.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("capstan/plugins"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
