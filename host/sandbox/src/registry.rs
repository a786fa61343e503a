//! Who answers for what. Nothing is guessed: the order says it, and what has no order is an error.
//!
//! Plugins that the user named come before the built-in ones. Among those of the same origin an exact claim comes before
//! one with a `*`, one group's before several groups', the group's before the kind's; then of the user's the later one. Two
//! built-in plugins with the same claim are an error, for nothing says who is meant; so are two plugins of the user's with
//! the same name.

use capstan_core::{object::GroupKind, plugins::PluginQuery};
use capstan_stamp::{Claim, Interface, KindPattern};

use crate::{
    error::SandboxError,
    info::{ClaimInfo, Source},
    plugin::Plugin,
};

/// The policy name that is asked for every hook.
const FOR_ALL: &str = "*";

/// All loaded plugins: the user's, the last first, then the built-in ones in their order.
pub(crate) struct Registry {
    plugins: Vec<Plugin>,
}

/// How near a claim is to the need; less is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_built_in: bool,
    width: Width,
    position: usize,
}

/// How much a claim covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Exact,
    KindOfGroups,
    AnyKindOfGroup,
    AnyKindOfGroups,
    KindOfAnyGroup,
    Anything,
}

impl Registry {
    /// Puts plugins in their order: built-in ones in any, the user's as the user wrote them.
    pub(crate) fn new(built_in: Vec<Plugin>, of_user: Vec<Plugin>) -> Result<Registry, SandboxError> {
        one_name_each(&of_user)?;
        one_name_each(&built_in)?;
        no_conflict(&built_in)?;
        let plugins = of_user.into_iter().rev().chain(built_in).collect();
        Ok(Registry { plugins })
    }

    /// Returns all plugins in their order.
    pub(crate) fn plugins(&self) -> &[Plugin] {
        &self.plugins
    }

    /// Returns the plugin that an operation started with.
    pub(crate) fn by_digest(&self, digest: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| &*plugin.digest == digest)
    }

    /// Returns a plugin by its name; one of the user's if there are two.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.manifest.name == name)
    }

    /// Returns the names of all plugins.
    pub(crate) fn names(&self) -> Vec<String> {
        self.plugins.iter().map(|plugin| plugin.manifest.name.clone()).collect()
    }

    /// Says who answers for a need, and under which claim.
    pub(crate) fn find(&self, need: &PluginQuery) -> Option<(&Plugin, String)> {
        self.plugins
            .iter()
            .enumerate()
            .filter_map(|(position, plugin)| {
                let (width, claim) = nearest(plugin, need)?;
                Some((rank(plugin, position, width), plugin, claim))
            })
            .min_by_key(|(rank, ..)| *rank)
            .map(|(_, plugin, claim)| (plugin, claim))
    }

    /// Lists who is asked for every hook.
    pub(crate) fn for_all(&self) -> Vec<(&Plugin, String)> {
        let plugins = self.plugins.iter();
        plugins
            .filter(|plugin| plugin.has_claim(Interface::DeletePolicy, FOR_ALL))
            .map(|plugin| (plugin, FOR_ALL.to_owned()))
            .collect()
    }

    /// Returns the texts of a plugin's claims, and who answers for each instead.
    pub(crate) fn claims(&self, plugin: &Plugin) -> Vec<ClaimInfo> {
        let texts = |claim: &Claim| {
            let interface = claim.interface();
            let named = |claim: String| ClaimInfo {
                shadowed_by: self.shadow(plugin, interface, &claim),
                interface,
                claim,
            };
            claim.call_names().into_iter().map(named).collect::<Vec<_>>()
        };
        plugin.manifest.claims.iter().flat_map(texts).collect()
    }

    /// Names the plugin that answers for all that this claim of another one covers.
    fn shadow(&self, of: &Plugin, interface: Interface, claim: &str) -> Option<String> {
        // All who have `*` are asked.
        if interface == Interface::DeletePolicy && claim == FOR_ALL {
            return None;
        }
        let own = self.position(of)?;
        let own_rank = rank(of, own, width_of(claim));
        let others = self.plugins.iter().enumerate().filter(|(position, _)| *position != own);
        others
            .filter(|(position, other)| {
                let covers = |name: &&String| covers(other, interface, name, claim);
                let widest = other.claims(interface);
                let found = widest.iter().find(covers);
                found.is_some_and(|name| rank(other, *position, width_of(name)) < own_rank)
            })
            .map(|(_, other)| other.manifest.name.clone())
            .next()
    }

    fn position(&self, plugin: &Plugin) -> Option<usize> {
        self.plugins.iter().position(|other| std::ptr::eq(other, plugin))
    }
}

