//! The command that does what a request asks for.

use capstan_api::plan::{Choices, HookChoice, PlanKind, PlanRequest};
use capstan_core::model::plugins::Application;

use crate::sources::KnownApplication;

/// Writes the command that does what is wanted.
pub(super) fn command(known: Option<&KnownApplication>, application: &Application, wanted: &PlanRequest) -> String {
    let (name, namespace) = (application.name.clone(), application.namespace.clone());
    let mut words = vec!["capstan".to_owned()];
    match wanted.does {
        PlanKind::Sync => {
            words.push("sync".to_owned());
            let unknown = || ["--app", &name, "-n", &namespace].map(str::to_owned).to_vec();
            words.extend(known.map_or_else(unknown, |known| known.words.clone()));
            words.extend(flags(&wanted.choices));
        }
        PlanKind::Rollback => {
            words.extend(["rollback".to_owned(), name]);
            words.extend(wanted.operation.clone());
            words.extend(["-n".to_owned(), namespace]);
            if wanted.choices.prune == Some(false) {
                words.push("--no-prune".to_owned());
            }
        }
        PlanKind::Test => {
            words.extend(["test".to_owned(), name, "-n".to_owned(), namespace]);
            words.extend(repeated("--hook", &wanted.choices.hook));
        }
        PlanKind::Delete => {
            words.extend(["delete".to_owned(), name, "-n".to_owned(), namespace]);
            words.extend(repeated("--confirm", &wanted.confirm));
        }
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<String>>().join(" ")
}

fn repeated<'a>(flag: &'a str, words: &'a [String]) -> impl Iterator<Item = String> + 'a {
    words.iter().flat_map(move |word| [flag.to_owned(), word.clone()])
}

/// Returns the flags that say the same as the choices.
fn flags(choices: &Choices) -> Vec<String> {
    let mut flags = Vec::new();
    for (flag, words) in [
        ("--only", &choices.only),
        ("--hook", &choices.hook),
        ("--skip-hook", &choices.skip_hook),
        ("--allow-lint", &choices.allow_lint),
    ] {
        flags.extend(repeated(flag, words));
    }
    if let Some(hooks) = choices.hooks {
        let word = match hooks {
            HookChoice::All => "all",
            HookChoice::None => "none",
            HookChoice::Only => "only",
        };
        flags.extend(["--hooks".to_owned(), word.to_owned()]);
    }
    for (flag, is_on) in [
        ("--prune", choices.prune),
        ("--force-conflicts", choices.force_conflicts),
        ("--create-namespace", choices.create_namespace),
    ] {
        flags.extend(is_on.map(|is_on| {
            if is_on {
                flag.to_owned()
            } else {
                format!("{flag}=false")
            }
        }));
    }
    if let Some(times) = choices.retry {
        flags.extend(["--retry".to_owned(), times.to_string()]);
    }
    flags
}

/// Quotes a word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,+%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: &PlanRequest) -> String {
        let application = Application {
            name: "shop".to_owned(),
            namespace: "prod".to_owned(),
        };
        let known = KnownApplication {
            application: application.clone(),
            sources: Vec::new(),
            words: ["-f", "my shop/", "-n", "prod"].map(str::to_owned).to_vec(),
        };
        command(Some(&known), &application, wanted)
    }

    #[test]
    fn every_choice_is_a_flag() {
        let choices = Choices {
            only: vec!["Deployment/api".to_owned(), "it's".to_owned()],
            hooks: Some(HookChoice::None),
            hook: vec!["a".to_owned()],
            skip_hook: vec!["b".to_owned()],
            prune: Some(true),
            force_conflicts: Some(false),
            retry: Some(3),
            create_namespace: None,
            allow_lint: vec!["all".to_owned()],
        };
        let wanted = PlanRequest {
            choices,
            ..PlanRequest::default()
        };
        assert_eq!(
            of(&wanted),
            "capstan sync -f 'my shop/' -n prod --only Deployment/api --only 'it'\\''s' --hook a --skip-hook b --allow-lint all \
             --hooks none --prune --force-conflicts=false --retry 3"
        );
    }

    #[test]
    fn what_is_stored_needs_no_sources() {
        let of = |does: PlanKind| {
            of(&PlanRequest {
                does,
                operation: Some("3".to_owned()),
                confirm: vec!["all".to_owned()],
                ..PlanRequest::default()
            })
        };
        assert_eq!(of(PlanKind::Rollback), "capstan rollback shop 3 -n prod");
        assert_eq!(of(PlanKind::Test), "capstan test shop -n prod");
        assert_eq!(of(PlanKind::Delete), "capstan delete shop -n prod --confirm all");
    }
}
