//! The built-in plugins' components, built and stamped by the build script, and those of the interpreters.

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

/// A built-in plugin.
#[derive(Clone, Copy)]
pub struct Plugin {
    /// Its name, as its manifest says it.
    pub name: &'static str,
    /// Its component, with its manifest.
    pub bytes: &'static [u8],
}

/// Returns a built-in plugin by its name.
pub fn get(name: &str) -> Option<Plugin> {
    ALL.iter().find(|plugin| plugin.name == name).copied()
}

/// Returns an interpreter by its name, if this build contains the interpreters: release builds do, and those with the feature
/// `interpreters`.
pub fn interpreter(name: &str) -> Option<Plugin> {
    INTERPRETERS.iter().find(|plugin| plugin.name == name).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use capstan_stamp::{Claim, Interface, exports, imports, read};

    #[test]
    fn every_plugin_says_who_it_is() {
        let names: Vec<_> = super::ALL.iter().map(|plugin| plugin.name).collect();
        let expected = [
            "approval",
            "http-check",
            "job",
            "keep-last",
            "policies",
            "resource",
            "scale",
            "skip",
            "ttl",
        ];
        assert_eq!(names, expected);
        for plugin in super::ALL {
            let manifest = read(plugin.bytes).unwrap();
            assert_eq!((&*manifest.name, &*manifest.licence), (plugin.name, "Apache-2.0"));
            assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"), "{}", plugin.name);
            assert_eq!(super::get(plugin.name).unwrap().bytes, plugin.bytes);
        }
        assert!(super::get("nobody").is_none());
    }

    #[test]
    fn an_interpreter_is_a_plugin_that_can_be_prepared_and_answers_for_nothing_by_itself() {
        let names: Vec<_> = super::INTERPRETERS.iter().map(|plugin| plugin.name).collect();
        assert_eq!(names, ["cel", "lua"]);
        for plugin in super::INTERPRETERS {
            assert!(super::get(plugin.name).is_none());
            let exported: BTreeSet<String> = exports(plugin.bytes).unwrap().into_iter().collect();
            let expected = ["capstan:plugin/health@0.1.0", "prepare"].map(str::to_owned);
            assert_eq!(exported, BTreeSet::from(expected), "{}", plugin.name);
        }
    }

    #[test]
    fn every_plugin_exports_what_its_claims_need_and_nothing_else() {
        for plugin in super::ALL {
            let claimed: BTreeSet<String> = read(plugin.bytes)
                .unwrap()
                .claims
                .iter()
                .map(|claim| format!("capstan:plugin/{}@0.1.0", claim.interface()))
                .collect();
            let exported: BTreeSet<String> = exports(plugin.bytes).unwrap().into_iter().collect();
            assert_eq!(exported, claimed, "{}", plugin.name);
        }
    }

    #[test]
    fn no_plugin_imports_anything_but_the_contract_and_wasi() {
        for plugin in super::ALL.iter().chain(super::INTERPRETERS) {
            for name in imports(plugin.bytes).unwrap() {
                // `types` has no function: it is how a component says which types it means.
                let is_contract = ["capstan:plugin/host@0.1.0", "capstan:plugin/types@0.1.0"].contains(&&*name);
                let is_wasi = name.starts_with("wasi:") && name.contains("@0.2.");
                assert!(is_contract || is_wasi, "{} imports {name}", plugin.name);
            }
        }
    }

    #[test]
    fn no_two_plugins_answer_for_the_same_and_every_exact_kind_is_an_exception_of_the_wildcard() {
        let mut seen = BTreeSet::new();
        let mut exact: BTreeSet<(Interface, String)> = BTreeSet::new();
        let mut excepted = BTreeSet::new();
        for claim in super::ALL.iter().flat_map(|plugin| read(plugin.bytes).unwrap().claims) {
            let interface = claim.interface();
            for name in claim.call_names() {
                assert!(seen.insert((interface, name.clone())), "{interface} {name}");
            }
            if let Claim::Health { kinds, except, .. } | Claim::Hook { kinds, except, .. } = &claim {
                exact.extend(
                    kinds
                        .iter()
                        .filter(|kind| kind.is_exact())
                        .map(|kind| (interface, kind.to_string())),
                );
                excepted.extend(except.iter().map(|kind| (interface, kind.to_string())));
            }
        }
        assert_eq!(exact, excepted);
    }

    #[test]
    fn no_plugin_grows_unnoticed() {
        for plugin in super::ALL {
            assert!(
                plugin.bytes.len() < 750_000,
                "{} has {} bytes",
                plugin.name,
                plugin.bytes.len()
            );
        }
        for plugin in super::INTERPRETERS {
            assert!(
                plugin.bytes.len() < 3_000_000,
                "{} has {} bytes",
                plugin.name,
                plugin.bytes.len()
            );
        }
    }
}
