//! Queries inside of expressions, and inside of FROM.

use std::ops::ControlFlow;

use super::candidate::Candidates;
use super::distinct::Seen;
use super::error::SqlError;
use super::eval::Frame;
use super::program::Program;
use super::project::project;
use super::source::for_each_row;
use super::value::Value;

/// The first `limit` rows of a subquery for the row `outer` of the query around it.
pub(super) fn rows(
    program: &Program,
    outer: &Frame<'_>,
    limit: usize,
) -> Result<Vec<Value>, SqlError> {
    let mut output = Output::new(program, limit);
    if output.is_full() {
        return Ok(output.rows);
    }
    if program.is_plain() {
        let _ = for_each_row(&program.sources, program.filter.as_ref(), outer, &mut |slots| {
            Ok(output.offer(project(program, &outer.inner(slots))?))
        })?;
        return Ok(output.rows);
    }
    let mut candidates = Candidates::new(program);
    let mut row = 0;
    let _ = for_each_row(&program.sources, program.filter.as_ref(), outer, &mut |slots| {
        row += 1;
        candidates.add(&outer.inner(slots), 0, row)?;
        Ok(ControlFlow::Continue(()))
    })?;
    for candidate in candidates.into_sorted(outer)? {
        if output.offer(project(program, &candidate.frame(outer))?).is_break() {
            break;
        }
    }
    Ok(output.rows)
}

/// The value of `(SELECT …)`: undefined without a row.
pub(super) fn scalar(program: &Program, outer: &Frame<'_>) -> Result<Value, SqlError> {
    let mut rows = rows(program, outer, 2)?;
    if rows.len() > 1 {
        let message = "The cardinality of a scalar subquery result set cannot be greater than one.";
        return Err(SqlError::Refused(message.to_owned()));
    }
    Ok(rows.pop().unwrap_or_default())
}

/// What remains of the rows after DISTINCT, OFFSET and LIMIT.
struct Output {
    rows: Vec<Value>,
    seen: Option<Seen>,
    skip: u64,
    limit: usize,
}

impl Output {
    fn new(program: &Program, limit: usize) -> Self {
        let take = program.take.and_then(|take| usize::try_from(take).ok()).unwrap_or(usize::MAX);
        Self {
            rows: Vec::new(),
            seen: program.distinct.then(Seen::default),
            skip: program.skip,
            limit: limit.min(take),
        }
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.limit
    }

    fn offer(&mut self, row: Value) -> ControlFlow<()> {
        if row.is_undefined() || self.seen.as_mut().is_some_and(|seen| !seen.insert(&row)) {
            return ControlFlow::Continue(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return ControlFlow::Continue(());
        }
        self.rows.push(row);
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
