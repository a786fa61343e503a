//! Kustomizations, built by `kustomize`, or by kubectl, which has it built in.

use std::path::{Path, PathBuf};

use capstan_core::model::{
    error::Diagnostic,
    remedy::{Setting, SourceKind},
};
use capstan_files::Readers;
use capstan_process::{Command, Environment, Program};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{
    Rendered, SourceText,
    deadline::Work,
    helm::{HELM_PATH_VARIABLES, NULL_DEVICE},
    kustomization_check, program,
    work_tree::WorkTree,
};

/// The file names of a kustomization.
pub(super) const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const MISSING_HELM_HINT: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools), which can do it, \
                       or kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize), so that it is in PATH";

/// A folder with a kustomization.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kustomization {
    /// The folder.
    pub path: PathBuf,
    /// Whether it may use helm to render charts.
    pub enable_helm: bool,
    /// Fields that are added on top of it, as in a kustomization with this one as its only resource.
    pub overlay: Map<String, Value>,
}

/// Writes the kustomization with those fields, in a temporary folder.
fn write_overlay(kustomization: &Kustomization) -> Result<Option<TempDir>, Diagnostic> {
    if kustomization.overlay.is_empty() {
        return Ok(None);
    }
    let shown = kustomization.path.display();
    let wrong = |error: std::io::Error| Diagnostic::new(format!("the kustomization {shown} can't be read: {error}"));
    let folder = TempDir::new().map_err(wrong)?;
    // kustomize accepts no absolute paths: the path goes up to the root, and down again.
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
    KUSTOMIZATION_FILES.iter().any(|file| path.join(file).is_file())
}

/// Builds a kustomization, after a check of everything that it refers to.
pub(super) fn build(kustomization: &Kustomization, tree: &WorkTree, work: &Work) -> Result<Rendered, Vec<Diagnostic>> {
    let path = &kustomization.path;
    let shown = path.display();
    if !is_kustomization(path) {
        let error = Diagnostic::new(format!("{shown} is not a kustomization: it has no kustomization.yaml"));
        return Err(vec![error.hint(Setting::SourceKinds {
            kinds: vec![SourceKind::Files, SourceKind::Chart],
        })]);
    }
    kustomization_check::check(path, tree, kustomization.enable_helm, work)?;
    kustomization_check::check_overlay(&Value::Object(kustomization.overlay.clone()), tree)?;
    run(kustomization, tree, work).map_err(|mistake| vec![mistake])
}

fn run(kustomization: &Kustomization, tree: &WorkTree, work: &Work) -> Result<Rendered, Diagnostic> {
    let path = &kustomization.path;
    let shown = path.display();
    let (program, word) = match (Program::find("kustomize"), Program::find("kubectl")) {
        (Some(kustomize), _) => (kustomize, "build"),
        (None, Some(kubectl)) => (kubectl, "kustomize"),
        (None, None) => {
            let message =
                format!("{shown} is a kustomization, and there is neither `kustomize` nor `kubectl` to build it with");
            return Err(Diagnostic::new(message).hint(MISSING_HELM_HINT));
        }
    };
    let top = write_overlay(kustomization)?;
    let mut command = Command::new(&program, Environment::Minimal);
    command
        .constant(word)
        .flag("load-restrictor", "LoadRestrictionsRootOnly")
        .env("KUBECONFIG", NULL_DEVICE)
        .env("KUBERC", "off");
    if kustomization.enable_helm {
        let helm = Program::find("helm").ok_or_else(|| {
            Diagnostic::new(format!(
                "{shown} may have charts, and there is no `helm` to render them with"
            ))
            .hint("install helm (https://helm.sh/docs/intro/install) so that it is in PATH")
        })?;
        // Without this variable, helm would look for plugins in the configuration folder that the kustomization names.
        command.env("HELM_PLUGINS", NULL_DEVICE);
        command
            .pass_paths(&HELM_PATH_VARIABLES)
            .constant("--enable-helm")
            .flag("helm-command", helm.path());
    }
    if !tree.allows_outside() {
        // kustomize finds git by its name.
        command.env("PATH", NULL_DEVICE);
    }
    if !tree.allows_outside() && !kustomization.enable_helm {
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env(proxy, UNREACHABLE_PROXY);
        }
    }
    let folder = top.as_ref().map_or(path.as_path(), |folder| folder.path());
    command.constant("--").path(folder);
    let name = program.name();
    let what = format!("{name} can't build the kustomization {shown}");
    let output = program::run(command, &what, work)?;
    Ok(Rendered {
        notices: output.notices(&name),
        texts: vec![SourceText {
            name: format!("{shown} (built)"),
            text: output.stdout,
            is_outside: false,
        }],
    })
}

/// A proxy that doesn't exist: nothing listens on port 9. So an address that the check missed can't be fetched either.
const UNREACHABLE_PROXY: &str = "http://127.0.0.1:9";
