//! The name of the delete policy that decides about a hook's object: with its plugin, unless that is built in.

/// Returns the name of a delete policy: `HookSucceeded`, `acme.io/on-friday of on-friday 1.2.0`.
pub fn policy_name(by: &str, plugins: &[String]) -> String {
    match third_party_plugins(plugins).next() {
        None => by.to_owned(),
        // A policy that is called for every hook has its plugin's name.
        Some(plugin) if by.is_empty() || name_of(plugin) == by => plugin.to_owned(),
        Some(plugin) => format!("{by} of {plugin}"),
    }
}

/// Names the plugins that keep an object; `None` if only built-in ones do.
pub fn keeping_plugins(plugins: &[String]) -> Option<String> {
    let foreign: Vec<&str> = third_party_plugins(plugins).collect();
    match *foreign {
        [] => None,
        [one] => Some(format!("{one} keeps it")),
        [..] => Some(format!("{} keep it", foreign.join(", "))),
    }
}

/// Lists the plugins that aren't built in.
fn third_party_plugins(plugins: &[String]) -> impl Iterator<Item = &str> {
    plugins
        .iter()
        .map(String::as_str)
        .filter(|plugin| capstan_bundle::get(name_of(plugin)).is_none())
}

/// Returns the name of `NAME VERSION`.
fn name_of(plugin: &str) -> &str {
    plugin.split(' ').next().unwrap_or(plugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_of_others_are_named_with_their_policy() {
        let of = |by: &str, plugin: &str| policy_name(by, &[plugin.to_owned()]);
        assert_eq!(of("HookSucceeded", "policies 0.1.0"), "HookSucceeded");
        assert_eq!(
            of("acme.io/on-friday", "on-friday 1.2.0"),
            "acme.io/on-friday of on-friday 1.2.0"
        );
        assert_eq!(of("on-friday", "on-friday 1.2.0"), "on-friday 1.2.0");
        assert_eq!(policy_name("stopped", &[]), "stopped");
    }

    #[test]
    fn who_keeps_an_object_is_named_unless_it_is_capstan() {
        let of =
            |plugins: &[&str]| keeping_plugins(&plugins.iter().map(|&plugin| plugin.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["policies 0.1.0"]), None);
        assert_eq!(of(&["policies 0.1.0", "a 1.0.0"]).as_deref(), Some("a 1.0.0 keeps it"));
        assert_eq!(of(&["a 1.0.0", "b 2.0.0"]).as_deref(), Some("a 1.0.0, b 2.0.0 keep it"));
    }
}
