//! Puts parameters into a query and checks what can be checked without data.

mod aggregate;
mod check;
mod function;
mod grouping;

use std::collections::HashSet;
use std::sync::Arc;

pub(crate) use aggregate::Aggregate;
#[cfg(test)]
pub(crate) use function::Arity;
pub(crate) use function::{Functions, built_in};

use super::ast::{Count, Expr, Query, Span};
use super::error::SqlError;
use super::token::{continues_word, starts_word};
use super::value::{Number, Value};
use super::walk;

/// The parameters of a query, without their `@`.
pub(crate) type Parameters = [(Arc<str>, Value)];

/// The highest `TOP`, `OFFSET` or `LIMIT`. Clients stop at half of it, but rewritten queries go beyond.
const MAX_COUNT: i64 = 4_294_967_295;

/// The query with literals for its parameters, undefined where there is no value; or the first mistake in it.
pub(crate) fn bind(query: Query, parameters: &Parameters) -> Result<Query, SqlError> {
    bind_with(query, parameters, built_in)
}

/// Like [`bind`], with functions of one's own.
pub(crate) fn bind_with(
    mut query: Query,
    parameters: &Parameters,
    functions: Functions,
) -> Result<Query, SqlError> {
    put_in(&mut query, parameters)?;
    check::check(&query, functions)?;
    Ok(query)
}

/// The parameters of a request by name, without the `@`; refused are odd names and repeated ones.
pub(crate) fn check_parameters(
    parameters: &[(String, Option<Value>)],
) -> Result<Vec<(Arc<str>, Value)>, SqlError> {
    let mut seen = HashSet::with_capacity(parameters.len());
    let mut checked = Vec::with_capacity(parameters.len());
    for (name, value) in parameters {
        let Some(identifier) = identifier(name) else {
            return Err(SqlError::Refused(format!(
                "Invalid query. Specified parameter name '{name}' is invalid. Parameter names should be in the \
                 format of symbol '@' followed by a valid identifier. E.g. @param1"
            )));
        };
        if !seen.insert(identifier) {
            return Err(SqlError::Refused(format!(
                "Invalid query. Specified duplicate parameter name '{name}'."
            )));
        }
        checked.push((identifier.into(), value.clone().unwrap_or_default()));
    }
    Ok(checked)
}

/// The identifier after the `@` of a parameter's name.
fn identifier(name: &str) -> Option<&str> {
    let identifier = name.strip_prefix('@')?;
    let valid = identifier.starts_with(starts_word) && identifier.chars().all(continues_word);
    valid.then_some(identifier)
}

fn put_in(query: &mut Query, parameters: &Parameters) -> Result<(), SqlError> {
    if let Some(top) = &mut query.select.top {
        settle(top, parameters, Clause::Top)?;
    }
    if let Some(window) = &mut query.window {
        settle(&mut window.offset, parameters, Clause::Offset)?;
        settle(&mut window.limit, parameters, Clause::Limit)?;
    }
    if let Some(from) = &mut query.from {
        walk::source_queries_mut(from).try_for_each(|inner| put_in(inner, parameters))?;
    }
    walk::expressions_mut(query).into_iter().try_for_each(|expr| put_into(expr, parameters))
}

fn put_into(expr: &mut Expr, parameters: &Parameters) -> Result<(), SqlError> {
    if let Expr::Parameter(name) = expr {
        *expr = Expr::Literal(value_of(name, parameters));
        return Ok(());
    }
    if let Some(query) = walk::subquery_mut(expr) {
        return put_in(query, parameters);
    }
    walk::children_mut(expr).into_iter().try_for_each(|child| put_into(child, parameters))
}

fn value_of(name: &str, parameters: &Parameters) -> Value {
    let found = parameters.iter().find(|(known, _)| &**known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Clause {
    Top,
    Offset,
    Limit,
}

/// Makes a count a number, and checks it.
fn settle(count: &mut Count, parameters: &Parameters, clause: Clause) -> Result<(), SqlError> {
    let (number, span) = match count {
        Count::Number(number, span) => (Some(*number), span.clone()),
        Count::Parameter(name, span) => (value_of(name, parameters).as_number(), span.clone()),
    };
    let integer = number.and_then(Number::as_i64);
    match integer {
        Some(integer) if (0..=MAX_COUNT).contains(&integer) => {
            *count = Count::Number(Number::Int(integer), span);
            Ok(())
        }
        _ => Err(out_of_range(clause, integer.is_some_and(|it| it > MAX_COUNT), span)),
    }
}

fn out_of_range(clause: Clause, too_high: bool, span: Span) -> SqlError {
    let (code, name) = match clause {
        Clause::Top => ("SC2060", "TOP"),
        Clause::Limit => ("SC2061", "LIMIT"),
        Clause::Offset => ("SC2062", "OFFSET"),
    };
    // The service words a TOP that is too high as if it were no integer.
    let message = if too_high && name != "TOP" {
        format!("The {name} count value exceeds the maximum allowed value.")
    } else {
        let article = if name == "OFFSET" { "an" } else { "a" };
        format!("The count value provided for {article} {name} clause must be an integer.")
    };
    SqlError::at(span, code, message)
}

#[cfg(test)]
mod tests;
