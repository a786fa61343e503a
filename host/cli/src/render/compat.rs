//! The differences between Capstan's rules and Argo CD's, for people.

use capstan_core::{
    model::{compat::Rule, error::Diagnostic, plugins::Application},
    plan::compat::{Difference, DifferenceKind},
};
use serde::{Serialize, Serializer, ser::Error as _};

use super::{Paint, object_name, remedy};
use crate::{terminal::Text, text};

/// The result of planning by both rules.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompatComparison {
    /// The application whose plans are compared.
    pub application: Application,
    /// The differences; empty when one of the plans couldn't be made.
    pub differences: Vec<Difference>,
    /// The mistakes in the manifests by Capstan's rules alone.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_words")]
    pub native_mistakes: Vec<Diagnostic>,
    /// The mistakes in them by Argo CD's rules alone.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_words")]
    pub argo_cd_mistakes: Vec<Diagnostic>,
}

fn in_words<S: Serializer>(mistakes: &[Diagnostic], serializer: S) -> Result<S::Ok, S::Error> {
    let mistakes: serde_json::Result<Vec<_>> = mistakes.iter().map(remedy::mistake_json).collect();
    mistakes.map_err(S::Error::custom)?.serialize(serializer)
}

/// Describes it for people.
pub fn text(explained: &CompatComparison, paint: Paint) -> Text {
    let Application { name, namespace } = &explained.application;
    let planned: Vec<&Difference> = differences_of(explained, false);
    let count = match planned.len() {
        _ if !explained.native_mistakes.is_empty() => "there is only a plan with Argo CD's rules".to_owned(),
        _ if !explained.argo_cd_mistakes.is_empty() => "there is only a plan with Capstan's rules".to_owned(),
        0 => "the plan is the same with Capstan's rules and with Argo CD's".to_owned(),
        1 => "1 difference between Capstan's rules and Argo CD's".to_owned(),
        many => format!("{many} differences between Capstan's rules and Argo CD's"),
    };
    let mut text = text!(
        "{}\n",
        paint.heading(&text!("{} in namespace {}: {}", name, namespace, count))
    );
    for (whose, mistakes) in [
        ("Capstan's", &explained.native_mistakes),
        ("Argo CD's", &explained.argo_cd_mistakes),
    ] {
        for mistake in mistakes {
            text.push(text!(
                "\n{} by {} rules: {}\n",
                paint.failure("mistake"),
                whose,
                mistake_text(mistake)
            ));
        }
    }
    if !explained.native_mistakes.is_empty() {
        let rule = Rule::MistakesAreIgnored;
        text.push(text!(
            "\n{} {}: {}\n",
            paint.dim("because"),
            rule,
            rule.description().argo_cd
        ));
    }
    let mut heading = String::new();
    for difference in planned {
        let now = heading_of(difference, namespace);
        if now == heading {
            text.end_line();
        } else {
            text.push(text!("\n{}\n", paint.heading(&now)));
            heading = now;
        }
        text.push(both(difference));
        for rule in &difference.rules {
            text.push(text!(
                "  {}   {}: {}\n",
                paint.dim("because"),
                rule,
                rule.description().argo_cd
            ));
        }
    }
    let outcomes = differences_of(explained, true);
    if !outcomes.is_empty() {
        text.push(text!("\n{}\n", paint.heading("At run time")));
    }
    for (position, difference) in outcomes.into_iter().enumerate() {
        if position > 0 {
            text.end_line();
        }
        text.push(both(difference));
        for rule in &difference.rules {
            text.push(text!("  {}      {}\n", paint.dim("rule"), rule));
        }
    }
    text
}

fn differences_of(explained: &CompatComparison, outcomes: bool) -> Vec<&Difference> {
    let all = explained.differences.iter();
    all.filter(|difference| (difference.kind == DifferenceKind::Outcome) == outcomes)
        .collect()
}

fn heading_of(difference: &Difference, namespace: &str) -> String {
    match (&difference.key, difference.phase) {
        (Some(key), Some(phase)) => format!("{} in {phase}", object_name(key, namespace)),
        (Some(key), None) => object_name(key, namespace),
        (None, Some(phase)) => format!("The order of {phase}"),
        (None, None) => "The operation".to_owned(),
    }
}

fn both(difference: &Difference) -> Text {
    text!(
        "  Capstan   {}\n  Argo CD   {}\n",
        difference.native,
        difference.argo_cd
    )
}

fn mistake_text(mistake: &Diagnostic) -> String {
    let mut text = remedy::message(mistake);
    if let Some(place) = &mistake.place {
        text = format!("{place}: {text}");
    }
    if let Some(hint) = remedy::hint(&mistake.hint) {
        text = format!("{text} ({hint})");
    }
    text
}
