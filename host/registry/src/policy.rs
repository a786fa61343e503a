//! Which plugins have to be signed, and by whom.
//!
//! A rule is for the sources that begin with its text; of several, the longest counts. The signer of a rule is a key. An identity (a
//! certificate of Sigstore's public CA) would be another kind of [`Signer`]; there is none yet.

use std::fmt;

use thiserror::Error;

use crate::{
    key::PublicKey,
    signature::{Signature, Subject},
    source::Source,
};

/// What every source begins with.
const EVERY: &str = "*";

/// Who may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Who has the private half of a key.
    Key {
        /// How people know it: the file it was read from.
        name: String,
        /// The public half.
        key: PublicKey,
    },
}

impl Signer {
    fn signed(&self, signatures: &[Signature], subject: Subject<'_>) -> bool {
        match self {
            Signer::Key { key, .. } => signatures.iter().any(|signature| signature.is_of(key, subject)),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signer::Key { name, .. } => f.write_str(name),
        }
    }
}

/// Who has to sign what comes from some sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// What the sources begin with, or `*`.
    pub source: String,
    /// Each of them.
    pub all_of: Vec<Signer>,
    /// One of them, at least.
    pub any_of: Vec<Signer>,
}

/// The rules. Without any, nothing has to be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy(pub Vec<Rule>);

/// A plugin is not signed as a rule wants it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{source_text} is not signed as the rule for `{rule}` wants it: {}", self.lacks())]
pub struct Unmet {
    /// The source.
    pub source_text: String,
    /// The rule.
    pub rule: String,
    /// How many signatures there are, by whomever.
    pub found: usize,
    /// Of `all_of`, those that did not sign.
    pub missing: Vec<String>,
    /// `any_of`, if none of them signed.
    pub none_of: Vec<String>,
}

impl Unmet {
    fn lacks(&self) -> String {
        let mut lacks = Vec::new();
        if !self.missing.is_empty() {
            lacks.push(format!("there is no signature by {}", self.missing.join(" and ")));
        }
        if !self.none_of.is_empty() {
            lacks.push(format!("there is none by any of {}", self.none_of.join(", ")));
        }
        let found = match self.found {
            0 => "it has no signature at all".to_owned(),
            1 => "its one signature is by somebody else, or of something else".to_owned(),
            many => format!("none of its {many} signatures is the one"),
        };
        format!("{}; {found}", lacks.join(", and "))
    }

    pub(crate) fn hint(&self) -> String {
        let reference = self.source_text.strip_prefix("oci://");
        match reference {
            Some(reference) if self.found == 0 => {
                format!("its author signs it with `cosign sign --key KEY {reference}`; nothing of it was used")
            }
            Some(_) => "ask its author by which key it is signed; nothing of it was used".to_owned(),
            None => "its author signs it with `cosign sign-blob --key KEY --bundle FILE.sigstore.json FILE`; the bundle lies beside the file"
                .to_owned(),
        }
    }
}

impl Policy {
    /// Returns the rules for a source: of those that name it, the ones that say most.
    pub fn rules(&self, source: &Source) -> Vec<&Rule> {
        let text = source.to_string();
        let longest = self
            .0
            .iter()
            .filter(|rule| rule.is_for(&text))
            .map(|rule| rule.source.len())
            .max();
        let is_longest = |rule: &&Rule| rule.is_for(&text) && Some(rule.source.len()) == longest;
        self.0.iter().filter(is_longest).collect()
    }

    /// Says whether a source has to be signed.
    pub fn demands(&self, source: &Source) -> bool {
        self.rules(source)
            .iter()
            .any(|rule| !rule.all_of.is_empty() || !rule.any_of.is_empty())
    }

    /// Checks the signatures of something by the rules for its source, and returns who of them signed.
    ///
    /// # Errors
    ///
    /// Returns what is missing.
    pub(crate) fn check(
        &self,
        source: &Source,
        subject: Subject<'_>,
        signatures: &[Signature],
    ) -> Result<Vec<String>, Unmet> {
        let mut by = Vec::new();
        for rule in self.rules(source) {
            let signed = |signer: &&Signer| signer.signed(signatures, subject);
            let (all, missing): (Vec<&Signer>, Vec<&Signer>) = rule.all_of.iter().partition(signed);
            let any: Vec<&Signer> = rule.any_of.iter().filter(signed).collect();
            let is_met = missing.is_empty() && (rule.any_of.is_empty() || !any.is_empty());
            if !is_met {
                let names = |signers: Vec<&Signer>| signers.into_iter().map(ToString::to_string).collect();
                return Err(Unmet {
                    source_text: source.to_string(),
                    rule: rule.source.clone(),
                    found: signatures
                        .iter()
                        .filter(|signature| signature.attests().is_none())
                        .count(),
                    missing: names(missing),
                    none_of: if any.is_empty() {
                        names(rule.any_of.iter().collect())
                    } else {
                        Vec::new()
                    },
                });
            }
            by.extend(all.into_iter().chain(any).map(ToString::to_string));
        }
        by.sort();
        by.dedup();
        Ok(by)
    }
}

