//! Two operations beside each other.

use super::*;

pub fn two(application: Application, a: OperationSummary, b: OperationSummary) -> View {
    let loaded = loaded(application, vec![a.id.clone(), b.id.clone()], false);
    once_loaded(loaded, move |pages| match pages.as_slice() {
        [(in_a, _), (in_b, _)] => comparison(
            application,
            &a,
            &b,
            compare(&in_a.view, &in_b.view),
            total(&in_a.view, &in_b.view),
        ),
        _ => nothing(),
    })
}

fn comparison(
    application: Application,
    a: &OperationSummary,
    b: &OperationSummary,
    rows: Vec<ComparedTask>,
    longer: Option<Millis>,
) -> View {
    let only_differing = create_signal(false);
    let differing = rows.iter().filter(|row| row.differs).count();
    let says = words::compared(
        longer.map(|longer| (span(longer.abs()), longer > 0)),
        differing,
        rows.len(),
    );
    let most = rows
        .iter()
        .flat_map(|row| [row.a.took, row.b.took])
        .flatten()
        .max()
        .unwrap_or(1)
        .max(1);
    let rows = Rc::new(rows);
    let body = each_time(
        move || only_differing.get(),
        move |only| {
            let shown: Vec<&ComparedTask> = rows.iter().filter(|row| !only || row.differs).collect();
            let mut views: Vec<View> = Vec::new();
            for of_phase in shown.chunk_by(|a, b| a.phase == b.phase) {
                if let Some(first) = of_phase.first() {
                    views.push(
                        tags::tr()
                            .class("cmpphase")
                            .children(
                                tags::th()
                                    .attr("colspan", "5")
                                    .attr("scope", "rowgroup")
                                    .children(first.phase.to_string()),
                            )
                            .into(),
                    );
                }
                views.extend(of_phase.iter().map(|row| compared_row(row, most)));
            }
            views.into()
        },
    );
    let head = |name: &'static str, class: &'static str| -> View {
        tags::th().attr("scope", "col").class(class).children(name).into()
    };
    let number = a.number().to_owned();
    tags::div()
        .class("cmp")
        .children((
            tags::header().class("cmphead").children((
                title("A", "ab", a),
                title("B", "ab b", b),
                tags::span().class("brk"),
                tags::p().children(says),
                tags::span().class("spacer"),
                bits::check(
                    words::ONLY_WHAT_DIFFERS,
                    "",
                    move || only_differing.get(),
                    move |only| only_differing.set(only),
                ),
                tags::button()
                    .attr("type", "button")
                    .class("btn")
                    .hear(events::click, move |_| {
                        application.store.look(&[("pick", Some(&number)), ("t", Some("0"))]);
                    })
                    .children((icon("play", 12), words::REPLAY_A)),
            )),
            tags::div()
                .class("scroll")
                .children(tags::table().class("cmptable").children((
                    tags::thead().children(tags::tr().children((
                        head(words::OBJECT, ""),
                        head(words::A_OVER_B, ""),
                        head("A", "r"),
                        head("B", "r"),
                        head(words::DIFFERENCE, "r"),
                    ))),
                    tags::tbody().children(body),
                ))),
        ))
        .into()
}

fn compared_row(row: &ComparedTask, most: Millis) -> View {
    let bar = |side: &Side, class: &str| -> View {
        let state = side.state.map_or("none", TaskState::class);
        let width = side.took.map_or(0.0, |took| float(took) / float(most) * 100.0);
        tags::i()
            .class(format!("{class} b-{state}"))
            .fixed_style(format!("width:{}%", crate::css::Css(width)))
            .into()
    };
    let cell = |side: &Side| -> View {
        let mark: View = if side.state == Some(TaskState::Failed) {
            glyph(TaskState::Failed, 12)
        } else {
            nothing()
        };
        let class = if side.took.is_none() { "faint" } else { "" };
        tags::td()
            .class("r")
            .children((mark, " ", tags::span().class(class).children(side.says())))
            .into()
    };
    let tone = match row.says.chars().next() {
        Some('+') => "r delta slower",
        Some('−') => "r delta faster",
        _ => "r delta",
    };
    let why: View = if row.why.is_empty() {
        nothing()
    } else {
        tags::small().children(row.why.clone()).into()
    };
    let class = if row.says == words::SAME { "faint" } else { "" };
    tags::tr()
        .class(if row.differs { "differs" } else { "" })
        .children((
            tags::th().attr("scope", "row").children((
                tags::em().children(wave(row.wave)),
                hook_mark(row.is_hook),
                tags::span().class("nm").children(row.name.clone()),
                tags::span().class("kd").children(row.kind.clone()),
            )),
            tags::td()
                .class("cmpbars")
                .hidden_from_readers()
                .children((bar(&row.a, "bar-a"), bar(&row.b, "bar-b"))),
            cell(&row.a),
            cell(&row.b),
            tags::td()
                .class(tone)
                .children((why, tags::span().class(class).children(row.says.clone()))),
        ))
        .into()
}
