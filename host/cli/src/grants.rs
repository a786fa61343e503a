//! What the user grants plugins: `capstan.yaml`, files and flags, of which each comes before the ones named earlier.

use std::path::Path;

use capstan_core::{
    error::{PlanError, near},
    grant::{Granted, UserGrants},
    manifest,
};

use crate::{args::Global, project::wrong, report::Mistakes, source};

/// Reads the grants of a command line, over those of `capstan.yaml`.
///
/// # Errors
///
/// Returns what of it is no grant.
pub fn read(global: &Global) -> anyhow::Result<UserGrants> {
    let mut grants = global.granted.clone();
    if let Some(path) = &global.grants_file {
        grants.extend(of_file(path).map_err(Mistakes)?);
    }
    for word in &global.grants {
        let (plugin, text) = word.split_once('=').unwrap_or((word, "requested"));
        let granted = of_word(text).map_err(|error| {
            Mistakes::one(
                format!("`--grant {word}` is no grant: {error}"),
                format!("`--grant {plugin}=requested` grants all that its manifest requests"),
            )
        })?;
        grants.0.insert(plugin.to_owned(), granted);
    }
    Ok(grants)
}

fn of_file(path: &Path) -> Result<UserGrants, Vec<PlanError>> {
    let text = source::text(path).map_err(|mistake| vec![mistake])?;
    let document = manifest::document(&path.display().to_string(), &text)?;
    wrong::deserialize(
        &document,
        "it has the names of plugins as its keys, as in `http-check: requested`; plugins/README.md shows more",
    )
}

fn of_word(text: &str) -> Result<Granted, String> {
    serde_json::from_value(manifest::value(text)?).map_err(|error| error.to_string())
}

/// Checks that every plugin that is granted something is loaded.
///
/// # Errors
///
/// Returns the first name that no plugin has.
pub fn check_loaded(grants: &UserGrants, loaded: &[String]) -> anyhow::Result<()> {
    let Some(unknown) = grants.0.keys().find(|name| !loaded.contains(name)) else {
        return Ok(());
    };
    let hint = match near(unknown, loaded.iter().map(String::as_str)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("loaded are {}; `--plugin` loads another one", loaded.join(", ")),
    };
    Err(Mistakes::one(
        format!("a grant is for the plugin `{unknown}`, and no such plugin is loaded"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    fn grants(words: &[&str]) -> anyhow::Result<UserGrants> {
        let words = ["capstan", "plan"].iter().chain(words);
        read(&Args::try_parse_from(words)?.global)
    }

    #[test]
    fn flags_come_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            "scale: requested\nhttp-check: {http: [{hosts: [api.example.com]}]}\n",
        )
        .unwrap();
        let file = file.path().to_str().unwrap();
        let found = grants(&["--grants", file, "--grant", "scale={}"]).unwrap();
        assert_eq!(found.0["scale"], Granted::Only(capstan_core::grant::Grants::default()));
        assert!(matches!(&found.0["http-check"], Granted::Only(some) if some.http.len() == 1));
        assert_eq!(grants(&["--grant", "scale"]).unwrap().0["scale"], Granted::Requested);
    }

    #[test]
    fn a_file_is_read_as_kubectl_reads_files_and_its_mistakes_have_places() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("grants.yaml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let read = grants(&["--grants", file.to_str().unwrap()]);
            read.map_err(|error| {
                let told = crate::report::tell(&error, crate::render::Paint::PLAIN);
                told.as_str().replace(&format!("{}/", folder.path().display()), "")
            })
        };
        let found = read("\u{feff}---\nscale: &all requested\nhttp-check: *all\n---\n").unwrap();
        assert_eq!(found.0["http-check"], Granted::Requested);
        for (text, messages) in [
            (
                "scale: requested\nscale: {}\n",
                ["grants.yaml:2", "`scale` is written twice"],
            ),
            (
                "# none\nscale:\n  clutser: []\n",
                ["grants.yaml:3", "did you mean `cluster`?"],
            ),
            ("scale:\n\thttp: []\n", ["grants.yaml:2", "a tab can't indent a line"]),
            (
                "- scale\n",
                ["grants.yaml:1", "it has the names of plugins as its keys"],
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                messages.iter().all(|message| error.contains(message)),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_grant_for_a_plugin_that_nobody_loads_is_a_mistake() {
        let loaded = ["approval".to_owned(), "http-check".to_owned(), "scale".to_owned()];
        let told = |word: &str| match check_loaded(&grants(&["--grant", word]).unwrap(), &loaded) {
            Ok(()) => String::new(),
            Err(error) => crate::report::tell(&error, crate::render::Paint::PLAIN)
                .as_str()
                .to_owned(),
        };
        assert_eq!(told("scale"), "");
        let near = told("http-chek={http: [{hosts: [api.example.com]}]}");
        assert!(
            near.contains("`http-chek`") && near.contains("did you mean `http-check`?"),
            "{near}"
        );
        let far = told("queue=requested");
        assert!(
            far.contains("no such plugin is loaded") && far.contains("approval, http-check, scale"),
            "{far}"
        );
    }

    #[test]
    fn what_is_no_grant_says_so() {
        for (word, message) in [
            ("scale=all", "is no grant; write `requested`"),
            ("scale={clutser: []}", "unknown field `clutser`"),
            (
                "scale={cluster: [{verbs: [steal], kinds: [Pod]}]}",
                "unknown variant `steal`",
            ),
            (
                "scale={cluster: [{verbs: [list], kinds: [Pod], names: [a]}]}",
                "`list` has no name",
            ),
            ("scale={http: [{hosts: [a/b]}]}", "`a/b` is no host"),
            (
                "scale={cluster: [{verbs: [get], kinds: [a/b/c]}]}",
                "`a/b/c` is no GROUP/KIND",
            ),
        ] {
            let error = grants(&["--grant", word]).unwrap_err();
            let error = crate::report::tell(&error, crate::render::Paint::PLAIN)
                .as_str()
                .to_owned();
            assert!(error.contains(message), "{word}: {error}");
        }
    }
}
