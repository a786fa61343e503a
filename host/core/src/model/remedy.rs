//! What the user can do about an error, a notice or a finding, as data. No crate below a face names a flag or a command: the command line
//! writes `--adopt`, a web page shows a button.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor, value::SeqAccessDeserializer},
};

/// One thing that may help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Remedy {
    /// What no option and no command does, in words; a fragment without a full stop.
    Text(String),
    /// The user repeats the request with this option.
    Setting(Setting),
    /// The user runs this command.
    Command(Command),
}

/// An option of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Setting {
    /// Where the manifests are: files, a folder, standard input, a kustomization or a chart.
    Sources,
    /// A source of one of these kinds.
    SourceKinds {
        /// The kinds of sources that can be used.
        kinds: Vec<SourceKind>,
    },
    /// Files or a folder with manifests.
    Files,
    /// Files by their names, so that what has no manifests is left out.
    FewerFiles,
    /// The subfolders of a folder are read, too.
    Recursive,
    /// Manifests from standard input.
    Stdin,
    /// Manifests from standard input, as another program prints them.
    StdinFrom {
        /// The program's command line.
        command: String,
    },
    /// Read the manifests from a kustomization.
    Kustomization {
        /// Its folder, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// Render the manifests from a Helm chart.
    Chart {
        /// Its folder, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// Files with values for the chart.
    ChartValues,
    /// A `capstan.yaml`, in whose place the other sources come.
    ConfigFile {
        /// The path of the configuration file.
        path: String,
    },
    /// An Application of Argo CD, as a description of what to sync.
    ArgoCdApplication,
    /// Which of several applications.
    Application,
    /// The name of a new application.
    ApplicationName,
    /// The application's namespace.
    Namespace,
    /// The application's namespace is created if it doesn't exist.
    CreateNamespace,
    /// Sources outside of the work tree are read.
    AllowOutsideTree,
    /// Charts in kustomizations are rendered.
    EnableHelm,
    /// How long rendering may take.
    RenderTimeout,
    /// The version of Kubernetes for which manifests are checked without a cluster.
    KubernetesVersion {
        /// The newest minor version for which the check passes.
        newest_minor: u32,
    },
    /// Objects of Argo CD's applications become this application's.
    Adopt,
    /// Fields of other managers become this application's.
    ForceConflicts,
    /// An object may be removed.
    Confirm {
        /// The object, as `KIND[.GROUP]/[NAMESPACE/]NAME`.
        object: String,
        /// Whether other objects are removed with it, since they are in it.
        with_contents: bool,
    },
    /// Load a further plugin.
    Plugin,
    /// The plugin that the message names.
    ThisPlugin,
    /// A plugin that isn't loaded.
    WithoutPlugin,
    /// A plugin is granted all that its manifest requests.
    Grant {
        /// The plugin's name.
        plugin: String,
    },
    /// The certificate authority of a registry.
    RegistryCertificate,
    /// The tag of another plugin becomes the published one's.
    OverwriteTag,
    /// The file in which a plugin is written when it was built.
    BuildOutput,
    /// How long building a plugin may take.
    BuildTimeout,
    /// The world of the contract for which a plugin is built.
    World,
    /// Another file or folder with a plugin's test cases.
    Cases,
    /// The file or folder with a plugin's test cases, where none is known.
    PlaceOfCases,
    /// Which test cases run, by a part of their names.
    OnlyCases,
    /// Which test cases run, so that others are left out.
    FewerCases,
    /// Answers are written into the test cases.
    RecordAnswers,
    /// The folder in which a new plugin's project is made.
    ProjectFolder,
    /// The folder of an imported plugin.
    ImportFolder,
    /// An imported plugin replaces what is there.
    OverwriteImport,
    /// The name and the version of an imported plugin.
    ImportName,
}

/// A kind of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// Files or a folder with manifests.
    Files,
    /// A folder with a kustomization.
    Kustomization,
    /// A Helm chart.
    Chart,
}

/// A command of Capstan's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// Delete the application.
    Delete,
    /// Plan with the cluster.
    Plan,
    /// Plan, and save the plan to a file.
    SavePlan,
    /// List the plugins.
    ListPlugins,
    /// Show a plugin's settings, claims and requests.
    InspectPlugin {
        /// The plugin's name, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
    },
    /// Ask a plugin by hand.
    RunPlugin,
    /// Run a plugin's test cases.
    TestPlugin,
    /// Run a plugin's test cases, and write its answers into them.
    RecordCases,
    /// Make a plugin's project.
    NewPlugin,
    /// Build a plugin.
    BuildPlugin {
        /// Its folder, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
    },
    /// Check for the tools that building plugins needs.
    CheckTools,
    /// Add a plugin to the project, and pin it.
    AddPlugin {
        /// Where it comes from.
        source: String,
    },
    /// Pin the current versions of the project's plugins.
    UpdatePlugins,
    /// Publish a plugin.
    PublishPlugin,
}

/// An option whose value names an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectOption {
    /// Only these resources are applied.
    Only,
    /// Only these hooks run.
    Hook,
    /// These hooks don't run.
    SkipHook,
    /// These objects may be removed.
    Confirm,
}

/// All that may help, in the order in which it is shown. A single text is stored as such: so earlier versions stored hints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "StoredRemedies")]
pub struct Remedies(pub Vec<Remedy>);

