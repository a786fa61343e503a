//! Findings in SARIF 2.1.0, which code hosts show next to the affected lines
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use capstan_core::{
    lint::{INVALID, REMOVED_VERSION, RULES, Rule, UNKNOWN_KIND},
    model::{
        finding::{Finding, Severity},
        hook::short_hash,
        object::ObjectKey,
        place::Place,
    },
};
use serde_json::{Value, json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Converts findings to one run of this program.
pub fn document(findings: &[Finding]) -> Value {
    let rules: Vec<&Rule> = RULES
        .iter()
        .chain([&UNKNOWN_KIND, &REMOVED_VERSION, &INVALID])
        .collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &rules)).collect();
    let driver = json!({
        "name": "capstan",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": format!("{} {}", rule.summary, rule.consequence) },
        "help": { "text": format!("{} What is known is ignored with the annotation `capstan.dev/lint-ignore: {}`.", rule.consequence, rule.id) },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn result(finding: &Finding, rules: &[&Rule]) -> Value {
    let text = match super::remedy::fix(finding) {
        None => finding.message.clone(),
        Some(fix) => format!("{}; fix: {fix}", finding.message),
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": text },
        "partialFingerprints": { "capstanFinding/v1": fingerprint(finding) },
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if finding.place.is_some() || finding.key.is_some() {
        result["locations"] = json!([location(finding.place.as_ref(), finding.key.as_ref())]);
    }
    if let Some(related) = &finding.related {
        let mut location = location(related.place.as_ref(), Some(&related.key));
        location["message"] = json!({ "text": related.key.to_string() });
        result["relatedLocations"] = json!([location]);
    }
    if finding.is_ignored {
        result["suppressions"] = json!([{ "kind": "inSource" }]);
    }
    result
}

fn location(place: Option<&Place>, key: Option<&ObjectKey>) -> Value {
    let mut location = json!({});
    if let Some(place) = place {
        location["physicalLocation"] = json!({
            "artifactLocation": { "uri": uri(&place.file) },
            "region": { "startLine": place.line.max(1), "startColumn": place.column.max(1) },
        });
    }
    if let Some(key) = key {
        location["logicalLocations"] =
            json!([{ "name": key.name, "fullyQualifiedName": key.to_string(), "kind": "resource" }]);
    }
    location
}

/// Identifies a finding across runs: not by its line, which changes.
fn fingerprint(finding: &Finding) -> String {
    let name = |key: Option<&ObjectKey>| key.map(ObjectKey::to_string).unwrap_or_default();
    let related = finding.related.as_ref().map(|related| &related.key);
    short_hash(&[
        &finding.rule,
        &name(finding.key.as_ref()),
        &name(related),
        &finding.message,
    ])
}

/// Converts a path to a URI: relative to the working directory, or `file:` for an absolute path.
fn uri(file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    let mut uri = String::new();
    if file.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./shop/jobs.yaml"), "shop/jobs.yaml");
        assert_eq!(uri("/tmp/my shop/ä.yaml"), "file:///tmp/my%20shop/%C3%A4.yaml");
    }

    /// The values of `level` and what is required, as the published schema says.
    #[test]
    fn what_the_schema_requires_is_there() {
        let key = ObjectKey {
            group: "batch".to_owned(),
            kind: "Job".to_owned(),
            namespace: "shop".to_owned(),
            name: "migrate".to_owned(),
        };
        let place = Place {
            file: "shop.yaml".to_owned(),
            document: 1,
            line: 7,
            column: 3,
        };
        let finding = |place: Option<Place>, is_ignored: bool| Finding {
            rule: "hook-needs-later".to_owned(),
            severity: Severity::Error,
            key: Some(key.clone()),
            place,
            source_line: None,
            message: "it hangs".to_owned(),
            fix: "don't".to_owned(),
            remedies: capstan_core::model::remedy::Remedies::default(),
            related: None,
            is_ignored,
        };
        let document = document(&[finding(Some(place), false), finding(None, true)]);
        assert_eq!(document["version"], "2.1.0");
        let run = &document["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "capstan");
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        assert_eq!(rules.len(), RULES.len() + 3);
        for rule in rules {
            assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
            let level = rule["defaultConfiguration"]["level"].as_str();
            assert!(matches!(level, Some("note" | "warning" | "error")));
        }
        let results = run["results"].as_array().expect("results");
        for result in results {
            assert!(result["message"]["text"].is_string());
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small one");
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        let physical = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(
            *physical,
            json!({ "artifactLocation": { "uri": "shop.yaml" }, "region": { "startLine": 7, "startColumn": 3 } })
        );
        assert_eq!(results[0].get("suppressions"), None);
        assert!(results[1]["locations"][0].get("physicalLocation").is_none());
        assert_eq!(results[1]["suppressions"], json!([{ "kind": "inSource" }]));
    }
}
