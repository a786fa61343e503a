//! The text of `host/COMPAT.md`, made from the tables.

use super::{NOT_COPIED, Rule};
use crate::read::sync_options::{OptionScope, SYNC_OPTIONS};

/// Returns the content of `host/COMPAT.md`.
pub fn markdown() -> String {
    let mut text = "# Argo CD's rules\n\n\
        Generated from `core/src/model/compat` and `core/src/read/sync_options.rs`. `--compat argocd` plans and runs as Argo CD 3.6 does; without it Capstan's own rules apply. `capstan plan --explain-compat` plans the same manifests both ways and lists the differences, with the names of this table.\n\n| rule | Capstan | Argo CD | where Argo CD does it |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for rule in Rule::ALL {
        let row = rule.description();
        text.push_str(&format!(
            "| `{}` | {} | {} | `{}` |\n",
            row.name, row.native, row.argo_cd, row.source
        ));
    }
    text.push_str(
        "\n## Sync options\n\n\
         `--sync-option NAME=VALUE` applies to the whole application, in both modes; an object's annotation `argocd.argoproj.io/sync-options` takes precedence. The first value is the default.\n\n| option | values | on objects | meaning |\n| --- | --- | --- | --- |\n",
    );
    for option in SYNC_OPTIONS {
        let on_objects = match option.scope {
            OptionScope::Both => "yes",
            OptionScope::Application => "",
        };
        let values: Vec<String> = option.values.iter().map(|value| format!("`{value}`")).collect();
        text.push_str(&format!(
            "| `{}` | {} | {on_objects} | {} |\n",
            option.name,
            values.join(", "),
            option.meaning
        ));
    }
    text.push_str("\n## Not copied\n\n| Argo CD | Capstan, in both modes |\n| --- | --- |\n");
    for one in NOT_COPIED {
        text.push_str(&format!("| {} | {} |\n", one.argo_cd, one.capstan));
    }
    text
}
