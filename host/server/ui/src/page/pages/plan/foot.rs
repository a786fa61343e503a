//! What can be done with a plan.

use super::*;

pub fn foot(application: Application, plan: &Rc<PlanPage>, loaded: Signal<Loaded>) -> View {
    let store = application.store;
    let trouble: Signal<Option<ApiError>> = create_signal(None);
    let is_sent = create_signal(false);
    let (namespace, name) = (application.namespace(), application.name());
    let choose = (namespace.clone(), name.clone());
    let send = {
        let id = plan.id.clone();
        move |is_dry: bool| {
            let trigger = Trigger::Sync {
                plan: Some(id.clone()),
                choices: Choices::default(),
                on_busy: OnBusy::Refuse,
                dry_run: is_dry,
            };
            let path = path::triggers(&namespace, &name);
            let address = application.address("");
            is_sent.set(true);
            spawn_local(async move {
                let answer = connection::post::<_, Outcome>(&path, &trigger).await;
                if !is_sent.is_alive() {
                    return;
                }
                is_sent.set(false);
                match answer {
                    Ok(outcome) if is_dry => store.dialog.set(Some(Dialog::Outcome(Rc::new(outcome)))),
                    Ok(_) => store.go(&address),
                    Err(error) => trouble.set(Some(error)),
                }
            });
        }
    };
    let dry = send.clone();
    let errors = plan
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error && !finding.is_ignored)
        .count();
    let blocked: View = if plan.is_forbidden {
        tags::p()
            .class("bad")
            .children((glyph(TaskState::Failed, 14), words::forbidden(errors)))
            .into()
    } else {
        nothing()
    };
    let command = plan.command.clone();
    let is_forbidden = plan.is_forbidden;
    let run: View = if is_forbidden {
        tags::button()
            .attr("type", "button")
            .class("btn btn-go")
            .bool_attr("disabled", true)
            .children(words::SYNC_THIS_PLAN)
            .into()
    } else {
        bits::action(
            store,
            Verb::Sync,
            "btn btn-go",
            text(move || {
                if is_sent.get() {
                    words::SENT
                } else {
                    words::SYNC_THIS_PLAN
                }
                .to_owned()
            }),
            move || {
                if !is_sent.get_untracked() {
                    send(false);
                }
            },
        )
    };
    tags::footer()
        .class("planfoot")
        .children((
            each_time(
                move || trouble.get_clone(),
                move |error| {
                    error.map_or_else(nothing, |error| {
                        (
                            bits::trouble(&error),
                            tags::button()
                                .attr("type", "button")
                                .class("btn")
                                .hear(events::click, move |_| {
                                    loaded.set(None);
                                    load(application, loaded);
                                })
                                .children(words::PLAN_AGAIN),
                        )
                            .into()
                    })
                },
            ),
            blocked,
            tags::span().class("spacer"),
            bits::command(move || command.clone()),
            bits::action(store, Verb::Sync, "btn", words::CHOOSE_AND_MORE.into(), move || {
                store.dialog.set(Some(Dialog::sync(&choose.0, &choose.1)));
            }),
            bits::action(store, Verb::Plan, "btn", words::DRY_RUN.into(), move || dry(true)),
            run,
        ))
        .into()
}
