//! Which plugins have to be signed, and by whom.
//!
//! A rule applies to the sources that match its [`SourcePattern`]; of several matching rules, the longest is used. If there are rules and none
//! matches, the source is refused. A signer is a key. An identity (a certificate of Sigstore's public CA) would be another variant of
//! [`Signer`], which doesn't exist yet.

use std::fmt;

use thiserror::Error;

use crate::{
    key::PublicKey,
    pattern::SourcePattern,
    signature::{Signature, SignedContent},
    source::Source,
};

/// Somebody whose signatures are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The owner of a private key.
    Key {
        /// The name for people: the file with the public key.
        name: String,
        /// The public key that verifies the signatures.
        key: PublicKey,
    },
}

impl Signer {
    fn has_signed(&self, signatures: &[Signature], subject: SignedContent<'_>) -> bool {
        match self {
            Signer::Key { key, .. } => signatures.iter().any(|signature| signature.is_signed_by(key, subject)),
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

/// Who has to sign the plugins from some sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRule {
    /// The sources that the rule applies to.
    pub source: SourcePattern,
    /// All of these have to sign.
    pub all_of: Vec<Signer>,
    /// At least one of these has to sign.
    pub any_of: Vec<Signer>,
}

/// The signature rules. Without any, no signature is required.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignaturePolicy(pub Vec<SignatureRule>);

/// Signatures that a rule requires are missing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{source_text} {}", self.lacks())]
pub struct SignatureError {
    /// The source as the user wrote it.
    pub source_text: String,
    /// The rule; `None` if there are rules and none matches the source.
    pub rule: Option<String>,
    /// The number of signatures, by any signer.
    pub signature_count: usize,
    /// Of `all_of`, those that did not sign.
    pub missing: Vec<String>,
    /// The signers in `any_of`, if none of them signed.
    pub none_of: Vec<String>,
}

impl SignatureError {
    fn lacks(&self) -> String {
        let Some(rule) = &self.rule else {
            return "may not be used: there are signature rules, and none of them matches it".to_owned();
        };
        let mut lacks = Vec::new();
        if !self.missing.is_empty() {
            lacks.push(format!("there is no signature by {}", self.missing.join(" and ")));
        }
        if !self.none_of.is_empty() {
            lacks.push(format!("there is none by any of {}", self.none_of.join(", ")));
        }
        let found = match self.signature_count {
            0 => "it has no signature at all".to_owned(),
            1 => "its only signature is by another key or for another artifact".to_owned(),
            many => format!("none of its {many} signatures is by that key"),
        };
        let lacks = lacks.join(", and ");
        format!("is not signed as the rule for `{rule}` requires: {lacks}; {found}")
    }

    pub(crate) fn hint(&self) -> String {
        if self.rule.is_none() {
            return "write a rule for it under `pluginSignatures`, or one for `*`".to_owned();
        }
        let reference = self.source_text.strip_prefix("oci://");
        match reference {
            Some(reference) if self.signature_count == 0 => {
                format!("its author signs it with `cosign sign --key KEY {reference}`; it was not used")
            }
            Some(_) => "ask its author which key signs it; it was not used".to_owned(),
            None => "its author signs it with `cosign sign-blob --key KEY --bundle FILE.sigstore.json FILE`; the bundle is next to the file"
                .to_owned(),
        }
    }
}

impl SignaturePolicy {
    /// Returns the rules for a source: the most specific ones that match.
    pub fn rules(&self, source: &Source) -> Vec<&SignatureRule> {
        let fits = || self.0.iter().filter(|rule| rule.source.matches(source));
        let longest = fits().map(|rule| rule.source.specificity()).max();
        fits()
            .filter(|rule| Some(rule.source.specificity()) == longest)
            .collect()
    }

    /// Says whether a source has to be signed, or may not be used at all.
    pub fn requires_signature(&self, source: &Source) -> bool {
        let rules = self.rules(source);
        let wants = |rule: &&SignatureRule| !rule.all_of.is_empty() || !rule.any_of.is_empty();
        rules.iter().any(wants) || (rules.is_empty() && !self.0.is_empty())
    }

    /// Checks the signatures of some content by the rules for its source, and returns the signers in these rules that signed it.
    ///
    /// # Errors
    ///
    /// Returns which signatures are missing.
    pub(crate) fn check(
        &self,
        source: &Source,
        subject: SignedContent<'_>,
        signatures: &[Signature],
    ) -> Result<Vec<String>, SignatureError> {
        let mut by = Vec::new();
        let rules = self.rules(source);
        if rules.is_empty() && !self.0.is_empty() {
            return Err(SignatureError {
                source_text: source.to_string(),
                rule: None,
                signature_count: 0,
                missing: Vec::new(),
                none_of: Vec::new(),
            });
        }
        for rule in rules {
            let signed = |signer: &&Signer| signer.has_signed(signatures, subject);
            let (all, missing): (Vec<&Signer>, Vec<&Signer>) = rule.all_of.iter().partition(signed);
            let any: Vec<&Signer> = rule.any_of.iter().filter(signed).collect();
            let is_met = missing.is_empty() && (rule.any_of.is_empty() || !any.is_empty());
            if !is_met {
                let names = |signers: Vec<&Signer>| signers.into_iter().map(ToString::to_string).collect();
                return Err(SignatureError {
                    source_text: source.to_string(),
                    rule: Some(rule.source.to_string()),
                    signature_count: signatures
                        .iter()
                        .filter(|signature| signature.attestation_type().is_none())
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

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;
    use crate::signature::tests::{key, signed};

    fn rule(source: &str) -> SignatureRule {
        SignatureRule {
            source: source.parse().unwrap(),
            all_of: Vec::new(),
            any_of: Vec::new(),
        }
    }

    #[test]
    fn the_longest_rule_counts_and_names_end_where_they_end() {
        let policy = SignaturePolicy(vec![
            rule("*"),
            rule("oci://a.io/acme"),
            rule("oci://a.io/acme/queue"),
            rule("oci://a.io/"),
        ]);
        for (source, found) in [
            ("oci://a.io/acme/queue:1", "oci://a.io/acme/queue"),
            ("oci://a.io/acme/queue-two:1", "oci://a.io/acme"),
            ("oci://a.io/acme-evil/queue:1", "oci://a.io"),
            ("oci://a.io.evil/acme/queue:1", "*"),
            ("queue.wasm", "*"),
        ] {
            let rules = policy
                .rules(&source.parse().unwrap())
                .into_iter()
                .map(|rule| rule.source.to_string());
            assert_eq!(rules.collect::<Vec<_>>(), [found], "{source}");
        }
        let policy = SignaturePolicy(vec![rule("./././a/"), rule("a/b")]);
        let longest = policy.rules(&"a/b/c.wasm".parse().unwrap());
        assert_eq!(
            longest,
            [&rule("a/b")],
            "what is written beside the point doesn't count"
        );
        let both = SignaturePolicy(vec![rule("oci://a.io/acme"), rule("oci://A.io:443/acme/")]);
        assert_eq!(both.rules(&"oci://a.io/acme/queue:1".parse().unwrap()).len(), 2);
    }

    #[test]
    fn where_there_are_rules_a_source_without_one_is_refused() {
        let source: Source = "oci://a.io:8443/acme/queue:1".parse().unwrap();
        let subject = SignedContent::new(b"manifest");
        let check = |rules: &[&str]| {
            let policy = SignaturePolicy(rules.iter().map(|source| rule(source)).collect());
            (
                policy.requires_signature(&source),
                policy.check(&source, subject, &[]).is_ok(),
            )
        };
        assert_eq!(check(&[]), (false, true), "nothing is said about signatures");
        assert_eq!(check(&["oci://a.io/acme/"]), (true, false), "another registry");
        assert_eq!(
            check(&["oci://a.io/acme/", "*"]),
            (false, true),
            "the rule for all others lets it be"
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
        let subject = SignedContent::new(b"manifest");
        let by =
            |signers: &[usize]| -> Vec<Signature> { signers.iter().map(|at| signed(&pairs[*at], subject)).collect() };
        let check = |all: &[usize], any: &[usize], signers: &[usize]| {
            let policy = SignaturePolicy(vec![SignatureRule {
                source: SourcePattern::All,
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
            let refusal = check(all, any, signers).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
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
            "there is no signature by 1.pub; its only signature is by another key",
        );
        refused(&[], &[0, 1], &[2], "there is none by any of 0.pub, 1.pub");
        refused(&[0], &[1], &[0], "there is none by any of 1.pub");
        refused(
            &[0],
            &[1],
            &[2, 1],
            "there is no signature by 0.pub; none of its 2 signatures is by that key",
        );
    }
}
