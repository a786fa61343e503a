//! Calls of functions that CEL does not have. The interpreter reports them only when it executes them, which is too late for an import.

use std::{collections::BTreeSet, sync::Arc};

use cel::{
    Context, Env, ExecutionError, IdedExpr,
    common::ast::{EntryExpr, Expr, IdedEntryExpr},
};

/// A function as an expression calls it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    name: String,
    is_method: bool,
    /// The names before a method's own: `strings` of `strings.quote(..)`.
    path: Option<String>,
}

/// Returns the names of functions that an expression calls and the environment lacks, sorted.
pub(crate) fn unknown(env: &Arc<Env>, expression: &IdedExpr) -> Vec<String> {
    let mut calls = BTreeSet::new();
    collect(expression, &mut calls);
    let unknown = calls
        .into_iter()
        .filter(|call| !call.is_known(env))
        .map(|call| call.name);
    let unique: BTreeSet<String> = unknown.collect();
    unique.into_iter().collect()
}

impl Call {
    /// Calls it without arguments: a function that exists answers that no overload fits, one that does not is undeclared.
    fn is_known(&self, env: &Arc<Env>) -> bool {
        let name = &self.name;
        if !self.is_method {
            return is_declared(env, &format!("{name}()"));
        }
        is_declared(env, &format!("''.{name}()"))
            || self
                .path
                .as_ref()
                .is_some_and(|path| is_declared(env, &format!("{path}.{name}()")))
    }
}

fn is_declared(env: &Arc<Env>, text: &str) -> bool {
    let Ok(program) = env.compile(text) else {
        return true;
    };
    let context = Context::with_env(Arc::clone(env));
    !matches!(program.execute(&context), Err(ExecutionError::UndeclaredReference(_)))
}

fn collect(expression: &IdedExpr, calls: &mut BTreeSet<Call>) {
    match &expression.expr {
        Expr::Call(call) => {
            // Operators are calls of names like `_+_`.
            if call.func_name.chars().all(|c| c.is_ascii_alphanumeric()) {
                calls.insert(Call {
                    name: call.func_name.clone(),
                    is_method: call.target.is_some(),
                    path: call.target.as_ref().and_then(|target| path(target)),
                });
            }
            call.target.iter().for_each(|target| collect(target, calls));
            call.args.iter().for_each(|argument| collect(argument, calls));
        }
        Expr::Select(select) => collect(&select.operand, calls),
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, calls)),
        Expr::Map(map) => entries(&map.entries, calls),
        Expr::Struct(one) => entries(&one.entries, calls),
        Expr::Comprehension(each) => {
            for part in [
                &each.iter_range,
                &each.accu_init,
                &each.loop_cond,
                &each.loop_step,
                &each.result,
            ] {
                collect(part, calls);
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => (),
    }
}

fn entries(entries: &[IdedEntryExpr], calls: &mut BTreeSet<Call>) {
    for entry in entries {
        match &entry.expr {
            EntryExpr::StructField(field) => collect(&field.value, calls),
            EntryExpr::MapEntry(entry) => {
                collect(&entry.key, calls);
                collect(&entry.value, calls);
            }
        }
    }
}

fn path(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}
