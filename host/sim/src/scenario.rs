//! Scenario files, the part about the cluster: its seed and clock, the behaviour of pods, faults, and initial objects.
//!
//! A story file has more (steps and their expected results); [`Scenario::split_story`] separates the cluster's part.

use capstan_yaml::{Duplicates, ReadError};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    fault_rule::FaultRule,
    http_stub::HttpRule,
    pods::{Behaviour, ClaimBehaviour, PodMode},
    world::Setup,
};

/// The keys of the cluster's part.
const KEYS: [&str; 6] = ["cluster", "behaviours", "claims", "faults", "http", "objects"];

/// The cluster's part of a scenario file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Seed, clock and controllers.
    pub cluster: ClusterSettings,
    /// The behaviours of containers, first match wins.
    pub behaviours: Vec<Behaviour>,
    /// The behaviours of volume claims, first match wins.
    pub claims: Vec<ClaimBehaviour>,
    /// The fault rules.
    pub faults: Vec<FaultRule>,
    /// The answers of URLs outside of the cluster, first match wins.
    pub http: Vec<HttpRule>,
    /// The initial objects.
    pub objects: Vec<Value>,
}

/// The settings of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClusterSettings {
    /// The seed of all random numbers.
    pub seed: u64,
    /// The time at the start; the caller's choice if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Timestamp>,
    /// Whether the TTL controller deletes finished Jobs.
    pub ttl_controller: Switch,
    /// How containers are run.
    pub pods: PodMode,
    /// The name of the only node.
    pub node: String,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// It is on.
    #[default]
    On,
    /// It is off.
    Off,
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // YAML 1.1 reads `on` and `off` as booleans, YAML 1.2 as texts.
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "this is a switch, which is `on` or `off`")]
        enum Written {
            Bool(bool),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bool(true) => Ok(Switch::On),
            Written::Bool(false) => Ok(Switch::Off),
            Written::Word(word) if word == "on" => Ok(Switch::On),
            Written::Word(word) if word == "off" => Ok(Switch::Off),
            Written::Word(word) => Err(D::Error::unknown_variant(&word, &["on", "off"])),
        }
    }
}

/// Why a scenario is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It isn't valid YAML.
    #[error("scenario is not valid: line {}, column {}: {}", .0.at.line, .0.at.column, .0.message)]
    Yaml(ReadError),
    /// Its fields are invalid.
    #[error("scenario is not valid: {0}")]
    Fields(#[from] serde_json::Error),
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            epoch: None,
            ttl_controller: Switch::On,
            pods: PodMode::Scripted,
            node: "sim-node".into(),
        }
    }
}

impl Scenario {
    /// Reads a file that is about the cluster only.
    pub fn from_yaml(text: &str) -> Result<Self, ScenarioError> {
        match capstan_yaml::value(text, Duplicates::Refuse).map_err(ScenarioError::Yaml)? {
            Value::Null => Ok(Self::default()),
            written => Ok(serde_json::from_value(written)?),
        }
    }

    /// Separates the cluster's part from a story; the rest is the caller's.
    pub fn split_story(mut story: Map<String, Value>) -> Result<(Self, Map<String, Value>), ScenarioError> {
        let part = KEYS.iter().filter_map(|key| story.remove_entry(*key)).collect();
        Ok((serde_json::from_value(Value::Object(part))?, story))
    }
}

impl From<Scenario> for Setup {
    fn from(scenario: Scenario) -> Self {
        let usual = Self::default();
        Self {
            seed: scenario.cluster.seed,
            epoch: scenario.cluster.epoch.unwrap_or(usual.epoch),
            pods: scenario.cluster.pods,
            ttl_controller: scenario.cluster.ttl_controller == Switch::On,
            behaviours: scenario.behaviours,
            claims: scenario.claims,
            fault_rules: scenario.faults,
            http_rules: scenario.http,
            objects: scenario.objects,
            node: scenario.cluster.node,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Span, Wait};

    const FULL: &str = "
cluster:
  seed: 7
  epoch: 2026-01-01T00:00:00Z
  ttl-controller: off
behaviours:
  - match: {owner: migrate, container: main, labels: {app: shop}}
    startup: 500ms
    run: 3s
    exit-codes: [1, 1, 0]
    log: [starting, {at: 2s, line: half way}]
  - match: {image: '*bad*'}
    image-pull: error
  - match: {owner: slow}
    ready-after: never
claims:
  - {name: data-*, bind-after: 5s}
faults:
  - {verb: patch, path: '**/deployments/*', first: 2, refuse: {code: 409}}
objects:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}
";

    #[test]
    fn a_scenario_says_what_the_cluster_is_like() {
        let setup = Setup::from(Scenario::from_yaml(FULL).unwrap());
        assert_eq!(
            (setup.seed, setup.ttl_controller, setup.behaviours.len()),
            (7, false, 3)
        );
        assert_eq!(
            setup.behaviours[0].startup,
            Some(Span(std::time::Duration::from_millis(500)))
        );
        assert_eq!(setup.behaviours[2].ready_after, Some(Wait::Never));
        assert_eq!(
            (setup.fault_rules.len(), setup.objects.len(), setup.claims.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn unknown_words_are_refused() {
        for wrong in [
            "clutser: {}",
            "cluster: {sede: 1}",
            "behaviours: [{exitt: 1}]",
            "faults: [{verb: get}]",
        ] {
            assert!(Scenario::from_yaml(wrong).is_err(), "{wrong}");
        }
        let error = Scenario::from_yaml("cluster: {ttl-controller: of}").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("unknown variant `of`, expected `on` or `off`"),
            "{error}"
        );
        assert_eq!(Scenario::from_yaml("# nothing\n").unwrap(), Scenario::default());
    }

    #[test]
    fn a_switch_is_read_as_a_boolean_and_as_a_word() {
        for (word, switch) in [
            ("on", Switch::On),
            ("off", Switch::Off),
            ("'off'", Switch::Off),
            ("false", Switch::Off),
        ] {
            let scenario = Scenario::from_yaml(&format!("cluster: {{ttl-controller: {word}}}")).unwrap();
            assert_eq!(scenario.cluster.ttl_controller, switch, "{word}");
        }
    }

    #[test]
    fn a_story_keeps_its_own_part() {
        let story = serde_json::json!({"cluster": {"seed": 3}, "steps": [1]});
        let (scenario, rest) = Scenario::split_story(story.as_object().cloned().unwrap()).unwrap();
        assert_eq!(scenario.cluster.seed, 3);
        assert_eq!(Value::Object(rest), serde_json::json!({"steps": [1]}));
    }
}
