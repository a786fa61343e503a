//! Helm charts, rendered by the installed `helm`. Hooks and tests come with the rest (`helm template` prints them unless it is told
//! not to), and so do the definitions in `crds/`, as `helm install` would bring them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use capstan_core::error::PlanError;
use serde_json::Value;

use super::{Release, Rendered, files::name_of, program};

const MISSING: &str = "install helm (https://helm.sh/docs/intro/install) so that it is in PATH; \
                       or render where it is: `helm template NAME CHART | capstan ... --app NAME -f -`";

/// A chart and what is wanted of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// Its folder or packed file, or what helm calls it: `oci://...`, `REPOSITORY/NAME`.
    pub chart: String,
    /// Which version of it, where it comes from a repository.
    pub version: Option<String>,
    /// The URL of the repository, where `chart` is only a name.
    pub repository: Option<String>,
    /// The name of the release; the application's if absent.
    pub release_name: Option<String>,
    /// The namespace that is told to the chart; the application's if absent.
    pub namespace: Option<String>,
    /// What is put into it.
    pub values: Values,
    /// Whether the definitions in its `crds/` are left out.
    pub skip_crds: bool,
    /// Which version of Kubernetes it is told; the cluster's if absent.
    pub kube_version: Option<String>,
    /// What else it is told to be served.
    pub api_versions: Vec<String>,
}

/// What is put into a chart, in helm's own words. Later ones win.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    /// Files.
    pub files: Vec<String>,
    /// Values that are written where the chart is named; they win over the files.
    pub inline: Option<Value>,
    /// Further files; they win over both.
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
    /// Makes one of which nothing special is wanted.
    pub fn at(chart: impl Into<String>) -> Chart {
        Chart {
            chart: chart.into(),
            ..Chart::default()
        }
    }

    fn local(&self) -> Option<&Path> {
        Some(Path::new(&self.chart)).filter(|path| path.exists())
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        let files = self.values.all_files().map(Path::new).filter(|path| path.exists());
        self.local().into_iter().chain(files).collect()
    }

    pub(super) fn about(&self) -> String {
        let version = self.version.clone().or_else(|| self.own_version());
        let chart = &self.chart;
        version.map_or_else(
            || format!("chart {chart}"),
            |version| format!("chart {chart} {version}"),
        )
    }

    /// Returns the version that its `Chart.yaml` says.
    fn own_version(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Meta {
            version: String,
        }
        let text = std::fs::read_to_string(self.local()?.join("Chart.yaml")).ok()?;
        serde_yaml::from_str::<Meta>(&text).ok().map(|meta| meta.version)
    }

    /// Names an application after it: the folder's name, or that of a packed chart without its version.
    pub(super) fn name(&self) -> Option<String> {
        if let Some(path) = self.local().filter(|path| path.is_dir()) {
            return name_of(path);
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

/// Says whether a path is a chart: a folder with a `Chart.yaml`, or a packed one.
pub(super) fn is_chart(path: &Path) -> bool {
    let is_packed = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".tgz") || name.ends_with(".tar.gz")
    };
    path.join("Chart.yaml").is_file() || (is_packed(path) && path.is_file())
}

/// Finds helm, and checks what can be checked of a chart without it.
pub(super) fn find(chart: &Chart) -> Result<PathBuf, PlanError> {
    let path = Path::new(&chart.chart);
    if path.is_dir() && !path.join("Chart.yaml").is_file() {
        return Err(
            PlanError::new(format!("{} is no Helm chart: it has no Chart.yaml", chart.chart))
                .hint("`-f` reads a folder of manifests, `-k` builds a kustomization"),
        );
    }
    let missing = |file: &&String| !file.contains("://") && *file != "-" && !Path::new(file).is_file();
    if let Some(file) = chart.values.all_files().find(missing) {
        return Err(PlanError::new(format!("{file} can't be read: there is no such file"))
            .hint(format!("it is named as values of the chart {}", chart.chart)));
    }
    if chart.values.inline.is_some() && chart.values.all_files().any(|file| file == "-") {
        let message = format!(
            "values of the chart {} are written beside it and on stdin, too",
            chart.chart
        );
        return Err(PlanError::new(message).hint("keep one of them, or name a file"));
    }
    program::find("helm").ok_or_else(|| {
        PlanError::new(format!(
            "{} is a Helm chart, and there is no `helm` to render it with",
            chart.chart
        ))
        .hint(MISSING)
    })
}

/// Renders a chart. helm gets no kubeconfig: whatever a template looks up is empty, as it is wherever charts are rendered ahead.
pub(super) fn render(
    chart: &Chart,
    helm: &Path,
    release: &Release<'_>,
    deadline: Duration,
) -> Result<Rendered, PlanError> {
    let mut command = Command::new(helm);
    command.args(arguments(chart, release));
    command.env_remove("HELM_KUBECONTEXT").env_remove("HELM_NAMESPACE");
    command.env("KUBECONFIG", NO_CLUSTER);
    let what = format!("helm can't render the chart {}", chart.chart);
    let inline = chart.values.inline.as_ref().map(ToString::to_string);
    let is_stdin = chart.values.all_files().any(|file| file == "-");
    let input = if is_stdin {
        Some(super::text(Path::new("-"))?)
    } else {
        inline
    };
    let said = program::run(&mut command, input, &what, deadline)?;
    Ok(Rendered {
        texts: by_template(&said.out, &chart.chart),
        said: said.notices("helm"),
    })
}

