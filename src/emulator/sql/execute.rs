//! Runs a query over the items of one partition and gives one page of the answer.

use std::ops::ControlFlow;

pub(crate) use super::document::Document;
pub(crate) use super::page::{Metrics, Page, PageRequest};
pub(crate) use super::resume::{Resume, ResumeFilter};

use super::ast::{Collection, Direction, Query, Source};
use super::candidate::{Candidate, Candidates, Sorted};
use super::compile::compile;
use super::environment::Environment;
use super::error::SqlError;
use super::eval::Frame;
use super::measure::measure;
use super::page::{PageBuilder, Position};
use super::program::Program;
use super::project::project;
use super::rank;
use super::scan::scan;
use super::source::for_each_row;
use super::value::Value;

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
            let mut rows = (0..).zip(inner.rows).map(|(rid, value)| Document::new(rid, value));
            let mut page = run(&program, &mut rows, request, environment)?;
            let Metrics { output_count, output_size, .. } = page.metrics;
            page.metrics = Metrics { output_count, output_size, ..inner.metrics };
            // The places are those of the inner rows: the next page needs all documents again.
            if let Some(resume) = &mut page.resume {
                resume.keys.get_or_insert_default();
            }
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
    let mut nothing = std::iter::once(Document::new(0, Value::Undefined));
    let documents = if program.sources.is_empty() { &mut nothing } else { documents };
    let mut page = PageBuilder::new(program, request);
    if page.is_complete() {
        return Ok(page.finish(program, Position::default()));
    }
    if program.is_plain() {
        return scan(program, documents, request, environment);
    }
    let candidates = match &program.rank {
        Some(rank) => rank::collect(program, rank, documents, environment, page.metrics())?,
        None => collect(program, documents, environment, page.metrics())?,
    };
    sorted(program, candidates, request, environment, page)
}

/// Reads everything, for a query that has to know all rows before it can give the first.
fn collect(
    program: &Program,
    documents: &mut dyn Iterator<Item = Document>,
    environment: &Environment<'_>,
    metrics: &mut Metrics,
) -> Result<Sorted, SqlError> {
    let mut candidates = Candidates::new(program);
    for Document { rid, value, size } in documents {
        metrics.scanned_count += 1;
        let item = [value];
        let outer = Frame::new(environment, &item);
        let mut row = 0;
        let _ = for_each_row(&program.sources, program.filter.as_ref(), &outer, &mut |slots| {
            row += 1;
            if row == 1 {
                metrics.retrieve(size);
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
    mut candidates: Sorted,
    request: &PageRequest,
    environment: &Environment<'_>,
    mut page: PageBuilder<'_>,
) -> Result<Page, SqlError> {
    let directions = program.directions();
    let outer = Frame::new(environment, &[]);
    let mut seen = request.seen(program);
    let mut last = Position::default();
    let is_due = |candidate: &Candidate, directions: &[Direction]| {
        let (resume, filter) = (request.resume.as_ref(), request.resume_filter.as_ref());
        resume.is_none_or(|it| it.admits(candidate, directions))
            && filter.is_none_or(|it| it.admits(candidate, directions))
    };
    // DISTINCT has to know the rows of earlier pages too.
    if seen.is_none() {
        candidates.retain(is_due);
    }
    for candidate in candidates {
        let output = project(program, &candidate.frame(&outer))?;
        let is_new = seen.as_mut().is_none_or(|seen| seen.insert(&output));
        if !is_new || output.is_undefined() || !is_due(&candidate, &directions) {
            continue;
        }
        let rows = page.len();
        let measure = measure(&output);
        let flow = page.offer(output, measure)?;
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

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
