//! The sources that the user named, and the options for all of them.

use std::path::{Path, PathBuf};

use capstan_source::{Chart, Kustomization, Source};

/// The sources that the user named on the command line, with the options for the charts among all sources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceSpec {
    /// Files, folders and `-` for standard input.
    pub files: Vec<PathBuf>,
    /// Whether the subfolders of folders are read, too.
    pub recursive: bool,
    /// Folders with kustomizations.
    pub kustomizations: Vec<PathBuf>,
    /// Whether kustomizations may use helm to render charts.
    pub enable_helm: bool,
    /// Helm charts: folders, packed files, `oci://...` or `REPOSITORY/NAME`.
    pub charts: Vec<String>,
    /// The options for every chart. They win over those of the chart's source.
    pub chart: ChartSpec,
    /// Files that describe applications, or folders with such a file.
    pub config: Vec<PathBuf>,
    /// Files with Applications of Argo CD.
    pub argocd_applications: Vec<PathBuf>,
}

/// The options for every chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChartSpec {
    /// The version of charts that come from a repository.
    pub version: Option<String>,
    /// Files of values; later ones win.
    pub values: Vec<String>,
    /// `KEY=VALUE` each.
    pub set: Vec<String>,
    /// `KEY=VALUE` each, whose values are always strings.
    pub set_string: Vec<String>,
    /// `KEY=JSON` each.
    pub set_json: Vec<String>,
    /// `KEY=FILE` each.
    pub set_file: Vec<String>,
    /// `KEY=VALUE` each, whose values are taken literally.
    pub set_literal: Vec<String>,
    /// The release's name; the application's if absent.
    pub release_name: Option<String>,
    /// Whether the definitions in `crds/` are left out.
    pub skip_crds: bool,
    /// The version of Kubernetes that charts see; the cluster's if absent.
    pub kube_version: Option<String>,
    /// Further API versions that charts see as served.
    pub api_versions: Vec<String>,
}

impl SourceSpec {
    /// Returns the sources: files first, then kustomizations and charts.
    pub fn sources(&self) -> Vec<Source> {
        let files = self
            .files
            .iter()
            .map(|path| Source::from_path(path.clone(), self.recursive));
        let kustomizations = self.kustomizations.iter().map(|path| {
            Source::Kustomization(Kustomization {
                path: path.clone(),
                enable_helm: self.enable_helm,
                ..Kustomization::default()
            })
        });
        let charts = self
            .charts
            .iter()
            .map(|chart| Source::Chart(Box::new(Chart::new(chart))));
        let mut sources: Vec<Source> = files.chain(kustomizations).chain(charts).collect();
        for source in &mut sources {
            if let Source::Chart(chart) = source {
                self.chart.apply_to(chart);
            }
        }
        sources
    }
}

impl ChartSpec {
    /// Sets these options in a chart. They win over those of the chart's source.
    pub(crate) fn apply_to(&self, chart: &mut Chart) {
        let is_from_repository = !Path::new(&chart.chart).exists();
        if is_from_repository && self.version.is_some() {
            chart.version.clone_from(&self.version);
        }
        if self.release_name.is_some() {
            chart.release_name.clone_from(&self.release_name);
        }
        if self.kube_version.is_some() {
            chart.kube_version.clone_from(&self.kube_version);
        }
        chart.skip_crds |= self.skip_crds;
        chart.api_versions.extend(self.api_versions.iter().cloned());
        let values = &mut chart.values;
        for (all, more) in [
            (&mut values.late_files, &self.values),
            (&mut values.set, &self.set),
            (&mut values.set_string, &self.set_string),
            (&mut values.set_json, &self.set_json),
            (&mut values.set_file, &self.set_file),
            (&mut values.set_literal, &self.set_literal),
        ] {
            all.extend(more.iter().cloned());
        }
    }
}
