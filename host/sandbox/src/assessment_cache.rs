//! A cache of health assessments. Health checks are functions of their input, so the same input about the same version of an object has
//! the same answer, and a cluster without changes costs nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use capstan_core::model::{
    compat::Mode,
    health::Assessment,
    plugins::{HealthQuestion, PluginRef},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The most answers that are kept, of a few hundred bytes each.
const MAX_ENTRIES: usize = 20_000;

/// Everything that an answer depends on, except for the clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    digest: Arc<str>,
    claim: String,
    application: (String, String),
    mode: Mode,
    uid: String,
    version: String,
    /// A digest of the related objects that the plugin is shown.
    related: Option<[u8; 32]>,
    /// A digest of the user's settings for the plugin.
    settings: Option<[u8; 32]>,
}

#[derive(Debug, Default)]
pub(crate) struct AssessmentCache(Mutex<HashMap<CacheKey, CacheEntry>>);

#[derive(Debug, Clone)]
struct CacheEntry {
    assessment: Assessment,
    /// The time until which the answer is valid; `None` if the guest didn't read the clock.
    until: Option<Timestamp>,
}

impl CacheKey {
    /// Makes the key of a question; `None` for an object without a resource version.
    pub(crate) fn for_question(by: &PluginRef, question: &HealthQuestion<'_>) -> Option<CacheKey> {
        let version = question.object.text("/metadata/resourceVersion")?;
        let uid = question.object.uid();
        if uid.is_empty() || version.is_empty() {
            return None;
        }
        let related = match question.related {
            Some(related) => Some(json_digest(related)?),
            None => None,
        };
        let settings = match question.settings {
            Some(settings) => Some(json_digest(settings)?),
            None => None,
        };
        Some(CacheKey {
            digest: by.digest.as_str().into(),
            claim: by.claim.clone(),
            application: (
                question.application.name.clone(),
                question.application.namespace.clone(),
            ),
            mode: question.mode,
            uid: uid.to_owned(),
            version: version.to_owned(),
            related,
            settings,
        })
    }
}

fn json_digest(value: &impl Serialize) -> Option<[u8; 32]> {
    Some(Sha256::digest(serde_json::to_vec(value).ok()?).into())
}

impl AssessmentCache {
    /// Returns a cached answer that is still valid.
    pub(crate) fn get(&self, key: &CacheKey, now: Timestamp) -> Option<Assessment> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = answers.get(key)?;
        let holds = kept.until.is_none_or(|until| now < until);
        holds.then(|| kept.assessment.clone())
    }

    /// Caches an answer. One that depends on the clock is valid until the time at which the plugin wants to be called again, and isn't
    /// cached without such a time.
    pub(crate) fn insert(&self, key: CacheKey, assessment: &Assessment, asked_the_clock: bool, now: Timestamp) {
        let again = assessment.recheck_after_ms.and_then(|wait| i64::try_from(wait).ok());
        let until = again.and_then(|wait| now.checked_add(SignedDuration::from_millis(wait)).ok());
        if asked_the_clock && until.is_none() {
            return;
        }
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_ENTRIES {
            // Most entries are about old versions of objects.
            answers.clear();
        }
        let until = until.filter(|_| asked_the_clock);
        answers.insert(
            key,
            CacheEntry {
                assessment: assessment.clone(),
                until,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use capstan_core::model::health::Health;

    use super::*;

    fn key(version: &str) -> CacheKey {
        CacheKey {
            digest: "d".into(),
            claim: "Pod".to_owned(),
            application: Default::default(),
            mode: Mode::Native,
            uid: "u".to_owned(),
            version: version.to_owned(),
            related: None,
            settings: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_asked_no_clock_holds_and_what_did_until_it_says() {
        let memo = AssessmentCache::default();
        let plain = Assessment::new(Health::Healthy, "", "");
        let timed = Assessment {
            recheck_after_ms: Some(5000),
            ..plain.clone()
        };
        memo.insert(key("1"), &plain, false, at(0));
        assert_eq!(memo.get(&key("1"), at(1_000_000)), Some(plain.clone()));
        assert_eq!(memo.get(&key("2"), at(0)), None);
        memo.insert(key("2"), &plain, true, at(0));
        assert_eq!(memo.get(&key("2"), at(0)), None);
        memo.insert(key("3"), &timed, true, at(10));
        assert_eq!(memo.get(&key("3"), at(14)), Some(timed.clone()));
        assert_eq!(memo.get(&key("3"), at(15)), None);
        // Asking again is for what is beside the object; of the object alone the answer is the same.
        memo.insert(key("4"), &timed, false, at(10));
        assert_eq!(memo.get(&key("4"), at(100)), Some(timed));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let memo = AssessmentCache::default();
        let plain = Assessment::new(Health::Healthy, "", "");
        for version in 0..=MAX_ENTRIES {
            memo.insert(key(&version.to_string()), &plain, false, at(0));
        }
        assert!(memo.0.lock().unwrap().len() <= MAX_ENTRIES);
        assert!(memo.get(&key(&MAX_ENTRIES.to_string()), at(0)).is_some());
    }
}
