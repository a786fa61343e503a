//! What may help, in the command line's words: its options and commands. The only place that turns a [`Remedy`] into words.

use capstan_core::model::{
    error::Diagnostic,
    finding::Finding,
    remedy::{Command, Notice, ObjectOption, Remedies, Remedy, Setting, SourceKind},
};
use serde_json::Value;

/// Returns all remedies as one hint; nothing without any.
pub fn hint(remedies: &Remedies) -> Option<String> {
    let hint = with_hint("", remedies);
    (!hint.is_empty()).then_some(hint)
}

/// Adds the remedies to what they are about.
pub fn with_hint(text: &str, remedies: &Remedies) -> String {
    let mut text = text.to_owned();
    for Phrase { joint, words } in remedies.0.iter().map(phrase) {
        if !text.is_empty() {
            text.push_str(joint);
        }
        text.push_str(&words);
    }
    text
}

/// Writes a notice.
pub fn notice(notice: &Notice) -> String {
    with_hint(&notice.text, &notice.remedies)
}

/// Writes what is wrong, with the option that it is about.
pub fn message(mistake: &Diagnostic) -> String {
    match mistake.option {
        Some(option) => format!("{} {}", flag(option), mistake.message),
        None => mistake.message.clone(),
    }
}

/// Writes what mends a finding; nothing if that isn't known.
pub fn fix(finding: &Finding) -> Option<String> {
    let mut remedies = Remedies::from(finding.fix.as_str());
    remedies.0.extend(finding.remedies.0.iter().cloned());
    hint(&remedies)
}

/// Returns a finding as JSON: `fix` has all that mends it in words, `remedies` the options and commands as data.
pub fn finding_json(finding: &Finding) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(finding)?;
    json["fix"] = fix(finding).unwrap_or_default().into();
    Ok(json)
}

/// Returns a mistake as JSON: `message` and `hint` are in words, `remedies` has the options and commands as data.
pub fn mistake_json(mistake: &Diagnostic) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(mistake)?;
    json["message"] = message(mistake).into();
    if let Some(hint) = hint(&mistake.hint) {
        json["hint"] = hint.into();
    }
    let remedies = mistake.hint.clone().without_text();
    if !remedies.is_empty() {
        json["remedies"] = serde_json::to_value(remedies)?;
    }
    Ok(json)
}

/// Returns the flag of an option that names objects.
pub const fn flag(option: ObjectOption) -> &'static str {
    match option {
        ObjectOption::Only => "--only",
        ObjectOption::Hook => "--hook",
        ObjectOption::SkipHook => "--skip-hook",
        ObjectOption::Confirm => "--confirm",
    }
}

/// A remedy in words, and how it continues what is before it.
struct Phrase {
    joint: &'static str,
    words: String,
}

fn after(joint: &'static str, words: impl Into<String>) -> Phrase {
    Phrase {
        joint,
        words: words.into(),
    }
}

fn phrase(remedy: &Remedy) -> Phrase {
    match remedy {
        Remedy::Text(text) => after("; ", text.as_str()),
        Remedy::Setting(setting) => setting_phrase(setting),
        Remedy::Command(command) => command_phrase(command),
    }
}

