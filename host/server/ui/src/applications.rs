//! The list of applications: who needs somebody comes first.

use capstan_api::{ApplicationRow, ApplicationState, application::WaveProgress, stream::ListRecord};
use capstan_core::model::{health::Health, plugins::Application, revision::Revision};

use crate::{task_state::TaskState, words};

/// A group of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    NeedsSomebody,
    Running,
    Differs,
    Well,
}

impl Group {
    /// All groups in their order.
    pub const ALL: [Group; 4] = [Group::NeedsSomebody, Group::Running, Group::Differs, Group::Well];

    /// Returns the group of an application.
    pub fn of(row: &ApplicationRow) -> Group {
        match row.state {
            ApplicationState::Failed
            | ApplicationState::WaitsForPerson
            | ApplicationState::Left
            | ApplicationState::Unreadable => Group::NeedsSomebody,
            ApplicationState::Running => Group::Running,
            ApplicationState::Differs | ApplicationState::New => Group::Differs,
            ApplicationState::Terminated | ApplicationState::Succeeded
                if row.differing.is_some_and(|count| count > 0) =>
            {
                Group::Differs
            }
            ApplicationState::Terminated | ApplicationState::Succeeded => Group::Well,
        }
    }

    /// Returns its heading.
    pub const fn words(self) -> &'static str {
        match self {
            Group::NeedsSomebody => "Needs somebody",
            Group::Running => "Running",
            Group::Differs => "Differs from its manifests",
            Group::Well => "In sync and healthy",
        }
    }
}

/// A filter of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    All,
    Person,
    Failed,
    Running,
    Differs,
    NotHealthy,
}

impl Filter {
    pub const ALL: [Filter; 6] = [
        Filter::All,
        Filter::Person,
        Filter::Failed,
        Filter::Running,
        Filter::Differs,
        Filter::NotHealthy,
    ];

    /// Returns its word in the address.
    pub const fn id(self) -> &'static str {
        match self {
            Filter::All => "all",
            Filter::Person => "person",
            Filter::Failed => "failed",
            Filter::Running => "running",
            Filter::Differs => "differs",
            Filter::NotHealthy => "unhealthy",
        }
    }

    /// Returns the filter with a word; all for an unknown one.
    pub fn of(id: Option<&str>) -> Filter {
        Filter::ALL
            .into_iter()
            .find(|filter| Some(filter.id()) == id)
            .unwrap_or(Filter::All)
    }

    /// Returns what its button says.
    pub const fn words(self) -> &'static str {
        match self {
            Filter::All => "All",
            Filter::Person => "Waits for a person",
            Filter::Failed => "Failed",
            Filter::Running => "Running",
            Filter::Differs => "Differs",
            Filter::NotHealthy => "Not healthy",
        }
    }

    /// Says whether an application is shown.
    pub fn passes(self, row: &ApplicationRow) -> bool {
        match self {
            Filter::All => true,
            Filter::Person => row.state == ApplicationState::WaitsForPerson,
            Filter::Failed => matches!(
                row.state,
                ApplicationState::Failed | ApplicationState::Left | ApplicationState::Unreadable
            ),
            Filter::Running => matches!(row.state, ApplicationState::Running | ApplicationState::WaitsForPerson),
            Filter::Differs => row.state == ApplicationState::Differs || row.differing.is_some_and(|count| count > 0),
            Filter::NotHealthy => row
                .health
                .as_ref()
                .is_some_and(|health| health.worst != Health::Healthy),
        }
    }
}

/// Says whether an application has a text in one of the fields that people search.
pub fn matches(row: &ApplicationRow, wanted: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let Application { namespace, name } = &row.application;
    let revision = row.operation.as_ref().and_then(|operation| operation.revision.as_ref());
    let revision = revision.map(revision_text).unwrap_or_default();
    let text = format!("{name} {namespace} {} {revision} {}", row.cluster, row.now);
    text.to_lowercase().contains(wanted)
}

/// Returns a revision, short: its commit, else its sources.
pub fn revision_text(revision: &Revision) -> String {
    revision
        .commit
        .as_deref()
        .map_or_else(|| revision.sources.join(", "), short_commit)
}

/// Shortens a commit to eight digits; `-dirty` stays.
pub fn short_commit(text: &str) -> String {
    let (commit, rest) = text.split_once('-').unwrap_or((text, ""));
    let short = commit.get(..8).unwrap_or(commit);
    if rest.is_empty() {
        short.to_owned()
    } else {
        format!("{short}-{rest}")
    }
}

