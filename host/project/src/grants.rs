//! The grants for plugins, from flags and files. Each one overrides those before it.

use capstan_core::{
    model::{
        error::{Diagnostics, closest_match},
        grant::{Granted, UserGrants},
        remedy::{Remedies, Setting},
    },
    read::manifest,
};

use crate::config_errors;

/// Reads the grants in a file. `name` is the file's name in messages.
///
/// # Errors
///
/// Returns why it can't be read as grants.
pub fn parse_file(name: &str, text: &str) -> Result<UserGrants, Diagnostics> {
    let document = manifest::parse_document(name, text).map_err(Diagnostics)?;
    let hint = "it has the names of plugins as its keys, as in `http-check: requested`; plugins/README.md shows more";
    config_errors::deserialize(&document, hint).map_err(Diagnostics)
}

/// Adds the grants of a flag: `PLUGIN` or `PLUGIN=requested` for everything that the plugin requests, `PLUGIN=GRANTS` in YAML for some of
/// it.
///
/// # Errors
///
/// Returns what is wrong with the flag.
pub fn add_from_flag(grants: &mut UserGrants, word: &str) -> Result<(), Diagnostics> {
    let (plugin, text) = word.split_once('=').unwrap_or((word, "requested"));
    let value = manifest::parse_value(text);
    let granted = value.and_then(|value| serde_json::from_value::<Granted>(value).map_err(|error| error.to_string()));
    let granted = granted.map_err(|error| {
        Diagnostics::single(
            format!("`{word}` is not a grant: {error}"),
            format!("`{plugin}=requested` grants all that its manifest requests"),
        )
    })?;
    grants.0.insert(plugin.to_owned(), granted);
    Ok(())
}

/// Checks that every plugin with grants is loaded.
///
/// # Errors
///
/// Returns the first name without a plugin.
pub fn check_loaded(grants: &UserGrants, loaded: &[String]) -> Result<(), Diagnostics> {
    let Some(unknown) = grants.0.keys().find(|name| !loaded.contains(name)) else {
        return Ok(());
    };
    let hint = match closest_match(unknown, loaded.iter().map(String::as_str)) {
        Some(known) => format!("did you mean `{known}`?").into(),
        None => Remedies::from([
            format!("loaded plugins: {}", loaded.join(", ")).into(),
            Setting::Plugin.into(),
        ]),
    };
    Err(Diagnostics::single(
        format!("there is a grant for the plugin `{unknown}`, which is not loaded"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(word: &str) -> Result<UserGrants, Diagnostics> {
        let mut grants = UserGrants::default();
        add_from_flag(&mut grants, word).map(|()| grants)
    }

    #[test]
    fn words_come_before_the_file() {
        let mut found = parse_file(
            "grants.yaml",
            "scale: requested\nhttp-check: {http: [{hosts: [api.example.com]}]}\n",
        )
        .unwrap();
        add_from_flag(&mut found, "scale={}").unwrap();
        assert_eq!(
            found.0["scale"],
            Granted::Only(capstan_core::model::grant::Grants::default())
        );
        assert!(matches!(&found.0["http-check"], Granted::Only(some) if some.http.len() == 1));
        assert_eq!(grants("scale").unwrap().0["scale"], Granted::Requested);
        let wrong = parse_file("grants.yaml", "[]").unwrap_err();
        assert_eq!(wrong.0[0].message, "this file is not a mapping");
    }

    #[test]
    fn a_file_is_read_as_kubectl_reads_files_and_its_mistakes_have_places() {
        let found = parse_file(
            "grants.yaml",
            "\u{feff}---\nscale: &all requested\nhttp-check: *all\n---\n",
        )
        .unwrap();
        assert_eq!(found.0["http-check"], Granted::Requested);
        for (text, place, hint) in [
            (
                "scale: requested\nscale: {}\n",
                "grants.yaml:2",
                "`scale` is written twice",
            ),
            (
                "# none\nscale:\n  clutser: []\n",
                "grants.yaml:3",
                "did you mean `cluster`?",
            ),
            ("scale:\n\thttp: []\n", "grants.yaml:2", "a tab can't indent a line"),
            ("- scale\n", "grants.yaml:1", "it has the names of plugins as its keys"),
        ] {
            let error = format!("{:?}", parse_file("grants.yaml", text).unwrap_err());
            assert!(error.contains(hint), "{text}: {error}");
            let line = format!("line: {}", place.rsplit(':').next().unwrap());
            assert!(error.contains(&line), "{text}: {error}");
        }
    }

    #[test]
    fn a_grant_for_a_plugin_that_nobody_loads_is_a_mistake() {
        let loaded = ["approval".to_owned(), "http-check".to_owned(), "scale".to_owned()];
        let check = |word: &str| match check_loaded(&grants(word).unwrap(), &loaded) {
            Ok(()) => String::new(),
            Err(Diagnostics(all)) => format!("{all:?}"),
        };
        assert_eq!(check("scale"), "");
        let near = check("http-chek={http: [{hosts: [api.example.com]}]}");
        assert!(
            near.contains("`http-chek`") && near.contains("did you mean `http-check`?"),
            "{near}"
        );
        let far = check("queue=requested");
        assert!(
            far.contains("`queue`, which is not loaded") && far.contains("approval, http-check, scale"),
            "{far}"
        );
    }

    #[test]
    fn what_is_no_grant_says_so() {
        for (word, message) in [
            ("scale=all", "is not a grant; write `requested`"),
            ("scale={clutser: []}", "unknown field `clutser`"),
            (
                "scale={cluster: [{verbs: [steal], kinds: [Pod]}]}",
                "unknown variant `steal`",
            ),
            (
                "scale={cluster: [{verbs: [list], kinds: [Pod], names: [a]}]}",
                "`list` has no name",
            ),
            ("scale={http: [{hosts: [a/b]}]}", "`a/b` is not a host"),
            (
                "scale={cluster: [{verbs: [get], kinds: [a/b/c]}]}",
                "`a/b/c` is not GROUP/KIND",
            ),
        ] {
            let error = grants(word).unwrap_err().0[0].message.clone();
            assert!(error.contains(message), "{word}: {error}");
        }
    }
}
