//! `capstan plugin publish`.

use capstan_registry::{OnExistingTag, SignaturePolicy, Source};
use capstan_runtime::{plugin_folder, plugins};
use serde_json::json;

use super::{new_store, summary::load_plugin};
use crate::{
    args::{GlobalOptions, Output, PublishArgs},
    commands::{print, print_json, print_stderr},
    diagnostics::{self, usage_error},
    exit::Exit,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &PublishArgs) -> anyhow::Result<Exit> {
    let target = match &args.target {
        Source::Oci(target) if target.tag.is_some() => target,
        Source::Oci(_) | Source::Https { .. } | Source::File { .. } | Source::Path(_) => {
            return Err(usage_error(
                format!("nothing can be published to {}", args.target),
                "name a tag in a registry, as in `oci://ghcr.io/acme/queue:1.2`",
            ));
        }
    };
    let file = plugin_folder::component(&args.file)?;
    if let Some(stale) = plugin_folder::find_stale(&file) {
        diagnostics::warn_stale(&stale);
    }
    let component = std::fs::read(&file).map_err(|error| {
        let message = format!("the plugin {} can't be read: {error}", file.display());
        usage_error(message, "name a `.wasm` file, or the folder that it was built in")
    })?;
    // A component that no host would load isn't published.
    load_plugin(global, file.display().to_string(), component.clone())?;
    let store = new_store(global, &args.reach, SignaturePolicy::default());
    let on_taken = if args.overwrite {
        OnExistingTag::Overwrite
    } else {
        OnExistingTag::Refuse
    };
    let annotations = args.annotation.iter().cloned().collect();
    let published = plugins::block_on_separate_runtime(store.publish(component, target, annotations, on_taken))??;
    if global.output == Output::Text {
        print(&text!("{}\n", published.source));
    } else {
        let source = published.source.to_string();
        print_json(&json!({ "source": source, "digest": published.digest, "wasThere": published.already_existed }))?;
    }
    if published.already_existed {
        print_stderr(&text!("it was there already"));
    }
    Ok(Exit::Done)
}
