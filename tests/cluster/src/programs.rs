//! The programs of the cluster: found, or built once per machine from the pinned modules in `modules/`.
//!
//! A program is kept under the digest of its module's files. A changed version is another directory, and an
//! unchanged one is never built again.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::process::tail;
use crate::users::hex;
use crate::{Error, Tier, Unavailable};

/// Everything from nothing takes 12 minutes on two cores.
const BUILD: Duration = Duration::from_hours(1);

const GO: &str = "install Go 1.26.6 or later from https://go.dev/dl (Debian: golang-go), or set KUBEBUILDER_ASSETS";

/// A program and what it is built from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The directory in `modules/`.
    module: &'static str,
    package: &'static str,
}

const fn program(name: &'static str, module: &'static str, package: &'static str) -> Program {
    Program { name, module, package }
}

pub(crate) const ETCD: Program = program("etcd", "etcd", "go.etcd.io/etcd/server/v3");
pub(crate) const API_SERVER: Program = program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver");
pub(crate) const CONTROLLER_MANAGER: Program = program(
    "kube-controller-manager",
    "kubernetes",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
);
pub(crate) const SCHEDULER: Program = program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler");
pub(crate) const KUBECTL: Program = program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl");
pub(crate) const KUBELET: Program = program("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet");
pub(crate) const CONTAINERD: Program = program(
    "containerd",
    "containerd",
    "github.com/containerd/containerd/v2/cmd/containerd",
);
const SHIM: Program = program(
    "containerd-shim-runc-v2",
    "containerd",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
);
const CTR: Program = program("ctr", "containerd", "github.com/containerd/containerd/v2/cmd/ctr");
pub(crate) const REGISTRY: Program = program("registry", "images", "./registry");
const PAUSE: Program = program("pause", "images", "./pause");
const CURL: Program = program("curl", "images", "./curl");
const ECHO_SERVER: Program = program("echo-server", "images", "./echo-server");
pub(crate) const HELM: Program = program("helm", "helm", "helm.sh/helm/v4/cmd/helm");
pub(crate) const DISTRIBUTION: Program = program(
    "registry",
    "registry",
    "github.com/distribution/distribution/v3/cmd/registry",
);
const COSIGN: Program = program("cosign", "cosign", "github.com/sigstore/cosign/v3/cmd/cosign");
const KUBECTL_DECODER: Program = program("kubectl-decoder", "yaml", ".");
const HEALTH_BENCH: Program = program("health-bench", "health", "./bench");
const SCHEMA: Program = program("schema", "schema", ".");
const ARGO_CD: &str = "gitops-engine";
const ARGO_BENCH: Program = program("argo-bench", ARGO_CD, "./bench");
const ARGO_DIFFERENTIAL: Program = program("argo-differential", ARGO_CD, "./differential");

const CONTROL_PLANE: &[Program] = &[ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBECTL];
const NODE: &[Program] = &[KUBELET, CONTAINERD, SHIM, CTR, REGISTRY, PAUSE, CURL, ECHO_SERVER];

/// Builds what a tier needs, unless it is there. Takes minutes, once per machine.
pub fn build(tier: Tier) -> Result<(), Error> {
    match tier {
        Tier::ControlPlane => ensure(CONTROL_PLANE),
        Tier::Node => ensure(CONTROL_PLANE).and_then(|()| ensure(NODE)),
    }
}

/// Returns the path of helm, built at the first call on a machine: few tests need it.
pub fn helm() -> Result<PathBuf, Error> {
    ensure(&[HELM])?;
    Ok(HELM.path()?)
}

/// Returns the path of CNCF distribution, a registry, built at the first call on a machine.
pub(crate) fn distribution() -> Result<PathBuf, Error> {
    ensure(&[DISTRIBUTION])?;
    Ok(DISTRIBUTION.path()?)
}

/// Returns the path of cosign, built at the first call on a machine.
pub fn cosign() -> Result<PathBuf, Error> {
    ensure(&[COSIGN])?;
    Ok(COSIGN.path()?)
}

/// Returns the path of the program that decodes YAML as kubectl does, built at the first call on a machine.
pub fn kubectl_decoder() -> Result<PathBuf, Error> {
    ensure(&[KUBECTL_DECODER])?;
    Ok(KUBECTL_DECODER.path()?)
}

/// Returns the path of the program that brings a folder into a namespace by Argo CD's engine, built at the first call on a machine.
pub fn argo_bench() -> Result<PathBuf, Error> {
    ensure(&[ARGO_BENCH])?;
    Ok(ARGO_BENCH.path()?)
}

