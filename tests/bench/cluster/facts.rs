//! Where and with what it was measured.

use std::{ffi::OsStr, process::Command};

use crate::{
    ground::Ground,
    tools::{Kit, Tool},
};

/// Says it in one paragraph.
pub fn facts(ground: &Ground, kit: &Kit) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first_line_of = |tool: Tool, words: &[&str]| first_line(kit.program(tool)?.as_os_str(), words);
    let engine = include_str!("../../cluster/modules/gitops-engine/go.mod")
        .lines()
        .find_map(|line| {
            line.trim()
                .strip_prefix("github.com/argoproj/argo-cd/gitops-engine/v3 ")
        });
    let mut facts = vec![
        format!("{} processors ({})", cores, model.map_or("", |(_, model)| model)),
        first_line(OsStr::new("uname"), &["-sr"]).unwrap_or_default(),
        format!("Kubernetes {}", ground.version().unwrap_or_default()),
    ];
    facts.extend(first_line_of(Tool::Capstan, &["--version"]));
    facts.extend(first_line_of(Tool::Helm, &["version", "--short"]).map(|version| format!("helm {version}")));
    facts.extend(
        first_line_of(Tool::Kubectl, &["version", "--client"])
            .and_then(|line| Some(format!("kubectl {}", line.rsplit_once(' ')?.1))),
    );
    if kit.program(Tool::Gitops).is_some() {
        facts.push(format!("gitops-engine {}", engine.unwrap_or_default()));
    }
    let date = jiff::Timestamp::now().to_string();
    let date = date.split('T').next().unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("Measured {date}: {}. Load at the end {load}.", facts.join(", "))
}

fn first_line(program: &OsStr, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}
