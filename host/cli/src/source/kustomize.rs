//! Kustomizations, built by `kustomize`, or by the kubectl that has it built in.

use std::{path::PathBuf, process::Command, time::Duration};

use capstan_core::error::PlanError;

use super::{Rendered, program};

/// The names that kustomize looks for.
pub(super) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const MISSING: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools), which can do it, \
                       or kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize), so that it is in PATH";

/// A folder with a kustomization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kustomization {
    /// The folder.
    pub path: PathBuf,
    /// Whether it may have charts rendered by helm.
    pub enable_helm: bool,
}

/// Builds a kustomization.
pub(super) fn build(kustomization: &Kustomization, deadline: Duration) -> Result<Rendered, PlanError> {
    let path = &kustomization.path;
    let shown = path.display();
    if !FILES.iter().any(|file| path.join(file).is_file()) {
        let error = PlanError::new(format!("{shown} is no kustomization: it has no kustomization.yaml"));
        return Err(error.hint("`-f` reads a folder of manifests, `--chart` renders a Helm chart"));
    }
    let (program, words) = match (program::find("kustomize"), program::find("kubectl")) {
        (Some(kustomize), _) => (kustomize, ["build"]),
        (None, Some(kubectl)) => (kubectl, ["kustomize"]),
        (None, None) => {
            let message =
                format!("{shown} is a kustomization, and there is neither `kustomize` nor `kubectl` to build it with");
            return Err(PlanError::new(message).hint(MISSING));
        }
    };
    let mut command = Command::new(&program);
    command.args(words).arg(path);
    if kustomization.enable_helm {
        command.arg("--enable-helm");
    }
    let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let what = format!("{name} can't build the kustomization {shown}");
    let said = program::run(&mut command, None, &what, deadline)?;
    Ok(Rendered {
        said: said.notices(&name),
        texts: vec![(format!("{shown} (built)"), said.out)],
    })
}
