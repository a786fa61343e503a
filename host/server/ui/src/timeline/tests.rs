//! The timeline of small and large operations.

use super::{
    stacked::{StackedKind, stacked},
    *,
};
use crate::{fixture::Fixture, record::tests::record};
use capstan_core::model::phase::Phase;

fn look(open: &HashSet<String>) -> Look<'_> {
    Look {
        now: 12_000,
        width: 1200.0,
        height: 400.0,
        top: 0.0,
        mode: Mode::Fitted,
        open,
        filter: "",
        selected: None,
    }
}

#[test]
fn a_row_says_in_words_what_its_bar_shows() {
    let mut fixture = Fixture::new(&[
        ("PreSync", -1, "backup", "job"),
        ("PreSync", 0, "migrate", "job"),
        ("Sync", 0, "api", ""),
    ]);
    fixture
        .begin_wave(0, Phase::PreSync, -1)
        .start(0, "backup")
        .done(9.0, "backup")
        .end_wave(9, Phase::PreSync, -1);
    fixture
        .begin_wave(9, Phase::PreSync, 0)
        .start(9, "migrate")
        .progress(10, "migrate", "1 active");
    let open = HashSet::new();
    let timeline = timeline(&record(&fixture), look(&open));
    let words: Vec<_> = timeline
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::Task)
        .map(|row| format!("{}{}", row.name, row.words))
        .collect();
    assert_eq!(
        words,
        [
            "backup, PreSync wave -1, 9.0s, applied, on the critical path",
            "migrate, PreSync wave 0, 3.0s, 1 active, on the critical path",
            "api, Sync wave 0",
        ]
    );
    assert_eq!(timeline.follow, Some(("PreSync/0".to_owned(), 2)));
    assert_eq!(timeline.tasks.len(), 3);
    assert!(timeline.now_x.is_some());
    assert_eq!(timeline.rows[1].wave, "−1");
}

#[test]
fn only_rows_in_sight_are_drawn_when_there_are_many() {
    let names: Vec<String> = (0..500).map(|at| format!("o{at}")).collect();
    let tasks: Vec<_> = names.iter().map(|name| ("Sync", 0, name.as_str(), "")).collect();
    let open = HashSet::from(["Sync/0/ahead".to_owned()]);
    let record = record(&Fixture::new(&tasks));
    let all = timeline(&record, look(&open));
    assert_eq!(all.count, 502);
    assert!(all.rows.len() < 40);
    let scrolled = timeline(
        &record,
        Look {
            top: 6000.0,
            ..look(&open)
        },
    );
    assert_eq!(scrolled.rows[0].place, 244);
    assert!(
        timeline(
            &record,
            Look {
                top: 1e12,
                ..look(&open)
            }
        )
        .rows
        .is_empty()
    );
}

#[test]
fn a_narrow_timeline_has_each_wave_on_its_own_scale() {
    let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 1, "b", ""), ("SyncFail", 0, "c", "job")]);
    fixture
        .begin_wave(0, Phase::Sync, 0)
        .start(0, "a")
        .done(4.0, "a")
        .end_wave(4, Phase::Sync, 0);
    fixture.begin_wave(4, Phase::Sync, 1).start(8, "b");
    let open = HashSet::new();
    let rows = stacked(&record(&fixture), look(&open));
    assert_eq!(rows.len(), 6);
    let StackedKind::Task { left, width, .. } = &rows[3].kind else {
        panic!("{rows:?}")
    };
    assert!((left - 50.0).abs() < 0.1 && (width - 50.0).abs() < 0.1);
    let StackedKind::Wave { phase, says, .. } = &rows[4].kind else {
        panic!("{rows:?}")
    };
    assert_eq!((phase.as_str(), says.as_str()), ("SyncFail", "only if something fails"));
}

#[test]
fn a_failure_is_followed_when_all_is_over() {
    let mut fixture = Fixture::new(&[("Sync", 0, "a", ""), ("Sync", 0, "b", "")]);
    fixture
        .begin_wave(0, Phase::Sync, 0)
        .start(0, "a")
        .start(0, "b")
        .done(2.0, "a")
        .fail(3.0, "b")
        .end(3, false);
    let open = HashSet::new();
    assert_eq!(
        timeline(&record(&fixture), look(&open)).follow,
        Some(("b".to_owned(), 2))
    );
}
