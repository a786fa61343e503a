//! The host as a whole: many calls in flight, and how long it takes from nothing but a warm cache to the first answer.

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use capstan_core::model::object::Object;
use capstan_sandbox::Sandbox;
use capstan_stamp::stamp;

/// The word by which this program knows that it is to start, ask and end.
pub const COLD: &str = "--cold-start";
/// How many plugins are loaded then.
const PLUGINS: usize = 10;

/// Asks with so many calls in flight, on all cores; returns how many were answered in a second.
pub fn in_flight(cache: &Path, object: &Object, calls: usize, flying: usize) -> f64 {
    let sandbox = super::sandbox(cache);
    let object = Arc::new(object.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let each = calls.div_ceil(flying);
    let begun = Instant::now();
    let requests: Vec<_> = (0..flying)
        .map(|_| {
            let (sandbox, object) = (Arc::clone(&sandbox), Arc::clone(&object));
            runtime.spawn(async move { super::assess(&sandbox, &object, each).await.len() })
        })
        .collect();
    let answered: usize = requests
        .into_iter()
        .map(|task| runtime.block_on(task).expect("it ends well"))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousands")]
    let answered = answered as f64;
    answered / begun.elapsed().as_secs_f64()
}

/// Ten plugins in Rust, as somebody's own: those that come with the host under other names, and the first of them once more.
fn ten(cache: &Path) -> Sandbox {
    let plugins = capstan_bundle::ALL.iter().cycle().take(PLUGINS).enumerate();
    let builder = plugins.fold(Sandbox::builder().cache(cache), |builder, (number, plugin)| {
        let mut manifest = capstan_stamp::read(plugin.bytes).expect("a manifest");
        manifest.name = format!("{}-{number}", plugin.name);
        let component = stamp(plugin.bytes, &manifest).expect("a component");
        builder.plugin(manifest.name, component)
    });
    builder.build().expect("the plugins load")
}

/// What the child does: loads the plugins, asks one, and says how much memory it has, in KiB.
pub fn cold(cache: &Path) {
    let sandbox = ten(cache);
    let object = Object(super::deployment(8 << 10));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(super::assess(&sandbox, &object, 1));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    print!("{}", resident.unwrap_or_default().trim().trim_end_matches(" kB"));
}

/// Starts a process so often that loads ten plugins from a warm cache and asks one; returns how long each took, and the most memory
/// that one had, in MiB.
pub fn cold_starts(cache: &Path, runs: usize) -> (Vec<Duration>, f64) {
    drop(ten(cache));
    let program = std::env::current_exe().expect("this program");
    let mut most = 0.0_f64;
    let times = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            let output = Command::new(&program).arg(COLD).arg(cache).output().expect("it starts");
            let took = begun.elapsed();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let kib: f64 = String::from_utf8_lossy(&output.stdout).parse().unwrap_or_default();
            most = most.max(kib / 1024.0);
            took
        })
        .collect();
    (times, most)
}
