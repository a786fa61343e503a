//! Where manifests come from.

use std::path::PathBuf;

use capstan_project::{ChartSpec, SourceSpec, parse_seconds};
use capstan_source::{RENDER_TIMEOUT, Source};
use clap::Args as ClapArgs;

/// Where manifests come from.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Sources")]
pub struct SourceArgs {
    /// Manifests: a file, a folder or - for stdin. A folder with a Chart.yaml or a packed chart is a Helm chart. May be repeated
    #[arg(short, long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Read subfolders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Folder with a kustomization, built by `kustomize` or `kubectl kustomize`. May be repeated
    #[arg(short = 'k', long = "kustomize", value_name = "DIR")]
    pub kustomizations: Vec<PathBuf>,
    /// Allow kustomizations to render charts with helm
    #[arg(long)]
    pub enable_helm: bool,
    /// Helm chart: a folder, a packed file, oci://... or REPOSITORY/NAME, rendered by `helm template`. May be repeated
    #[arg(long = "chart", value_name = "CHART")]
    pub charts: Vec<String>,
    /// Version of a chart from a repository
    #[arg(long, value_name = "VERSION")]
    pub chart_version: Option<String>,
    /// File with values for the charts. May be repeated; later files take precedence
    #[arg(long, value_name = "FILE")]
    pub values: Vec<String>,
    /// Value for the charts, as KEY=VALUE. May be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Value for the charts that is always a string
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_string: Vec<String>,
    /// Value for the charts, as JSON
    #[arg(long, value_name = "KEY=JSON")]
    pub set_json: Vec<String>,
    /// Value for the charts that is read from a file
    #[arg(long, value_name = "KEY=FILE")]
    pub set_file: Vec<String>,
    /// Value for the charts that is used literally, without helm's syntax
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_literal: Vec<String>,
    /// Release name of the charts [default: the application's name]
    #[arg(long, value_name = "NAME")]
    pub release_name: Option<String>,
    /// Leave out the `CustomResourceDefinitions` in the charts' crds/
    #[arg(long)]
    pub skip_crds: bool,
    /// Kubernetes version for rendering charts, and for `lint` to find removed API versions [default: the cluster's; for `lint` the newest]
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Additional API versions for rendering charts, such as apps/v1/Deployment. May be repeated
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// A file to use instead of the `capstan.yaml` of the working directory or of a folder given by -f. May be repeated
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// File with Argo CD `Application` objects to sync. May be repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "kustomizations", "charts", "config"])]
    pub argocd_application: Vec<PathBuf>,
    /// How long all reading and rendering may take together [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub render_timeout: Option<u64>,
}

impl SourceArgs {
    /// Returns the sources in the order of their kinds: files, kustomizations, charts.
    pub fn sources(&self) -> Vec<Source> {
        self.spec().sources()
    }

    /// Returns what the flags say.
    pub fn spec(&self) -> SourceSpec {
        SourceSpec {
            files: self.files.clone(),
            recursive: self.recursive,
            kustomizations: self.kustomizations.clone(),
            enable_helm: self.enable_helm,
            charts: self.charts.clone(),
            chart: ChartSpec {
                version: self.chart_version.clone(),
                values: self.values.clone(),
                set: self.set.clone(),
                set_string: self.set_string.clone(),
                set_json: self.set_json.clone(),
                set_file: self.set_file.clone(),
                set_literal: self.set_literal.clone(),
                release_name: self.release_name.clone(),
                skip_crds: self.skip_crds,
                kube_version: self.kube_version.clone(),
                api_versions: self.api_versions.clone(),
            },
            config: self.config.clone(),
            argocd_applications: self.argocd_application.clone(),
        }
    }

    /// Names a flag that is for charts only, if there is one.
    pub fn chart_flag(&self) -> Option<&'static str> {
        let all = [
            ("--values", self.values.is_empty()),
            ("--set", self.set.is_empty()),
            ("--set-string", self.set_string.is_empty()),
            ("--set-json", self.set_json.is_empty()),
            ("--set-file", self.set_file.is_empty()),
            ("--set-literal", self.set_literal.is_empty()),
            ("--release-name", self.release_name.is_none()),
            ("--skip-crds", !self.skip_crds),
        ];
        all.into_iter().find(|(_, is_absent)| !is_absent).map(|(flag, _)| flag)
    }

    /// Returns how long all reading and rendering may take.
    pub fn render_timeout(&self) -> std::time::Duration {
        self.render_timeout
            .map_or(RENDER_TIMEOUT, std::time::Duration::from_secs)
    }
}
