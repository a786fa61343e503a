//! A report in the XML format of `JUnit`, which CI systems show.

use capstan_devkit::trial::Trial;

use super::failures;
use crate::render::Paint;

/// Writes the report.
pub(super) fn report(plugin: &str, trials: &[Trial]) -> String {
    let failed = trials.iter().filter(|trial| !trial.is_good()).count();
    let time: f64 = trials.iter().map(seconds).sum();
    let (plugin, tests) = (escaped(plugin), trials.len());
    let head = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{time:.6}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {head}>\n  <testsuite name=\"{plugin}\" {head}>\n"
    );
    for trial in trials {
        let name = escaped(&trial.case.name);
        let file = escaped(&trial.file());
        let time = seconds(trial);
        text.push_str(&format!(
            "    <testcase classname=\"{plugin}\" name=\"{name}\" file=\"{file}\" time=\"{time:.6}\""
        ));
        if trial.is_good() {
            text.push_str("/>\n");
            continue;
        }
        let first = trial.outcome.failures.iter().flat_map(|failure| &failure.lines).next();
        let first = escaped(first.map(String::as_str).unwrap_or_default());
        let all = escaped(failures(trial, Paint::PLAIN).as_str());
        text.push_str(&format!(
            ">\n      <failure message=\"{first}\">{all}</failure>\n    </testcase>\n"
        ));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn seconds(trial: &Trial) -> f64 {
    trial.outcome.duration.as_secs_f64()
}

/// Escapes characters with a meaning in XML, and removes those that XML can't contain.
fn escaped(text: &str) -> String {
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
    use super::escaped;

    #[test]
    fn markup_is_escaped_and_control_characters_go() {
        assert_eq!(
            escaped("a<b> & \"c\"\u{1b}[0m\n"),
            "a&lt;b&gt; &amp; &quot;c&quot;[0m\n"
        );
    }
}