/// Returns the path of the program that runs operations by Argo CD's engine, built at the first call on a machine.
pub fn argo_differential() -> Result<PathBuf, Error> {
    ensure(&[ARGO_DIFFERENTIAL])?;
    Ok(ARGO_DIFFERENTIAL.path()?)
}

/// Returns the path of the program that asks health checks as Argo CD and Flux do, built at the first call on a machine.
pub fn health_bench() -> Result<PathBuf, Error> {
    ensure(&[HEALTH_BENCH])?;
    Ok(HEALTH_BENCH.path()?)
}

/// Returns the table of the types of Kubernetes' built-in kinds, by the program that generates it.
///
/// # Errors
///
/// Returns that there is no Go, or what kept the program from being built or from ending well.
pub fn schema_table() -> Result<String, Error> {
    ensure(&[SCHEMA])?;
    let go = find_go()?;
    let path = SCHEMA.path()?;
    let work = tempfile::tempdir().context("failed to create a directory")?;
    // It asks `go` where the API server's published documents are.
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let own = go.parent().map(Path::to_owned);
    let folders = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&folders)))
        .context("a folder that can't be in PATH")?;
    let mut command = SCHEMA.go(&path, &[]);
    command.env("PATH", folders);
    Ok(run(&mut command, work.path())?)
}

impl Program {
    /// Where the program is, or will be.
    pub(crate) fn path(self) -> anyhow::Result<PathBuf> {
        // The directory that tests of controllers know already; it never has a kubelet.
        if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") {
            let path = Path::new(&assets).join(self.name);
            if path.is_file() {
                return Ok(path);
            }
        }
        Ok(cache("cluster")?
            .join(format!("{}-{}", self.module, self.digest()?))
            .join(self.name))
    }

    fn source(self) -> PathBuf {
        modules().join(self.module)
    }

    /// The digest of all files of the module: another version, another digest.
    fn digest(self) -> anyhow::Result<String> {
        let mut files = Vec::new();
        let source = self.source();
        list(&source, &mut files).with_context(|| format!("failed to read {}", source.display()))?;
        files.sort();
        let mut digest = Sha256::new();
        digest.update(format!("{} {}\n", std::env::consts::OS, std::env::consts::ARCH));
        for file in files {
            let text = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
            let name = file.strip_prefix(&source)?;
            digest.update(format!("{} {}\n", name.display(), text.len()));
            digest.update(&text);
        }
        Ok(hex(&digest.finalize()[..6]))
    }

    /// The flags that tell the program its own version, as its makers do.
    fn linker_flags(self, go: &Path, work: &Path) -> Result<String, Error> {
        let module = match self.module {
            "kubernetes" => "k8s.io/kubernetes",
            "containerd" => "github.com/containerd/containerd/v2",
            "helm" => "helm.sh/helm/v4",
            _ => return Ok("-s -w".to_owned()),
        };
        let output = run(&mut self.go(go, &["list", "-m", "-f", "{{.Version}}", module]), work)?;
        let version = output.trim();
        let minor = version.split('.').nth(1).unwrap_or_default();
        Ok(match self.module {
            "kubernetes" => {
                let at = "k8s.io/component-base/version";
                format!("-s -w -X {at}.gitVersion={version} -X {at}.gitMajor=1 -X {at}.gitMinor={minor}")
            }
            "containerd" => format!("-s -w -X {module}/version.Version={version}"),
            _ => format!("-s -w -X {module}/internal/version.version={version}"),
        })
    }

    /// A Go command in the module, the same whatever the settings of the user are.
    fn go(self, go: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(go);
        command.args(words).current_dir(self.source());
        command.envs([
            ("CGO_ENABLED", "0"),
            ("GOFLAGS", "-mod=readonly -buildvcs=false"),
            ("GOWORK", "off"),
        ]);
        command.env_remove("GOOS").env_remove("GOARCH");
        if self.module == ARGO_CD {
            // Its go.mod names the release; where there is another it is fetched.
            command.env("GOTOOLCHAIN", "go1.27.0+auto");
        }
        command
    }

    /// Builds the program next to its place and moves it there in one step.
    fn build(self, go: &Path, path: &Path) -> Result<(), Error> {
        let dir = path.parent().context("a program without a directory")?;
        fs::create_dir_all(dir).with_context(|| format!("failed to create {}", dir.display()))?;
        let work = tempfile::tempdir_in(dir).context("failed to create a directory to build in")?;
        let _ = writeln!(std::io::stderr(), "building {} (once per machine)", self.name);
        // Apart from the build: what fails here is the network, or a Go that is too old.
        run(&mut self.go(go, &["list", "-deps", self.package]), work.path()).map_err(unreachable_sources)?;
        let flags = self.linker_flags(go, work.path())?;
        let made = work.path().join(self.name);
        let made_text = made.to_str().context("a path that is not UTF-8")?;
        run(
            &mut self.go(go, &["build", "-ldflags", &flags, "-o", made_text, self.package]),
            work.path(),
        )
        .with_context(|| format!("failed to build {}", self.name))?;
        fs::rename(&made, path).with_context(|| format!("failed to move {} to its place", self.name))?;
        Ok(())
    }
}

