//! What makes a manifest valid. Finds every flaw, not the first one.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use thiserror::Error;

use crate::{CONTRACTS, Claim, Grants, KindPattern, Manifest, schema, shown};

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The path of the field: `claims[0].fields`.
    pub place: String,
    /// What is wrong with the field.
    pub message: String,
}

/// Everything that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Flaws(pub Vec<Flaw>);

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, flaw) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "; " };
            write!(f, "{gap}{}: {}", flaw.place, flaw.message)?;
        }
        Ok(())
    }
}

const TOP: [&str; 10] = [
    "contract",
    "name",
    "version",
    "licence",
    "description",
    "source",
    "claims",
    "grants",
    "limits",
    "settings",
];
const VERBS: [&str; 7] = ["get", "list", "watch", "apply", "patch", "delete", "create"];
/// Verbs for which no object is named.
const NAMELESS: [&str; 2] = ["list", "create"];
const PHASES: [&str; 6] = ["PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete"];
/// Far more than anybody needs; a bound for what a stranger makes the host look through.
const MAX_NAMES: usize = 1000;

/// Finds texts, of any part of a manifest, that hold what can't be seen. It is asked first: other flaws show what they are about.
pub(crate) fn texts(manifest: &impl Serialize) -> Result<(), Flaws> {
    let found = match serde_json::to_value(manifest) {
        Ok(value) => shown::flaws(&value),
        // Numbers that JSON can't say, of a TOML.
        Err(error) => vec![Flaw {
            place: "manifest".to_owned(),
            message: shown::visible(&error.to_string()),
        }],
    };
    Finder(found).done()
}

/// The words of `related` that hosts know. A stamped component may have later ones, which a host ignores.
const RELATED: [&str; 3] = ["owned-pods", "events", "storage-class"];

/// Finds keys and words that do not exist.
pub(crate) fn keys(table: &toml::Table) -> Result<(), Flaws> {
    texts(table)?;
    let mut found = Finder::default();
    found.keys("", table, &TOP);
    if let Some(toml::Value::Table(limits)) = table.get("limits") {
        found.keys("limits.", limits, &["memory-mib"]);
    }
    if let Some(toml::Value::Table(grants)) = table.get("grants") {
        found.keys("grants.", grants, &["cluster", "http", "secrets", "related"]);
        for (part, known) in [
            ("cluster", &["verbs", "kinds", "namespaces", "names"][..]),
            ("http", &["hosts", "methods", "local"]),
            ("secrets", &["names", "keys", "shown"]),
        ] {
            let entries = grants.get(part).and_then(toml::Value::as_array);
            for (n, entry) in entries.into_iter().flatten().enumerate() {
                if let Some(entry) = entry.as_table() {
                    found.keys(&format!("grants.{part}[{n}]."), entry, known);
                }
            }
        }
    }
    let claims = table.get("claims").and_then(toml::Value::as_array);
    for (n, claim) in claims.into_iter().flatten().enumerate() {
        let Some(claim) = claim.as_table() else { continue };
        let known: &[&str] = match claim.get("interface").and_then(toml::Value::as_str) {
            Some("health") => &["interface", "kinds", "except", "fields", "related"],
            Some("hook") => &["interface", "types", "words", "kinds", "except"],
            Some("delete-policy") => &["interface", "policies"],
            // Said better by the one who reads the value.
            Some(_) | None => continue,
        };
        found.keys(&format!("claims[{n}]."), claim, known);
        let related = claim.get("related").and_then(toml::Value::as_array);
        let words = related.into_iter().flatten().filter_map(toml::Value::as_str);
        for word in words.filter(|word| is_name(word) && !RELATED.contains(word)) {
            let message = format!("unknown value `{word}`; valid values are {}", RELATED.join(", "));
            found.flaw(&format!("claims[{n}].related"), message);
        }
    }
    found.done()
}

/// Finds everything that is wrong with a manifest.
pub(crate) fn manifest(manifest: &Manifest) -> Result<(), Flaws> {
    texts(manifest)?;
    let mut found = Finder::default();
    let Manifest {
        contract,
        name,
        version,
        licence,
        description,
        source: _,
        claims,
        grants,
        limits,
        settings,
    } = manifest;
    if !CONTRACTS.contains(&&**contract) {
        let known = CONTRACTS.join(", ");
        found.flaw(
            "contract",
            format!("version {contract:?} is not known here; known are: {known}"),
        );
    }
    if !is_name(name) {
        found.flaw(
            "name",
            format!("{name:?} is not of a-z, 0-9 and -, with a letter first, at most 40 long"),
        );
    }
    if !is_version(version) {
        found.flaw("version", format!("{version:?} is not like 1.2.3"));
    }
    for (place, text) in [("licence", licence), ("description", description)] {
        if text.trim().is_empty() || text.len() > 1000 {
            found.flaw(place, "must have between 1 and 1000 characters");
        }
    }
    found.grants(grants);
    if limits.memory_mib == Some(0) {
        found.flaw("limits.memory-mib", "must be at least 1");
    }
    found.0.extend(settings.iter().flat_map(schema::flaws));
    if claims.is_empty() {
        found.flaw("claims", "the plugin claims nothing");
    }
    let mut seen = BTreeSet::new();
    for (n, claim) in claims.iter().enumerate() {
        found.claim(&format!("claims[{n}]"), claim);
        for name in claim.call_names() {
            if !seen.insert((claim.interface(), name.clone())) {
                found.flaw(&format!("claims[{n}]"), format!("`{name}` is claimed twice"));
            }
        }
        if seen.len() > MAX_NAMES {
            found.flaw("claims", format!("more than {MAX_NAMES} names"));
            break;
        }
    }
    found.done()
}