impl Rule {
    /// Writes the rule's text as sources are written: hosts in small letters, paths without `./`.
    fn settled(&self) -> String {
        let Some((scheme, rest)) = self.source.split_once("://") else {
            return self.source.strip_prefix("./").unwrap_or(&self.source).to_owned();
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        format!("{scheme}://{}{path}", host.to_ascii_lowercase())
    }

    /// Says whether a source begins with the rule's text, and that ends where a part of the source does.
    fn is_for(&self, source: &str) -> bool {
        if self.source == EVERY {
            return true;
        }
        let rule = self.settled();
        let Some(rest) = source.strip_prefix(&rule) else {
            return false;
        };
        // Behind a host, a colon begins a port: another registry.
        let has_path = rule.split_once("://").is_none_or(|(_, rest)| rest.contains('/'));
        let ends = if has_path {
            &['/', '@', '#', ':'][..]
        } else {
            &['/', '@', '#']
        };
        rest.is_empty() || rule.ends_with('/') || rest.starts_with(ends)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;
    use crate::signature::tests::{key, signed};

    fn rule(source: &str) -> Rule {
        Rule {
            source: source.to_owned(),
            ..Rule::default()
        }
    }

    #[test]
    fn the_longest_rule_counts_and_names_end_where_they_end() {
        let policy = Policy(vec![
            rule("*"),
            rule("oci://a.io/acme"),
            rule("oci://a.io/acme/queue"),
            rule("oci://a.io/"),
        ]);
        for (source, found) in [
            ("oci://a.io/acme/queue:1", "oci://a.io/acme/queue"),
            ("oci://a.io/acme/queue-two:1", "oci://a.io/acme"),
            ("oci://a.io/acme-evil/queue:1", "oci://a.io/"),
            ("oci://a.io.evil/acme/queue:1", "*"),
            ("queue.wasm", "*"),
        ] {
            let rules = policy
                .rules(&source.parse().unwrap())
                .into_iter()
                .map(|rule| rule.source.clone());
            assert_eq!(rules.collect::<Vec<_>>(), [found], "{source}");
        }
        for (written, source) in [
            ("oci://A.io/acme", "oci://a.IO:443/acme/queue:1"),
            ("./ours/", "ours/a.wasm"),
        ] {
            let policy = Policy(vec![rule(written)]);
            assert_eq!(policy.rules(&source.parse().unwrap()).len(), 1, "{written}");
        }
        let host = Policy(vec![rule("oci://a.io")]);
        assert_eq!(host.rules(&"oci://a.io/queue:1".parse().unwrap()).len(), 1);
        assert!(
            host.rules(&"oci://a.io:8443/queue:1".parse().unwrap()).is_empty(),
            "another registry"
        );
    }

    #[test]
    fn all_of_and_any_of_are_both_to_be_met() {
        let pairs = [(); 3].map(|()| KeyPair::generate().unwrap());
        let signer = |at: usize| Signer::Key {
            name: format!("{at}.pub"),
            key: key(&pairs[at]),
        };
        let source: Source = "oci://a.io/queue:1".parse().unwrap();
        let subject = Subject::of(b"manifest");
        let by =
            |signers: &[usize]| -> Vec<Signature> { signers.iter().map(|at| signed(&pairs[*at], subject)).collect() };
        let check = |all: &[usize], any: &[usize], signers: &[usize]| {
            let policy = Policy(vec![Rule {
                source: EVERY.to_owned(),
                all_of: all.iter().map(|at| signer(*at)).collect(),
                any_of: any.iter().map(|at| signer(*at)).collect(),
            }]);
            policy
                .check(&source, subject, &by(signers))
                .map_err(|unmet| unmet.to_string())
        };
        assert_eq!(check(&[], &[], &[]), Ok(vec![]));
        assert_eq!(check(&[0], &[], &[0]), Ok(vec!["0.pub".to_owned()]));
        assert_eq!(
            check(&[0, 1], &[], &[1, 0]),
            Ok(vec!["0.pub".to_owned(), "1.pub".to_owned()])
        );
        assert_eq!(check(&[], &[0, 1], &[1]), Ok(vec!["1.pub".to_owned()]));
        assert_eq!(
            check(&[0], &[1, 2], &[0, 2]),
            Ok(vec!["0.pub".to_owned(), "2.pub".to_owned()])
        );
        let refused = |all: &[usize], any: &[usize], signers: &[usize], words: &str| {
            let said = check(all, any, signers).unwrap_err();
            assert!(said.contains(words), "{said}");
        };
        refused(
            &[0],
            &[],
            &[],
            "there is no signature by 0.pub; it has no signature at all",
        );
        refused(
            &[0, 1],
            &[],
            &[0],
            "there is no signature by 1.pub; its one signature is by somebody else",
        );
        refused(&[], &[0, 1], &[2], "there is none by any of 0.pub, 1.pub");
        refused(&[0], &[1], &[0], "there is none by any of 1.pub");
        refused(
            &[0],
            &[1],
            &[2, 1],
            "there is no signature by 0.pub; none of its 2 signatures is the one",
        );
    }
}
