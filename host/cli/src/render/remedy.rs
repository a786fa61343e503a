//! What may help, in the command line's words: its options and commands. The only place that turns a [`Remedy`] into words.

use capstan_core::{
    error::Diagnostic,
    lint::Finding,
    remedy::{Command, Notice, ObjectOption, Remedies, Remedy, Setting},
};
use serde_json::Value;

/// Returns all remedies as one hint; nothing without any.
pub fn hint(remedies: &Remedies) -> Option<String> {
    let words: Vec<String> = remedies.0.iter().map(words).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Adds the remedies to what they are about.
pub fn with_hint(text: &str, remedies: &Remedies) -> String {
    match hint(remedies) {
        Some(hint) => format!("{text}; {hint}"),
        None => text.to_owned(),
    }
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

fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Text(text) => text.clone(),
        Remedy::Setting(setting) => setting_words(setting),
        Remedy::Command(command) => command_words(command),
    }
}

fn setting_words(setting: &Setting) -> String {
    let fixed = match setting {
        Setting::StdinFrom { command } => {
            return format!("or render where it is: `{command} | capstan ... --app NAME -f -`");
        }
        Setting::Kustomization { path: Some(path) } => return format!("`-k {path}` builds it"),
        Setting::Chart { path: Some(path) } => return format!("`--chart {path}` renders it"),
        Setting::ConfigFile { path } => {
            return format!("or with `--config {path}` they come instead of those it names");
        }
        Setting::KubernetesVersion { newest_minor } => {
            return format!("for an older cluster, say `--kube-version 1.{newest_minor}` or less");
        }
        Setting::Confirm { object, with_contents } => {
            let contents = if *with_contents { " with everything in it" } else { "" };
            return format!("`--confirm {object}` removes it{contents}");
        }
        Setting::Grant { plugin } => return format!("`--grant {plugin}=requested` grants all that it requests"),
        Setting::Sources => {
            "name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`"
        }
        Setting::Files => "`-f` reads files or a folder of manifests",
        Setting::Stdin => "`-f -` reads what is piped into it",
        Setting::Kustomization { path: None } => "`-k DIR` builds a kustomization",
        Setting::Chart { path: None } => "`--chart CHART` renders a Helm chart",
        Setting::ChartValues => "`--values` names its files",
        Setting::ArgoCdApplication => "`--argocd-application FILE` reads it as a description of what to sync",
        Setting::Application => "name one of them with `--app`",
        Setting::ApplicationName => "`--app NAME` names it",
        Setting::Namespace => "`-n`, `capstan.yaml` or the kubeconfig names it",
        Setting::CreateNamespace => "`--create-namespace` makes it",
        Setting::AllowOutsideTree => "`--allow-outside-tree` allows it",
        Setting::EnableHelm => "`--enable-helm` allows it",
        Setting::RenderTimeout => "`--render-timeout` gives it longer",
        Setting::Adopt => "`--adopt` takes it over; first make sure that Argo CD no longer syncs it, or both will",
        Setting::ForceConflicts => "`--force-conflicts` takes them over",
        Setting::Plugin => "`--plugin PATH` adds one",
        Setting::ThisPlugin => "`--plugin` loads it",
        Setting::WithoutPlugin => "`--without-plugin` leaves it out",
        Setting::RegistryCertificate => {
            "if it has a certificate of your own CA, name that with `--registry-ca` or CAPSTAN_REGISTRY_CA"
        }
        Setting::OverwriteTag => "`--overwrite` lets the tag name another plugin",
        Setting::BuildOutput => "`--to FILE` names another place",
        Setting::BuildTimeout => "`--timeout` gives it longer",
        Setting::World => "name it with `--world`",
        Setting::Cases => "`--cases PATH` names another folder or file",
        Setting::OnlyCases => "`--only` takes a part of a case's name",
        Setting::RecordAnswers => "`--record` writes the answers into the files of cases",
        Setting::ProjectFolder => "`--in` names another folder",
        Setting::ImportFolder => "`--out` names another folder",
        Setting::OverwriteImport => "`--overwrite` replaces it",
        Setting::ImportName => "`--name` takes a-z, 0-9 and -, `--plugin-version` a version like 1.2.3",
    };
    fixed.to_owned()
}

fn command_words(command: &Command) -> String {
    let fixed = match command {
        Command::InspectPlugin { plugin: Some(plugin) } => {
            return format!("`capstan plugin inspect {plugin}` shows what it takes");
        }
        Command::BuildPlugin { folder: Some(folder) } => return format!("`capstan plugin build {folder}` builds it"),
        Command::AddPlugin { source } => return format!("`capstan plugin add {source}` pins it"),
        Command::Delete => "`capstan delete` does that",
        Command::Plan => "`capstan plan` asks the cluster",
        Command::SavePlan => "`capstan plan --save FILE` writes one",
        Command::ListPlugins => "`capstan plugin list` shows what the loaded plugins claim",
        Command::InspectPlugin { plugin: None } => "`capstan plugin inspect` shows what it takes",
        Command::RunPlugin => "`capstan plugin run` asks the plugin by hand",
        Command::TestPlugin => "`capstan plugin test` says why",
        Command::RecordCases => "`capstan plugin test --record` adds what is answered",
        Command::NewPlugin => "`capstan plugin new` makes a project",
        Command::BuildPlugin { folder: None } => "`capstan plugin build` puts its `plugin.toml` into it",
        Command::CheckTools => "`capstan plugin doctor` says what is missing",
        Command::UpdatePlugins => "if the change is meant, `capstan plugin update` pins the new one",
        Command::PublishPlugin => {
            "a plugin is published by `capstan plugin publish`: a component as one layer `application/wasm`"
        }
    };
    fixed.to_owned()
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
        let mut finding = Finding::of_mistake(Diagnostic::new("no")).helped_by(Command::Plan);
        UNKNOWN_KIND.id.clone_into(&mut finding.rule);
        let json = finding_json(&finding).unwrap();
        assert_eq!(json["fix"], "`capstan plan` asks the cluster");
        assert_eq!(json["remedies"], serde_json::json!([{ "command": "plan" }]));
    }
}