/// Takes in a record of the list's stream.
pub fn apply(rows: &mut Vec<ApplicationRow>, record: ListRecord) {
    let is = |row: &ApplicationRow, application: &Application| row.application == *application;
    match record {
        ListRecord::All(all) => *rows = all,
        ListRecord::Row(row) => match rows
            .iter_mut()
            .find(|known| is(known, &row.application) && known.cluster == row.cluster)
        {
            Some(known) => *known = *row,
            None => rows.push(*row),
        },
        ListRecord::Gone(application) => rows.retain(|row| !is(row, &application)),
    }
    crate::sorting::sort_by(rows, |a, b| {
        let key = |row: &ApplicationRow| (Group::of(row), row.state);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.application.name.cmp(&b.application.name))
            .then_with(|| a.cluster.cmp(&b.cluster))
    });
}

/// Returns the state whose shape stands for an application.
pub fn state_of(row: &ApplicationRow) -> TaskState {
    match row.state {
        ApplicationState::Failed | ApplicationState::Unreadable => TaskState::Failed,
        ApplicationState::WaitsForPerson => TaskState::Asks,
        ApplicationState::Left | ApplicationState::Terminated => TaskState::Stopped,
        ApplicationState::Running => TaskState::Running,
        ApplicationState::New => TaskState::Pending,
        ApplicationState::Differs | ApplicationState::Succeeded => row
            .health
            .as_ref()
            .map_or(TaskState::Done, |health| health_state(health.worst)),
    }
}

/// Returns the state whose shape stands for a health.
pub fn health_state(health: Health) -> TaskState {
    match health {
        Health::Healthy => TaskState::Done,
        Health::Progressing => TaskState::Running,
        Health::Degraded => TaskState::Failed,
        Health::Suspended => TaskState::Held,
        Health::Missing => TaskState::Skipped,
        Health::Unknown => TaskState::Pending,
    }
}

/// Returns the class of the style sheet for a wave of a row.
pub fn wave_class(wave: &WaveProgress, row: &ApplicationRow) -> &'static str {
    if wave.has_failed {
        "failed"
    } else if wave.tasks > 0 && wave.finished == wave.tasks {
        "done"
    } else if wave.is_current && row.state == ApplicationState::WaitsForPerson {
        "person"
    } else if wave.is_current {
        "running"
    } else {
        ""
    }
}

/// Says where the operation of a row is: `Sync, wave 3`.
pub fn where_it_is(row: &ApplicationRow) -> String {
    row.current.map_or_else(String::new, |(phase, number)| match number {
        Some(number) => format!("{phase}, {}", words::wave(&crate::task_state::wave(number))),
        None => phase.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use capstan_core::model::{phase::Phase, wave::Wave};

    fn row(name: &str, state: ApplicationState) -> ApplicationRow {
        ApplicationRow {
            application: Application {
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            cluster: "prod-eu".to_owned(),
            state,
            operation: None,
            current: Some((Phase::Sync, Some(Wave(-3)))),
            now: String::new(),
            waves: Vec::new(),
            due: 0,
            health: None,
            differing: None,
        }
    }

    #[test]
    fn who_needs_somebody_is_first() {
        let mut rows = Vec::new();
        apply(
            &mut rows,
            ListRecord::All(vec![
                row("b", ApplicationState::Succeeded),
                row("a", ApplicationState::Succeeded),
                row("run", ApplicationState::Running),
                row("gate", ApplicationState::WaitsForPerson),
            ]),
        );
        let names = |rows: &[ApplicationRow]| rows.iter().map(|row| row.application.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&rows), ["gate", "run", "a", "b"]);
        apply(&mut rows, ListRecord::Row(Box::new(row("b", ApplicationState::Failed))));
        apply(
            &mut rows,
            ListRecord::Gone(row("run", ApplicationState::New).application),
        );
        apply(&mut rows, ListRecord::Row(Box::new(row("new", ApplicationState::New))));
        assert_eq!(names(&rows), ["b", "gate", "new", "a"]);
        assert_eq!(where_it_is(&rows[0]), "Sync, wave −3");
    }

    #[test]
    fn filters_and_searches_find_rows() {
        let gate = row("gate", ApplicationState::WaitsForPerson);
        assert!(Filter::of(Some("running")).passes(&gate));
        assert!(!Filter::of(Some("failed")).passes(&gate));
        assert_eq!(Filter::of(Some("nonsense")), Filter::All);
        assert!(matches(&gate, "prod") && matches(&gate, "") && !matches(&gate, "zzz"));
    }

    #[test]
    fn a_revision_is_its_commit_else_its_sources() {
        assert_eq!(short_commit("1fd5a4e2c09b1fd5a4e2c09b1fd5a4e2c09b1fd5"), "1fd5a4e2");
        assert_eq!(
            short_commit("1fd5a4e2c09b1fd5a4e2c09b1fd5a4e2c09b1fd5-dirty"),
            "1fd5a4e2-dirty"
        );
        let revision = Revision {
            sources: vec!["chart charts/shop 1.2.0".to_owned()],
            ..Revision::default()
        };
        assert_eq!(revision_text(&revision), "chart charts/shop 1.2.0");
    }
}
