//! Fault rules: they decide about requests, and the first rule that applies to a request is used.

mod text;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Method;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use self::text::Text;
use crate::{
    glob,
    intercept::{Intercept, Verdict},
    span::Span,
};

/// A fault rule. All given conditions must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct FaultRule {
    /// The Kubernetes verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The path, a glob: `*` stays within a segment, `**` does not.
    pub path: Option<String>,
    /// To which of the requests that match so far the rule applies.
    pub times: Occurrence,
    /// The period since the start of the world in which it applies; the end is excluded.
    pub between: Option<(Span, Span)>,
    /// The percentage of requests, drawn from the world's random numbers.
    pub percent: Option<u8>,
    /// What happens to the request.
    pub verdict: Verdict,
}

/// To which of the matching requests a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// Every matching request.
    #[default]
    All,
    /// Only to this one, counted from 1.
    Nth(u64),
    /// To every n-th one.
    Every(u64),
    /// To the first n.
    First(u64),
}

/// The rules of a world. More can be added while it runs.
#[derive(Clone, Debug)]
pub struct FaultRules(Arc<Mutex<RulesState>>);

#[derive(Debug)]
struct RulesState {
    rules: Vec<ActiveRule>,
    next: u64,
    random: ChaCha8Rng,
    start: Instant,
}

#[derive(Debug)]
struct ActiveRule {
    id: u64,
    rule: FaultRule,
    /// The number of requests that matched.
    matched: u64,
}

/// Keeps a rule active; dropping it removes the rule.
#[derive(Debug)]
#[must_use = "the rule ends when the guard is dropped"]
pub struct RuleGuard {
    rules: FaultRules,
    id: u64,
}

impl FaultRules {
    /// Makes a list with these rules, in this order.
    pub fn new(seed: u64, rules: Vec<FaultRule>) -> Self {
        let inner = RulesState {
            rules: Vec::new(),
            next: 0,
            random: ChaCha8Rng::seed_from_u64(seed),
            start: Instant::now(),
        };
        let all = Self(Arc::new(Mutex::new(inner)));
        for rule in rules {
            all.push(rule);
        }
        all
    }

    /// Adds a rule after the others, until its guard is dropped.
    pub fn add(&self, rule: FaultRule) -> RuleGuard {
        RuleGuard {
            id: self.push(rule),
            rules: self.clone(),
        }
    }

    fn push(&self, rule: FaultRule) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.rules.push(ActiveRule { id, rule, matched: 0 });
        id
    }

    fn lock(&self) -> MutexGuard<'_, RulesState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RuleGuard {
    /// Returns how many requests have matched the rule.
    pub fn matched(&self) -> u64 {
        self.rules
            .lock()
            .rules
            .iter()
            .find(|active| active.id == self.id)
            .map_or(0, |active| active.matched)
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        self.rules.lock().rules.retain(|active| active.id != self.id);
    }
}

impl Intercept for FaultRules {
    fn decide(&self, method: &Method, path: &str, query: &str) -> Verdict {
        let mut inner = self.lock();
        let since = inner.start.elapsed();
        let RulesState { rules, random, .. } = &mut *inner;
        rules
            .iter_mut()
            .find_map(|active| active.decide(method, path, query, since, random))
            .unwrap_or(Verdict::Pass)
    }
}

impl ActiveRule {
    fn decide(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        since: Duration,
        random: &mut ChaCha8Rng,
    ) -> Option<Verdict> {
        let rule = &self.rule;
        let fits = |pattern: &Option<String>, found: &str| {
            pattern
                .as_deref()
                .is_none_or(|pattern| pattern.eq_ignore_ascii_case(found))
        };
        let fits = fits(&rule.method, method.as_str())
            && fits(&rule.verb, verb(method, path, query))
            && rule.path.as_deref().is_none_or(|pattern| glob::matches(pattern, path))
            && rule.between.is_none_or(|(from, to)| (from.0..to.0).contains(&since));
        if !fits {
            return None;
        }
        self.matched += 1;
        let counts = match rule.times {
            Occurrence::All => true,
            Occurrence::Nth(nth) => self.matched == nth,
            Occurrence::Every(every) => every > 0 && self.matched.is_multiple_of(every),
            Occurrence::First(first) => self.matched <= first,
        };
        let strikes = counts
            && rule
                .percent
                .is_none_or(|percent| random.next_u64() % 100 < u64::from(percent));
        strikes.then(|| rule.verdict.clone())
    }
}