fn setting_phrase(setting: &Setting) -> Phrase {
    let (joint, words) = match setting {
        Setting::SourceKinds { kinds } => {
            let kinds = kinds.iter().map(|kind| match kind {
                SourceKind::Files => "`-f` reads a folder of manifests",
                SourceKind::Kustomization => "`-k` builds a kustomization",
                SourceKind::Chart => "`--chart` renders a Helm chart",
            });
            return after("; ", kinds.collect::<Vec<_>>().join(", "));
        }
        Setting::StdinFrom { command } => {
            let words = format!("or render where helm is installed: `{command} | capstan ... --app NAME -f -`");
            return after("; ", words);
        }
        Setting::Kustomization { path: Some(path) } => return after("; ", format!("`-k {path}` builds it")),
        Setting::Chart { path: Some(path) } => {
            let words = format!("name it separately, with `--chart {path}`, together with the manifests");
            return after("; ", words);
        }
        Setting::ConfigFile { path } => {
            let words = format!("or with `--config {path}` they come instead of those it names");
            return after("; ", words);
        }
        Setting::KubernetesVersion { newest_minor } => {
            let words = format!("for an older cluster, say `--kube-version 1.{newest_minor}` or less");
            return after("; ", words);
        }
        Setting::Confirm { object, with_contents } => {
            return if *with_contents {
                after(
                    ", or ",
                    format!("`--confirm {object}` removes it with everything in it"),
                )
            } else {
                after(": ", format!("`--confirm {object}`"))
            };
        }
        Setting::Grant { plugin } => {
            return after(
                "; ",
                format!("`--grant {plugin}=requested` grants all that it requests"),
            );
        }
        Setting::Sources => (
            "; ",
            "name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`",
        ),
        Setting::Files => ("; ", "manifests are named with `-f`"),
        Setting::FewerFiles => ("; ", "leave other files out with `-f`"),
        Setting::Recursive => ("; ", "`-R` reads its subfolders, too"),
        Setting::Stdin => (", and ", "pipe the result into `-f -`"),
        Setting::Kustomization { path: None } => ("; ", "name its folder with `-k DIR`, which builds it"),
        Setting::Chart { path: None } => ("; ", "name its chart with `--chart CHART`, which renders it"),
        Setting::ChartValues => (", and ", "name its files with `--values`"),
        Setting::ArgoCdApplication => (
            "; ",
            "`--argocd-application FILE` reads it as a description of what to sync",
        ),
        Setting::Application => ("; ", "name one of them with `--app`"),
        Setting::ApplicationName => (": ", "`--app NAME`"),
        Setting::Namespace => ("; ", "`-n`, `capstan.yaml` or the kubeconfig names it"),
        Setting::CreateNamespace => ("; ", "`--create-namespace` makes it"),
        Setting::AllowOutsideTree => (", or ", "allow it with `--allow-outside-tree`"),
        Setting::EnableHelm => ("; ", "`--enable-helm` allows it"),
        Setting::RenderTimeout => ("; ", "`--render-timeout` allows more time"),
        Setting::Adopt => (
            "; ",
            "`--adopt` takes it over; first make sure that Argo CD no longer syncs it, otherwise both will change it",
        ),
        Setting::ForceConflicts => ("; ", "`--force-conflicts` takes them over"),
        Setting::Plugin => ("; ", "`--plugin PATH` adds one"),
        Setting::ThisPlugin => (": ", "`--plugin` loads it"),
        Setting::WithoutPlugin => (", ", "`--without-plugin` leaves it out"),
        Setting::RegistryCertificate => (
            "; ",
            "if it has a certificate of your own CA, name that with `--registry-ca` or CAPSTAN_REGISTRY_CA",
        ),
        Setting::OverwriteTag => ("; ", "`--overwrite` lets the tag name another plugin"),
        Setting::BuildOutput => ("; ", "`--to FILE` names another place"),
        Setting::BuildTimeout => ("; ", "`--timeout` allows more time"),
        Setting::World => (", and ", "name it with `--world`"),
        Setting::Cases => ("; ", "`--cases PATH` names another folder or file"),
        Setting::PlaceOfCases => ("; ", "`--cases PATH` names them"),
        Setting::OnlyCases => ("; ", "`--only` accepts part of a name"),
        Setting::FewerCases => ("; ", "`--only` leaves cases out"),
        Setting::RecordAnswers => (", or ", "let `--record` do it"),
        Setting::ProjectFolder => (", or ", "choose another folder with `--in`"),
        Setting::ImportFolder => (", ", "`--out` names another folder"),
        Setting::OverwriteImport => ("; ", "`--overwrite` replaces it"),
        Setting::ImportName => (
            "; ",
            "`--name` allows a-z, 0-9 and -; `--plugin-version` is a version such as 1.2.3",
        ),
    };
    after(joint, words)
}

