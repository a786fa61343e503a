//! `capstan plugin verify`.

use std::path::Path;

use capstan_project::signature_policy;
use capstan_registry::{SignaturePolicy, SignatureRule, SourcePattern};
use capstan_runtime::plugins;

use super::{new_store, read_configuration, read_policy, summary::PluginSummary};
use crate::{
    args::{GlobalOptions, Output, VerifyArgs},
    commands::{print, print_json},
    diagnostics::usage_error,
    exit::Exit,
};

pub(super) fn run(global: &GlobalOptions, args: &VerifyArgs) -> anyhow::Result<Exit> {
    let policy = if args.key.is_empty() {
        read_policy(read_configuration(global)?.as_ref())?
    } else {
        policy_from_keys(args)?
    };
    if !policy.requires_signature(&args.source) {
        return Err(usage_error(
            format!("no rule says who must have signed {}", args.source),
            "name a key with `--key`, or write a rule under `pluginSignatures` of a capstan.yaml",
        ));
    }
    let store = new_store(global, &args.reach, policy);
    let plugin = plugins::block_on_separate_runtime(store.resolve(&args.source, Path::new("")))??;
    let shown = PluginSummary::new(global, &plugin)?;
    if global.output == Output::Text {
        print(&shown.text());
    } else {
        print_json(&shown)?;
    }
    Ok(Exit::Done)
}

/// Returns a policy by which all named keys have to sign.
fn policy_from_keys(args: &VerifyArgs) -> anyhow::Result<SignaturePolicy> {
    let signers = args.key.iter().map(|path| {
        signature_policy::read_signer(path, &path.display().to_string()).map_err(|reason| {
            let message = format!("the key {} can't be used: {reason}", path.display());
            usage_error(message, "name the `cosign.pub` that `cosign generate-key-pair` wrote")
        })
    });
    Ok(SignaturePolicy(vec![SignatureRule {
        source: SourcePattern::All,
        all_of: signers.collect::<anyhow::Result<_>>()?,
        any_of: Vec::new(),
    }]))
}
