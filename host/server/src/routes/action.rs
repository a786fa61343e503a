//! What can be done with an application.

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use capstan_api::{
    Approval, ErrorClass, OnBusy, Outcome, Trigger, Verb, Verdict,
    action::ObjectOutcome,
    plan::{Choices, PlanKind, PlanRequest},
};
use capstan_core::{
    model::{on_busy, plugins::Application},
    plan::task::Action,
};
use capstan_engine::{APPROVAL, EquivalentOperation, LintErrors, StartPolicy, SweepOutcome, Work};
use http::HeaderMap;
use serde_json::json as value;

use super::{Named, body};
use crate::{Server, User, answer::json, failure::Failure, operations::Begun};

pub(super) async fn trigger(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    // Whoever may not even see it isn't told what is wrong with the request.
    server.permitted(&user, &named, Verb::Get).await?;
    let trigger: Trigger = body(request).await?;
    let application = server.permitted(&user, &named, verb(&trigger)).await?;
    let outcome = server.act(&application, &user, trigger).await?;
    json(&headers, &outcome)
}

fn verb(trigger: &Trigger) -> Verb {
    match trigger {
        Trigger::Sync { dry_run: true, .. } => Verb::Plan,
        Trigger::Sync { .. } | Trigger::Resume {} => Verb::Sync,
        Trigger::Terminate {} => Verb::Terminate,
        Trigger::Rollback { .. } => Verb::Rollback,
        Trigger::Test { .. } => Verb::Test,
        Trigger::Delete { .. } => Verb::Delete,
        Trigger::Sweep {} => Verb::Sweep,
    }
}

impl Server {
    async fn act(&self, application: &Application, user: &User, trigger: Trigger) -> Result<Outcome, Failure> {
        let policy = |equivalent: EquivalentOperation| StartPolicy {
            by: user.name.clone(),
            on_busy: on_busy::OnBusy::Refuse,
            equivalent,
            lint_errors: LintErrors::Show,
        };
        match trigger {
            Trigger::Sync {
                plan,
                choices,
                on_busy,
                dry_run,
            } => {
                let work = self
                    .work(application, plan.as_deref(), sync_of(choices.clone()))
                    .await?;
                if dry_run {
                    return self.dry_run(work).await;
                }
                let policy = StartPolicy {
                    on_busy: match on_busy {
                        OnBusy::Refuse => on_busy::OnBusy::Refuse,
                        OnBusy::Wait => on_busy::OnBusy::Wait,
                        OnBusy::Supersede => on_busy::OnBusy::Supersede,
                    },
                    lint_errors: LintErrors::Refuse {
                        allowed: choices.allow_lint.into_iter().collect(),
                    },
                    ..policy(EquivalentOperation::Request(work.digest()))
                };
                self.begin_work(application, work, policy).await
            }
            Trigger::Resume {} => {
                let id = self.operations.resume(application, &user.name).await?;
                Ok(begun(id))
            }
            Trigger::Terminate {} => Ok(Outcome {
                message: self.operations.terminate(application, &user.name).await?,
                ..Outcome::default()
            }),
            Trigger::Rollback {
                operation,
                plan,
                no_prune,
            } => {
                let wanted = PlanRequest {
                    does: PlanKind::Rollback,
                    operation,
                    choices: Choices {
                        prune: Some(!no_prune),
                        ..Choices::default()
                    },
                    ..PlanRequest::default()
                };
                let work = self.work(application, plan.as_deref(), wanted).await?;
                self.begin_work(application, work, policy(EquivalentOperation::None))
                    .await
            }
            Trigger::Test { hook } => {
                let wanted = PlanRequest {
                    does: PlanKind::Test,
                    choices: Choices {
                        hook,
                        ..Choices::default()
                    },
                    ..PlanRequest::default()
                };
                let work = self.work(application, None, wanted).await?;
                let same = EquivalentOperation::Request(work.digest());
                self.begin_work(application, work, policy(same)).await
            }
            Trigger::Delete { name, plan, confirm } => {
                if name != application.name {
                    let message = format!("the name that was typed is not `{}`", application.name);
                    return Err(Failure::new(ErrorClass::Request, message));
                }
                let wanted = PlanRequest {
                    does: PlanKind::Delete,
                    confirm,
                    ..PlanRequest::default()
                };
                let work = self.work(application, plan.as_deref(), wanted).await?;
                self.begin_work(application, work, policy(EquivalentOperation::Deletion))
                    .await
            }
            Trigger::Sweep {} => self.sweep(application).await,
        }
    }

