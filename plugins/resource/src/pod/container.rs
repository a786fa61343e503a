//! The containers of a Pod.

use serde::Deserialize;

/// What of a Pod's spec is looked at.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Which containers are started again.
    pub restart_policy: String,
    init_containers: Vec<Init>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Init {
    name: String,
    restart_policy: String,
}

impl Spec {
    /// Says whether this is a sidecar: it initializes and goes on beside the others.
    pub fn is_sidecar(&self, name: &str) -> bool {
        let mut all = self.init_containers.iter();
        all.any(|init| init.name == name && init.restart_policy == "Always")
    }
}

/// The status of one container.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// The name of the container.
    pub name: String,
    state: State,
    last_state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Why>,
    terminated: Option<Why>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Why {
    reason: String,
    message: String,
    exit_code: i64,
}

impl Container {
    /// Why it can't start, if Kubernetes calls that an error.
    pub fn error(&self) -> Option<String> {
        let Why { reason, message, .. } = self.state.waiting.as_ref()?;
        let is_error = reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
        let text = if message.is_empty() { reason } else { message };
        is_error.then(|| format!("container `{}` waits: {text}", self.name))
    }

    /// Whether it starts and ends again and again.
    pub fn crashes(&self) -> bool {
        let reason = self.state.waiting.as_ref().map(|waiting| &*waiting.reason);
        reason == Some("CrashLoopBackOff")
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<String> {
        let Why {
            reason,
            message,
            exit_code,
        } = self.state.terminated.as_ref()?;
        match (&**message, &**reason, exit_code) {
            ("", "OOMKilled", _) => Some(format!("container `{}` ran out of memory (OOMKilled)", self.name)),
            ("", _, 0) => None,
            ("", _, code) => Some(format!("container `{}` failed with exit code {code}", self.name)),
            (message, _, _) => Some(message.to_owned()),
        }
    }

    /// Whether it ran before.
    pub fn was_restarted(&self) -> bool {
        self.last_state.terminated.is_some()
    }

    /// Whether it runs no more.
    pub fn has_ended(&self) -> bool {
        self.state.terminated.is_some()
    }
}
