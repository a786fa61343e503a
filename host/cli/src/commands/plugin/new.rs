//! `capstan plugin new`: a project that builds, with cases that pass.

use capstan_devkit::{language, new};

use super::print;
use crate::{
    args::{GlobalOptions, PluginKind, PluginNew},
    exit::Exit,
    text,
};

pub(super) fn run(_global: &GlobalOptions, args: &PluginNew) -> anyhow::Result<Exit> {
    let folder = args.folder.join(&args.name);
    let folder = folder.strip_prefix("./").unwrap_or(&folder);
    let language = args.lang.into();
    let files = new::write(folder, &args.name, args.kind.into(), language)?;
    let shown = folder.display();
    let what = match args.kind {
        PluginKind::Health => "health check",
        PluginKind::Hook => "hook type",
        PluginKind::DeletePolicy => "delete policy",
    };
    print(&text!(
        "{} is a {} in {}\n",
        shown,
        what,
        language::display_name(language)
    ));
    let library = new::library_folder(language);
    let is_taken = |path: &&String| path.starts_with("wit/") || path.starts_with(&format!("{library}/"));
    for path in files.iter().filter(|path| !is_taken(path)) {
        print(&text!("  {}\n", path));
    }
    let library_column = format!("{:<20}", format!("{library}/"));
    print(&text!(
        "  {}the library for plugin authors\n  wit/                the contract\n\ncd {} && capstan plugin build && capstan plugin test\n",
        library_column,
        shown
    ));
    Ok(Exit::Done)
}
