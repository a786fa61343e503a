//! Texts to begin with: what people write, and what was written to break readers.

/// Texts that are manifests.
pub const GOOD: [&str; 5] = [
    include_str!("../../../../tests/fixtures/sets/helm/manifests.yaml"),
    include_str!("../../../../tests/fixtures/sets/lint/shop.yaml"),
    "apiVersion: v1\nkind: List\nitems:\n  - &a {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: \"1\"}}\n  - {<<: *a, metadata: {name: b}}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}\n{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"b\"}}",
    "%YAML 1.2\n---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: m-\n  annotations:\n    argocd.argoproj.io/hook: PreSync\nspec: {template: {spec: {restartPolicy: Never}}}\n...\n---\n",
];

/// What was written to break readers.
pub fn bad() -> Vec<String> {
    let laughs = |open: &str, close: &str| {
        let mut text = format!("a0: &a0 {open}x{close}\n");
        for level in 1..40 {
            let before = level - 1;
            let nine = vec![format!("*a{before}"); 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} {open}{nine}{close}\n"));
        }
        text
    };
    let merges = {
        let mut text = "a0: &a0 {k0: v}\n".to_owned();
        for level in 1..400 {
            let before = level - 1;
            text.push_str(&format!(
                "a{level}: &a{level} {{<<: [*a{before}, *a{before}], k{level}: v}}\n"
            ));
        }
        text
    };
    vec![
        laughs("[", "]"),
        merges,
        "a: &a [*a]".to_owned(),
        "&a : *a".to_owned(),
        "? &a [*a]\n: b".to_owned(),
        "- ".repeat(50_000),
        "[".repeat(50_000),
        "{".repeat(50_000),
        "{\"a\":".repeat(50_000),
        "[{".repeat(20_000),
        "? ".repeat(5_000),
        "!!binary ====".to_owned(),
        "!!int \"0x\"".to_owned(),
        "a: !<tag:yaml.org,2002:float> .inf".to_owned(),
        "\u{feff}\u{feff}---\n".to_owned(),
        "---\n".repeat(20_000),
        "--- |\n \n".repeat(2_000),
        "a: |\n".to_owned() + &" x\n".repeat(20_000),
        "\"\\uD800\"".to_owned(),
        "{\"a\": \"\\ud800\\udc00\\ud800\"}".to_owned(),
        "a: \"\\x\"".to_owned(),
        "\0\0\0".to_owned(),
        "a\u{85}b\u{2028}c: d".to_owned(),
        "apiVersion: v1\nkind: List\nitems: ".to_owned() + &"[{apiVersion: v1, kind: List, items: ".repeat(60),
        "{".to_owned()
            + &(0..20_000)
                .map(|at| format!("\"k{at}\": 1,"))
                .collect::<Vec<_>>()
                .concat()
            + "\"z\": 2}",
    ]
}