/// Returns the Kubernetes verb of a request, as in authorization; an empty text if it has none.
pub fn verb(method: &Method, path: &str, query: &str) -> &'static str {
    let named = names_object(path);
    let watches = query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1" | "watch"));
    match (method.as_str(), named) {
        ("GET", _) if watches => "watch",
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}

/// Says whether a path names one object rather than a collection.
fn names_object(path: &str) -> bool {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let prefix = match segments.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => return true, // neither: /version and the like
    };
    segments.drain(..prefix.min(segments.len()));
    match segments.as_slice() {
        ["namespaces", _, "status" | "finalize"] => true,
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest.len() > 1,
        rest => rest.len() > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intercept::Expiry;

    fn rule(yaml: &str) -> FaultRule {
        serde_yaml::from_str(yaml).unwrap()
    }

    #[test]
    fn requests_are_named_like_verbs() {
        for (method, path, query, expected) in [
            (Method::GET, "/api/v1/namespaces/a/pods", "", "list"),
            (Method::GET, "/api/v1/namespaces/a/pods", "watch=true&x=1", "watch"),
            (Method::GET, "/api/v1/namespaces/a/pods/b", "", "get"),
            (Method::GET, "/api/v1/namespaces", "", "list"),
            (Method::GET, "/api/v1/namespaces/a", "", "get"),
            (Method::PUT, "/api/v1/namespaces/a/status", "", "update"),
            (
                Method::DELETE,
                "/apis/batch/v1/namespaces/a/jobs",
                "",
                "deletecollection",
            ),
            (Method::DELETE, "/apis/batch/v1/namespaces/a/jobs/b", "", "delete"),
            (Method::PATCH, "/apis/batch/v1/namespaces/a/jobs/b/status", "", "patch"),
            (Method::POST, "/apis/batch/v1/namespaces/a/jobs", "", "create"),
        ] {
            assert_eq!(verb(&method, path, query), expected, "{method} {path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rules_count_and_end_with_their_guard() {
        let rules = FaultRules::new(1, Vec::new());
        let decide = |path: &str| rules.decide(&Method::PATCH, path, "");
        let job = "/apis/batch/v1/namespaces/a/jobs/b";
        let guard = rules.add(rule("{verb: patch, path: '**/jobs/*', first: 1, refuse: {code: 409}}"));
        assert_eq!(decide("/api/v1/namespaces/a/pods/b"), Verdict::Pass);
        assert!(matches!(decide(job), Verdict::Refuse { code: 409, .. }));
        assert_eq!((decide(job), guard.matched()), (Verdict::Pass, 2));
        drop(guard);

        let every = rules.add(rule("{every: 2, drop: true}"));
        let struck: Vec<bool> = (0..4).map(|_| decide(job) == Verdict::Drop).collect();
        assert_eq!(struck, [false, true, false, true]);
        drop(every);

        let _window = rules.add(rule("{between: [10s, 20s], delay: 1s}"));
        assert_eq!(decide(job), Verdict::Pass);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(decide(job), Verdict::Delay(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(decide(job), Verdict::Pass);
    }

    #[test]
    fn a_rule_says_one_thing() {
        for wrong in [
            "{verb: get}",
            "{drop: true, delay: 1s}",
            "{nth: 1, every: 2, drop: true}",
            "{drop: true, x: 1}",
            "{cut: 1, slow: 1s}",
            "{stall: false}",
            "{expire: later}",
        ] {
            assert!(serde_yaml::from_str::<FaultRule>(wrong).is_err(), "{wrong}");
        }
        for (right, expected) in [
            ("{cut: 100}", Some(Verdict::Cut(100))),
            ("{stall: true}", Some(Verdict::Stall(Duration::ZERO))),
            ("{stall: 3s}", Some(Verdict::Stall(Duration::from_secs(3)))),
            ("{slow: 10ms}", Some(Verdict::Slow(Duration::from_millis(10)))),
            ("{expire: true}", Some(Verdict::Expire(Expiry::Event))),
            ("{expire: at-once}", Some(Verdict::Expire(Expiry::HttpGone))),
            (
                "{method: PUT, nth: 3, percent: 20, refuse: {code: 429, retry-after: 1}}",
                None,
            ),
        ] {
            let one = rule(right);
            if let Some(expected) = expected {
                assert_eq!(one.verdict, expected, "{right}");
            }
            let again: FaultRule = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
            assert_eq!(again, one);
        }
    }
}
