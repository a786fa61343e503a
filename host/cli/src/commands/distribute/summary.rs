//! The description of a plugin that was looked up.

use std::collections::BTreeMap;

use anyhow::Context as _;
use capstan_registry::{Digest, ResolvedPlugin, repeats_component};
use capstan_sandbox::PluginInfo;
use serde::Serialize;

use crate::{
    args::GlobalOptions,
    render::{columns, lines},
    terminal::Text,
    text,
};

/// A plugin that was looked up and that the sandbox accepts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PluginSummary {
    pub(super) name: String,
    pub(super) version: String,
    licence: String,
    description: String,
    pub(super) source: String,
    pub(super) digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<Digest>,
    /// The signers in the rules that signed it.
    signed_by: Vec<String>,
    /// The number of signatures.
    signatures: usize,
    /// The types of its attestations, which aren't verified.
    attested: Vec<String>,
    /// The annotations that its publisher added.
    annotations: BTreeMap<String, String>,
    claims: Vec<String>,
    pub(super) requests: Vec<String>,
}

impl PluginSummary {
    /// Loads a plugin in the sandbox, which compiles it, and collects its description.
    ///
    /// # Errors
    ///
    /// Returns why the sandbox refuses it.
    pub(super) fn new(global: &GlobalOptions, plugin: &ResolvedPlugin) -> anyhow::Result<PluginSummary> {
        let info = load_plugin(global, plugin.source.to_string(), plugin.component.bytes.clone())?;
        let added = |(key, _): &(&String, &String)| !repeats_component(key);
        let annotations = plugin.annotations.iter().filter(added);
        let annotations = annotations.map(|(key, value)| (key.clone(), value.clone()));
        let claims = info
            .claims
            .iter()
            .map(|claim| format!("{} {}", claim.interface, claim.claim));
        Ok(PluginSummary {
            name: info.name.clone(),
            version: info.version.clone(),
            licence: info.licence.clone(),
            description: info.description.clone(),
            source: plugin.source.to_string(),
            digest: plugin.component.digest,
            manifest: plugin.manifest,
            signed_by: plugin.component.signed_by.clone(),
            signatures: plugin.signature_count.unwrap_or_default(),
            attested: plugin.attestations.clone(),
            annotations: annotations.collect(),
            claims: claims.collect(),
            requests: info.requests,
        })
    }

    /// Describes it for people.
    pub(super) fn text(&self) -> Text {
        let mut rows = vec![("from", self.source.clone()), ("digest", self.digest.to_string())];
        rows.extend(self.manifest.map(|digest| ("manifest", digest.to_string())));
        rows.push(("signed", self.signature_text()));
        rows.extend(
            self.attested
                .iter()
                .map(|kind| ("attested", format!("{kind} (not verified)"))),
        );
        // A signature is of the manifest, including its annotations.
        let doubt = if self.signed_by.is_empty() {
            " (not verified)"
        } else {
            ""
        };
        let annotated = |(key, value): (&String, &String)| ("annotated", format!("{key}={value}{doubt}"));
        rows.extend(self.annotations.iter().map(annotated));
        rows.extend(self.claims.iter().map(|claim| ("claims", claim.clone())));
        if self.requests.is_empty() {
            rows.push(("requests", "nothing except its hooks' own objects".to_owned()));
        }
        rows.extend(self.requests.iter().map(|request| ("requests", request.clone())));
        let mut last = "";
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(key, value)| {
                let key = if std::mem::replace(&mut last, key) == key {
                    ""
                } else {
                    key
                };
                vec![format!("  {key}"), value]
            })
            .collect();
        text!(
            "{} {} ({}): {}\n{}",
            self.name,
            self.version,
            self.licence,
            self.description,
            lines(columns(&rows, 1))
        )
    }

    /// Names the signers, in a few words.
    pub(super) fn signature_text(&self) -> String {
        match (self.signed_by.as_slice(), self.signatures) {
            ([], 0) => "by nobody".to_owned(),
            ([], 1) => "once, and no rule names the expected signer".to_owned(),
            ([], many) => format!("{many} times, and no rule names the expected signer"),
            (by, _) => format!("by {}", by.join(" and ")),
        }
    }
}

/// Loads a plugin as a sync would.
///
/// # Errors
///
/// Returns why the sandbox refuses it.
pub(super) fn load_plugin(global: &GlobalOptions, name: String, component: Vec<u8>) -> anyhow::Result<PluginInfo> {
    let found = capstan_runtime::load_one(&global.plugin_host, name, component)?
        .plugins()
        .into_iter()
        .next();
    found.context("the sandbox has lost a plugin")
}
