//! Helm charts, rendered by the installed `helm`. Hooks and tests are included, as `helm template` prints them by default, and so are the
//! definitions in `crds/`, as `helm install` would install them.

use std::path::Path;

use capstan_core::{
    model::{
        error::Diagnostic,
        remedy::{Remedies, Setting, SourceKind},
    },
    read::manifest,
};
use capstan_process::{Command, Environment, LeadingDash, Program};
use serde_json::Value;

use super::{
    FileAccess, Release, Rendered, SourceText, Stdin, deadline::Work, files::application_name, kustomization_check,
    program, work_tree::WorkTree,
};

/// Returns what to do where there is no helm.
fn not_installed() -> Remedies {
    let elsewhere = Setting::StdinFrom {
        command: "helm template NAME CHART".to_owned(),
    };
    let install = "install helm (https://helm.sh/docs/intro/install) so that it is in PATH";
    [install.into(), elsewhere.into()].into()
}

/// A chart with its values and options.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// A folder, a packed chart, or a reference of helm's: `oci://...`, `REPOSITORY/NAME`.
    pub chart: String,
    /// The version, for a chart from a repository.
    pub version: Option<String>,
    /// The URL of the repository, if `chart` is only a name.
    pub repository: Option<String>,
    /// The release's name; the application's if absent.
    pub release_name: Option<String>,
    /// The release's namespace; the application's if absent.
    pub namespace: Option<String>,
    /// The values.
    pub values: Values,
    /// Whether the definitions in its `crds/` are left out.
    pub skip_crds: bool,
    /// The version of Kubernetes that the chart sees; the cluster's if absent.
    pub kube_version: Option<String>,
    /// Further API versions that the chart sees as served.
    pub api_versions: Vec<String>,
}

