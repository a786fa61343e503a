//! Whether an object would change: the one place where that is decided.

use super::{DryRunAnswer, changes, is_applied_by, is_certainly_unchanged};
use crate::{
    ignore::{self, Ignored, WritePurpose},
    object::Object,
    sent::as_sent,
    task::ExpectedChange,
};

/// What is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct ChangeQuestion<'a> {
    /// The object as it is desired, with what Capstan adds to it.
    pub desired: &'a Object,
    /// The object as it is; nothing when there is none.
    pub live: Option<&'a Object>,
    /// What others look after.
    pub ignored: &'a Ignored,
    /// Whether the live object is replaced as a whole: what the manifest doesn't name goes.
    pub replaces: bool,
    /// What the server says to it; nothing when it wasn't asked, or gave no answer.
    pub answer: Option<&'a DryRunAnswer>,
    /// Our name in `managedFields`.
    pub manager: &'a str,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeDecision {
    /// Whether the object is created, stays as it is, or changes in which fields.
    pub changes: ExpectedChange,
    /// How many fields differ that don't count.
    pub hides: usize,
    /// Whether only the server can tell whether anything changes, and it didn't.
    pub is_unsure: bool,
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
        return ChangeDecision::sure(ExpectedChange::Create, 0);
    };
    let respects = !ignored.is_empty() && !ignored.is_sent;
    let sent = if respects {
        as_sent(&ignore::respected(desired, live, ignored, manager, WritePurpose::Apply))
    } else {
        as_sent(desired)
    };
    let is_certain = !replaces && is_certainly_unchanged(&sent, live, manager);
    if is_certain && ignored.is_empty() {
        return ChangeDecision::sure(ExpectedChange::None, 0);
    }
    let (local, hides) = local(question, live);
    if is_certain {
        return ChangeDecision::sure(ExpectedChange::None, hides);
    }
    let Some(answer) = answer else {
        let is_unsure = local.is_empty() && is_applied_by(live, manager);
        return ChangeDecision {
            is_unsure,
            ..ChangeDecision::sure(ExpectedChange::Fields(local), hides)
        };
    };
    if answer.is_unchanged(manager) {
        return ChangeDecision::sure(ExpectedChange::None, hides);
    }
    let shown = if ignored.is_empty() {
        answer.clone()
    } else {
        DryRunAnswer {
            before: answer.before.clone(),
            after: ignore::hidden(&answer.after, &answer.before, ignored),
        }
    };
    let changes = shown.changes(manager);
    // What is ignored and sent nevertheless is a difference that the answer has.
    let hidden = answer.changes(manager).len().saturating_sub(changes.len());
    ChangeDecision::sure(ExpectedChange::Fields(changes), hides.max(hidden))
}

/// Returns the fields that differ as far as that can be seen from here, and how many more differ that don't count.
fn local(question: &ChangeQuestion<'_>, live: &Object) -> (Vec<super::Change>, usize) {
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
    let compared = ignore::compared(desired, live, ignored, manager);
    let counted = changes(&compared.desired, &compared.live, manager);
    let hides = all.len().saturating_sub(counted.len());
    (counted, hides)
}

impl ChangeDecision {
    fn sure(changes: ExpectedChange, hides: usize) -> ChangeDecision {
        ChangeDecision {
            changes,
            hides,
            is_unsure: false,
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
            Ignored::default(),
            Ignored {
                pointers: vec!["/data/b".to_owned()],
                is_sent: true,
                ..Ignored::default()
            },
        );
        let live_a = live(json!({ "a": "x" }));
        let answer = |after: Value| DryRunAnswer {
            before: live_a.clone(),
            after: live(after),
        };
        let (same, other) = (answer(json!({ "a": "x" })), answer(json!({ "a": "x", "b": "y" })));
        let (known, more) = (desired(json!({ "a": "x" })), desired(json!({ "a": "x", "b": "" })));
        let decided = |desired: &Object, ignored: &Ignored, replaces: bool, answer: Option<&DryRunAnswer>| {
            let ChangeDecision { changes, is_unsure, .. } = decide(&ChangeQuestion {
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
