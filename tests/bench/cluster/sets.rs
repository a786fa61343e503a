//! The manifests, in the forms that the tools want: a folder, and a chart for helm.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};

/// A set of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// So many waves of so many `ConfigMap`s each; one wave is none.
    ConfigMaps {
        /// How many waves.
        waves: usize,
        /// How many in each.
        each: usize,
    },
    /// A Job before, a Deployment, a Job afterwards.
    Jobs,
}

/// How a tool is told that a Job is a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    /// By Argo CD's annotations.
    ArgoCd,
    /// By helm's.
    Helm,
}

impl Set {
    /// Returns how many objects there are.
    pub fn count(self) -> usize {
        match self {
            Set::ConfigMaps { waves, each } => waves * each,
            Set::Jobs => 3,
        }
    }

    /// Writes `manifests/` and `chart/` into a folder.
    pub fn write(self, folder: &Path) -> anyhow::Result<()> {
        let chart = folder.join("chart");
        fs::create_dir_all(chart.join("templates"))?;
        fs::create_dir_all(folder.join("manifests"))?;
        fs::write(
            chart.join("Chart.yaml"),
            "apiVersion: v2\nname: bench\nversion: 1.0.0\n",
        )?;
        fs::write(folder.join("manifests/all.yaml"), text(&self.objects(Hooks::ArgoCd))?)?;
        fs::write(chart.join("templates/all.yaml"), text(&self.objects(Hooks::Helm))?)?;
        Ok(())
    }

    /// Returns the objects.
    pub fn objects(self, hooks: Hooks) -> Vec<Value> {
        match self {
            Set::ConfigMaps { waves, each } => (0..waves * each)
                .map(|number| {
                    let mut object = config_map(number);
                    if waves > 1 {
                        let wave = (number / each).to_string();
                        object["metadata"]["annotations"] = json!({ "argocd.argoproj.io/sync-wave": wave });
                    }
                    object
                })
                .collect(),
            Set::Jobs => vec![job("before", hooks), deployment(), job("after", hooks)],
        }
    }
}

fn text(objects: &[Value]) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects {
        write!(text, "---\n{}", serde_yaml::to_string(object)?)?;
    }
    Ok(text)
}

/// Returns the `ConfigMap` of a number.
pub fn config_map(number: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": format!("settings-{number:05}"), "labels": { "part": "settings" } },
        "data": {
            "number": number.to_string(),
            "endpoint": format!("https://service-{number}.example.com/v1"),
            "log-level": "info",
        },
    })
}

/// Returns a Job whose container says one word.
pub fn job(name: &str, hooks: Hooks) -> Value {
    let annotation = match (hooks, name) {
        (Hooks::ArgoCd, "before") => json!({ "argocd.argoproj.io/hook": "PreSync" }),
        (Hooks::ArgoCd, _) => json!({ "argocd.argoproj.io/hook": "PostSync" }),
        (Hooks::Helm, "before") => json!({ "helm.sh/hook": "pre-install,pre-upgrade" }),
        (Hooks::Helm, _) => json!({ "helm.sh/hook": "post-install,post-upgrade" }),
    };
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name, "annotations": annotation },
        "spec": { "backoffLimit": 0, "template": { "spec": {
            "restartPolicy": "Never",
            "containers": [container("echo hello")],
        } } },
    })
}

/// Returns a Deployment of one pod that stays.
pub fn deployment() -> Value {
    let labels = json!({ "app": "server" });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "server" },
        "spec": { "replicas": 1, "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels },
            "spec": { "terminationGracePeriodSeconds": 0, "containers": [container("echo hello; sleep 3600")] },
        } },
    })
}

fn container(script: &str) -> Value {
    json!({
        "name": "main", "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script],
    })
}