#[derive(Default)]
struct Finder(Vec<Flaw>);

impl Finder {
    fn flaw(&mut self, place: &str, message: impl Into<String>) {
        self.0.push(Flaw {
            place: place.to_owned(),
            message: message.into(),
        });
    }

    fn keys(&mut self, prefix: &str, table: &toml::Table, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&&***key)) {
            self.flaw(
                &format!("{prefix}{key}"),
                match key.as_str() {
                    "license" => "no such key; it is spelled `licence` here".to_owned(),
                    _ => format!("no such key; known are: {}", known.join(", ")),
                },
            );
        }
    }

    fn grants(&mut self, grants: &Grants) {
        let mut filled = |place: String, is_empty: bool| {
            if is_empty {
                self.flaw(&place, "names nothing");
            }
        };
        for (n, grant) in grants.cluster.iter().enumerate() {
            filled(format!("grants.cluster[{n}].verbs"), grant.verbs.is_empty());
            filled(format!("grants.cluster[{n}].kinds"), grant.kinds.is_empty());
            let has_no_name = grant.names.as_ref().is_some_and(Vec::is_empty);
            filled(format!("grants.cluster[{n}].names"), has_no_name);
        }
        for (n, grant) in grants.http.iter().enumerate() {
            filled(format!("grants.http[{n}].hosts"), grant.hosts.is_empty());
        }
        for (n, grant) in grants.secrets.iter().enumerate() {
            filled(format!("grants.secrets[{n}].names"), grant.names.is_empty());
        }
        for (n, grant) in grants.cluster.iter().enumerate() {
            for verb in grant.verbs.iter().filter(|verb| !VERBS.contains(&&***verb)) {
                let message = format!("`{verb}` is not a verb; known are: {}", VERBS.join(", "));
                self.flaw(&format!("grants.cluster[{n}].verbs"), message);
            }
            let Some(names) = &grant.names else { continue };
            for verb in grant.verbs.iter().filter(|verb| NAMELESS.contains(&&***verb)) {
                let message = format!("`{verb}` has no name, so an entry with `names` can't allow it");
                self.flaw(&format!("grants.cluster[{n}].verbs"), message);
            }
            for name in names.iter().filter(|name| !is_object_name(name)) {
                let message = format!(
                    "`{}` is not the name of an object; names are exact",
                    name.escape_debug()
                );
                self.flaw(&format!("grants.cluster[{n}].names"), message);
            }
        }
    }

    fn claim(&mut self, place: &str, claim: &Claim) {
        match claim {
            Claim::Health {
                kinds,
                except,
                fields,
                related,
            } => {
                if kinds.is_empty() {
                    self.flaw(&format!("{place}.kinds"), "names no kind");
                }
                self.except(place, kinds, except);
                for field in fields.iter().flatten().filter(|field| !is_pointer(field)) {
                    let message = format!("`{field}` is not a JSON pointer, like `/status/replicas`");
                    self.flaw(&format!("{place}.fields"), message);
                }
                for word in related.iter().filter(|word| !is_name(word)) {
                    let message = format!("`{word}` is not a value such as `owned-pods`");
                    self.flaw(&format!("{place}.related"), message);
                }
            }
            Claim::Hook {
                types,
                words,
                kinds,
                except,
            } => {
                if types.is_empty() && words.is_empty() && kinds.is_empty() {
                    self.flaw(place, "names no type, word or kind");
                }
                for name in types
                    .iter()
                    .filter(|name| !is_word(name) || name.chars().any(|c| c.is_ascii_uppercase()))
                {
                    self.flaw(
                        &format!("{place}.types"),
                        format!("`{name}` is not a name such as `http-check`"),
                    );
                }
                for word in words {
                    if PHASES.contains(&&**word) {
                        self.flaw(&format!("{place}.words"), format!("`{word}` is a phase"));
                    } else if !is_word(word) {
                        self.flaw(
                            &format!("{place}.words"),
                            format!("`{word}` is not a value such as `Skip`"),
                        );
                    }
                }
                self.except(place, kinds, except);
            }
            Claim::DeletePolicy { policies } => {
                if policies.is_empty() {
                    self.flaw(&format!("{place}.policies"), "names no policy");
                }
                for policy in policies.iter().filter(|policy| *policy != "*" && !is_word(policy)) {
                    let message =
                        format!("`{policy}` is not a name such as `HookSucceeded` or `example.com/keep-last-3`");
                    self.flaw(&format!("{place}.policies"), message);
                }
            }
        }
    }

    fn except(&mut self, place: &str, kinds: &[KindPattern], except: &[KindPattern]) {
        if !except.is_empty() && kinds.iter().all(KindPattern::is_exact) {
            self.flaw(&format!("{place}.except"), "needs a kind with a *");
        }
    }

    fn done(self) -> Result<(), Flaws> {
        if self.0.is_empty() { Ok(()) } else { Err(Flaws(self.0)) }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 40
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// What Kubernetes takes for a segment of a path, and no pattern.
fn is_object_name(text: &str) -> bool {
    let is_bad = |letter: char| matches!(letter, '/' | '%' | '?' | '#' | '\\' | '*') || letter.is_control();
    !text.is_empty() && text.len() <= 253 && text != "." && text != ".." && !text.contains(is_bad)
}

/// A name of a hook type or policy, or a word: what can stand in a list with commas.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.len() <= 100
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_'))
}

fn is_version(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 64
        && numbers.split('.').count() == 3
        && numbers.split('.').all(number)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
}

/// RFC 6901: `~` only as `~0` or `~1`. The empty pointer is the whole object; then `fields` should be left out.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}