fn command_phrase(command: &Command) -> Phrase {
    let (joint, words) = match command {
        Command::InspectPlugin { plugin } => {
            let plugin = plugin.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            return after(": ", format!("`capstan plugin inspect{plugin}` shows its settings"));
        }
        Command::BuildPlugin { folder: Some(folder) } => {
            return after("; ", format!("`capstan plugin build {folder}` builds it"));
        }
        Command::AddPlugin { source } => return after("; ", format!("`capstan plugin add {source}` pins it")),
        Command::Delete => ("; ", "`capstan delete` does that"),
        Command::Plan => ("; ", "`capstan plan` uses the cluster"),
        Command::SavePlan => ("; ", "`capstan plan --save FILE` writes one"),
        Command::ListPlugins => ("; ", "`capstan plugin list` shows what the loaded plugins claim"),
        Command::RunPlugin => ("; ", "`capstan plugin run` calls the plugin"),
        Command::TestPlugin => ("; ", "`capstan plugin test` says why"),
        Command::RecordCases => (", and ", "use `capstan plugin test --record` to add the actual answers"),
        Command::NewPlugin => ("; ", "`capstan plugin new` makes a project"),
        Command::BuildPlugin { folder: None } => ("; ", "`capstan plugin build` puts its `plugin.toml` into it"),
        Command::CheckTools => ("; ", "`capstan plugin doctor` lists what is missing"),
        Command::UpdatePlugins => (
            "; ",
            "if the change is intended, `capstan plugin update` pins the new version",
        ),
        Command::PublishPlugin => (
            "; ",
            "a plugin is published by `capstan plugin publish`: a component as one layer `application/wasm`",
        ),
    };
    after(joint, words)
}

#[cfg(test)]
mod tests {
    use capstan_core::lint::UNKNOWN_KIND;

    use super::*;

    #[test]
    fn remedies_are_told_in_the_words_of_the_command_line() {
        let remedies = Remedies::from([Setting::Namespace.into(), "or add a Namespace".into()]);
        assert_eq!(
            hint(&remedies).as_deref(),
            Some("`-n`, `capstan.yaml` or the kubeconfig names it; or add a Namespace")
        );
        assert_eq!(hint(&Remedies::default()), None);
        let outside = Remedies::from(["move it inside".into(), Setting::AllowOutsideTree.into()]);
        let both = hint(&outside).unwrap();
        assert_eq!(both, "move it inside, or allow it with `--allow-outside-tree`");
        let alone = hint(&outside.without_text()).unwrap();
        assert_eq!(alone, "allow it with `--allow-outside-tree`");
        let conflict = Remedies::from(Setting::ForceConflicts);
        assert_eq!(
            with_hint("a conflict", &conflict),
            "a conflict; `--force-conflicts` takes them over"
        );
        assert_eq!(with_hint("a failure", &Remedies::default()), "a failure");
    }

    #[test]
    fn json_has_the_words_and_the_data() {
        let mut mistake = Diagnostic::new("x names no object").hint(["write it".into(), Setting::Adopt.into()]);
        mistake.option = Some(ObjectOption::SkipHook);
        let json = mistake_json(&mistake).unwrap();
        assert_eq!(json["message"], "--skip-hook x names no object");
        assert!(json["hint"].as_str().unwrap().starts_with("write it; `--adopt`"));
        assert_eq!(json["remedies"], serde_json::json!([{ "setting": "adopt" }]));
        let mut finding = Finding::from_invalid_input(Diagnostic::new("no")).helped_by(Command::Plan);
        UNKNOWN_KIND.id.clone_into(&mut finding.rule);
        let json = finding_json(&finding).unwrap();
        assert_eq!(json["fix"], "`capstan plan` uses the cluster");
        assert_eq!(json["remedies"], serde_json::json!([{ "command": "plan" }]));
    }
}
