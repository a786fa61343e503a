//! What clap prints for help and for a mistake on the command line.

use clap::CommandFactory as _;

use super::Args;

/// Options of every command that only mean something where a cluster is reached.
const CLUSTER_OPTIONS: [&str; 9] = [
    "namespace",
    "kubeconfig",
    "context",
    "act_as",
    "as_groups",
    "simulate",
    "exec",
    "state",
    "allow_outside_tree",
];

/// Parses words that can't be parsed, or that ask for help, and returns what clap prints. The help of `capstan plugin` leaves out the
/// options of clusters, which its commands don't reach.
pub fn usage(words: impl IntoIterator<Item = String>) -> Option<clap::Error> {
    let mut command = Args::command();
    // Only a built command has the global options in its subcommands.
    command.build();
    let command = command.mut_subcommand("plugin", hide_cluster_options);
    command.try_get_matches_from(words).err()
}

fn hide_cluster_options(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let is_hidden = CLUSTER_OPTIONS.contains(&arg.get_id().as_str());
        if is_hidden { arg.hide(true) } else { arg }
    });
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, hide_cluster_options)
    })
}
