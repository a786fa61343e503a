//! A real node: containerd, kubelet, a bridge for pods, and a registry with the images that tests use.
//!
//! containerd, kubelet and all pods live in process and mount namespaces of their own, and keep their data on file
//! systems that only exist there: with the first process of these everything goes. What is left in the system are
//! the bridge and the cgroups, which carry the cluster's name; the watchdog removes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use k8s_openapi::api::core::v1::Node as NodeObject;
use serde_json::json;

use crate::Unavailable;
use crate::plane::{Plane, READY};
use crate::port::Port;
use crate::process::Process;
use crate::programs::{CONTAINERD, KUBELET, REGISTRY, find};

/// Where Debian and others keep programs of the system, whatever `PATH` says.
const SYSTEM: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Directories of the system that the node sees empty: what containerd and kubelet leave there is gone with them.
const HIDDEN: &[&str] = &["/run", "/var/run", "/var/lib", "/var/log"];

/// What a node needs of the machine.
#[derive(Debug)]
pub(crate) struct Tools {
    busybox: PathBuf,
    bash: PathBuf,
    ip: PathBuf,
    unshare: PathBuf,
    plugins: PathBuf,
}

/// Finds what a node needs, or says everything that is missing.
pub(crate) fn check() -> Result<Tools, Unavailable> {
    if !cfg!(target_os = "linux") || !rustix::process::geteuid().is_root() {
        let hint = "run the tests as root, in a virtual machine that may be spoiled";
        return Err(Unavailable::new("a real node needs Linux and root", hint));
    }
    let mut missing = Vec::new();
    let mut tool = |name: &str, package, places: &[&str], fits: fn(&Path) -> bool| {
        let found = find(name, places).filter(|path| fits(path));
        if found.is_none() {
            missing.push((name.to_owned(), package));
        }
        found.unwrap_or_default()
    };
    tool("runc", "runc", SYSTEM, |_| true);
    let tools = Tools {
        busybox: tool("busybox", "busybox-static", SYSTEM, is_static),
        bash: tool("bash-static", "bash-static", SYSTEM, is_static),
        ip: tool("ip", "iproute2", SYSTEM, |_| true),
        unshare: tool("unshare", "util-linux", SYSTEM, |_| true),
        // Not by the name of the plugin `bridge`, which is also another program's.
        plugins: tool(
            "host-local",
            "containernetworking-plugins",
            &["/usr/lib/cni", "/opt/cni/bin"],
            |path| {
                ["bridge", "loopback"]
                    .iter()
                    .all(|other| path.with_file_name(other).is_file())
            },
        ),
    };
    if missing.is_empty() {
        return Ok(tools);
    }
    let (names, packages): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
    let hint = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    Err(Unavailable::new(
        format!(
            "a real node needs {} (static where there is a choice)",
            names.join(", ")
        ),
        hint,
    ))
}

#[derive(Debug)]
pub(crate) struct Node {
    _processes: Vec<Process>,
    _port: Port,
}

impl Node {
    /// Starts a node and returns once it is ready for pods. `name` is that of the cluster.
    pub(crate) fn start(tools: &Tools, plane: &Plane, dir: &Path, name: &str, group: i32) -> anyhow::Result<Self> {
        for path in [dir, &KUBELET.path()?, &CONTAINERD.path()?] {
            let hidden = HIDDEN.iter().find(|hidden| path.starts_with(hidden));
            anyhow::ensure!(
                hidden.is_none(),
                "the node can't see {}; hint: move it with TMPDIR or CAPSTAN_CACHE",
                path.display()
            );
        }
        let (mut registry, address) = registry(tools, dir, group)?;
        let gateway = bridge(tools, name)?;
        let port = Port::reserve()?;
        write_configs(tools, dir, name, &address, &gateway, port.number)?;

        let mut command = Command::new(&tools.unshare);
        command.args([
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--mount-proc",
            "--propagation",
            "private",
        ]);
        command.args(["sh", "-c", include_str!("node.sh"), "capstan-cluster-node"]);
        command
            .arg(dir)
            .arg(CONTAINERD.path()?)
            .arg(KUBELET.path()?)
            .arg(&gateway)
            .current_dir(dir);
        command.env("PATH", search_path(&CONTAINERD.path()?)?);
        let node = Process::start("node", command, dir, group)?;

        registry.check()?;
        let mut processes = vec![node, registry];
        let ready = plane.wait("the node", &mut processes, async |client| {
            let node = kube::Api::<NodeObject>::all(client).get("node1").await?;
            let status = node.status.unwrap_or_default();
            let condition = status
                .conditions
                .into_iter()
                .flatten()
                .find(|condition| condition.type_ == "Ready");
            let condition = condition.context("the node says nothing about itself yet")?;
            let text = condition.message.unwrap_or_default();
            anyhow::ensure!(condition.status == "True", "the node is not ready: {text}");
            // The first taints are taken away a moment later, and until then no pod is scheduled.
            let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
            anyhow::ensure!(taints.is_empty(), "the node still has taints");
            Ok(())
        });
        ready.with_context(|| {
            let tail = |log: &str| crate::process::tail(&dir.join(log));
            format!(
                "no node\ncontainerd:\n{}\nkubelet:\n{}",
                tail("containerd.log"),
                tail("kubelet.log")
            )
        })?;
        Ok(Self {
            _processes: processes,
            _port: port,
        })
    }
}

