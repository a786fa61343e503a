//! Kustomizations, built by `kustomize`, or by the kubectl that has it built in.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use capstan_core::error::PlanError;
use capstan_files::Readers;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{Rendered, program};

/// The names that kustomize looks for.
pub(super) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const MISSING: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools), which can do it, \
                       or kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize), so that it is in PATH";

/// A folder with a kustomization.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kustomization {
    /// The folder.
    pub path: PathBuf,
    /// Whether it may have charts rendered by helm.
    pub enable_helm: bool,
    /// What is put on top of it, as in a kustomization of which it is the only resource.
    pub overlay: Map<String, Value>,
}

/// Writes the kustomization that is put on top, in a folder of its own.
fn overlay(kustomization: &Kustomization) -> Result<Option<TempDir>, PlanError> {
    if kustomization.overlay.is_empty() {
        return Ok(None);
    }
    let shown = kustomization.path.display();
    let wrong =
        |error: std::io::Error| PlanError::new(format!("the kustomization {shown} can't be built upon: {error}"));
    let folder = TempDir::new().map_err(wrong)?;
    // kustomize takes no absolute paths: up to the root, and down again.
    let from = folder.path().canonicalize().map_err(wrong)?;
    let to = kustomization.path.canonicalize().map_err(wrong)?;
    let up: PathBuf = from.components().skip(1).map(|_| "..").collect();
    let down: PathBuf = to.components().skip(1).collect();
    let mut text = kustomization.overlay.clone();
    text.insert("resources".to_owned(), json!([up.join(down)]));
    let text = Value::Object(text).to_string();
    capstan_files::write(
        &folder.path().join("kustomization.yaml"),
        text.as_bytes(),
        Readers::Owner,
    )
    .map_err(wrong)?;
    Ok(Some(folder))
}

/// Says whether a folder has a kustomization.
pub(super) fn is_kustomization(path: &Path) -> bool {
    FILES.iter().any(|file| path.join(file).is_file())
}

/// Builds a kustomization.
pub(super) fn build(kustomization: &Kustomization, deadline: Duration) -> Result<Rendered, PlanError> {
    let path = &kustomization.path;
    let shown = path.display();
    if !is_kustomization(path) {
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
    let top = overlay(kustomization)?;
    command.args(words);
    command.arg(top.as_ref().map_or(path.as_path(), |folder| folder.path()));
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
