//! Runs a query over the items of one partition and gives one page of the answer.

use std::ops::ControlFlow;

use super::ast::{Collection, Query, Source};
use super::candidate::{Candidate, Candidates};
use super::compile::compile;
use super::distinct::Seen;
use super::environment::Environment;
use super::error::SqlError;
use super::eval::Frame;
use super::page::{Metrics, Page, PageBuilder, PageRequest, Position};
use super::program::Program;
use super::project::project;
use super::rank;
use super::source::for_each_row;
use super::value::Value;

/// An item with its place in the partition.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Ascending in the order in which items were made, which is the order of rows.
    pub(crate) rid: u64,
    pub(crate) value: Value,
}

/// One page of a bound query's rows over the documents of a partition, which come by ascending rid.
///
/// A plain scan reads no further than it must to know whether there are more rows.
pub(crate) fn execute(
    query: &Query,
    documents: &mut dyn Iterator<Item = Document>,
    request: &PageRequest,
    environment: &Environment<'_>,
) -> Result<Page, SqlError> {
    let program = compile(query, environment)?;
    match first_subquery(query) {
        None => run(&program, documents, request, environment),
        Some(inner) => {
            let inner = execute(inner, documents, &PageRequest::everything(), environment)?;
            let mut rows = (0..).zip(inner.rows).map(|(rid, value)| Document { rid, value });
            let mut page = run(&program, &mut rows, request, environment)?;
            let Metrics { output_count, output_size, .. } = page.metrics;
            page.metrics = Metrics { output_count, output_size, ..inner.metrics };
            Ok(page)
        }
    }
}

/// The subquery that stands in the place of the container: it is about all items, not about one.
fn first_subquery(query: &Query) -> Option<&Query> {
    match &query.from.as_ref()?.source {
        Source::Alias { collection: Collection::Subquery(inner), .. }
        | Source::Iterate { collection: Collection::Subquery(inner), .. } => Some(inner),
        _ => None,
    }
}

fn run(
    program: &Program,
    documents: &mut dyn Iterator<Item = Document>,
    request: &PageRequest,
    environment: &Environment<'_>,
) -> Result<Page, SqlError> {
    // Without FROM there is one row, whatever the container holds.
    let mut nothing = std::iter::once(Document { rid: 0, value: Value::Undefined });
    let documents = if program.sources.is_empty() { &mut nothing } else { documents };
    let mut page = PageBuilder::new(program, request);
    if page.is_complete() {
        return Ok(page.finish(program, Position::default()));
    }
    if program.is_plain() {
        return scan(program, documents, request, environment, page);
    }
    let candidates = match &program.rank {
        Some(rank) => rank::collect(program, rank, documents, environment, page.metrics())?,
        None => collect(program, documents, environment, page.metrics())?,
    };
    sorted(program, candidates, request, environment, page)
}

/// Gives the rows as the documents come.
fn scan(
    program: &Program,
    documents: &mut dyn Iterator<Item = Document>,
    request: &PageRequest,
    environment: &Environment<'_>,
    mut page: PageBuilder<'_>,
) -> Result<Page, SqlError> {
    let mut seen = new_seen(program, request);
    let mut last = Position::default();
    for Document { rid, value } in documents {
        let before = request.resume.as_ref().map_or(0, |resume| resume.rows_before(rid));
        if before == u64::MAX {
            continue;
        }
        page.metrics().scanned_count += 1;
        let item = [value];
        let outer = Frame::new(environment, &item);
        let mut row = 0;
        let flow = for_each_row(&program.sources, program.filter.as_ref(), &outer, &mut |slots| {
            row += 1;
            if row == 1 {
                page.metrics().retrieve(&item[0]);
            }
            if row <= before {
                return Ok(ControlFlow::Continue(()));
            }
            let output = project(program, &outer.inner(slots))?;
            if output.is_undefined() || seen.as_mut().is_some_and(|seen| !seen.insert(&output)) {
                return Ok(ControlFlow::Continue(()));
            }
            let rows = page.len();
            let flow = page.offer(output)?;
            if page.len() > rows {
                last.rid = rid;
                last.row = program.fans_out().then_some(row);
            }
            Ok(flow)
        })?;
        if flow.is_break() {
            break;
        }
    }
    Ok(page.finish(program, last))
}

/// Reads everything, for a query that has to know all rows before it can give the first.
fn collect(
    program: &Program,
    documents: &mut dyn Iterator<Item = Document>,
    environment: &Environment<'_>,
    metrics: &mut Metrics,
) -> Result<Vec<Candidate>, SqlError> {
    let mut candidates = Candidates::new(program);
    for Document { rid, value } in documents {
        metrics.scanned_count += 1;
        let item = [value];
        let outer = Frame::new(environment, &item);
        let mut row = 0;
        let _ = for_each_row(&program.sources, program.filter.as_ref(), &outer, &mut |slots| {
            row += 1;
            if row == 1 {
                metrics.retrieve(&item[0]);
            }
            candidates.add(&outer.inner(slots), rid, row)?;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    candidates.into_sorted(&Frame::new(environment, &[]))
}

/// Gives sorted rows, from where the last page ended.
fn sorted(
    program: &Program,
    candidates: Vec<Candidate>,
    request: &PageRequest,
    environment: &Environment<'_>,
    mut page: PageBuilder<'_>,
) -> Result<Page, SqlError> {
    let directions = program.directions();
    let outer = Frame::new(environment, &[]);
    let mut seen = new_seen(program, request);
    let mut last = Position::default();
    for candidate in candidates {
        let resume = request.resume.as_ref();
        let is_due = resume.is_none_or(|it| it.admits(&candidate, &directions))
            && request.resume_filter.as_ref().is_none_or(|it| it.admits(&candidate, &directions));
        // DISTINCT has to know the rows of earlier pages too.
        if !is_due && seen.is_none() {
            continue;
        }
        let output = project(program, &candidate.frame(&outer))?;
        let is_new = seen.as_mut().is_none_or(|seen| seen.insert(&output));
        if !is_due || !is_new || output.is_undefined() {
            continue;
        }
        let rows = page.len();
        let flow = page.offer(output)?;
        if page.len() > rows {
            let Candidate { rid, row, keys, .. } = candidate;
            last = Position { rid, row: Some(row), keys };
        }
        if flow.is_break() {
            break;
        }
    }
    Ok(page.finish(program, last))
}

/// What DISTINCT starts with: the last row of the page before.
fn new_seen(program: &Program, request: &PageRequest) -> Option<Seen> {
    program.distinct.then(|| {
        let mut seen = Seen::default();
        if let Some(last) = request.resume.as_ref().and_then(|resume| resume.last) {
            seen.insert_hash(last);
        }
        seen
    })
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