#[derive(Serialize)]
#[serde(untagged)]
enum StoredRemedies {
    Text(String),
    List(Vec<Remedy>),
}

impl<'de> Deserialize<'de> for Remedies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Remedies, D::Error> {
        deserializer.deserialize_any(RemediesVisitor)
    }
}

struct RemediesVisitor;

impl<'de> Visitor<'de> for RemediesVisitor {
    type Value = Remedies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of remedies")
    }

    fn visit_str<E>(self, text: &str) -> Result<Remedies, E> {
        Ok(Remedies::from(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, remedies: A) -> Result<Remedies, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(remedies)).map(Remedies)
    }
}

impl From<Remedies> for StoredRemedies {
    fn from(mut remedies: Remedies) -> StoredRemedies {
        match remedies.0.pop() {
            Some(Remedy::Text(text)) if remedies.0.is_empty() => StoredRemedies::Text(text),
            last => {
                remedies.0.extend(last);
                StoredRemedies::List(remedies.0)
            }
        }
    }
}

impl Remedies {
    /// Says whether nothing is known to help.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the remedies that are free text, joined by `; `; empty without any.
    pub fn free_text(&self) -> String {
        let texts = self.0.iter().filter_map(|remedy| match remedy {
            Remedy::Text(text) => Some(text.as_str()),
            Remedy::Setting(_) | Remedy::Command(_) => None,
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    /// Writes all of them, as unit tests show them.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> String {
        let shown = self.0.iter().map(|remedy| match remedy {
            Remedy::Text(text) => text.clone(),
            other => format!("{other:?}"),
        });
        shown.collect::<Vec<_>>().join("; ")
    }

    /// Returns the options and commands among them.
    #[must_use]
    pub fn without_text(mut self) -> Remedies {
        self.0.retain(|remedy| !matches!(remedy, Remedy::Text(_)));
        self
    }
}

impl From<Setting> for Remedy {
    fn from(setting: Setting) -> Remedy {
        Remedy::Setting(setting)
    }
}

impl From<Command> for Remedy {
    fn from(command: Command) -> Remedy {
        Remedy::Command(command)
    }
}

impl From<String> for Remedy {
    fn from(text: String) -> Remedy {
        Remedy::Text(text)
    }
}

impl From<&str> for Remedy {
    fn from(text: &str) -> Remedy {
        Remedy::Text(text.to_owned())
    }
}

/// An empty text is not a remedy.
impl From<String> for Remedies {
    fn from(text: String) -> Remedies {
        Remedies(if text.is_empty() { Vec::new() } else { vec![text.into()] })
    }
}

/// An empty text is not a remedy.
impl From<&str> for Remedies {
    fn from(text: &str) -> Remedies {
        Remedies::from(text.to_owned())
    }
}

impl From<Option<String>> for Remedies {
    fn from(text: Option<String>) -> Remedies {
        text.map(Remedies::from).unwrap_or_default()
    }
}

impl From<Setting> for Remedies {
    fn from(setting: Setting) -> Remedies {
        Remedies(vec![setting.into()])
    }
}

impl From<Command> for Remedies {
    fn from(command: Command) -> Remedies {
        Remedies(vec![command.into()])
    }
}

impl<const COUNT: usize> From<[Remedy; COUNT]> for Remedies {
    fn from(remedies: [Remedy; COUNT]) -> Remedies {
        Remedies(remedies.into())
    }
}

/// Something that the user should know, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What there is to know; a fragment without a full stop.
    pub text: String,
    /// What can be done about it.
    pub remedies: Remedies,
}

impl Notice {
    /// Creates a notice from a text and what may help.
    pub fn new(text: impl Into<String>, remedies: impl Into<Remedies>) -> Notice {
        Notice {
            text: text.into(),
            remedies: remedies.into(),
        }
    }
}

impl From<String> for Notice {
    fn from(text: String) -> Notice {
        Notice::new(text, Remedies::default())
    }
}

impl From<&str> for Notice {
    fn from(text: &str) -> Notice {
        Notice::new(text, Remedies::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn remedies_are_stored_as_data_and_a_text_is_still_read() {
        let remedies = Remedies::from([
            "check its name".into(),
            Setting::Adopt.into(),
            Setting::Confirm {
                object: "Secret/a".to_owned(),
                with_contents: true,
            }
            .into(),
            Command::InspectPlugin { plugin: None }.into(),
        ]);
        let stored = json!([
            { "text": "check its name" },
            { "setting": "adopt" },
            { "setting": { "confirm": { "object": "Secret/a", "withContents": true } } },
            { "command": { "inspectPlugin": {} } },
        ]);
        assert_eq!(serde_json::to_value(&remedies).expect("serializable"), stored);
        assert_eq!(
            serde_json::from_value::<Remedies>(stored).expect("its own form"),
            remedies
        );
        let earlier: Remedies = serde_json::from_value(json!("rename the field")).expect("the earlier form");
        assert_eq!(earlier, Remedies::from("rename the field"));
        assert_eq!(
            serde_json::to_value(&earlier).expect("serializable"),
            json!("rename the field")
        );
        assert_eq!(remedies.free_text(), "check its name");
        assert_eq!(remedies.without_text().0.len(), 3);
    }

    #[test]
    fn an_empty_text_is_no_remedy() {
        assert!(Remedies::from("").is_empty());
        assert!(Remedies::from(None).is_empty());
    }
}
