//! Finds the plugin that answers a call. Nothing is guessed: the order decides, and where it doesn't, that is an error.
//!
//! Plugins that the user named come before the built-in ones. Among plugins of the same origin, an exact claim comes before one with a
//! `*`, a claim for one group before one for several, and a claim for a group's kinds before one for a kind of any group; then, of the
//! user's plugins, the later one. Two built-in plugins with the same claim are an error, as nothing decides between them; so are two
//! plugins of the user's with the same name.

use capstan_core::model::{object::GroupKind, plugins::PluginQuery};
use capstan_stamp::{Claim, Interface, KindPattern};

use crate::{
    error::SandboxError,
    info::{ClaimInfo, Source},
    plugin::Plugin,
};

/// The claim of a delete policy that is called for every hook.
const ANY_HOOK: &str = "*";

/// All loaded plugins: the user's, the last one first, then the built-in ones in their order.
pub(crate) struct Registry {
    plugins: Vec<Plugin>,
}

/// How well a claim matches; lower ranks win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_built_in: bool,
    specificity: Specificity,
    position: usize,
}

/// How much a claim covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Exact,
    KindOfGroups,
    AnyKindOfGroup,
    AnyKindOfGroups,
    KindOfAnyGroup,
    Anything,
}

impl Registry {
    /// Sorts plugins: built-in ones come in any order, the user's in the order of the command line.
    pub(crate) fn new(built_in: Vec<Plugin>, of_user: Vec<Plugin>) -> Result<Registry, SandboxError> {
        check_unique_names(&of_user)?;
        check_unique_names(&built_in)?;
        check_conflicts(&built_in)?;
        let plugins = of_user.into_iter().rev().chain(built_in).collect();
        Ok(Registry { plugins })
    }

    /// Returns all plugins in their order.
    pub(crate) fn plugins(&self) -> &[Plugin] {
        &self.plugins
    }

    /// Returns the plugin with this digest, with which an operation started.
    pub(crate) fn by_digest(&self, digest: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| &*plugin.digest == digest)
    }

    /// Returns a plugin by its name; the user's, if a built-in one has the same name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.manifest.name == name)
    }

    /// Returns the names of all plugins.
    pub(crate) fn names(&self) -> Vec<String> {
        self.plugins.iter().map(|plugin| plugin.manifest.name.clone()).collect()
    }

    /// Finds the plugin and the claim for a query.
    pub(crate) fn find(&self, need: &PluginQuery) -> Option<(&Plugin, String)> {
        self.plugins
            .iter()
            .enumerate()
            .filter_map(|(position, plugin)| {
                let (width, claim) = best_claim(plugin, need)?;
                Some((rank(plugin, position, width), plugin, claim))
            })
            .min_by_key(|(rank, ..)| *rank)
            .map(|(_, plugin, claim)| (plugin, claim))
    }

    /// Lists the delete policies that are called for every hook.
    pub(crate) fn policies_for_all(&self) -> Vec<(&Plugin, String)> {
        let plugins = self.plugins.iter();
        plugins
            .filter(|plugin| plugin.has_claim(Interface::DeletePolicy, ANY_HOOK))
            .map(|plugin| (plugin, ANY_HOOK.to_owned()))
            .collect()
    }

    /// Returns the claims of a plugin, and for each the plugin that takes precedence, if any.
    pub(crate) fn claims(&self, plugin: &Plugin) -> Vec<ClaimInfo> {
        let texts = |claim: &Claim| {
            let interface = claim.interface();
            let named = |claim: String| ClaimInfo {
                shadowed_by: self.shadowing_plugin(plugin, interface, &claim),
                interface,
                claim,
            };
            claim.call_names().into_iter().map(named).collect::<Vec<_>>()
        };
        plugin.manifest.claims.iter().flat_map(texts).collect()
    }

    /// Returns the plugin that takes precedence for everything that this claim of another one covers.
    fn shadowing_plugin(&self, of: &Plugin, interface: Interface, claim: &str) -> Option<String> {
        // All plugins with the claim `*` are called.
        if interface == Interface::DeletePolicy && claim == ANY_HOOK {
            return None;
        }
        let own = self.position(of)?;
        let own_rank = rank(of, own, claim_specificity(claim));
        let others = self.plugins.iter().enumerate().filter(|(position, _)| *position != own);
        others
            .filter(|(position, other)| {
                let covers = |name: &&String| covers(other, interface, name, claim);
                let widest = other.claims(interface);
                let found = widest.iter().find(covers);
                found.is_some_and(|name| rank(other, *position, claim_specificity(name)) < own_rank)
            })
            .map(|(_, other)| other.manifest.name.clone())
            .next()
    }

    fn position(&self, plugin: &Plugin) -> Option<usize> {
        self.plugins.iter().position(|other| std::ptr::eq(other, plugin))
    }
}

/// Returns the claim of a plugin that matches a query, whatever other plugins claim.
pub(crate) fn claim_for(plugin: &Plugin, need: &PluginQuery) -> Option<String> {
    best_claim(plugin, need).map(|(_, claim)| claim)
}

