//! How long an object may be Degraded before that counts as a failure.
//!
//! Argo CD fails at once (argoproj/argo-cd#1826, #21198, #26346), although many kinds are Degraded only for a moment. A final problem fails
//! at once in any case: the health plugin says so ([`crate::model::health::Assessment::is_final`]).

use std::time::Duration;

use crate::{
    kubernetes::pod_problems,
    model::{
        compat::{Mode, Rule},
        health::{Assessment, Health},
        object::GroupKind,
    },
    read::directive::Directives,
};

/// How long objects of a kind may be Degraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The kind that may be Degraded for a while.
    pub kind: &'static str,
    /// The time in seconds.
    pub seconds: u64,
    /// The reason, for the documentation.
    pub reason: &'static str,
}

const fn tolerance(group: &'static str, kind: &'static str, seconds: u64, why: &'static str) -> Tolerance {
    Tolerance {
        group,
        kind,
        seconds,
        reason: why,
    }
}

/// The kinds with a time of their own.
pub const TOLERANCES: [Tolerance; 8] = [
    tolerance("batch", "Job", 0, "its backoff limit was its tolerance"),
    tolerance("", "PersistentVolumeClaim", 0, "a lost volume doesn't come back"),
    tolerance("", "Pod", 30, "its containers are started again after a crash"),
    tolerance(
        "apps",
        "Deployment",
        60,
        "its pods are made again; its progress deadline is final",
    ),
    tolerance(
        "apps",
        "ReplicaSet",
        60,
        "a quota or a webhook that prevents its pods may disappear",
    ),
    tolerance(
        "policy",
        "PodDisruptionBudget",
        60,
        "it can't be computed before its pods are there",
    ),
    tolerance(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        60,
        "its names are free once an older definition is gone",
    ),
    tolerance(
        "apiregistration.k8s.io",
        "APIService",
        120,
        "it is unavailable until its pods serve",
    ),
];

/// How long every other kind may be: controllers of custom resources say Degraded before they have all they need.
pub const DEFAULT_DEGRADED_GRACE: Duration = Duration::from_mins(1);

/// How long what only an object's pods tell may last: an image or a Secret may come a little later.
pub const POD_PROBLEM_GRACE: Duration = Duration::from_secs(30);

/// How long a Secret or `ConfigMap` that isn't there is waited for beyond that when only a role tells that a workload of the set
/// may create it.
pub const CONTROLLER_CREATION_GRACE: Duration = Duration::from_mins(5);

/// How long one object may be Degraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// By its own status.
    pub own: Duration,
    /// By what its pods tell.
    pub pods: Duration,
}

impl Grace {
    /// Returns the time for an object: of its annotation, else of its kind. In compat mode it is 0.
    pub fn for_kind(kind: &GroupKind, directives: &Directives, mode: Mode) -> Grace {
        if let Some(annotated) = directives.degraded_grace_seconds {
            let annotated = Duration::from_secs(annotated);
            return Grace {
                own: annotated,
                pods: annotated,
            };
        }
        let own = if mode.has(Rule::DegradedFailsAtOnce) {
            Duration::ZERO
        } else {
            tolerated_seconds(kind)
        };
        Grace {
            own,
            pods: POD_PROBLEM_GRACE,
        }
    }

    /// Returns what counts for this judgement.
    pub fn seconds_for(self, assessment: &Assessment) -> Duration {
        if assessment.rule == pod_problems::PODS_RULE {
            self.pods
        } else {
            self.own
        }
    }
}

/// Returns an assessment of a hook's object as the hook's plugin gets it. A problem of its pods may end by itself: until its time is over
/// (`is_over`), the object is Progressing; then it is finally Degraded.
pub fn shown_to_hook(mut assessment: Assessment, is_over: bool) -> Assessment {
    if assessment.rule == pod_problems::PODS_RULE && assessment.health == Health::Degraded && !assessment.is_final {
        if is_over {
            assessment.is_final = true;
        } else {
            assessment.health = Health::Progressing;
        }
    }
    assessment
}

fn tolerated_seconds(kind: &GroupKind) -> Duration {
    TOLERANCES
        .iter()
        .find(|row| row.group == kind.group && row.kind == kind.kind)
        .map_or(DEFAULT_DEGRADED_GRACE, |row| Duration::from_secs(row.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grace(group: &str, kind: &str, annotated: Option<u64>, mode: Mode) -> Grace {
        let directives = Directives {
            degraded_grace_seconds: annotated,
            ..Directives::default()
        };
        Grace::for_kind(&GroupKind::new(group, kind), &directives, mode)
    }

    #[test]
    fn a_kind_has_its_own_tolerance_and_all_others_have_one() {
        let own = |group: &str, kind: &str| grace(group, kind, None, Mode::Native).own;
        assert_eq!(own("batch", "Job"), Duration::ZERO);
        assert_eq!(own("apiregistration.k8s.io", "APIService"), Duration::from_mins(2));
        assert_eq!(own("example.com", "Job"), DEFAULT_DEGRADED_GRACE);
        assert_eq!(own("", "Service"), DEFAULT_DEGRADED_GRACE);
    }

    #[test]
    fn no_kind_is_in_the_table_twice() {
        let mut kinds: Vec<_> = TOLERANCES.iter().map(|row| (row.group, row.kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), TOLERANCES.len());
    }

    #[test]
    fn the_annotation_counts_for_everything_and_argo_cd_tolerates_nothing() {
        let seven = Duration::from_secs(7);
        assert_eq!(
            grace("batch", "Job", Some(7), Mode::ArgoCd),
            Grace {
                own: seven,
                pods: seven
            }
        );
        assert_eq!(
            grace("apps", "Deployment", None, Mode::ArgoCd),
            Grace {
                own: Duration::ZERO,
                pods: POD_PROBLEM_GRACE
            }
        );
    }

    #[test]
    fn what_pods_tell_is_tolerated_where_the_kind_itself_is_not() {
        let job = grace("batch", "Job", None, Mode::Native);
        let annotated = |rule: &str| job.seconds_for(&Assessment::new(Health::Degraded, "", rule));
        assert_eq!(
            (annotated("Job/failed"), annotated(pod_problems::PODS_RULE)),
            (Duration::ZERO, POD_PROBLEM_GRACE)
        );
    }
}
