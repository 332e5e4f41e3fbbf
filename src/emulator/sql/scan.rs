//! Queries whose rows come in the order of the documents, so that they can be given out while reading.

use std::ops::ControlFlow;

use super::distinct::Seen;
use super::document::Document;
use super::environment::Environment;
use super::error::SqlError;
use super::eval::Frame;
use super::measure::{Measure, measure};
use super::page::{Page, PageBuilder, PageRequest, Position};
use super::program::Program;
use super::project::project;
use super::source::for_each_row;
use super::value::Value;

/// Gives the rows as the documents come, and reads no further than it must.
pub(super) fn scan(
    program: &Program,
    documents: &mut dyn Iterator<Item = Document>,
    request: &PageRequest,
    environment: &Environment<'_>,
) -> Result<Page, SqlError> {
    let page = PageBuilder::new(program, request);
    let seen = request.seen(program);
    let mut scan = Scan { program, page, seen, last: Position::default() };
    for Document { rid, value, size } in documents {
        let before = request.resume.as_ref().map_or(0, |resume| resume.rows_before(rid));
        if before == u64::MAX {
            continue;
        }
        scan.page.metrics().scanned_count += 1;
        let item = [value];
        let outer = Frame::new(environment, &item);
        let mut row = 0;
        let flow = for_each_row(&program.sources, program.filter.as_ref(), &outer, &mut |slots| {
            row += 1;
            if row == 1 {
                scan.page.metrics().retrieve(size);
            }
            if row <= before {
                return Ok(ControlFlow::Continue(()));
            }
            let output = project(program, &outer.inner(slots))?;
            let known = Measure::of_item(&output, &item[0], size);
            scan.give(output, known, Position { rid, row: Some(row), keys: Vec::new() })
        })?;
        if flow.is_break() {
            break;
        }
    }
    Ok(scan.page.finish(program, scan.last))
}

/// What was given so far.
struct Scan<'s> {
    program: &'s Program,
    page: PageBuilder<'s>,
    seen: Option<Seen>,
    last: Position,
}

impl Scan<'_> {
    fn give(
        &mut self,
        output: Value,
        known: Option<Measure>,
        position: Position,
    ) -> Result<ControlFlow<()>, SqlError> {
        let is_new = |seen: &mut Seen| seen.insert(&output);
        if output.is_undefined() || !self.seen.as_mut().is_none_or(is_new) {
            return Ok(ControlFlow::Continue(()));
        }
        let measure = known.unwrap_or_else(|| measure(&output));
        let rows = self.page.len();
        let flow = self.page.offer(output, measure)?;
        if self.page.len() > rows {
            let row = position.row.filter(|_| self.program.fans_out());
            self.last = Position { row, ..position };
        }
        Ok(flow)
    }
}
