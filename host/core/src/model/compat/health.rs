//! Argo CD's mapping from the health of a hook's object to the state of the hook.

use super::{Mode, Rule};
use crate::model::{
    health::{Assessment, Health},
    phase::Phase,
};

/// Returns the assessment of a hook's object as the hook's plugin gets it. In compat mode, some states count as success or failure.
pub fn hook_health(mode: Mode, phase: Phase, mut assessment: Assessment) -> Assessment {
    let is_delete = match phase {
        Phase::PreDelete | Phase::PostDelete => true,
        Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail => false,
    };
    let (rule, health) = match assessment.health {
        Health::Suspended | Health::Unknown | Health::Missing if is_delete => {
            (Rule::UnclearDeleteHookIsDone, Health::Healthy)
        }
        Health::Unknown => (Rule::UnknownHookFails, Health::Degraded),
        Health::Missing => (Rule::MissingHookSucceeds, Health::Healthy),
        Health::Healthy | Health::Suspended | Health::Progressing | Health::Degraded => return assessment,
    };
    if mode.has(rule) {
        assessment.health = health;
        assessment.rule = format!("compat/{rule}");
    }
    assessment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_argo_cd() {
        use Health::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
        for (health, in_sync, in_delete) in [
            (Healthy, Healthy, Healthy),
            (Progressing, Progressing, Progressing),
            (Suspended, Suspended, Healthy),
            (Degraded, Degraded, Degraded),
            (Unknown, Degraded, Healthy),
            (Missing, Healthy, Healthy),
        ] {
            let seen = Assessment::new(health, "as it is", "script");
            for phase in Phase::ALL {
                let is_delete = matches!(phase, Phase::PreDelete | Phase::PostDelete);
                let expected = if is_delete { in_delete } else { in_sync };
                assert_eq!(
                    hook_health(Mode::ArgoCd, phase, seen.clone()).health,
                    expected,
                    "{health} in {phase}"
                );
                assert_eq!(hook_health(Mode::Native, phase, seen.clone()), seen);
            }
        }
    }
}
