//! Globs for names and paths: `?` is one character, `*` any number but no `/`, `**` any number of anything.

/// Says whether the text, all of it, matches the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Dynamic programming over the pattern: which prefixes of the text the pattern so far can match. There is no backtracking.
    let mut eaten = vec![false; text.len() + 1];
    if let Some(start) = eaten.first_mut() {
        *start = true;
    }
    let mut rest = pattern.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let (deep, after) = match (first, after) {
            ('*', ['*', after @ ..]) => (Some(true), after),
            ('*', after) => (Some(false), after),
            (_, after) => (None, after),
        };
        rest = after;
        let mut next = vec![false; text.len() + 1];
        for length in 0..=text.len() {
            let before = length.checked_sub(1);
            let last = before.and_then(|at| text.get(at));
            let one_less = |row: &[bool]| before.and_then(|at| row.get(at)).copied().unwrap_or(false);
            let here = match deep {
                Some(deep) => {
                    eaten.get(length).copied().unwrap_or(false)
                        || (one_less(&next) && last.is_some_and(|last| deep || *last != '/'))
                }
                None => one_less(&eaten) && last.is_some_and(|last| first == last || (*first == '?' && *last != '/')),
            };
            if let Some(cell) = next.get_mut(length) {
                *cell = here;
            }
        }
        eaten = next;
    }
    eaten.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stop_at_slashes_and_double_stars_do_not() {
        for (pattern, text, expected) in [
            ("migrate", "migrate", true),
            ("migrate", "migrate-2", false),
            ("migrate-*", "migrate-x7f2k", true),
            ("*", "", true),
            ("m?grate*", "migrate", true),
            ("/apis/*/v1/**", "/apis/batch/v1/namespaces/a/jobs/b", true),
            ("/apis/*/v1", "/apis/a/b/v1", false),
            ("**/jobs/*", "/apis/batch/v1/namespaces/a/jobs/b", true),
            ("**/jobs", "/apis/batch/v1/namespaces/a/jobs/b", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
