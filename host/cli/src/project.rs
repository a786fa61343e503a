//! The applications of a command, from flags and files. A flag wins over a file.

use std::path::PathBuf;

use capstan_project::{GatheredApp, ProjectSpec};
use capstan_source::{Deadline, RENDER_TIMEOUT, Source};

pub use capstan_project::{App, FILE};

use crate::{
    args::{ApplicationArgs, GlobalOptions, SourceArgs},
    diagnostics::{Diagnostics, usage_error},
};

/// The applications of a command.
#[derive(Debug, Clone)]
pub struct Project {
    /// The applications, each after those that it depends on.
    pub apps: Vec<App>,
    /// The options of every command, with those of the files.
    pub global: GlobalOptions,
    /// When all reading and rendering has to be done.
    pub render_timeout: Deadline,
}

impl Project {
    /// Reads the sources of all applications, as far as that needs no cluster.
    ///
    /// # Errors
    ///
    /// Returns all mistakes together.
    pub async fn read(&self) -> Result<Vec<GatheredApp>, Diagnostics> {
        capstan_project::read(&self.apps, self.render_timeout, &self.global.files).await
    }
}

/// Loads the applications of a command.
///
/// # Errors
///
/// Returns what is missing or wrong.
pub async fn load(global: &GlobalOptions, set: &ApplicationArgs) -> anyhow::Result<Project> {
    let deadline = Deadline::after(set.from.render_timeout());
    let project = capstan_project::load(&project_spec(global, set), deadline).await?;
    let all = || project.apps.iter().flat_map(|app| &app.sources);
    if let Some(flag) = set.from.chart_flag()
        && !all().any(|source| matches!(source, Source::Chart(_)))
    {
        return Err(usage_error(
            format!("{flag} applies to Helm charts, and there is no chart among the sources"),
            "name one with `--chart`, or a folder that has a Chart.yaml with `-f`",
        ));
    }
    Ok(with_options(global, project, deadline))
}

/// Loads the applications that the working directory's file or the named files describe; `None` without any.
///
/// # Errors
///
/// Returns the mistakes in them.
pub async fn find_described(global: &GlobalOptions, config: &[PathBuf]) -> anyhow::Result<Option<Project>> {
    let from = SourceArgs {
        config: config.to_vec(),
        ..SourceArgs::default()
    };
    let set = ApplicationArgs {
        from,
        ..ApplicationArgs::default()
    };
    let deadline = Deadline::after(RENDER_TIMEOUT);
    let project = capstan_project::find_described(&project_spec(global, &set), deadline).await?;
    Ok(project.map(|project| with_options(global, project, deadline)))
}

fn project_spec(global: &GlobalOptions, set: &ApplicationArgs) -> ProjectSpec {
    ProjectSpec {
        sources: set.from.spec(),
        app: set.app.clone(),
        namespace: global.namespace.clone(),
        options: set.options(),
        plugins: global.plugins.clone(),
        access: global.files.clone(),
    }
}

fn with_options(global: &GlobalOptions, project: capstan_project::Project, deadline: Deadline) -> Project {
    Project {
        global: global.with_project(&project),
        apps: project.apps,
        render_timeout: deadline,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    /// Flags that are about one run.
    const NO_OPTION: [&str; 5] = ["app", "plan", "dry-run", "lint", "allow-lint"];

    /// Lists the keys that may stand in something: serde says them of a key that may not.
    fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
        let message = match serde_json::from_value::<T>(json!({ "?": 1 })) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_flag_of_a_sync_is_an_option_of_the_file() {
        let options = keys::<capstan_project::Options>();
        let command = crate::args::Args::command();
        let sync = command.get_subcommands().find(|command| command.get_name() == "sync");
        let flags = sync.into_iter().flat_map(clap::Command::get_arguments);
        let flags = flags.filter(|flag| flag.get_help_heading() != Some("Sources") && !flag.is_global_set());
        let mut missing = Vec::new();
        for flag in flags
            .filter_map(clap::Arg::get_long)
            .filter(|flag| !NO_OPTION.contains(flag))
        {
            let mut words = flag.split('-');
            let first = words.next().unwrap_or_default().to_owned();
            let key = words.fold(first, |key, word| {
                let (head, tail) = word.split_at(1);
                key + &head.to_uppercase() + tail
            });
            if !options.contains(&key) && !options.contains(&format!("{key}s")) {
                missing.push(key);
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }
}
