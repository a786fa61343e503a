//! Path patterns of Argo CD's `directory.include` and `directory.exclude`: those of github.com/gobwas/glob without a separator, so that
//! `*` and `?` also match `/`.

/// A `directory.include` or `directory.exclude` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Exactly this character.
    Char(char),
    /// Any character: `?`.
    AnyChar,
    /// Any characters: `*`, `**`.
    AnySequence,
    /// One of these characters, or none of them: `[abc]`, `[!a-c]`.
    Class { not: bool, ranges: Vec<(char, char)> },
    /// One of these patterns: `{a,b}`.
    Alternatives(Vec<Vec<Part>>),
}

/// The most characters of a pattern.
const MAX_PATTERN_CHARS: usize = 4096;

/// The deepest nesting of braces.
const MAX_BRACE_DEPTH: usize = 16;

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it, in words.
    pub fn new(pattern: &str) -> Result<Glob, String> {
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            return Err(format!("it is longer than {MAX_PATTERN_CHARS} characters"));
        }
        let mut letters = PatternParser {
            remaining: pattern.chars().collect::<Vec<char>>().into_iter().peekable(),
        };
        let (parts, _) = letters.parse_parts(0)?;
        Ok(Glob { parts })
    }

    /// Says whether the pattern matches a whole path.
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let mut starts = vec![false; path.len() + 1];
        starts[0] = true;
        match_ends(&self.parts, &path, starts).last() == Some(&true)
    }
}

struct PatternParser {
    remaining: std::iter::Peekable<std::vec::IntoIter<char>>,
}

impl PatternParser {
    /// Parses up to the end, or within braces up to a comma or the closing brace, which is returned.
    fn parse_parts(&mut self, depth: usize) -> Result<(Vec<Part>, Option<char>), String> {
        if depth > MAX_BRACE_DEPTH {
            return Err(format!("its braces are nested more than {MAX_BRACE_DEPTH} levels deep"));
        }
        let mut parts = Vec::new();
        while let Some(letter) = self.remaining.next() {
            parts.push(match letter {
                ',' | '}' if depth > 0 => return Ok((parts, Some(letter))),
                '*' => Part::AnySequence,
                '?' => Part::AnyChar,
                '[' => self.parse_class()?,
                '{' => Part::Alternatives(self.parse_alternatives(depth)?),
                '\\' => Part::Char(self.remaining.next().ok_or("nothing comes after its last `\\`")?),
                letter => Part::Char(letter),
            });
        }
        if depth > 0 {
            return Err("a `{` has no `}`".to_owned());
        }
        Ok((parts, None))
    }

    fn parse_alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Part>>, String> {
        let mut patterns = Vec::new();
        loop {
            let (parts, end) = self.parse_parts(depth + 1)?;
            patterns.push(parts);
            if end == Some('}') {
                return Ok(patterns);
            }
        }
    }

    /// Parses what follows `[`: characters, or one range.
    fn parse_class(&mut self) -> Result<Part, String> {
        let no_end = || "a `[` has no `]`".to_owned();
        let not = self.remaining.next_if_eq(&'!').is_some();
        let first = self.remaining.next().ok_or_else(no_end)?;
        if self.remaining.next_if_eq(&'-').is_some() {
            let last = self.remaining.next().ok_or_else(no_end)?;
            if self.remaining.next() != Some(']') {
                return Err("a range in `[]` must be alone, as in `[a-z]`".to_owned());
            }
            if last < first {
                return Err(format!("the range `{first}-{last}` is empty"));
            }
            let ranges = vec![(first, last)];
            return Ok(Part::Class { not, ranges });
        }
        let mut ranges = Vec::new();
        let mut next = Some(first);
        loop {
            match next.ok_or_else(no_end)? {
                ']' if ranges.is_empty() => return Err("a `[]` is empty".to_owned()),
                ']' => return Ok(Part::Class { not, ranges }),
                '\\' => {
                    let letter = self.remaining.next().ok_or_else(no_end)?;
                    ranges.push((letter, letter));
                }
                letter => ranges.push((letter, letter)),
            }
            next = self.remaining.next();
        }
    }
}

/// Returns the positions at which the parts may end in a text, if they may start at these positions. The work is bounded by both lengths.
fn match_ends(parts: &[Part], text: &[char], mut places: Vec<bool>) -> Vec<bool> {
    for part in parts {
        places = match part {
            Part::Char(letter) => advance_matches(text, &places, |found| found == *letter),
            Part::AnyChar => advance_matches(text, &places, |_| true),
            Part::Class { not, ranges } => advance_matches(text, &places, |found| {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&found)) != *not
            }),
            Part::AnySequence => {
                let mut is_reached = false;
                let reach = places.into_iter().map(|starts| {
                    is_reached |= starts;
                    is_reached
                });
                reach.collect()
            }
            Part::Alternatives(patterns) => {
                let mut all = vec![false; places.len()];
                for pattern in patterns {
                    let found = match_ends(pattern, text, places.clone());
                    for (place, ends) in all.iter_mut().zip(found) {
                        *place |= ends;
                    }
                }
                all
            }
        };
    }
    places
}

/// Moves each position over one matching character.
fn advance_matches(text: &[char], places: &[bool], fits: impl Fn(char) -> bool) -> Vec<bool> {
    let moved = text.iter().zip(places).map(|(letter, starts)| *starts && fits(*letter));
    std::iter::once(false).chain(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_as_in_argo_cd() {
        for (pattern, path, expected) in [
            ("excluded.yaml", "excluded.yaml", true),
            ("excluded.yaml", "sub/excluded.yaml", false),
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "sub/deep/a.yaml", true),
            ("**.yaml", "sub/a.yaml", true),
            ("sub/*", "sub/deep/a.yaml", true),
            ("?.yaml", "a.yaml", true),
            ("?.yaml", "ab.yaml", false),
            ("a?b.yaml", "a/b.yaml", true),
            ("{config.json,env-usw2/*}", "env-usw2/a.yaml", true),
            ("{config.json,env-usw2/*}", "config.json", true),
            ("{config.json,env-usw2/*}", "env-use1/a.yaml", false),
            ("{a,{b,c}d}", "cd", true),
            ("{,a}b", "b", true),
            ("[ab].yaml", "b.yaml", true),
            ("[!ab].yaml", "b.yaml", false),
            ("[a-c].yaml", "b.yaml", true),
            ("[!a-c].yaml", "d.yaml", true),
            ("a,b", "a,b", true),
            ("a}b", "a}b", true),
            ("\\*.yaml", "*.yaml", true),
            ("\\*.yaml", "a.yaml", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for pattern in [
            "{a",
            "{a,b",
            "[ab",
            "[",
            "[]",
            "[a-",
            "[z-a]",
            "[a-cx]",
            "a\\",
            &"{".repeat(100),
        ] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_could_take_for_ever_takes_no_time() {
        let pattern = Glob::new(&format!("{}x", "{*,*a}".repeat(100))).unwrap();
        assert!(!pattern.matches(&"a".repeat(400)));
        assert!(pattern.matches(&format!("{}x", "a".repeat(400))));
    }
}
