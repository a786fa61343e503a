//! Where skipped tests are recorded: one file for each `cargo test`, beside the test programs.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// A skipped test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The test program: `cli`.
    pub program: String,
    /// The test in it: `serve::kubectl_sees_what_capstan_did`.
    pub test: String,
    /// What the machine lacks.
    pub lacks: String,
    /// How to get it.
    pub hint: String,
}

impl Record {
    /// One line, its fields separated by tabs.
    fn line(&self) -> String {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let fields = [&self.program, &self.test, &self.lacks, &self.hint];
        fields.map(|field| plain(field)).join("\t") + "\n"
    }

    fn read(line: &str) -> Option<Record> {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Record {
            program: fields.next()?,
            test: fields.next()?,
            lacks: fields.next()?,
            hint: fields.next()?,
        })
    }
}

/// The records of one `cargo test`.
#[derive(Debug)]
pub struct Run {
    file: PathBuf,
}

/// Records of runs that never came to their summary are deleted when they are older than this.
const KEPT: Duration = Duration::from_hours(24);

impl Run {
    /// Returns the run that this test program belongs to: cargo is its parent process.
    ///
    /// # Errors
    ///
    /// Returns why this program's own path can't be found.
    pub fn current() -> io::Result<Run> {
        // target/debug/deps/PROGRAM
        let program = std::env::current_exe()?;
        let folder = program.ancestors().nth(2).unwrap_or(&program).join("skipped-tests");
        let parent = std::os::unix::process::parent_id();
        Ok(Run::at(folder.join(format!("{parent}-{}", started(parent)))))
    }

    /// Returns the run whose records are in a file.
    pub fn at(file: PathBuf) -> Run {
        Run { file }
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// Returns why it can't be written.
    pub fn add(&self, record: &Record) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        // One write: test programs, and threads of one, may add at the same time.
        fs::File::options()
            .create(true)
            .append(true)
            .open(&self.file)?
            .write_all(record.line().as_bytes())
    }

    /// Returns all records, and deletes them and what is left of old runs.
    ///
    /// # Errors
    ///
    /// Returns why they can't be read.
    pub fn take(&self) -> io::Result<Vec<Record>> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        fs::remove_file(&self.file).ok();
        if let Some(folder) = self.file.parent() {
            delete_old(folder);
        }
        Ok(text.lines().filter_map(Record::read).collect())
    }
}

fn delete_old(folder: &std::path::Path) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files {
        let age = file.metadata().and_then(|metadata| metadata.modified());
        let age = age.map(|written| SystemTime::now().duration_since(written).unwrap_or_default());
        if age.is_ok_and(|age| age > KEPT) {
            fs::remove_file(file.path()).ok();
        }
    }
}

/// When a process started, in clock ticks since the machine's start, so that a later process with the same id is told apart. 0 where
/// there is no `/proc`.
fn started(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces; this is the 22nd.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().nth(19);
    ticks.and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
}

/// The name of this test program, without the hash that cargo adds.
pub(crate) fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.rsplit_once('-').map_or(name.clone(), |(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(test: &str, lacks: &str) -> Record {
        Record {
            program: "cli".into(),
            test: test.into(),
            lacks: lacks.into(),
            hint: "install it".into(),
        }
    }

    #[test]
    fn what_is_added_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::at(folder.path().join("records/1-2"));
        assert_eq!(run.take().unwrap(), []);
        run.add(&record("a::b", "there is no kubectl")).unwrap();
        run.add(&record("c", "there\tis\nno Go")).unwrap();
        let expected = [record("a::b", "there is no kubectl"), record("c", "there is no Go")];
        assert_eq!(run.take().unwrap(), expected);
        assert_eq!(run.take().unwrap(), []);
    }

    #[test]
    fn records_of_other_runs_stay_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let (old, young) = (folder.path().join("1-1"), folder.path().join("2-2"));
        Run::at(old.clone()).add(&record("a", "x")).unwrap();
        Run::at(young.clone()).add(&record("a", "x")).unwrap();
        let yesterday = SystemTime::now() - KEPT - Duration::from_secs(1);
        fs::File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(yesterday)
            .unwrap();
        Run::at(folder.path().join("3-3")).take().unwrap();
        assert_eq!((old.exists(), young.exists()), (false, true));
    }

    #[test]
    fn all_test_programs_of_one_cargo_share_a_run() {
        let parent = std::os::unix::process::parent_id();
        assert_eq!(started(parent), started(parent));
        assert_eq!(started(u32::MAX), 0);
        assert_eq!(program(), "skipped_tests");
    }
}
