//! Which plugins have to be signed, from `capstan.yaml`.

use std::path::Path;

use capstan_core::{model::error::Diagnostic, read::manifest::Manifest};
use capstan_registry::{PublicKey, SignaturePolicy, SignatureRule, Signer, Source, SourcePattern};
use serde::Deserialize;

use super::file::Configuration;

/// Who has to sign the plugins from some sources.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureRuleEntry {
    /// The prefix of the sources, or `*`; of several matching rules, the longest one is used.
    pub source: String,
    /// Each of them has to sign.
    #[serde(default)]
    pub all_of: Vec<SignerEntry>,
    /// At least one of them has to sign.
    #[serde(default)]
    pub any_of: Vec<SignerEntry>,
    /// No signature is required: an exception from a shorter rule.
    #[serde(default)]
    pub unsigned: bool,
}

/// An entry for a signer in `capstan.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerEntry {
    /// A file with a public key in PEM.
    pub key: String,
}

/// Lists the mistakes in the rules, except for those in the key files.
pub(super) fn find_mistakes(rules: &[SignatureRuleEntry], document: &Manifest) -> Vec<Diagnostic> {
    let wrong = |(index, rule): (usize, &SignatureRuleEntry)| {
        if let Err(error) = rule.source.parse::<SourcePattern>() {
            let message = format!("this rule can't match any plugin: {}", error.reason);
            let at = document.error(&format!("/pluginSignatures/{index}/source"), message);
            return Some(at.hint(error.hint));
        }
        let has_signers = !rule.all_of.is_empty() || !rule.any_of.is_empty();
        let message = match (has_signers, rule.unsigned) {
            (false, false) => "this rule names no signer",
            (true, true) => "this rule both names signers and allows unsigned plugins",
            (true, false) | (false, true) => return None,
        };
        let error = document.error(&format!("/pluginSignatures/{index}"), message);
        Some(error.hint("write `anyOf: [{ key: cosign.pub }]`, or for an exception `unsigned: true`"))
    };
    rules.iter().enumerate().filter_map(wrong).collect()
}

/// Reads the keys of the rules. Their paths start at the file's folder and stay in its tree.
pub(super) fn read_policy(
    rules: &[SignatureRuleEntry],
    file: &Configuration,
) -> Result<SignaturePolicy, Vec<Diagnostic>> {
    let (document, folder) = (&file.document, &file.folder);
    let (mut policy, mut mistakes) = (SignaturePolicy::default(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        // An invalid pattern was reported when the file was read.
        let Ok(source) = rule.source.parse() else { continue };
        let mut read = |list: &str, entries: &[SignerEntry]| {
            let mut signers = Vec::new();
            for (number, SignerEntry { key }) in entries.iter().enumerate() {
                let pointer = format!("/pluginSignatures/{index}/{list}/{number}/key");
                if let Err(mistake) = file.confine(&pointer, &folder.join(key)) {
                    mistakes.push(mistake);
                    continue;
                }
                match read_signer(&folder.join(key), key) {
                    Ok(signer) => signers.push(signer),
                    Err(reason) => {
                        let error = document.error(&pointer, format!("this key can't be used: {reason}"));
                        mistakes.push(error.hint("name the `cosign.pub` that `cosign generate-key-pair` wrote"));
                    }
                }
            }
            signers
        };
        policy.0.push(SignatureRule {
            source,
            all_of: read("allOf", &rule.all_of),
            any_of: read("anyOf", &rule.any_of),
        });
    }
    if mistakes.is_empty() { Ok(policy) } else { Err(mistakes) }
}

/// Lists the rules that match none of the loaded plugins; a rule for `*` may match none.
pub(super) fn unused_rules(rules: &[SignatureRuleEntry], document: &Manifest, plugins: &[&Source]) -> Vec<Diagnostic> {
    let wrong = |(index, rule): (usize, &SignatureRuleEntry)| {
        let pattern: SourcePattern = rule.source.parse().ok()?;
        let is_idle = pattern != SourcePattern::All && !plugins.iter().any(|source| pattern.matches(source));
        let error = || {
            let message = format!("this rule matches no plugin: no plugin comes from `{}`", rule.source);
            document.error(&format!("/pluginSignatures/{index}/source"), message)
        };
        is_idle.then(|| error().hint("write it as the plugin's source begins, or remove it"))
    };
    rules.iter().enumerate().filter_map(wrong).collect()
}

/// Reads a signer's key.
///
/// # Errors
///
/// Returns why it can't be read, or isn't a public key.
pub fn read_signer(path: &Path, name: &str) -> Result<Signer, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let key = PublicKey::from_pem(&text)?;
    Ok(Signer::Key {
        name: name.to_owned(),
        key,
    })
}
