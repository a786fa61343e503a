//! Sorts applications by `dependsOn`.

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::model::error::{Diagnostic, closest_match};

use super::App;

/// Sorts applications so that each comes after those that it depends on, and otherwise in the order of the files.
///
/// # Errors
///
/// Returns duplicate names, names without an application, and cycles.
pub(super) fn sort_by_dependencies(apps: Vec<App>) -> Result<Vec<App>, Vec<Diagnostic>> {
    let names: Vec<String> = apps.iter().map(|app| app.name.clone()).collect();
    let mut mistakes = Vec::new();
    for (index, app) in apps.iter().enumerate() {
        if names.iter().take(index).any(|name| *name == app.name) {
            let error = app.diagnostic_at("/name", format!("there are two applications `{}`", app.name));
            mistakes.push(error.hint("rename one of them"));
        }
        for (at, name) in app.depends_on.iter().enumerate() {
            if names.contains(name) {
                continue;
            }
            let error = app.diagnostic_at(&format!("/dependsOn/{at}"), format!("there is no application `{name}`"));
            mistakes.push(error.hint(match closest_match(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            }));
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut done = BTreeSet::new();
    let mut waiting: Vec<App> = apps;
    let mut sorted = Vec::new();
    while !waiting.is_empty() {
        let is_next = |app: &App| app.depends_on.iter().all(|name| done.contains(name));
        let Some(at) = waiting.iter().position(is_next) else {
            return Err(vec![cycle_diagnostic(&waiting)]);
        };
        let next = waiting.remove(at);
        done.insert(next.name.clone());
        sorted.push(next);
    }
    Ok(sorted)
}

/// Makes an error about a cycle, given applications of which each depends on another one of them.
fn cycle_diagnostic(apps: &[App]) -> Diagnostic {
    let all: BTreeMap<&str, &App> = apps.iter().map(|app| (app.name.as_str(), app)).collect();
    // Each depends on one of these: following that long enough leads into a cycle, which is then followed once.
    let next = |app: &App| app.depends_on.iter().find_map(|name| all.get(name.as_str()).copied());
    let Some(mut at) = apps.first() else {
        return Diagnostic::new("applications depend on each other in a circle");
    };
    for _ in apps {
        at = next(at).unwrap_or(at);
    }
    let mut names = vec![at.name.as_str()];
    let mut current = next(at).unwrap_or(at);
    while current.name != at.name {
        names.push(&current.name);
        current = next(current).unwrap_or(at);
    }
    names.push(&at.name);
    let error = at.diagnostic_at(
        "/dependsOn",
        format!("applications depend on each other in a circle: {}", names.join(" -> ")),
    );
    error.hint("leave out one of these dependencies")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(all: &[(&str, &[&str])]) -> Vec<App> {
        let app = |(name, depends_on): &(&str, &[&str])| App {
            depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
            ..App::new(name)
        };
        all.iter().map(app).collect()
    }

    fn order_of(all: &[(&str, &[&str])]) -> String {
        match sort_by_dependencies(apps(all)) {
            Ok(apps) => apps.into_iter().map(|app| app.name).collect::<Vec<_>>().join(" "),
            Err(mistakes) => mistakes
                .into_iter()
                .map(|mistake| mistake.message)
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn an_application_comes_after_those_it_depends_on() {
        assert_eq!(
            order_of(&[("shop", &["db", "queue"]), ("db", &[]), ("queue", &["db"])]),
            "db queue shop"
        );
        assert_eq!(order_of(&[("a", &[]), ("b", &[]), ("c", &["a"])]), "a b c");
    }

    #[test]
    fn circles_and_unknown_names_are_told() {
        assert_eq!(
            order_of(&[("z", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]),
            "applications depend on each other in a circle: a -> b -> c -> a"
        );
        assert_eq!(
            order_of(&[("a", &["a"])]),
            "applications depend on each other in a circle: a -> a"
        );
        assert_eq!(order_of(&[("a", &["bd"]), ("db", &[])]), "there is no application `bd`");
        assert_eq!(order_of(&[("a", &[]), ("a", &[])]), "there are two applications `a`");
    }
}
