//! What a plugin answers for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::KindPattern;

/// One entry of the manifest's claims: an interface, and what of it the plugin answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "interface", rename_all = "kebab-case")]
pub enum Claim {
    /// Judges the health of objects of these kinds.
    Health {
        /// The kinds whose health it assesses.
        kinds: Vec<KindPattern>,
        /// Kinds it does not answer for, though a pattern with `*` names them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<KindPattern>,
        /// JSON pointers: all that this claim sees of the object. None: everything but what is never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<String>>,
        /// What it may ask to see beside the object, in the contract's words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        related: Vec<String>,
    },
    /// Runs hooks.
    Hook {
        /// Names for `capstan.dev/hook-type` and documents of `kind: Hook`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        types: Vec<String>,
        /// Words of the hook annotation that are not phase.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        words: Vec<String>,
        /// Kinds it runs by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<KindPattern>,
        /// Kinds it does not answer for, though a pattern with `*` names them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<KindPattern>,
    },
    /// Decides what becomes of hooks' objects.
    DeletePolicy {
        /// Which policies, by name; `*` is asked for every hook.
        policies: Vec<String>,
    },
}

/// An interface of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// How is this object?
    Health,
    /// Where does this hook go, and what comes next?
    Hook,
    /// Keep this hook's object, or delete it?
    DeletePolicy,
}

impl Claim {
    /// The interface it is about.
    pub fn interface(&self) -> Interface {
        match self {
            Self::Health { .. } => Interface::Health,
            Self::Hook { .. } => Interface::Hook,
            Self::DeletePolicy { .. } => Interface::DeletePolicy,
        }
    }

    /// The names that a call under this claim may carry: its patterns, types, words and policies, as they are written.
    pub fn call_names(&self) -> Vec<String> {
        let texts = |kinds: &[KindPattern]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Self::Health { kinds, .. } => texts(kinds),
            Self::Hook {
                types, words, kinds, ..
            } => [types.clone(), words.clone(), texts(kinds)].concat(),
            Self::DeletePolicy { policies } => policies.clone(),
        }
    }
}

impl Interface {
    /// Its name in the contract and in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Hook => "hook",
            Self::DeletePolicy => "delete-policy",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
