//! One page of an answer, and how it is filled.

use std::ops::ControlFlow;

use super::distinct::{DistinctHash, Seen};
use super::error::SqlError;
use super::measure::Measure;
use super::order::SortKey;
use super::program::Program;
use super::resume::{Resume, ResumeFilter};
use super::value::Value;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageRequest {
    /// The most rows; at least one is given.
    pub(crate) max_items: usize,
    /// The most bytes of the rows as JSON; a single row may be longer.
    pub(crate) max_bytes: usize,
    /// Where the last page ended.
    pub(crate) resume: Option<Resume>,
    /// Where a client wants an ordered query to begin. With `resume` too, the later one counts.
    pub(crate) resume_filter: Option<ResumeFilter>,
}

impl PageRequest {
    /// A request for all rows at once.
    pub(crate) fn everything() -> Self {
        Self { max_items: usize::MAX, max_bytes: usize::MAX, ..Self::default() }
    }

    /// What DISTINCT starts with: the last row of the page before.
    pub(super) fn seen(&self, program: &Program) -> Option<Seen> {
        let mut seen = program.distinct.then(Seen::default)?;
        if let Some(last) = self.resume.as_ref().and_then(|resume| resume.last) {
            seen.insert_hash(last);
        }
        Some(seen)
    }
}

/// A part of the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    /// Where the next page begins; none where this is the last one.
    pub(crate) resume: Option<Resume>,
    pub(crate) metrics: Metrics,
}

/// What a page has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    /// The documents that were looked at.
    pub(crate) scanned_count: u64,
    /// The documents that passed the filter: those that an index would have found.
    pub(crate) retrieved_count: u64,
    pub(crate) retrieved_size: u64,
    pub(crate) output_count: u64,
    pub(crate) output_size: u64,
    /// How much of the filter the index served, from 0 to 1.
    pub(crate) index_utilization: f64,
}

impl Metrics {
    pub(super) fn retrieve(&mut self, size: usize) {
        self.retrieved_count += 1;
        self.retrieved_size += size as u64;
        self.index_utilization = 1.0;
    }
}

/// The place of a row in the whole answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    pub(super) rid: u64,
    /// The number of the row within its document; none where it has only one.
    pub(super) row: Option<u64>,
    pub(super) keys: Vec<SortKey>,
}

/// Fills a page with rows, after DISTINCT and in their final order.
pub(super) struct PageBuilder<'r> {
    request: &'r PageRequest,
    page: Page,
    skip: u64,
    take: Option<u64>,
    has_more: bool,
}

impl<'r> PageBuilder<'r> {
    pub(super) fn new(program: &Program, request: &'r PageRequest) -> Self {
        // What was to be left out came before the first page ended.
        let (skip, take) = match &request.resume {
            Some(resume) => (0, resume.take),
            None => (program.skip, program.take),
        };
        Self { request, page: Page::default(), skip, take, has_more: false }
    }

    pub(super) fn metrics(&mut self) -> &mut Metrics {
        &mut self.page.metrics
    }

    /// Whether the query's own limit is reached.
    pub(super) fn is_complete(&self) -> bool {
        self.take == Some(0)
    }

    /// How many rows the page has.
    pub(super) fn len(&self) -> usize {
        self.page.rows.len()
    }

    /// Takes a row; breaks when it or the row after it has no place on this page.
    pub(super) fn offer(
        &mut self,
        row: Value,
        measure: Measure,
    ) -> Result<ControlFlow<()>, SqlError> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(ControlFlow::Continue(()));
        }
        if !measure.finite {
            return Err(SqlError::NotRepresentable);
        }
        let bytes = self.page.metrics.output_size as usize + measure.bytes;
        let is_full = self.len() >= self.request.max_items || bytes > self.request.max_bytes;
        if is_full && self.len() > 0 {
            self.has_more = true;
            return Ok(ControlFlow::Break(()));
        }
        self.page.metrics.output_size = bytes as u64;
        self.page.metrics.output_count += 1;
        self.page.rows.push(row);
        self.take = self.take.map(|take| take.saturating_sub(1));
        Ok(if self.is_complete() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The page; `last` is the place of its last row.
    pub(super) fn finish(mut self, program: &Program, last: Position) -> Page {
        if self.has_more {
            let before = self.request.resume.as_ref();
            self.page.resume = Some(Resume {
                container: before.map_or(0, |it| it.container),
                round_trips: before.map_or(0, |it| it.round_trips) + 1,
                rows: before.map_or(0, |it| it.rows) + self.len() as u64,
                rid: last.rid,
                row: last.row,
                keys: (!program.is_plain()).then_some(last.keys),
                take: self.take,
                last: self.page.rows.last().filter(|_| program.distinct).map(DistinctHash::of),
            });
        }
        self.page
    }
}