    async fn work(&self, application: &Application, plan: Option<&str>, wanted: PlanRequest) -> Result<Work, Failure> {
        Ok(match plan {
            Some(id) => Work::Saved(self.kept_plan(application, id)?),
            None => Work::Request(Box::new(self.request(application, &wanted).await?.request)),
        })
    }

    async fn begin_work(&self, application: &Application, work: Work, policy: StartPolicy) -> Result<Outcome, Failure> {
        self.list.changed(application);
        Ok(match self.operations.begin_work(work, policy).await? {
            Begun::Operation(id) => begun(id),
            Begun::Nothing => Outcome {
                message: "there is nothing to do".to_owned(),
                ..Outcome::default()
            },
            Begun::Waits(what) => Outcome {
                message: format!("it begins later: {what}"),
                ..Outcome::default()
            },
        })
    }

    async fn dry_run(&self, work: Work) -> Result<Outcome, Failure> {
        let engine = &self.setup.engine;
        let planned = engine.prepare(work).await?;
        let answers = engine.dry_run(&planned).await;
        let refused = answers.iter().filter_map(|answer| {
            let task = planned.plan.task(&answer.task)?;
            let error = answer.result.as_ref().err()?;
            Some(ObjectOutcome {
                object: task.key.to_string(),
                is_error: true,
                message: error.to_string(),
            })
        });
        let objects: Vec<ObjectOutcome> = refused.collect();
        let hooks = planned
            .plan
            .tasks
            .iter()
            .filter(|task| matches!(task.action, Action::Hook(_)))
            .count();
        let message = match objects.len() {
            0 => format!(
                "a dry run: the API server accepts all {} objects that would change; {hooks} hooks were not run, and nothing was changed",
                answers.len()
            ),
            refused => format!(
                "a dry run: the API server refuses {refused} of {} objects; nothing was changed",
                answers.len()
            ),
        };
        Ok(Outcome {
            message,
            objects,
            ..Outcome::default()
        })
    }

    async fn sweep(&self, application: &Application) -> Result<Outcome, Failure> {
        let swept = self.setup.engine.sweep(application).await?;
        let objects = swept.iter().map(|swept| {
            let (is_error, message) = match &swept.outcome {
                SweepOutcome::NotDue => (false, "its time has not come".to_owned()),
                SweepOutcome::Deleted => (false, "deleted".to_owned()),
                SweepOutcome::Gone => (false, "it was deleted already".to_owned()),
                SweepOutcome::Kept => (false, "its delete policies keep it".to_owned()),
                SweepOutcome::Unanswered(why) | SweepOutcome::Failed(why) => (true, why.clone()),
            };
            ObjectOutcome {
                object: swept.object.due.target.key.to_string(),
                is_error,
                message,
            }
        });
        let objects: Vec<ObjectOutcome> = objects.collect();
        let deleted = swept
            .iter()
            .filter(|swept| swept.outcome == SweepOutcome::Deleted)
            .count();
        let message = match swept.len() {
            0 => "nothing is due".to_owned(),
            all => format!("{deleted} of {all} objects deleted"),
        };
        Ok(Outcome {
            message,
            objects,
            ..Outcome::default()
        })
    }
}

fn sync_of(choices: Choices) -> PlanRequest {
    PlanRequest {
        choices,
        ..PlanRequest::default()
    }
}

fn begun(id: String) -> Outcome {
    Outcome {
        message: format!("operation {id} runs"),
        operation: Some(id),
        objects: Vec::new(),
    }
}

pub(super) async fn approve(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Approve).await?;
    let approval: Approval = body(request).await?;
    let verdict = match approval.verdict {
        Verdict::Approved => "approved",
        Verdict::Rejected => "rejected",
    };
    let decision = value!({ "verdict": verdict, "reason": approval.reason });
    let engine = &server.setup.engine;
    let hook = engine
        .signal(&application, approval.hook.as_deref(), APPROVAL, &user.name, decision)
        .await?;
    json(
        &headers,
        &Outcome {
            message: format!("{verdict} {hook}"),
            ..Outcome::default()
        },
    )
}
