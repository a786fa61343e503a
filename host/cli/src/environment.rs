//! The environment of this process: variables, home and working directory, standard input. The libraries read none of it: they get what
//! they need.

use std::{
    io,
    path::{Path, PathBuf},
};

use capstan_core::model::error::Diagnostic;
use capstan_registry::{Access, Limits};
use capstan_runtime::{ClusterSpec, PluginHost, ProxyVariables};
use capstan_source::{FileAccess, Stdin};

use crate::args::GlobalFlags;

/// Returns which files may be read. `allows_outside` is the user's flag.
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
pub fn read_text(path: &Path) -> Result<String, Diagnostic> {
    file_access(false).read_text(path)
}

/// Returns the cluster of the flags, and else that of the environment, by kubectl's rules.
pub(crate) fn cluster_spec(flags: &GlobalFlags) -> ClusterSpec {
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
        impersonated_user: flags.act_as.clone(),
        impersonated_groups: flags.as_groups.clone(),
        namespace: flags.namespace.clone(),
        proxies: ProxyVariables::from_environment(&variable),
    }
}

/// Returns the environment of plugins. `cache` is the folder that the user named.
pub(crate) fn plugin_host(cache: Option<PathBuf>) -> PluginHost {
    PluginHost {
        cache: cache.or_else(cache_folder),
        compiler: std::env::current_exe().ok(),
        access: Access {
            limits: Limits {
                max_component_bytes: capstan_sandbox::MAX_COMPONENT_BYTES as u64,
                ..Limits::default()
            },
            ..Access::from_environment(&variable)
        },
        built_in: capstan_bundle::ALL
            .iter()
            .map(|plugin| (plugin.name, plugin.bytes))
            .collect(),
        uses_virtual_time: false,
    }
}

/// Returns the name of the user.
pub(crate) fn user_name() -> String {
    let user = variable("USER").or_else(|| variable("USERNAME"));
    user.unwrap_or_else(|| "somebody".to_owned())
}

/// Returns the name of this machine.
pub(crate) fn host_name() -> String {
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