/// Returns the claim under which a plugin, whoever else does, answers for a need.
pub(crate) fn claim_on(plugin: &Plugin, need: &PluginQuery) -> Option<String> {
    nearest(plugin, need).map(|(_, claim)| claim)
}

fn rank(plugin: &Plugin, position: usize, width: Width) -> Rank {
    Rank {
        is_built_in: matches!(plugin.source, Source::BuiltIn(_)),
        width,
        position,
    }
}

/// Returns the nearest claim of a plugin on a need.
fn nearest(plugin: &Plugin, need: &PluginQuery) -> Option<(Width, String)> {
    let claims = plugin.manifest.claims.iter();
    claims
        .filter_map(|claim| match (claim, need) {
            (Claim::Health { kinds, except, .. }, PluginQuery::Health(kind))
            | (Claim::Hook { kinds, except, .. }, PluginQuery::HookKind(kind)) => of_kind(kinds, except, kind),
            (Claim::Hook { types, .. }, PluginQuery::HookType(name)) => of_name(types, name),
            (Claim::Hook { words, .. }, PluginQuery::HookWord(name)) => of_name(words, name),
            (Claim::DeletePolicy { policies }, PluginQuery::Policy(name)) if name != FOR_ALL => of_name(policies, name),
            (Claim::Health { .. } | Claim::Hook { .. } | Claim::DeletePolicy { .. }, _) => None,
        })
        .min()
}

fn of_name(names: &[String], name: &String) -> Option<(Width, String)> {
    names.contains(name).then(|| (Width::Exact, name.clone()))
}

fn of_kind(kinds: &[KindPattern], except: &[KindPattern], kind: &GroupKind) -> Option<(Width, String)> {
    let matches = |pattern: &&KindPattern| pattern.matches(&kind.group, &kind.kind);
    if except.iter().any(|pattern| matches(&pattern)) {
        return None;
    }
    kinds
        .iter()
        .filter(matches)
        .map(|pattern| (width(pattern), pattern.to_string()))
        .min()
}

fn width(pattern: &KindPattern) -> Width {
    match (&*pattern.group, &*pattern.kind) {
        ("*", "*") => Width::Anything,
        ("*", _) => Width::KindOfAnyGroup,
        (group, "*") if group.starts_with('*') => Width::AnyKindOfGroups,
        (_, "*") => Width::AnyKindOfGroup,
        (group, _) if group.starts_with('*') => Width::KindOfGroups,
        (_, _) => Width::Exact,
    }
}

/// Names of hook types, words and policies have no slash with a star beside it: they read as exact kinds.
fn width_of(claim: &str) -> Width {
    claim.parse().map_or(Width::Exact, |pattern| width(&pattern))
}

/// Says whether a plugin's claim covers another text of a claim, exceptions aside if they are for it.
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

fn one_name_each(plugins: &[Plugin]) -> Result<(), SandboxError> {
    match pairs(plugins).find(|(one, two)| one.manifest.name == two.manifest.name) {
        Some((one, two)) => Err(SandboxError::SameName {
            name: one.manifest.name.clone(),
            one: one.source.to_string(),
            two: two.source.to_string(),
        }),
        None => Ok(()),
    }
}

fn no_conflict(plugins: &[Plugin]) -> Result<(), SandboxError> {
    for (one, two) in pairs(plugins) {
        for interface in [Interface::Health, Interface::Hook, Interface::DeletePolicy] {
            let mut claims = one.claims(interface).into_iter();
            let both = claims.find(|claim| claim != FOR_ALL && two.has_claim(interface, claim));
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