fn rank(plugin: &Plugin, position: usize, width: Specificity) -> Rank {
    Rank {
        is_built_in: matches!(plugin.source, Source::BuiltIn(_)),
        specificity: width,
        position,
    }
}

/// Returns the claim of a plugin that matches a query best.
fn best_claim(plugin: &Plugin, need: &PluginQuery) -> Option<(Specificity, String)> {
    let claims = plugin.manifest.claims.iter();
    claims
        .filter_map(|claim| match (claim, need) {
            (Claim::Health { kinds, except, .. }, PluginQuery::Health(kind))
            | (Claim::Hook { kinds, except, .. }, PluginQuery::HookKind(kind)) => match_kind(kinds, except, kind),
            (Claim::Hook { types, .. }, PluginQuery::HookType(name)) => match_name(types, name),
            (Claim::Hook { words, .. }, PluginQuery::HookWord(name)) => match_name(words, name),
            (Claim::DeletePolicy { policies }, PluginQuery::Policy(name)) if name != ANY_HOOK => {
                match_name(policies, name)
            }
            (Claim::Health { .. } | Claim::Hook { .. } | Claim::DeletePolicy { .. }, _) => None,
        })
        .min()
}

fn match_name(names: &[String], name: &String) -> Option<(Specificity, String)> {
    names.contains(name).then(|| (Specificity::Exact, name.clone()))
}

fn match_kind(kinds: &[KindPattern], except: &[KindPattern], kind: &GroupKind) -> Option<(Specificity, String)> {
    let matches = |pattern: &&KindPattern| pattern.matches(&kind.group, &kind.kind);
    if except.iter().any(|pattern| matches(&pattern)) {
        return None;
    }
    kinds
        .iter()
        .filter(matches)
        .map(|pattern| (pattern_specificity(pattern), pattern.to_string()))
        .min()
}

fn pattern_specificity(pattern: &KindPattern) -> Specificity {
    match (&*pattern.group, &*pattern.kind) {
        ("*", "*") => Specificity::Anything,
        ("*", _) => Specificity::KindOfAnyGroup,
        (group, "*") if group.starts_with('*') => Specificity::AnyKindOfGroups,
        (_, "*") => Specificity::AnyKindOfGroup,
        (group, _) if group.starts_with('*') => Specificity::KindOfGroups,
        (_, _) => Specificity::Exact,
    }
}

/// Names of hook types, words and policies contain no `/*` or `*/`: they count as exact kinds.
fn claim_specificity(claim: &str) -> Specificity {
    claim
        .parse()
        .map_or(Specificity::Exact, |pattern| pattern_specificity(&pattern))
}

/// Says whether a claim of a plugin covers another claim, unless one of its exceptions does.
fn covers(plugin: &Plugin, interface: Interface, name: &str, claim: &str) -> bool {
    if name == claim {
        return true;
    }
    if interface == Interface::DeletePolicy {
        return false;
    }
    let (Ok(wide), Ok(narrow)) = (name.parse::<KindPattern>(), claim.parse::<KindPattern>()) else {
        return false;
    };
    let excepted = plugin.manifest.claims.iter().any(|claim| match claim {
        Claim::Health { kinds, except, .. } | Claim::Hook { kinds, except, .. } => {
            claim.interface() == interface
                && kinds.contains(&wide)
                && except
                    .iter()
                    .any(|pattern| pattern.matches(&narrow.group, &narrow.kind))
        }
        Claim::DeletePolicy { .. } => false,
    });
    !wide.is_exact() && wide.matches(&narrow.group, &narrow.kind) && !excepted
}

fn check_unique_names(plugins: &[Plugin]) -> Result<(), SandboxError> {
    match pairs(plugins).find(|(one, two)| one.manifest.name == two.manifest.name) {
        Some((one, two)) => Err(SandboxError::SameName {
            name: one.manifest.name.clone(),
            one: one.source.to_string(),
            two: two.source.to_string(),
        }),
        None => Ok(()),
    }
}

fn check_conflicts(plugins: &[Plugin]) -> Result<(), SandboxError> {
    for (one, two) in pairs(plugins) {
        for interface in [Interface::Health, Interface::Hook, Interface::DeletePolicy] {
            let mut claims = one.claims(interface).into_iter();
            let both = claims.find(|claim| claim != ANY_HOOK && two.has_claim(interface, claim));
            if let Some(claim) = both {
                return Err(SandboxError::Conflict {
                    interface,
                    claim,
                    one: one.source.to_string(),
                    two: two.source.to_string(),
                });
            }
        }
    }
    Ok(())
}

fn pairs(plugins: &[Plugin]) -> impl Iterator<Item = (&Plugin, &Plugin)> {
    let later = |position: usize| plugins.iter().skip(position + 1);
    let all = plugins.iter().enumerate();
    all.flat_map(move |(position, one)| later(position).map(move |two| (one, two)))
}
