//! What of the object a script looks at.
//!
//! Found in its text, so that it is true of every path through the script, not only of those that some case takes: wherever `obj` is
//! followed by names, those are the pointer; where it stands alone, nothing can be said. What is found may be more than what is read, never
//! less.

use capstan_sdk::pointer::{outermost, reference_token};

use crate::source::{Piece, pieces};

/// With these a script reaches `obj` without naming it.
const BACK_DOORS: [&str; 8] = [
    "_G",
    "_ENV",
    "getfenv",
    "setfenv",
    "load",
    "loadstring",
    "module",
    "debug",
];

/// Returns JSON pointers to all that a script can see of its object; nothing where that can't be told.
pub(crate) fn fields(script: &str) -> Option<Vec<String>> {
    let all: Vec<Piece<'_>> = pieces(script)
        .filter(|piece| !matches!(piece, Piece::Space(_)))
        .collect();
    let mut found = Vec::new();
    for (at, piece) in all.iter().enumerate() {
        match piece {
            Piece::Name(name) if BACK_DOORS.contains(name) => return None,
            Piece::Name("obj") => {
                let before = at.checked_sub(1).and_then(|before| all.get(before));
                let is_key = matches!(before, Some(Piece::Other("." | ":"))) && !follows_two_dots(&all, at);
                if !is_key {
                    found.push(pointer(all.get(at + 1..).unwrap_or_default())?);
                }
            }
            Piece::Name(_) | Piece::Quoted(_) | Piece::Other(_) | Piece::Space(_) => (),
        }
    }
    Some(outermost(found))
}

/// `"a"..obj` is not a field of anything.
fn follows_two_dots(all: &[Piece<'_>], at: usize) -> bool {
    at >= 2 && all.get(at - 2..at) == Some(&[Piece::Other("."), Piece::Other(".")])
}

/// Reads the names after `obj`. A name that is called, as in `obj.kind:lower()`, is none of them.
fn pointer(after: &[Piece<'_>]) -> Option<String> {
    let mut pointer = String::new();
    let mut rest = after;
    loop {
        let (name, tail) = match rest {
            [Piece::Other("."), Piece::Name(name), tail @ ..] => (*name, tail),
            [Piece::Other("["), Piece::Quoted(text), Piece::Other("]"), tail @ ..] if !text.contains('\\') => {
                (text.get(1..text.len().saturating_sub(1))?, tail)
            }
            _ => break,
        };
        // A star means every element to the host, and an empty name is odd enough to let it be.
        if name == "*" || name.is_empty() {
            break;
        }
        pointer.push('/');
        pointer.push_str(&reference_token(name));
        rest = tail;
    }
    (!pointer.is_empty()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(script: &str, expected: &[&str]) {
        let found = fields(script).unwrap();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn names_after_obj_are_pointers() {
        reads("return {status = obj.status.phase}", &["/status/phase"]);
        reads(
            "if obj.spec.replicas ~= nil and obj['metadata'].annotations['a/b~c'] == 'x' then return obj.spec.paused end",
            &["/metadata/annotations/a~1b~0c", "/spec/paused", "/spec/replicas"],
        );
        reads(
            "x = #obj.status.conditions .. obj.kind:lower()",
            &["/kind", "/status/conditions"],
        );
        reads("return {}", &[]);
    }

    #[test]
    fn a_part_that_is_read_whole_has_its_parts_in_it() {
        reads(
            "local s = obj.status if s and obj.status.x.y and obj.statuses then end",
            &["/status", "/statuses"],
        );
        reads("return obj.items[1].x + obj.list[i]", &["/items", "/list"]);
    }

    #[test]
    fn obj_in_comments_strings_and_other_tables_is_not_the_object() {
        reads(
            "-- obj\n--[[ obj ]] x = 'obj' .. \"obj\" .. [[obj]] .. y.obj .. z:obj() .. obj.status",
            &["/status"],
        );
    }

    #[test]
    fn where_obj_stands_alone_nothing_can_be_said() {
        for script in [
            "for k, v in pairs(obj) do end",
            "local o = obj",
            "return obj[key].x",
            "return 'a'..obj",
            "function f(obj) return obj.status end",
            "return _G.obj.status",
            "return _ENV['obj']",
            "loadstring('return obj')()",
            "return obj['a\\'b']",
            "return obj",
        ] {
            assert_eq!(fields(script), None, "{script}");
        }
    }
}
