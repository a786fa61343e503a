//! Decides whether an object would change. No other code decides that.

use super::{DryRunAnswer, changes, is_applied_by, is_certainly_unchanged};
use crate::{
    kubernetes::sent::as_sent,
    model::object::Object,
    plan::task::ExpectedChange,
    read::ignore::{self, IgnoredFields, WritePurpose},
};

/// What the decision is based on.
#[derive(Debug, Clone, Copy)]
pub struct ChangeQuestion<'a> {
    /// The desired object, including the labels that Capstan adds.
    pub desired: &'a Object,
    /// The live object; `None` if there is none.
    pub live: Option<&'a Object>,
    /// The fields that other managers maintain.
    pub ignored: &'a IgnoredFields,
    /// Whether the live object is replaced as a whole, so that fields that the manifest doesn't have are removed.
    pub replaces: bool,
    /// The server's answer to a dry run; `None` if there was none.
    pub answer: Option<&'a DryRunAnswer>,
    /// Capstan's field manager.
    pub manager: &'a str,
}

/// The decision for one object.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeDecision {
    /// Whether the object is created, changed or left unchanged.
    pub changes: ExpectedChange,
    /// The number of differing fields that are ignored.
    pub ignored_differences: usize,
    /// Whether only the server could tell if anything changes, and it wasn't asked.
    pub is_uncertain: bool,
}

/// Decides what applying an object changes.
pub fn decide(question: &ChangeQuestion<'_>) -> ChangeDecision {
    let ChangeQuestion {
        desired,
        ignored,
        replaces,
        answer,
        manager,
        ..
    } = *question;
    let Some(live) = question.live else {
        return ChangeDecision::certain(ExpectedChange::Create, 0);
    };
    let respects = !ignored.is_empty() && !ignored.is_sent;
    let sent = if respects {
        as_sent(&ignore::preserve_ignored(
            desired,
            live,
            ignored,
            manager,
            WritePurpose::Apply,
        ))
    } else {
        as_sent(desired)
    };
    let is_certain = !replaces && is_certainly_unchanged(&sent, live, manager);
    if is_certain && ignored.is_empty() {
        return ChangeDecision::certain(ExpectedChange::None, 0);
    }
    let (local, hides) = local_changes(question, live);
    if is_certain {
        return ChangeDecision::certain(ExpectedChange::None, hides);
    }
    let Some(answer) = answer else {
        let is_unsure = local.is_empty() && is_applied_by(live, manager);
        return ChangeDecision {
            is_uncertain: is_unsure,
            ..ChangeDecision::certain(ExpectedChange::Fields(local), hides)
        };
    };
    if answer.is_unchanged(manager) {
        return ChangeDecision::certain(ExpectedChange::None, hides);
    }
    let shown = if ignored.is_empty() {
        answer.clone()
    } else {
        DryRunAnswer {
            before: answer.before.clone(),
            after: ignore::mask_ignored(&answer.after, &answer.before, ignored),
        }
    };
    let changes = shown.changes(manager);
    // A field that is ignored but sent is a difference in the answer.
    let hidden = answer.changes(manager).len().saturating_sub(changes.len());
    ChangeDecision::certain(ExpectedChange::Fields(changes), hides.max(hidden))
}

/// Compares without the server: returns the differing fields, and the number of differing fields that are ignored.
fn local_changes(question: &ChangeQuestion<'_>, live: &Object) -> (Vec<super::Change>, usize) {
    let ChangeQuestion {
        desired,
        ignored,
        manager,
        ..
    } = *question;
    let all = changes(desired, live, manager);
    if ignored.is_empty() {
        return (all, 0);
    }
    let compared = ignore::prepare_comparison(desired, live, ignored, manager);
    let counted = changes(&compared.desired, &compared.live, manager);
    let hides = all.len().saturating_sub(counted.len());
    (counted, hides)
}

impl ChangeDecision {
    fn certain(changes: ExpectedChange, hides: usize) -> ChangeDecision {
        ChangeDecision {
            changes,
            ignored_differences: hides,
            is_uncertain: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn live(data: Value) -> Object {
        Object(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": { "name": "a", "managedFields": [
            { "manager": "capstan", "operation": "Apply", "apiVersion": "v1", "fieldsV1": { "f:data": { "f:a": {} } } } ] } }),
        )
    }

    fn desired(data: Value) -> Object {
        Object(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data }))
    }

    #[test]
    fn the_server_has_the_last_word_on_what_is_not_certain() {
        let (nothing, ignored) = (
            IgnoredFields::default(),
            IgnoredFields {
                pointers: vec!["/data/b".to_owned()],
                is_sent: true,
                ..IgnoredFields::default()
            },
        );
        let live_a = live(json!({ "a": "x" }));
        let answer = |after: Value| DryRunAnswer {
            before: live_a.clone(),
            after: live(after),
        };
        let (same, other) = (answer(json!({ "a": "x" })), answer(json!({ "a": "x", "b": "y" })));
        let (known, more) = (desired(json!({ "a": "x" })), desired(json!({ "a": "x", "b": "" })));
        let decided = |desired: &Object, ignored: &IgnoredFields, replaces: bool, answer: Option<&DryRunAnswer>| {
            let ChangeDecision {
                changes,
                is_uncertain: is_unsure,
                ..
            } = decide(&ChangeQuestion {
                desired,
                live: Some(&live_a),
                ignored,
                replaces,
                answer,
                manager: "capstan",
            });
            let named = match changes {
                ExpectedChange::Create => vec!["create".to_owned()],
                ExpectedChange::None => vec!["none".to_owned()],
                ExpectedChange::Fields(changes) => changes.into_iter().map(|change| change.pointer).collect(),
            };
            (named.join(" "), is_unsure)
        };
        let sure = |text: &str| (text.to_owned(), false);
        assert_eq!(decided(&known, &nothing, false, None), sure("none"));
        // What a replacement removes can't be seen from what is owned.
        assert_eq!(decided(&known, &nothing, true, None), (String::new(), true));
        assert_eq!(decided(&known, &nothing, true, Some(&same)), sure("none"));
        assert_eq!(decided(&more, &nothing, false, None), sure("/data/b"));
        assert_eq!(decided(&more, &nothing, false, Some(&same)), sure("none"));
        assert_eq!(decided(&more, &nothing, false, Some(&other)), sure("/data/b"));
        // It isn't shown, and sent.
        assert_eq!(decided(&more, &ignored, false, Some(&other)), sure(""));
    }
}
