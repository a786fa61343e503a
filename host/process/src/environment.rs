//! The environment variables that a program gets.

use std::ffi::{OsStr, OsString};

use crate::find::search_path;

/// Which variables of this process a program gets. `PATH` is reduced to its absolute folders in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// What every program needs: home and temporary folders, user, language, time zone, proxies and certificates. For programs that read
    /// untrusted files.
    Minimal,
    /// Everything except variables that point Git to a repository. For the user's own programs: credential helpers and compilers.
    Inherited,
}

/// The variables of [`Environment::Minimal`].
const MINIMAL_VARIABLES: [&str; 27] = [
    "ALL_PROXY",
    "APPDATA",
    "COMSPEC",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "LOCALAPPDATA",
    "LOGNAME",
    "NO_PROXY",
    "PATHEXT",
    "PROGRAMDATA",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERPROFILE",
    "WINDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// Variables with paths. A relative path would be resolved in the program's working directory.
const PATH_VARIABLES: [&str; 12] = [
    "APPDATA",
    "HOME",
    "LOCALAPPDATA",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TEMP",
    "TMP",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// Variables that point Git to a repository or configure it: those of `git rev-parse --local-env-vars`, and the work tree.
const GIT_VARIABLES: [&str; 16] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

impl Environment {
    /// Returns whether a variable of this process is passed on.
    fn passes(self, name: &str, value: &OsStr) -> bool {
        let upper = name.to_ascii_uppercase();
        match self {
            Environment::Minimal => {
                let is_known = MINIMAL_VARIABLES.contains(&upper.as_str()) || upper.starts_with("LC_");
                is_known && (!PATH_VARIABLES.contains(&upper.as_str()) || is_absolute(value))
            }
            Environment::Inherited => !GIT_VARIABLES.contains(&upper.as_str()),
        }
    }

    /// Lists the variables for a program.
    pub(crate) fn variables(self) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = std::env::vars_os()
            .filter(|(name, value)| name != "PATH" && self.passes(&name.to_string_lossy(), value))
            .collect();
        variables.push(("PATH".into(), search_path()));
        variables
    }
}

pub(crate) fn is_absolute(value: &OsStr) -> bool {
    std::path::Path::new(value).is_absolute()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_points_at_files_beside_the_sources_is_not_passed_on() {
        let passes = |environment: Environment, name: &str, value: &str| environment.passes(name, OsStr::new(value));
        for name in [
            "GIT_DIR",
            "GIT_CONFIG_COUNT",
            "HELM_PLUGINS",
            "KUBECONFIG",
            "LD_PRELOAD",
            "BASH_ENV",
        ] {
            assert!(!passes(Environment::Minimal, name, "/x"), "{name}");
        }
        assert!(passes(Environment::Minimal, "HOME", "/home/me"));
        assert!(
            !passes(Environment::Minimal, "HOME", "."),
            "a relative home is the working directory"
        );
        assert!(passes(Environment::Minimal, "https_proxy", "http://proxy:3128"));
        assert!(passes(Environment::Minimal, "LC_ALL", "C"));
        assert!(passes(Environment::Inherited, "AWS_PROFILE", "me"));
        assert!(!passes(Environment::Inherited, "GIT_DIR", "/x"));
        assert!(
            passes(Environment::Inherited, "GIT_SSH_COMMAND", "ssh"),
            "it is the user's own"
        );
    }
}
