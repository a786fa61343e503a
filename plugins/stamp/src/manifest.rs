//! The manifest: who made a plugin, what it answers for, what it is content with.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Claim, Flaws, Grants, check};

/// The versions of the contract that this library knows.
pub const CONTRACTS: [&str; 1] = ["0.1.0"];

/// What `plugin.toml` says and the component carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the contract that it was built for.
    pub contract: String,
    /// Its name: a-z, 0-9, -, at most 40.
    pub name: String,
    /// The version of the plugin.
    pub version: String,
    /// Its licence, as SPDX says it.
    pub licence: String,
    /// What the plugin does, in one sentence.
    pub description: String,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What it answers for.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What it requests beside its hook's own object.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub grants: Grants,
    /// What it is content with.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    /// A JSON schema of the user's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<serde_json::Value>,
}

/// Limits of a plugin's own; they can only lower the host's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Memory of one call, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
}

/// Why a `plugin.toml` is not a manifest.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It is not a TOML, or something in it has the wrong type.
    #[error("failed to read the manifest")]
    Toml(#[from] toml::de::Error),
    /// It says something that can't be.
    #[error(transparent)]
    Flaws(#[from] Flaws),
}

impl Limits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Manifest {
    /// Reads a `plugin.toml`. A key that does not exist is an error: it is a slip of the pen.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        check::keys(&text.parse::<toml::Table>()?)?;
        let manifest: Self = toml::from_str(text)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Says everything that is wrong with it.
    pub fn validate(&self) -> Result<(), Flaws> {
        check::manifest(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interface;

    /// Everything that a manifest can say, as the contract's page shows it.
    const FULL: &str = r#"
        contract = "0.1.0"
        name = "queue"
        version = "1.2.0"
        licence = "Apache-2.0"
        description = "Health of Queue objects."
        source = "https://example.com/queue"

        [[claims]]
        interface = "health"
        kinds = ["example.com/*"]
        except = ["example.com/Topic"]
        fields = ["/status", "/spec/paused", "/metadata/annotations/example.com~1tier"]
        related = ["owned-pods"]

        [[claims]]
        interface = "hook"
        types = ["drain-queue"]
        words = ["Drain"]
        kinds = ["example.com/Queue"]

        [[claims]]
        interface = "delete-policy"
        policies = ["example.com/keep-last-3", "*"]

        [[grants.cluster]]
        verbs = ["get", "patch"]
        kinds = ["example.com/Queue"]
        namespaces = ["."]
        names = ["backlog"]

        [[grants.http]]
        hosts = ["*.example.com"]
        methods = ["POST"]

        [[grants.secrets]]
        names = ["token"]

        [limits]
        memory-mib = 16

        [settings]
        type = "object"
    "#;

    fn flaws(toml: &str) -> String {
        Manifest::from_toml(toml).unwrap_err().to_string()
    }

    #[test]
    fn it_reads_everything_that_can_be_said() {
        let manifest = Manifest::from_toml(FULL).unwrap();
        let names: Vec<_> = manifest
            .claims
            .iter()
            .map(|claim| (claim.interface(), claim.call_names().join(" ")))
            .collect();
        assert_eq!(
            names,
            [
                (Interface::Health, "example.com/*".to_owned()),
                (Interface::Hook, "drain-queue Drain example.com/Queue".to_owned()),
                (Interface::DeletePolicy, "example.com/keep-last-3 *".to_owned()),
            ]
        );
        assert_eq!(manifest.limits.memory_mib, Some(16));
        let json = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
    }

    #[test]
    fn no_fields_is_not_the_same_as_an_empty_list() {
        let claim = |fields: &str| {
            let text = format!(r#"{{"interface": "health", "kinds": ["Pod"]{fields}}}"#);
            let claim: Claim = serde_json::from_str(&text).unwrap();
            let again = serde_json::to_string(&claim).unwrap();
            assert_eq!(serde_json::from_str::<Claim>(&again).unwrap(), claim);
            claim
        };
        assert_ne!(claim(""), claim(r#", "fields": []"#));
    }

    #[test]
    fn a_key_that_does_not_exist_is_found_in_every_place() {
        let toml = FULL
            .replace("name =", "nmae = 1\n name =")
            .replace("memory-mib", "memory")
            .replace("hosts =", "host = 1\n hosts =")
            .replace("types =", "fields = []\n types =");
        assert_eq!(
            flaws(&toml),
            "nmae: no such key; known are: contract, name, version, licence, description, source, claims, grants, limits, settings; \
             limits.memory: no such key; known are: memory-mib; \
             grants.http[0].host: no such key; known are: hosts, methods, local; \
             claims[1].fields: no such key; known are: interface, types, words, kinds, except"
        );
    }

    #[test]
    fn every_flaw_is_found_with_its_place() {
        for (from, to, flaw) in [
            (
                "0.1.0",
                "0.2.0",
                "contract: version \"0.2.0\" is not known here; known are: 0.1.0",
            ),
            (
                "\"queue\"",
                "\"Queue\"",
                "name: \"Queue\" is not of a-z, 0-9 and -, with a letter first, at most 40 long",
            ),
            ("1.2.0", "1.2", "version: \"1.2\" is not like 1.2.3"),
            ("Apache-2.0", " ", "licence: must have between 1 and 1000 characters"),
            (
                "\"/status\"",
                "\"status\"",
                "claims[0].fields: `status` is not a JSON pointer, like `/status/replicas`",
            ),
            (
                "\"/status\"",
                "\"\"",
                "claims[0].fields: `` is not a JSON pointer, like `/status/replicas`",
            ),
            (
                "~1tier",
                "~2tier",
                "claims[0].fields: `/metadata/annotations/example.com~2tier` is not a JSON pointer, like `/status/replicas`",
            ),
            (
                "owned-pods",
                "Owned Pods",
                "claims[0].related: `Owned Pods` is not a value such as `owned-pods`",
            ),
            (
                "example.com/*",
                "example.com/A",
                "claims[0].except: needs a kind with a *",
            ),
            (
                "[\"example.com/*\"]",
                "[]",
                "claims[0].kinds: names no kind; claims[0].except: needs a kind with a *",
            ),
            (
                "drain-queue",
                "Drain Queue",
                "claims[1].types: `Drain Queue` is not a name such as `http-check`",
            ),
            ("\"Drain\"", "\"PreSync\"", "claims[1].words: `PreSync` is a phase"),
            (
                "\"Drain\"",
                "\"a,b\"",
                "claims[1].words: `a,b` is not a value such as `Skip`",
            ),
            (
                "\"*\"]",
                "\"**\"]",
                "claims[2].policies: `**` is not a name such as `HookSucceeded` or `example.com/keep-last-3`",
            ),
            (
                "\"*\"]",
                "\"example.com/keep-last-3\"]",
                "claims[2]: `example.com/keep-last-3` is claimed twice",
            ),
            (
                "\"get\", \"patch\"",
                "\"get\", \"steal\"",
                "grants.cluster[0].verbs: `steal` is not a verb; known are: get, list, watch, apply, patch, delete, create",
            ),
            (
                "\"get\", \"patch\"",
                "\"get\", \"list\"",
                "grants.cluster[0].verbs: `list` has no name, so an entry with `names` can't allow it",
            ),
            ("[\"backlog\"]", "[]", "grants.cluster[0].names: names nothing"),
            (
                "backlog",
                "a/b",
                "grants.cluster[0].names: `a/b` is not the name of an object; names are exact",
            ),
            (
                "backlog",
                "*",
                "grants.cluster[0].names: `*` is not the name of an object; names are exact",
            ),
            ("[\"*.example.com\"]", "[]", "grants.http[0].hosts: names nothing"),
            (
                "memory-mib = 16",
                "memory-mib = 0",
                "limits.memory-mib: must be at least 1",
            ),
        ] {
            assert!(FULL.contains(from), "{from}");
            assert_eq!(flaws(&FULL.replacen(from, to, 1)), flaw);
        }
        assert_eq!(
            flaws(FULL.split("[[claims]]").next().unwrap()),
            "claims: the plugin claims nothing"
        );
    }

    #[test]
    fn what_is_no_toml_or_of_the_wrong_type_says_where() {
        let chain = |toml: &str| match Manifest::from_toml(toml).unwrap_err() {
            ManifestError::Toml(error) => error.to_string(),
            ManifestError::Flaws(flaws) => panic!("{flaws}"),
        };
        assert!(chain("contract = ").contains("line 1"));
        assert!(chain(&FULL.replace("[\"example.com/Topic\"]", "[\"a/b/c\"]")).contains("`a/b/c` is not GROUP/KIND"));
        assert!(chain(&FULL.replace("\"delete-policy\"", "\"weather\"")).contains("unknown variant `weather`"));
        assert!(chain("name = 'x'").contains("missing field `contract`"));
    }
}
