//! What of the object expressions look at: wherever names follow each other from a variable on, those are the pointer. What is found may be
//! more than what is read, never less.

use capstan_sdk::pointer::{outermost, reference_token};
use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, IdedEntryExpr},
};

/// Seen before any expression is asked.
const GENERATION: &str = "/status/observedGeneration";

/// Returns JSON pointers to all that expressions can see of their object.
pub(crate) fn fields<'a>(expressions: impl Iterator<Item = &'a IdedExpr>) -> Vec<String> {
    let mut found = vec![GENERATION.to_owned()];
    for expression in expressions {
        Walk {
            bound: Vec::new(),
            found: &mut found,
        }
        .through(expression);
    }
    outermost(found)
}

/// What names that follow each other stand for.
enum Names {
    /// A part of the object, by its pointer.
    OfTheObject(String),
    /// A variable of the expression itself.
    OfItself,
    /// Something that the expression doesn't select by name.
    None,
}

struct Walk<'a> {
    /// Variables of the expression itself: the `e` of `all(e, ..)`.
    bound: Vec<&'a str>,
    found: &'a mut Vec<String>,
}

impl<'a> Walk<'a> {
    fn through(&mut self, expression: &'a IdedExpr) {
        match self.names(&expression.expr) {
            Names::OfTheObject(pointer) => return self.found.push(pointer),
            Names::OfItself => return,
            Names::None => (),
        }
        match &expression.expr {
            Expr::Select(select) => self.through(&select.operand),
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.through(target));
                call.args.iter().for_each(|argument| self.through(argument));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.through(element)),
            Expr::Map(map) => self.entries(&map.entries),
            Expr::Struct(one) => self.entries(&one.entries),
            Expr::Comprehension(loop_) => {
                self.through(&loop_.iter_range);
                self.through(&loop_.accu_init);
                let outer = self.bound.len();
                self.bound.extend([&*loop_.iter_var, &*loop_.accu_var]);
                self.bound.extend(loop_.iter_var2.as_deref());
                self.through(&loop_.loop_cond);
                self.through(&loop_.loop_step);
                self.through(&loop_.result);
                self.bound.truncate(outer);
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => (),
        }
    }

    fn entries(&mut self, entries: &'a [IdedEntryExpr]) {
        for entry in entries {
            match &entry.expr {
                EntryExpr::StructField(field) => self.through(&field.value),
                EntryExpr::MapEntry(entry) => {
                    self.through(&entry.key);
                    self.through(&entry.value);
                }
            }
        }
    }

    /// Reads names that follow each other.
    fn names(&self, expression: &Expr) -> Names {
        match expression {
            Expr::Ident(name) if self.bound.contains(&name.as_str()) => Names::OfItself,
            Expr::Ident(name) => Names::OfTheObject(format!("/{}", reference_token(name))),
            Expr::Select(select) => match (self.names(&select.operand.expr), &*select.field) {
                // A star means every element to the host.
                (Names::OfTheObject(outer), "*") => Names::OfTheObject(outer),
                (Names::OfTheObject(outer), field) => Names::OfTheObject(format!("{outer}/{}", reference_token(field))),
                (other, _) => other,
            },
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Unspecified => Names::None,
        }
    }
}
