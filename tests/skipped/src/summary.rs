//! The end of a `cargo test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::Record;

/// Says how many tests were skipped, which, why, and what to install for them.
pub fn summary(records: &[Record]) -> String {
    let mut reasons: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for record in records {
        let programs = reasons.entry((&record.lacks, &record.hint)).or_default();
        programs.entry(&record.program).or_default().insert(&record.test);
    }
    let names: BTreeSet<_> = records.iter().map(|record| (&record.program, &record.test)).collect();
    if names.is_empty() {
        return "no test was skipped\n".to_owned();
    }
    let mut text = String::new();
    for ((lacks, hint), programs) in reasons {
        let count = programs.values().map(BTreeSet::len).sum();
        let _ = writeln!(text, "skipped {}: {lacks}\n  hint: {hint}", tests(count));
        for (program, tests) in programs {
            for test in tests {
                let _ = writeln!(text, "  {program}: {test}");
            }
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{} skipped, in whole or in part: above are the names, and what to install",
        tests(names.len())
    );
    text
}

fn tests(count: usize) -> String {
    format!("{count} test{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(program: &str, test: &str, lacks: &str) -> Record {
        Record {
            program: program.into(),
            test: test.into(),
            lacks: lacks.into(),
            hint: format!("get what {lacks} says"),
        }
    }

    #[test]
    fn tests_are_counted_once_and_listed_under_what_they_lack() {
        let records = [
            record("scenarios", "real::a.yaml", "there is no Go"),
            record("cli", "serve::kubectl", "there is no kubectl"),
            record("it", "real::quota", "there is no Go"),
            record("it", "real::quota", "there is no Go"),
        ];
        let expected = "\
skipped 2 tests: there is no Go
  hint: get what there is no Go says
  it: real::quota
  scenarios: real::a.yaml

skipped 1 test: there is no kubectl
  hint: get what there is no kubectl says
  cli: serve::kubectl

3 tests skipped, in whole or in part: above are the names, and what to install
";
        assert_eq!(summary(&records), expected);
        assert_eq!(summary(&[]), "no test was skipped\n");
    }
}
