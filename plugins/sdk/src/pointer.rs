//! JSON pointers ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)): how a claim names what it sees of an object.

/// Writes a name as a reference token, a part of a pointer: `a/b` is `a~1b`.
pub fn reference_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Leaves out pointers to parts of what another one points to, and sorts the rest: of `/status/phase`, `/status` and `/spec`, what
/// stays is `/spec` and `/status`.
pub fn outermost(mut pointers: Vec<String>) -> Vec<String> {
    pointers.sort();
    pointers.dedup();
    let is_part = |narrow: &String, wide: &String| {
        narrow
            .strip_prefix(wide.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    };
    pointers
        .iter()
        .filter(|one| !pointers.iter().any(|other| is_part(one, other)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_found_by_its_reference_token() {
        for name in ["plain", "a/b", "a~b", "~1", "~0/", ""] {
            let value = serde_json::json!({ name: "found" });
            let pointer = format!("/{}", reference_token(name));
            assert_eq!(value.pointer(&pointer).unwrap(), "found", "{name}");
        }
    }

    #[test]
    fn parts_of_what_is_seen_whole_are_left_out() {
        let all = ["/status/phase", "/statuses", "/status", "/spec", "/status/x/y", "/spec"];
        assert_eq!(
            outermost(all.map(str::to_owned).into()),
            ["/spec", "/status", "/statuses"]
        );
        assert_eq!(outermost(Vec::new()), Vec::<String>::new());
    }
}
