//! Ordinary objects that a set contains more than once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        compat::{Mode, Rule},
        object::ObjectKey,
    },
    plan::{container::Container, diff},
    read::{directive::Directives, manifest::Manifest},
};

/// Leaves out manifests that repeat an object, with a notice: definitions with the same content in several charts; in compat mode all but
/// the last one, whatever they contain (`DeduplicateTargetObjects` in Argo CD's `controller/state.go`). Other repeated objects stay and are
/// mistakes in the plan.
pub fn leave_out(manifests: &mut Vec<(Manifest, Directives)>, mode: Mode) {
    let mut by_key: BTreeMap<ObjectKey, Vec<usize>> = BTreeMap::new();
    for (at, (manifest, directives)) in manifests.iter().enumerate() {
        if !directives.is_hook() && manifest.object.generate_name().is_none() {
            by_key.entry(manifest.key()).or_default().push(at);
        }
    }
    let mut left_out = BTreeSet::new();
    for (key, mut places) in by_key.into_iter().filter(|(_, places)| places.len() > 1) {
        // Manifests without places have no order of their own: their digests decide.
        places.sort_by_cached_key(|at| {
            let manifest = &manifests[*at].0;
            (manifest.place(""), diff::digest(&manifest.object))
        });
        let objects = places.iter().map(|at| &manifests[*at].0.object);
        let are_equal = objects.clone().skip(1).zip(objects).all(|(one, other)| one == other);
        let is_definition = Container::is_container_kind(&key.group_kind()) && key.kind == "CustomResourceDefinition";
        let takes_last = mode.has(Rule::MistakesAreIgnored);
        let kept = match (takes_last, is_definition && are_equal) {
            (_, true) => places.first(),
            (true, false) => places.last(),
            (false, false) => None,
        };
        let Some(kept) = kept.copied() else { continue };
        let others: Vec<usize> = places.into_iter().filter(|at| *at != kept).collect();
        let content = if are_equal { ", with the same content" } else { "" };
        let written: Vec<String> = others
            .iter()
            .filter_map(|at| Some(manifests[*at].0.place("")?.to_string()))
            .collect();
        let where_ = if written.is_empty() {
            String::new()
        } else {
            format!(" in {}", written.join(", "))
        };
        let notice = format!(
            "it is defined {} times{content}; the definition{where_} is ignored",
            others.len() + 1
        );
        let directives = &mut manifests[kept].1;
        directives.notices.push(notice);
        if takes_last && !directives.rules.contains(&Rule::MistakesAreIgnored) {
            directives.rules.push(Rule::MistakesAreIgnored);
        }
        left_out.extend(others);
    }
    let mut at = 0;
    manifests.retain(|_| {
        at += 1;
        !left_out.contains(&(at - 1))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{directive::read_directives, manifest::decode};

    const DEFINITION: &str =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.acme.io}\n";
    const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    /// Returns what is left, as its line and notices.
    fn left(documents: &[String], mode: Mode) -> Vec<String> {
        let text = documents.join("---\n");
        let read = decode("a.yaml", &text).unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut manifests: Vec<(Manifest, Directives)> = read
            .into_iter()
            .map(|manifest| {
                let directives = read_directives(&manifest, mode).unwrap_or_else(|errors| panic!("{errors:?}"));
                (manifest, directives)
            })
            .collect();
        leave_out(&mut manifests, mode);
        manifests
            .iter()
            .map(|(manifest, directives)| {
                let line = manifest.place("").map_or(0, |place| place.line);
                format!("{line}: {}", directives.notices.join("; "))
            })
            .collect()
    }

    #[test]
    fn equal_definitions_are_one() {
        for mode in [Mode::Native, Mode::ArgoCd] {
            let twice = [DEFINITION.to_owned(), DEFINITION.to_owned()];
            let notice =
                "it is defined 2 times, with the same content; the definition in a.yaml:5 (document 2) is ignored";
            assert_eq!(left(&twice, mode), [format!("1: {notice}")]);
        }
        let differs = [DEFINITION.to_owned(), format!("{DEFINITION}spec: {{group: acme.io}}\n")];
        assert_eq!(left(&differs, Mode::Native).len(), 2);
    }

    #[test]
    fn by_argo_cds_rules_the_last_one_counts() {
        let twice = [
            SETTINGS.to_owned(),
            SETTINGS.to_owned(),
            format!("{SETTINGS}data: {{a: b}}\n"),
        ];
        let notice = "it is defined 3 times; the definition in a.yaml:1, a.yaml:5 (document 2) is ignored";
        assert_eq!(left(&twice, Mode::ArgoCd), [format!("9: {notice}")]);
        assert_eq!(left(&twice, Mode::Native).len(), 3, "a mistake of the plan");
    }

    #[test]
    fn hooks_and_generated_names_are_no_repetition() {
        let hook = SETTINGS.replace("name: a", "name: a, annotations: {argocd.argoproj.io/hook: PreSync}");
        let generated = SETTINGS.replace("name: a", "generateName: a-");
        let all = [SETTINGS.to_owned(), hook.clone(), hook, generated.clone(), generated];
        assert_eq!(left(&all, Mode::ArgoCd).len(), 5);
    }
}