/// A kubeconfig without a cluster in it.
const NO_CLUSTER: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

fn arguments(chart: &Chart, release: &Release<'_>) -> Vec<String> {
    let mut words = vec!["template".to_owned()];
    words.push(chart.release_name.as_deref().unwrap_or(release.name).to_owned());
    words.push(chart.chart.clone());
    let mut flag = |name: &str, value: &str| words.push(format!("--{name}={value}"));
    flag("namespace", chart.namespace.as_deref().unwrap_or(release.namespace));
    let of_cluster = release.capabilities;
    let version = chart.kube_version.as_deref();
    if let Some(version) = version.or(of_cluster.map(|found| found.kube_version.as_str())) {
        flag("kube-version", version);
    }
    let served = of_cluster.into_iter().flat_map(|found| &found.api_versions);
    for served in served.chain(&chart.api_versions) {
        flag("api-versions", served);
    }
    if let Some(repository) = &chart.repository {
        flag("repo", repository);
    }
    if let Some(version) = &chart.version {
        flag("version", version);
    }
    let values = &chart.values;
    for file in &values.files {
        flag("values", file);
    }
    if values.inline.is_some() {
        flag("values", "-");
    }
    for file in &values.late_files {
        flag("values", file);
    }
    let all = [
        ("set-json", &values.set_json),
        ("set", &values.set),
        ("set-string", &values.set_string),
        ("set-file", &values.set_file),
        ("set-literal", &values.set_literal),
    ];
    for (name, given) in all {
        for one in given {
            flag(name, one);
        }
    }
    if !chart.skip_crds {
        words.push("--include-crds".to_owned());
    }
    words
}

/// Cuts what helm printed into the texts of its templates, by the comment that it writes before each document. A mistake is then
/// told in the template that it comes from, with its line in what was rendered.
fn by_template(text: &str, chart: &str) -> Vec<(String, String)> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut current = None;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let is_start = line.trim_end() == "---";
        if is_start && let Some(template) = lines.peek().and_then(|next| next.strip_prefix("# Source: ")) {
            let name = name_in(chart, template.trim_end());
            current = Some(texts.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                texts.push((name, String::new()));
                texts.len() - 1
            }));
        }
        let index = *current.get_or_insert_with(|| {
            texts.push((format!("{chart} (rendered)"), String::new()));
            texts.len() - 1
        });
        if let Some((_, text)) = texts.get_mut(index) {
            text.push_str(line);
        }
    }
    texts
}

/// Names a template by its chart's place: helm's own name begins with the chart's.
fn name_in(chart: &str, template: &str) -> String {
    let inside = template.split_once('/').map_or(template, |(_, inside)| inside);
    format!("{}/{inside} (rendered)", chart.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "---\n# Source: shop/templates/a.yaml\nkind: A\n---\n# Source: shop/templates/b.yaml\nkind: B\n\
                           ---\nkind: B2\n---\n# Source: shop/templates/a.yaml\nkind: A2\n";

    #[test]
    fn what_is_rendered_is_told_by_template() {
        let texts = by_template(PRINTED, "charts/shop/");
        assert_eq!(
            texts,
            [
                (
                    "charts/shop/templates/a.yaml (rendered)".to_owned(),
                    "---\n# Source: shop/templates/a.yaml\nkind: A\n---\n# Source: shop/templates/a.yaml\nkind: A2\n"
                        .to_owned()
                ),
                (
                    "charts/shop/templates/b.yaml (rendered)".to_owned(),
                    "---\n# Source: shop/templates/b.yaml\nkind: B\n---\nkind: B2\n".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn an_application_is_named_after_its_chart() {
        let name = |chart: &str| Chart::at(chart).name();
        assert_eq!(name("shop-1.2.3.tgz").as_deref(), Some("shop"));
        assert_eq!(name("charts/my-shop-0.1.0-rc.1.tgz").as_deref(), Some("my-shop"));
        assert_eq!(name("oci://somewhere/charts/shop").as_deref(), Some("shop"));
        assert_eq!(name("oci://somewhere/charts/shop:1.2").as_deref(), Some("shop"));
        assert_eq!(name("stable/redis").as_deref(), Some("redis"));
    }

    #[test]
    fn helm_is_told_what_the_cluster_serves() {
        let capabilities = Capabilities {
            kube_version: "v1.36.0".to_owned(),
            api_versions: vec!["apps/v1".to_owned(), "apps/v1/Deployment".to_owned()],
        };
        let release = Release {
            name: "shop",
            namespace: "store",
            capabilities: Some(&capabilities),
        };
        let mut chart = Chart::at("charts/shop");
        chart.values.set.push("a=1".to_owned());
        chart.values.late_files.push("prod.yaml".to_owned());
        assert_eq!(
            arguments(&chart, &release),
            [
                "template",
                "shop",
                "charts/shop",
                "--namespace=store",
                "--kube-version=v1.36.0",
                "--api-versions=apps/v1",
                "--api-versions=apps/v1/Deployment",
                "--values=prod.yaml",
                "--set=a=1",
                "--include-crds"
            ]
        );
        chart.release_name = Some("other".to_owned());
        chart.kube_version = Some("1.30".to_owned());
        let words = arguments(&chart, &release);
        assert!(words[1] == "other" && words.contains(&"--kube-version=1.30".to_owned()));
    }

    use super::super::Capabilities;
}
