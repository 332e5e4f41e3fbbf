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
            for element in value.as_array().unwrap_or_default() {
                if each(element.clone(), slots)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        RowSource::Rows(program) => {
            for row in subquery::rows(program, &outer.inner(slots), usize::MAX)? {
                if each(row, slots)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
