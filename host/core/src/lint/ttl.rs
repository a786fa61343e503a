//! Times to live so short that nobody can see the outcome.

use std::time::Duration;

use serde_json::Value;

use super::{
    Findings, Severity,
    set::{ManifestSet, SetMember},
};
use crate::{model::compat::Mode, plan::Role, read::directive::annotation_pointer};

/// How long somebody else may take to look.
const MIN_TTL: Duration = Duration::from_mins(1);

/// `short-ttl`.
pub(super) fn check(set: &ManifestSet<'_>, found: &mut Findings<'_>) {
    for member in &set.members {
        let Some((pointer, seconds)) = time_to_live(member).filter(|(_, seconds)| *seconds < MIN_TTL.as_secs()) else {
            continue;
        };
        let who = format!("{} is removed {seconds} s after its end", member.key);
        let finding = match member.classified.role {
            Role::Hook { .. } => {
                let message = format!("{who}: anything that looks less often doesn't see its result");
                let finding = found.finding(
                    member,
                    &pointer,
                    message,
                    "keep it for at least a minute, or use a delete policy instead",
                );
                // Capstan keeps the object until its outcome is stored. Argo CD would wait for an object that is gone.
                match set.mode {
                    Mode::Native => finding.with_severity(Severity::Note),
                    Mode::ArgoCd => finding,
                }
            }
            Role::Resource if member.is_of_kind("batch", "Job") => {
                let message = format!(
                    "{who}: its health may no longer be visible, and every later sync creates and runs it again"
                );
                found.finding(
                    member,
                    &pointer,
                    message,
                    "make it a hook, or leave `ttlSecondsAfterFinished` out",
                )
            }
            Role::Resource | Role::Skip(_) => continue,
        };
        found.add(member, finding);
    }
}

/// Returns the time to live in seconds and the JSON pointer of its place.
fn time_to_live(member: &SetMember<'_>) -> Option<(String, u64)> {
    const OF_JOBS: &str = "/spec/ttlSecondsAfterFinished";
    let object = &member.manifest().object;
    if member.is_hook()
        && let (Some(seconds), Some(_)) = (
            member.directives().ttl.after_finished,
            object.annotation("capstan.dev/ttl"),
        )
    {
        return Some((annotation_pointer("capstan.dev/ttl"), seconds));
    }
    let seconds = object.0.pointer(OF_JOBS).and_then(Value::as_u64)?;
    member.is_of_kind("batch", "Job").then(|| (OF_JOBS.to_owned(), seconds))
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{check, check_argo, hook, job, object};

    #[test]
    fn times_to_live() {
        let lives = |seconds: &str| {
            vec![job("PreSync", "").replace(
                "spec: {template",
                &format!("spec: {{ttlSecondsAfterFinished: {seconds}, template"),
            )]
        };
        let plain = |seconds: &str| {
            vec![object("batch/v1", "Job", "it", "") + &format!(", spec: {{ttlSecondsAfterFinished: {seconds}}}")]
        };
        let rule = "short-ttl";
        check(
            rule,
            &[
                ("none", vec![job("PreSync", "")], ""),
                ("at once", lives("0"), "note at 1"),
                ("a minute", lives("60"), ""),
                (
                    "ours",
                    vec![hook("batch/v1", "Job", "PreSync", "capstan.dev/ttl: 5s", "")],
                    "note at 1",
                ),
                (
                    "ours wins",
                    vec![
                        hook("batch/v1", "Job", "PreSync", "capstan.dev/ttl: 1h", "")
                            .replace("spec: {template", "spec: {ttlSecondsAfterFinished: 0, template"),
                    ],
                    "",
                ),
                ("no hook", plain("5"), "warning at 1"),
                ("no hook, an hour", plain("3600"), ""),
            ],
        );
        check_argo(rule, &[("at once", lives("0"), "warning at 1")]);
    }
}
