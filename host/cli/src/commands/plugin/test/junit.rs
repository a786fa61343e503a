//! A report in the XML format of `JUnit`, which CI systems show.

use capstan_devkit::case_run::CaseRun;

use super::failures;
use crate::render::Paint;

/// Writes the results of a plugin's cases as a `JUnit` report.
pub(super) fn report(plugin: &str, trials: &[CaseRun]) -> String {
    let failed = trials.iter().filter(|trial| !trial.has_passed()).count();
    let time: f64 = trials.iter().map(seconds).sum();
    let (plugin, tests) = (escape(plugin), trials.len());
    let head = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{time:.6}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {head}>\n  <testsuite name=\"{plugin}\" {head}>\n"
    );
    for trial in trials {
        let name = escape(&trial.case.name);
        let file = escape(&trial.file());
        let time = seconds(trial);
        text.push_str(&format!(
            "    <testcase classname=\"{plugin}\" name=\"{name}\" file=\"{file}\" time=\"{time:.6}\""
        ));
        if trial.has_passed() {
            text.push_str("/>\n");
            continue;
        }
        let first = trial.outcome.failures.iter().flat_map(|failure| &failure.lines).next();
        let first = escape(first.map(String::as_str).unwrap_or_default());
        let all = escape(failures(trial, Paint::PLAIN).as_str());
        text.push_str(&format!(
            ">\n      <failure message=\"{first}\">{all}</failure>\n    </testcase>\n"
        ));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn seconds(trial: &CaseRun) -> f64 {
    trial.outcome.duration.as_secs_f64()
}

/// Escapes characters with a meaning in XML, and removes those that XML can't contain.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_is_escaped_and_control_characters_go() {
        assert_eq!(escape("a<b> & \"c\"\u{1b}[0m\n"), "a&lt;b&gt; &amp; &quot;c&quot;[0m\n");
    }
}
