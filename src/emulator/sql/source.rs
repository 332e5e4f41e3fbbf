//! FROM, JOIN and WHERE: the rows that a query has to work on.

use std::ops::ControlFlow;

use super::error::SqlError;
use super::eval::{Frame, evaluate, is_true};
use super::program::{Node, RowSource};
use super::subquery;
use super::value::Value;

/// Takes the slots of a row, and says whether more are wanted.
pub(super) type Visit<'x> = dyn FnMut(&[Value]) -> Result<ControlFlow<()>, SqlError> + 'x;

/// Visits the rows that pass the filter: the cross product of the sources, the last one varying fastest.
pub(super) fn for_each_row(
    sources: &[RowSource],
    filter: Option<&Node>,
    outer: &Frame<'_>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>, SqlError> {
    let mut slots = Vec::with_capacity(sources.len());
    expand(sources, filter, outer, &mut slots, visit)
}

/// Recurses once for each source, of which the parser allows a bounded number.
fn expand(
    sources: &[RowSource],
    filter: Option<&Node>,
    outer: &Frame<'_>,
    slots: &mut Vec<Value>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>, SqlError> {
    let Some((source, rest)) = sources.split_first() else {
        let passes = match filter {
            Some(filter) => is_true(filter, &outer.inner(slots))?,
            None => true,
        };
        return if passes { visit(slots) } else { Ok(ControlFlow::Continue(())) };
    };
    let mut each = |value: Value, slots: &mut Vec<Value>| {
        slots.push(value);
        let flow = expand(rest, filter, outer, slots, visit);
        slots.pop();
        flow
    };
    match source {
        RowSource::One(node) => {
            let value = evaluate(node, &outer.inner(slots))?.into_owned();
            if !value.is_undefined() {
                return each(value, slots);
            }
        }
        RowSource::Each(node) => {
            let value = evaluate(node, &outer.inner(slots))?.into_owned();
            return each_of(value.as_array().unwrap_or_default(), slots, &mut each);
        }
        RowSource::EachOrOne(node) => {
            let value = evaluate(node, &outer.inner(slots))?.into_owned();
            return each_of(elements(&value), slots, &mut each);
        }
        RowSource::Rows(program) => {
            let rows = subquery::rows(program, &outer.inner(slots), usize::MAX)?;
            return each_of(&rows, slots, &mut each);
        }
        RowSource::EachOfRows(program) => {
            for row in subquery::rows(program, &outer.inner(slots), usize::MAX)? {
                if each_of(elements(&row), slots, &mut each)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// What iterating a value gives, where that need not be an array.
fn elements(value: &Value) -> &[Value] {
    value.as_array().unwrap_or(std::slice::from_ref(value))
}

fn each_of(
    values: &[Value],
    slots: &mut Vec<Value>,
    each: &mut impl FnMut(Value, &mut Vec<Value>) -> Result<ControlFlow<()>, SqlError>,
) -> Result<ControlFlow<()>, SqlError> {
    for value in values {
        if each(value.clone(), slots)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