/// Starts the registry; returns its address.
fn registry(tools: &Tools, dir: &Path, group: i32) -> anyhow::Result<(Process, String)> {
    let file = dir.join("registry.address");
    let program = REGISTRY.path()?;
    let mut command = Command::new(&program);
    command
        .arg(&file)
        .arg(program.with_file_name(""))
        .arg(&tools.busybox)
        .arg(&tools.bash);
    let mut registry = Process::start("registry", command, dir, group)?;
    let deadline = Instant::now() + READY;
    loop {
        if let Ok(address) = fs::read_to_string(&file) {
            return Ok((registry, address));
        }
        registry.check()?;
        anyhow::ensure!(
            Instant::now() < deadline,
            "the registry doesn't start\n{}",
            registry.last_words()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes the bridge of the cluster and returns its address: the first of a network that nobody here uses.
fn bridge(tools: &Tools, name: &str) -> anyhow::Result<String> {
    let ip = |words: &[&str]| -> anyhow::Result<String> {
        let done = Command::new(&tools.ip)
            .args(words)
            .output()
            .context("failed to run ip")?;
        let text = String::from_utf8_lossy(&done.stderr);
        anyhow::ensure!(done.status.success(), "ip {} failed: {}", words.join(" "), text.trim());
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    };
    ip(&["link", "add", name, "type", "bridge"])?;
    ip(&["link", "set", name, "up"])?;
    for step in 0..254 {
        let third = (std::process::id() + step) % 254 + 1;
        let (network, gateway) = (format!("10.244.{third}.0/24"), format!("10.244.{third}.1"));
        if !ip(&["route", "show", "root", &network])?.trim().is_empty() {
            continue;
        }
        let cidr = format!("{gateway}/24");
        ip(&["address", "add", &cidr, "dev", name])?;
        // Another cluster may have had the same thought at the same time: whoever sees two withdraws.
        if ip(&["-o", "address", "show", "to", &network])?.lines().count() == 1 {
            return Ok(gateway);
        }
        ip(&["address", "del", &cidr, "dev", name])?;
    }
    anyhow::bail!("no network of 10.244.1.0/24 to 10.244.254.0/24 is free for pods")
}

/// The search path of containerd: its shim is beside it, runc is in the system.
fn search_path(containerd: &Path) -> anyhow::Result<std::ffi::OsString> {
    let own = containerd.parent().context("containerd has no directory")?;
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(own.to_owned()).chain(std::env::split_paths(&inherited));
    std::env::join_paths(places.chain(SYSTEM.iter().map(PathBuf::from))).context("an odd PATH")
}

fn write_configs(
    tools: &Tools,
    dir: &Path,
    name: &str,
    registry: &str,
    gateway: &str,
    port: u16,
) -> anyhow::Result<()> {
    let write = |path: &str, text: &str| {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    };
    let at = |path: &str| dir.join(path).display().to_string();
    let plugins = tools.plugins.parent().unwrap_or(Path::new("/")).display();
    let network = format!("{}0/24", gateway.trim_end_matches('1'));

    // `isGateway` is not needed, the bridge has its address; and it would turn on forwarding for the whole machine.
    let bridge = json!({
        "type": "bridge", "bridge": name,
        "ipam": {
            "type": "host-local", "dataDir": "/run/cni",
            "ranges": [[{ "subnet": network, "gateway": gateway }]],
            "routes": [{ "dst": "0.0.0.0/0", "gw": gateway }],
        },
    });
    let network = json!({ "cniVersion": "1.0.0", "name": name, "plugins": [bridge] });
    write("cni/10-bridge.conflist", &network.to_string())?;

    // Whatever registry an image is from: nothing is asked but ours.
    let mirror = format!(
        "server = \"http://{registry}\"\n[host.\"http://{registry}\"]\ncapabilities = [\"pull\", \"resolve\"]\n"
    );
    write("hosts/_default/hosts.toml", &mirror)?;

    let containerd = format!(
        r#"version = 3
root = "{data}/containerd/root"
state = "{data}/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs", "io.containerd.internal.v1.opt"]
[grpc]
address = "{socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "registry.k8s.io/pause:3.10"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{hosts}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{cni}"
"#,
        data = at("node"),
        socket = at("containerd.sock"),
        hosts = at("hosts"),
        cni = at("cni"),
    );
    write("containerd.toml", &containerd)?;

    let kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": gateway, "port": port, "healthzPort": 0,
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "cgroupDriver": "cgroupfs", "cgroupsPerQOS": false, "failCgroupV1": false,
        "enforceNodeAllocatable": [], "failSwapOn": false, "localStorageCapacityIsolation": false,
        "containerRuntimeEndpoint": format!("unix://{}", at("containerd.sock")),
        "volumePluginDir": at("node/volume-plugins"), "makeIPTablesUtilChains": false, "resolvConf": "",
        // Nobody answers there, and that at once.
        "clusterDNS": [gateway], "clusterDomain": "cluster.local",
        "registryPullQPS": 0, "serializeImagePulls": false, "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%", "nodefs.inodesFree": "0%",
        },
    });
    write("kubelet.json", &kubelet.to_string())?;
    // Where the node mounts what only it sees.
    fs::create_dir_all(dir.join("node")).context("failed to create the node's directory")
}

/// True for a program that runs in an image without libraries: an ELF file that names no interpreter.
fn is_static(path: &Path) -> bool {
    const INTERPRETER: usize = 3;
    let Ok(bytes) = fs::read(path) else { return false };
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at + size)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)),
        )
    };
    // 64 bit, little end first: offset, size and number of the program headers.
    if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(start), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else {
        return false;
    };
    (0..count).all(|index| number(start + index * size, 4).is_some_and(|kind| kind != INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_an_interpreter_is_not_static() {
        let own = std::env::current_exe().unwrap();
        assert!(!is_static(&own));
        assert!(!is_static(Path::new("Cargo.toml")));
    }
}
