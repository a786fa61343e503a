//! The commands that do the same as the page.

use capstan_api::{
    OnBusy,
    plan::{Choices, HookChoice},
};

/// Returns the command of a sync with choices. `plain` is the server's command of a sync without any, which names the sources.
pub fn sync(plain: &str, choices: &Choices, on_busy: OnBusy, is_dry: bool) -> String {
    let mut command = vec![plain.to_owned()];
    let mut each = |flag: &str, values: &[String]| {
        command.extend(values.iter().map(|value| format!("{flag} {}", quoted(value))));
    };
    each("--only", &choices.only);
    each("--hook", &choices.hook);
    each("--skip-hook", &choices.skip_hook);
    each("--allow-lint", &choices.allow_lint);
    match choices.hooks {
        Some(HookChoice::None) => command.push("--hooks none".to_owned()),
        Some(HookChoice::Only) => command.push("--hooks only".to_owned()),
        Some(HookChoice::All) | None => {}
    }
    let mut flag = |flag: &str, value: Option<bool>| match value {
        Some(true) => command.push(flag.to_owned()),
        Some(false) => command.push(format!("{flag}=false")),
        None => {}
    };
    flag("--prune", choices.prune);
    flag("--force-conflicts", choices.force_conflicts);
    flag("--create-namespace", choices.create_namespace);
    if let Some(times) = choices.retry.filter(|times| *times > 0) {
        command.push(format!("--retry {times}"));
    }
    match on_busy {
        OnBusy::Refuse => {}
        OnBusy::Wait => command.push("--on-busy wait".to_owned()),
        OnBusy::Supersede => command.push("--on-busy supersede".to_owned()),
    }
    if is_dry {
        command.push("--dry-run server".to_owned());
    }
    command.join(" ")
}

/// Returns the command of a verdict on a hook.
pub fn approve(name: &str, namespace: &str, hook: &str, is_rejected: bool, reason: &str) -> String {
    let mut command = format!("capstan approve {} {}", quoted(name), quoted(hook));
    if is_rejected {
        command.push_str(" --reject");
    }
    if !reason.is_empty() {
        command.push_str(&format!(" --reason {}", quoted(reason)));
    }
    format!("{command} -n {}", quoted(namespace))
}

/// Returns the command `capstan VERB APP -n NAMESPACE`, with more words after the application.
pub fn simple(verb: &str, name: &str, namespace: &str, more: &[&str]) -> String {
    let words = [name].into_iter().chain(more.iter().copied()).map(quoted);
    let words = words.collect::<Vec<_>>().join(" ");
    format!("capstan {verb} {words} -n {}", quoted(namespace))
}

/// Quotes a word for a POSIX shell where it has to be.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_every_choice() {
        let choices = Choices {
            only: vec!["Deployment/api".to_owned()],
            hooks: Some(HookChoice::None),
            prune: Some(true),
            retry: Some(3),
            ..Choices::default()
        };
        let plain = "capstan sync -f shop/ --app shop -n shop";
        assert_eq!(
            sync(plain, &choices, OnBusy::Wait, true),
            format!("{plain} --only Deployment/api --hooks none --prune --retry 3 --on-busy wait --dry-run server")
        );
        assert_eq!(sync(plain, &Choices::default(), OnBusy::Refuse, false), plain);
    }

    #[test]
    fn what_people_write_is_one_word() {
        assert_eq!(
            approve("shop", "shop", "gate", true, "it's $(late)"),
            r"capstan approve shop gate --reject --reason 'it'\''s $(late)' -n shop"
        );
        assert_eq!(simple("terminate", "a b", "n", &[]), "capstan terminate 'a b' -n n");
    }
}
