//! What is done: the same work by every tool, in turns, each time in a namespace that is made for it.

use crate::{
    ground::Ground,
    memory,
    sets::Set,
    table::Table,
    tools::{Kit, Tool},
};

/// The work that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Ten waves of ten `ConfigMap`s.
    Waves,
    /// 1,000 `ConfigMap`s.
    Thousand,
    /// 5,000 `ConfigMap`s.
    FiveThousand,
    /// A `PreSync` Job, a Deployment, a `PostSync` Job.
    Jobs,
    /// Ten `ConfigMap`s beside 20,000 of others.
    Memory,
}

/// Returns what is to be done: what was asked for, else all that can be.
pub fn chosen(selected: &[Scenario], has_node: bool, is_test: bool) -> Vec<Scenario> {
    if !selected.is_empty() {
        return selected.to_vec();
    }
    let mut all = vec![Scenario::Waves];
    if !is_test {
        all.extend([Scenario::Thousand, Scenario::FiveThousand]);
        if has_node {
            all.push(Scenario::Jobs);
        } else {
            println!("SKIPPED: jobs: no pods run here; --node says that they do");
        }
        all.push(Scenario::Memory);
    }
    all
}

impl Scenario {
    /// Does it so many times, and notes what it took.
    pub fn run(self, ground: &Ground, kit: &Kit, runs: usize, table: &mut Table) -> anyhow::Result<()> {
        match self {
            Scenario::Waves => {
                let set = Set::ConfigMaps { waves: 10, each: 10 };
                compare(ground, kit, runs, table, "10 waves of 10 ConfigMaps", set)
            }
            Scenario::Thousand => {
                let set = Set::ConfigMaps { waves: 1, each: 1000 };
                compare(ground, kit, runs, table, "1,000 ConfigMaps", set)
            }
            Scenario::FiveThousand => {
                let set = Set::ConfigMaps { waves: 1, each: 5000 };
                compare(ground, kit, runs, table, "5,000 ConfigMaps", set)
            }
            Scenario::Jobs => compare(
                ground,
                kit,
                runs,
                table,
                "PreSync Job, Deployment, PostSync Job",
                Set::Jobs,
            ),
            Scenario::Memory => memory::run(ground, kit, runs, table),
        }
    }
}

fn compare(ground: &Ground, kit: &Kit, runs: usize, table: &mut Table, work: &str, set: Set) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    set.write(folder.path())?;
    let tools: Vec<Tool> = kit.tools(set).collect();
    for tool in &tools {
        warm_up(ground, kit, *tool)?;
    }
    for run in 0..runs {
        for tool in &tools {
            let namespace = format!("bench-{}", unique());
            ground.make(&namespace)?;
            let first = kit.sync(*tool, set, folder.path(), &namespace)?;
            eprintln!("{work}, {}, run {}: {:?}", tool.title(), run + 1, first.wall);
            table.note(&format!("{work}, first"), *tool, first);
            // A Job that is done is not done again by hand.
            if set != Set::Jobs {
                let again = kit.sync(*tool, set, folder.path(), &namespace)?;
                eprintln!("{work}, again, {}, run {}: {:?}", tool.title(), run + 1, again.wall);
                table.note(&format!("{work}, again, nothing changed"), *tool, again);
            }
            ground.remove(&namespace)?;
        }
    }
    Ok(())
}

/// Fills a tool's caches: compiled plugins, what the cluster serves.
pub fn warm_up(ground: &Ground, kit: &Kit, tool: Tool) -> anyhow::Result<()> {
    let set = Set::ConfigMaps { waves: 1, each: 1 };
    let folder = tempfile::tempdir()?;
    set.write(folder.path())?;
    let namespace = format!("bench-{}", unique());
    ground.make(&namespace)?;
    kit.sync(tool, set, folder.path(), &namespace)?;
    ground.remove(&namespace)
}

/// Names a namespace as no other.
pub fn unique() -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("{:x}", since.as_micros())
}
