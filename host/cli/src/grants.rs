//! What the user grants plugins: `capstan.yaml`, files and flags, of which each comes before the ones named earlier.

use capstan_core::{
    error::near,
    grant::{Granted, UserGrants},
};

use crate::{
    args::Global,
    environment,
    report::{Diagnostics, usage_error},
};

/// Reads the grants of a command line, over those of `capstan.yaml`.
///
/// # Errors
///
/// Returns what of it is no grant.
pub fn read(global: &Global) -> anyhow::Result<UserGrants> {
    let mut grants = global.granted.clone();
    if let Some(path) = &global.grants_file {
        let text = environment::text(path).map_err(|mistake| Diagnostics(vec![mistake]))?;
        let of_file: UserGrants = serde_yaml::from_str(&text).map_err(|error| {
            usage_error(
                format!("{}: these are no grants: {error}", path.display()),
                "plugins by name, as in `http-check: {http: [{hosts: [api.example.com]}]}`; plugins/README.md shows them all",
            )
        })?;
        grants.extend(of_file);
    }
    for word in &global.grants {
        let (plugin, text) = word.split_once('=').unwrap_or((word, "requested"));
        let granted: Granted = serde_yaml::from_str(text).map_err(|error| {
            usage_error(
                format!("`--grant {word}` is no grant: {error}"),
                format!("`--grant {plugin}=requested` grants all that its manifest requests"),
            )
        })?;
        grants.0.insert(plugin.to_owned(), granted);
    }
    Ok(grants)
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
    Err(usage_error(
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
