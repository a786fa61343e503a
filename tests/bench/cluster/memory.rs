//! What is not ours must cost nothing: the same small sync in an empty cluster, and beside 20,000 objects of others.

use crate::{
    ground::Ground,
    scenario::{unique, warm_up},
    sets::Set,
    table::Table,
    tools::{Kit, Tool},
};

const FOREIGN: usize = 20_000;
/// The numbers of ours are below this.
const FIRST_FOREIGN: usize = 50_000;

/// Measures it.
pub fn run(ground: &Ground, kit: &Kit, runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let set = Set::ConfigMaps { waves: 1, each: 10 };
    let folder = tempfile::tempdir()?;
    set.write(folder.path())?;
    // Those that take what they are told to and no more are not news.
    let measured = [Tool::Capstan, Tool::Gitops];
    let tools: Vec<Tool> = kit.tools(set).filter(|tool| measured.contains(tool)).collect();
    for tool in &tools {
        warm_up(ground, kit, *tool)?;
    }
    let sync = |what: &str, namespace: &str, tool: Tool, table: &mut Table| {
        let taken = kit.sync(tool, set, folder.path(), namespace)?;
        eprintln!("{what}, {}: {:?}, {} KiB", tool.title(), taken.wall, taken.peak / 1024);
        table.note(&format!("10 ConfigMaps {what}"), tool, taken);
        anyhow::Ok(())
    };
    let each = |what: &str, table: &mut Table| {
        for _ in 0..runs {
            for tool in &tools {
                let namespace = format!("bench-{}", unique());
                ground.make(&namespace)?;
                sync(what, &namespace, *tool, table)?;
                ground.remove(&namespace)?;
            }
        }
        anyhow::Ok(())
    };
    each("in an empty cluster", table)?;
    let crowded = format!("bench-{}", unique());
    ground.make(&crowded)?;
    kit.fill(&crowded, FIRST_FOREIGN, FOREIGN)?;
    each("with 20,000 others in another namespace", table)?;
    for _ in 0..runs {
        for tool in &tools {
            sync("with 20,000 others in the same namespace", &crowded, *tool, table)?;
        }
    }
    ground.remove(&crowded)
}