/// Builds what is missing. Two processes never build at once: the second finds what the first made.
fn ensure(programs: &[Program]) -> Result<(), Error> {
    let missing = |programs: &[Program]| -> anyhow::Result<Vec<(Program, PathBuf)>> {
        let mut missing = Vec::new();
        for program in programs {
            let path = program.path()?;
            if !path.is_file() {
                missing.push((*program, path));
            }
        }
        Ok(missing)
    };
    if missing(programs)?.is_empty() {
        return Ok(());
    }
    let go = find_go()?;
    let _lock = lock(&cache("cluster")?)?;
    for (program, path) in missing(programs)? {
        program.build(&go, &path)?;
    }
    Ok(())
}

/// Where tests keep what takes long to make: a folder of this name in `CAPSTAN_CACHE`, or in `~/.cache/capstan`.
///
/// # Errors
///
/// Returns that there is no place for it.
pub fn cache(name: &str) -> anyhow::Result<PathBuf> {
    let base = std::env::var_os("CAPSTAN_CACHE").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache/capstan"));
    let base = base
        .or_else(home)
        .context("no home directory; hint: set CAPSTAN_CACHE")?;
    std::path::absolute(base.join(name)).context("failed to find the cache")
}

/// Takes the lock of the cache; it is released with the returned file, and with the process.
fn lock(cache: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(cache).with_context(|| format!("failed to create {}", cache.display()))?;
    let path = cache.join("lock");
    let file = File::create(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let deadline = Instant::now() + BUILD;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(error) => return Err(error).with_context(|| format!("failed to lock {}", path.display())),
        }
    }
}

/// Finds Go in `PATH`, or where its installer puts it.
fn find_go() -> Result<PathBuf, Unavailable> {
    find("go", &["/usr/local/go/bin"]).ok_or_else(|| Unavailable::new("there is no Go to build Kubernetes with", GO))
}

/// Finds a program in `PATH`, then in other places.
pub(crate) fn find(name: &str, places: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(places.iter().map(PathBuf::from));
    places.map(|place| place.join(name)).find(|path| path.is_file())
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Runs a command to its end, within the deadline; returns what it said on stdout.
fn run(command: &mut Command, work: &Path) -> anyhow::Result<String> {
    let (out, log) = (work.join("stdout"), work.join("stderr"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&log)?)
        .spawn()
        .with_context(|| format!("failed to run {command:?}"))?;
    let deadline = Instant::now() + BUILD;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!(
                "{command:?} takes longer than {} minutes\n{}",
                BUILD.as_secs() / 60,
                tail(&log)
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    anyhow::ensure!(status.success(), "{command:?} ended with {status}\n{}", tail(&log));
    fs::read_to_string(&out).context("failed to read what go said")
}

/// Without the sources there is nothing to build, and that is not a mistake of ours; wrong sources are one.
fn unreachable_sources(error: anyhow::Error) -> Error {
    let output = format!("{error:#}");
    if output.contains("checksum mismatch")
        || output.contains("missing go.sum entry")
        || output.contains("updates to go.mod")
    {
        return error.into();
    }
    Unavailable::new(
        format!("Go can't get the sources of Kubernetes: {output}"),
        format!("go online once, and {GO}"),
    )
    .into()
}

/// The folder of the modules. Cargo says at run time which checkout is being tested; where the program was compiled may be
/// another that shares its target folder, and gone.
fn modules() -> PathBuf {
    let tested = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let found = tested.iter().flat_map(|tested| tested.ancestors());
    found
        .map(|folder| folder.join("tests/cluster/modules"))
        .find(|modules| modules.is_dir())
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_named_by_its_module() {
        for program in CONTROL_PLANE.iter().chain(NODE).chain([
            &HELM,
            &DISTRIBUTION,
            &COSIGN,
            &ARGO_BENCH,
            &ARGO_DIFFERENTIAL,
            &KUBECTL_DECODER,
        ]) {
            let tools = fs::read_to_string(program.source().join("tools.go")).unwrap_or_default();
            let own = program.source().join(program.package).join("main.go");
            assert!(
                tools.contains(&format!("\"{}\"", program.package)) || own.is_file(),
                "{program:?}"
            );
        }
    }
}
