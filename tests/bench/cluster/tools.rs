//! The tools, and how each is told what to do.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{
    ground::Ground,
    measure::{self, Taken},
    sets::Set,
};

/// A tool that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Tool {
    /// The yardstick: only the requests, or each after the one before by a watch.
    Raw,
    /// `capstan sync`, built for release.
    Capstan,
    /// `helm upgrade --install`.
    Helm,
    /// `kubectl apply --server-side`.
    Kubectl,
    /// Argo CD's engine.
    Gitops,
    /// Argo CD's engine with Argo CD's delay of two seconds after each wave.
    GitopsDelay,
}

impl Tool {
    /// All, in the order of the table.
    pub const ALL: [Tool; 6] = [
        Tool::Raw,
        Tool::Capstan,
        Tool::Helm,
        Tool::Kubectl,
        Tool::Gitops,
        Tool::GitopsDelay,
    ];

    /// Returns what it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Tool::Raw => "raw",
            Tool::Capstan => "Capstan",
            Tool::Helm => "helm",
            Tool::Kubectl => "kubectl apply --server-side",
            Tool::Gitops => "gitops-engine",
            Tool::GitopsDelay => "gitops-engine, 2 s wave delay",
        }
    }

    /// Says whether it does this at all: waves and hooks are not everybody's.
    fn can(self, set: Set) -> bool {
        match (self, set) {
            (Tool::Raw | Tool::Capstan | Tool::Gitops, _) | (Tool::Helm | Tool::GitopsDelay, Set::Jobs) => true,
            (Tool::Helm | Tool::Kubectl, Set::ConfigMaps { waves, .. }) => waves == 1,
            (Tool::Kubectl, Set::Jobs) => false,
            (Tool::GitopsDelay, Set::ConfigMaps { waves, .. }) => waves > 1,
        }
    }

    /// Says whether it takes minutes for thousands of objects.
    fn is_slow(self) -> bool {
        match self {
            Tool::Kubectl | Tool::Gitops | Tool::GitopsDelay => true,
            Tool::Raw | Tool::Capstan | Tool::Helm => false,
        }
    }
}

/// The programs, and where they keep what they keep.
pub struct Kit {
    programs: Vec<(Tool, PathBuf)>,
    kubeconfig: PathBuf,
    selected: bool,
    home: TempDir,
    logs: PathBuf,
}

impl Kit {
    /// Builds and finds the tools; says which are missing.
    pub fn new(ground: &Ground, selected: &[Tool], capstan: Option<&Path>, logs: Option<&Path>) -> anyhow::Result<Kit> {
        let home = tempfile::tempdir()?;
        let mut programs = Vec::new();
        for tool in Tool::ALL {
            if !selected.is_empty() && !selected.contains(&tool) {
                continue;
            }
            let found = match tool {
                Tool::Raw => Ok(std::env::current_exe()?),
                Tool::Capstan => capstan.map_or_else(build_capstan, |given| Ok(given.to_owned())),
                Tool::Helm => find("helm"),
                Tool::Kubectl => find("kubectl"),
                Tool::Gitops | Tool::GitopsDelay => Ok(capstan_cluster::argo_bench()?),
            };
            match found {
                Ok(program) => programs.push((tool, program)),
                Err(why) if std::env::var_os("CAPSTAN_REQUIRE").is_some_and(|word| word == "1") => return Err(why),
                Err(why) => println!("SKIPPED: {}: {why:#}", tool.title()),
            }
        }
        let logs = logs.map_or_else(|| home.path().join("logs"), Path::to_owned);
        fs::create_dir_all(&logs)?;
        Ok(Kit {
            programs,
            kubeconfig: ground.place.kubeconfig.clone(),
            selected: !selected.is_empty(),
            home,
            logs,
        })
    }

    /// Returns the tools for some work.
    pub fn tools(&self, set: Set) -> impl Iterator<Item = Tool> {
        let too_many = set.count() > 1000 && !self.selected;
        let tools = self.programs.iter().map(|(tool, _)| *tool);
        tools.filter(move |tool| tool.can(set) && !(too_many && tool.is_slow()))
    }

    /// Returns a tool's program.
    pub fn program(&self, tool: Tool) -> Option<&Path> {
        let found = self.programs.iter().find(|(one, _)| *one == tool);
        found.map(|(_, program)| program.as_path())
    }

    /// Has a tool apply a set, whose files are in a folder, in a namespace.
    pub fn sync(&self, tool: Tool, set: Set, folder: &Path, namespace: &str) -> anyhow::Result<Taken> {
        let program = self.program(tool).context("it isn't there")?;
        let (manifests, chart) = (folder.join("manifests"), folder.join("chart"));
        let mut command: Vec<OsString> = vec![program.into()];
        match (tool, set) {
            (Tool::Raw, Set::ConfigMaps { .. }) => {
                command.extend(["raw".into(), "--count".into(), set.count().to_string().into()]);
            }
            (Tool::Raw, Set::Jobs) => command.push("by-hand".into()),
            (Tool::Capstan, _) => command.extend([
                "sync".into(),
                "--app".into(),
                "bench".into(),
                "-f".into(),
                manifests.into(),
            ]),
            (Tool::Helm, _) => {
                command.extend(["upgrade".into(), "--install".into(), "bench".into(), chart.into()]);
                if set == Set::Jobs {
                    command.push("--wait".into());
                }
            }
            (Tool::Kubectl, _) => {
                command.extend(["apply".into(), "--server-side".into(), "-f".into(), manifests.into()]);
            }
            (Tool::Gitops, _) => command.extend(["--manifests".into(), manifests.into()]),
            (Tool::GitopsDelay, _) => {
                command.extend([
                    "--wave-delay".into(),
                    "2s".into(),
                    "--manifests".into(),
                    manifests.into(),
                ]);
            }
        }
        self.measured(&mut command, namespace)
    }

    /// Puts objects of others into a namespace.
    pub fn fill(&self, namespace: &str, first: usize, count: usize) -> anyhow::Result<()> {
        let mut command: Vec<OsString> = vec![std::env::current_exe()?.into(), "raw".into()];
        command.extend([
            "--first".into(),
            first.to_string().into(),
            "--count".into(),
            count.to_string().into(),
        ]);
        self.measured(&mut command, namespace)?;
        Ok(())
    }

    fn measured(&self, command: &mut Vec<OsString>, namespace: &str) -> anyhow::Result<Taken> {
        command.extend(["--namespace".into(), namespace.into()]);
        command.extend(["--kubeconfig".into(), self.kubeconfig.as_os_str().to_owned()]);
        // Caches are warm from the second run on, and nobody's own.
        let home = self.home.path();
        let environment = [
            ("HOME", home.as_os_str().to_owned()),
            ("XDG_CACHE_HOME", home.join(".cache").into_os_string()),
        ];
        let log = self.logs.join(format!("{namespace}.log"));
        measure::measure(command, &environment, &log)
    }
}

/// Finds a program on the path, or where the tests' cluster keeps its own.
fn find(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let built = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/capstan/cluster-bin"));
    let mut folders = std::env::split_paths(&path).chain(built);
    let found = folders.find(|folder| folder.join(name).is_file());
    found
        .map(|folder| folder.join(name))
        .with_context(|| format!("there is no {name}"))
}

/// Builds capstan as it is released, beside this program.
fn build_capstan() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let target = me
        .ancestors()
        .nth(3)
        .context("this program isn't where cargo puts it")?;
    run(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--release", "--locked", "-p", "capstan", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    )?;
    Ok(target.join("release/capstan"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?} can't be run"))?;
    anyhow::ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