/// The values of a chart, in helm's own forms. Later ones win.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    /// Files of values (`--values`).
    pub files: Vec<String>,
    /// Values from the place where the chart is named; they win over the files.
    pub inline: Option<Value>,
    /// Further files of values; they win over both.
    pub late_files: Vec<String>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-file`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
}

impl Values {
    fn all_files(&self) -> impl Iterator<Item = &String> {
        self.files.iter().chain(&self.late_files)
    }
}

impl Chart {
    /// Makes one with default options.
    pub fn new(chart: impl Into<String>) -> Chart {
        Chart {
            chart: chart.into(),
            ..Chart::default()
        }
    }

    /// Returns its path, if it is a local chart.
    pub(super) fn local_path(&self) -> Option<&Path> {
        Some(Path::new(&self.chart)).filter(|path| path.exists())
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        let files = self.values.all_files().map(Path::new).filter(|path| path.exists());
        self.local_path().into_iter().chain(files).collect()
    }

    pub(super) fn description(&self) -> String {
        let version = self.version.clone().or_else(|| self.chart_yaml_version());
        let chart = &self.chart;
        version.map_or_else(
            || format!("chart {chart}"),
            |version| format!("chart {chart} {version}"),
        )
    }

    /// Returns the version in its `Chart.yaml`.
    fn chart_yaml_version(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.local_path()?.join("Chart.yaml")).ok()?;
        let meta = manifest::parse_go_value(&text).ok()?;
        meta.get("version")?.as_str().map(str::to_owned)
    }

    /// Returns the name of an application with this chart: the folder's name, or that of a packed chart without its version.
    pub(super) fn name(&self) -> Option<String> {
        if let Some(path) = self.local_path().filter(|path| path.is_dir()) {
            return application_name(path);
        }
        let last = self.chart.trim_end_matches('/').rsplit('/').next()?;
        let last = last.trim_end_matches(".tgz").trim_end_matches(".tar.gz");
        let (last, _) = last.split_once(['@', ':']).unwrap_or((last, ""));
        let is_version = |(at, _): &(usize, &str)| {
            let rest = last.get(at + 1..).unwrap_or_default();
            rest.starts_with(|letter: char| letter.is_ascii_digit())
        };
        let end = last
            .match_indices('-')
            .find(is_version)
            .map_or(last.len(), |(at, _)| at);
        last.get(..end).filter(|name| !name.is_empty()).map(str::to_lowercase)
    }
}

/// Says whether a path is a chart: a folder with a `Chart.yaml`, or a packed chart.
pub(super) fn is_chart(path: &Path) -> bool {
    let is_packed = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".tgz") || name.ends_with(".tar.gz")
    };
    path.join("Chart.yaml").is_file() || (is_packed(path) && path.is_file())
}

/// Finds helm, and checks the chart as far as that is possible without it. Links in the chart have to stay in `tree`.
pub(super) fn find(
    chart: &Chart,
    tree: Option<&WorkTree>,
    access: &FileAccess,
    work: &Work,
) -> Result<Program, Diagnostic> {
    let path = Path::new(&chart.chart);
    if path.is_dir() && !path.join("Chart.yaml").is_file() {
        return Err(
            Diagnostic::new(format!("{} is not a Helm chart: it has no Chart.yaml", chart.chart)).hint(
                Setting::SourceKinds {
                    kinds: vec![SourceKind::Files, SourceKind::Kustomization],
                },
            ),
        );
    }
    let missing = |file: &&String| !file.contains("://") && *file != "-" && !Path::new(file).is_file();
    if let Some(file) = chart.values.all_files().find(missing) {
        return Err(Diagnostic::new(format!("{file} can't be read: there is no such file"))
            .hint(format!("it is named as values of the chart {}", chart.chart)));
    }
    if chart.values.inline.is_some() && chart.values.all_files().any(|file| file == "-") {
        let message = format!(
            "values of the chart {} are given both next to it and on stdin",
            chart.chart
        );
        return Err(Diagnostic::new(message).hint("keep one of them, or name a file"));
    }
    if path.is_dir() {
        let own = || WorkTree::find(path, access);
        kustomization_check::check_links(path, &tree.cloned().unwrap_or_else(own), work)?;
    }
    if chart.local_path().is_none() && chart.chart.starts_with('-') {
        return Err(leading_dash_error(&LeadingDash(chart.chart.clone())));
    }
    if let Some(name) = &chart.release_name {
        check_release_name(name).map_err(|(message, hint)| Diagnostic::new(message).hint(hint))?;
    }
    Program::find("helm").ok_or_else(|| {
        Diagnostic::new(format!(
            "{} is a Helm chart, and there is no `helm` to render it with",
            chart.chart
        ))
        .hint(not_installed())
    })
}

/// The most bytes of a release's name, which helm uses in names of objects.
const MAX_RELEASE_NAME_BYTES: usize = 53;

/// Checks the name of a release as helm does: DNS labels with dots between them. Returns what is wrong, and a hint.
pub fn check_release_name(name: &str) -> Result<(), (String, &'static str)> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_letter)
            && label.ends_with(is_letter)
            && label.chars().all(|letter| is_letter(letter) || letter == '-')
    };
    if name.len() <= MAX_RELEASE_NAME_BYTES && name.split('.').all(is_label) {
        return Ok(());
    }
    let hint = "write at most 53 small letters, digits, `-` and `.`, with a letter or digit at both ends";
    Err((format!("`{name}` is not a release name"), hint))
}

/// Splits `KEY=FILE`. Returns `None` for several of them, separated by commas, which helm would accept.
pub fn split_set_file(text: &str) -> Option<(&str, &str)> {
    let (key, path) = text.split_once('=')?;
    let is_one = !text.contains([',', '\\']) && !path.starts_with('{');
    is_one.then_some((key, path))
}

/// Renders a chart. helm gets no kubeconfig, so `lookup` in a template returns nothing. It runs in an empty folder, so that the name of a
/// chart in a repository is never that of a local folder.
pub(super) fn render(
    chart: &Chart,
    helm: &Program,
    release: &Release,
    work: &Work,
    stdin: &Stdin,
) -> Result<Rendered, Diagnostic> {
    let what = format!("helm can't render the chart {}", chart.chart);
    let mut command = Command::new(helm, Environment::Minimal);
    command.pass_paths(&HELM_PATH_VARIABLES).env("KUBECONFIG", NULL_DEVICE);
    let folder = tempfile::tempdir().map_err(|error| Diagnostic::new(format!("{what}: {error}")))?;
    command.folder(folder.path());
    arguments(&mut command, chart, release).map_err(|error| leading_dash_error(&error))?;
    let inline = chart.values.inline.as_ref().map(ToString::to_string);
    let is_stdin = chart.values.all_files().any(|file| file == "-");
    let input = if is_stdin {
        work.begin("- can't be read")?;
        Some(stdin.read_text()?)
    } else {
        inline
    };
    if let Some(input) = input {
        command.input(input.into_bytes());
    }
    let output = program::run(command, &what, work)?;
    Ok(Rendered {
        texts: split_by_template(&output.stdout, &chart.chart),
        notices: output.notices("helm"),
    })
}

fn leading_dash_error(error: &LeadingDash) -> Diagnostic {
    Diagnostic::new(error.to_string()).hint("a chart in a folder of that name is written with `./` before it")
}

/// An empty file.
pub(super) const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// The environment variables with the user's own folders and files of helm.
pub(super) const HELM_PATH_VARIABLES: [&str; 8] = [
    "DOCKER_CONFIG",
    "HELM_CACHE_HOME",
    "HELM_CONFIG_HOME",
    "HELM_DATA_HOME",
    "HELM_PLUGINS",
    "HELM_REGISTRY_CONFIG",
    "HELM_REPOSITORY_CACHE",
    "HELM_REPOSITORY_CONFIG",
];

fn arguments(command: &mut Command, chart: &Chart, release: &Release) -> Result<(), LeadingDash> {
    command.constant("template");
    command.flag("namespace", chart.namespace.as_deref().unwrap_or(&release.namespace));
    let of_cluster = release.capabilities.as_deref();
    let version = chart.kube_version.as_deref();
    if let Some(version) = version.or(of_cluster.map(|found| found.kube_version.as_str())) {
        command.flag("kube-version", version);
    }
    let served = of_cluster.into_iter().flat_map(|found| &found.api_versions);
    for served in served.chain(&chart.api_versions) {
        command.flag("api-versions", served);
    }
    if let Some(repository) = &chart.repository {
        command.flag("repo", repository);
    }
    if let Some(version) = &chart.version {
        command.flag("version", version);
    }
    let values = &chart.values;
    for file in &values.files {
        command.flag("values", escape_list_item(&absolute_path(file)));
    }
    if values.inline.is_some() {
        command.flag("values", "-");
    }
    for file in &values.late_files {
        command.flag("values", escape_list_item(&absolute_path(file)));
    }
    for (name, given) in [
        ("set-json", &values.set_json),
        ("set", &values.set),
        ("set-string", &values.set_string),
    ] {
        for one in given {
            command.secret_flag(name, one);
        }
    }
    for one in &values.set_file {
        command.secret_flag("set-file", absolute_set_file(one));
    }
    for one in &values.set_literal {
        command.secret_flag("set-literal", one);
    }
    if !chart.skip_crds {
        command.constant("--include-crds");
    }
    command.constant("--");
    command.operand(chart.release_name.as_deref().unwrap_or(&release.name))?;
    match chart.local_path() {
        Some(path) => command.path(path),
        None => command.operand(&chart.chart)?,
    };
    Ok(())
}

/// Makes the path of a values file absolute. stdin and addresses stay as they are.
fn absolute_path(file: &str) -> String {
    if file == "-" || file.contains("://") {
        return file.to_owned();
    }
    let path = std::path::absolute(file);
    path.map_or_else(|_| file.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Escapes a text as one item of a comma-separated list, which `--values` accepts.
fn escape_list_item(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Makes the paths in a `--set-file` absolute: `KEY=FILE,KEY=FILE`, where a comma in a name has a backslash before it.
fn absolute_set_file(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',') {
        match parts.last_mut() {
            Some(before) if before.ends_with('\\') => before.push_str(&format!(",{part}")),
            Some(_) | None => parts.push(part.to_owned()),
        }
    }
    let whole = |part: &String| match part.split_once('=') {
        Some((key, path)) if !path.is_empty() && !path.starts_with('{') => {
            // The folders above the file may have commas in their names, too.
            let folder = absolute_path("x").replace(',', "\\,");
            let folder = folder.strip_suffix('x').unwrap_or_default().to_owned();
            let is_whole = Path::new(path).is_absolute() || path.contains("://");
            format!("{key}={}{path}", if is_whole { "" } else { &folder })
        }
        Some(_) | None => part.clone(),
    };
    parts.iter().map(whole).collect::<Vec<_>>().join(",")
}

/// Splits helm's output into the texts of its templates, by the comment before each document. A mistake is then reported with the
/// template's name and the line in the rendered text.
fn split_by_template(text: &str, chart: &str) -> Vec<SourceText> {
    let mut texts: Vec<SourceText> = Vec::new();
    let mut current = None;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let is_start = line.trim_end() == "---";
        if is_start && let Some(template) = lines.peek().and_then(|next| next.strip_prefix("# Source: ")) {
            let name = template_name(chart, template.trim_end());
            current = Some(texts.iter().position(|known| known.name == name).unwrap_or_else(|| {
                texts.push(SourceText::empty(name));
                texts.len() - 1
            }));
        }
        let index = *current.get_or_insert_with(|| {
            texts.push(SourceText::empty(format!("{chart} (rendered)")));
            texts.len() - 1
        });
        if let Some(found) = texts.get_mut(index) {
            found.text.push_str(line);
        }
    }
    texts
}

/// Names a template by the chart's path: helm's own name begins with the chart's name.
fn template_name(chart: &str, template: &str) -> String {
    let inside = template.split_once('/').map_or(template, |(_, inside)| inside);
    format!("{}/{inside} (rendered)", chart.trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
