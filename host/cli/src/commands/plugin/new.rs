//! `capstan plugin new`: a project that builds, with cases that pass.

use std::fs;

use capstan_files::Readers;
use capstan_stamp::Manifest;

use super::{language, print, template};
use crate::{
    args::{Global, Kind, PluginNew},
    exit::Exit,
    report::usage_error,
    text,
};

pub(super) fn run(_global: &Global, args: &PluginNew) -> anyhow::Result<Exit> {
    let folder = args.folder.join(&args.name);
    let folder = folder.strip_prefix("./").unwrap_or(&folder);
    let files = template::files(&args.name, args.kind, args.lang);
    let manifest = files.iter().find(|(path, _)| path == "plugin.toml");
    let manifest = manifest.map(|(_, text)| text.as_str()).unwrap_or_default();
    if let Err(error) = Manifest::from_toml(manifest) {
        return Err(usage_error(
            format!("`{}` can't be a plugin's name: {error}", args.name),
            "write one like `queue-health`",
        ));
    }
    let shown = folder.display();
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(usage_error(
            format!("{shown} is there already"),
            "nothing was changed; take another name, or another folder with `--in`",
        ));
    }
    for (path, text) in &files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let made = made.and_then(|()| capstan_files::write(&path, text.as_bytes(), Readers::AsUsual));
        made.map_err(|error| {
            let message = format!("{} can't be written: {error}", path.display());
            usage_error(message, "`--in` names another folder")
        })?;
    }
    let what = match args.kind {
        Kind::Health => "health check",
        Kind::Hook => "hook type",
        Kind::DeletePolicy => "delete policy",
    };
    print(&text!("{} is a {} in {}\n", shown, what, language::name(args.lang)));
    for (path, _) in files.iter().filter(|(path, _)| !path.starts_with("wit/")) {
        print(&text!("  {}\n", path));
    }
    print(&text!(
        "  wit/            the contract\n\ncd {} && capstan plugin build && capstan plugin test\n",
        shown
    ));
    Ok(Exit::Done)
}
