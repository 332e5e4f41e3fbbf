//! `ORDER BY`: the sorted rows of the partitions, merged.
//!
//! Of rows with equal values, those of the left-most part of the key space come first, and within a part they keep the
//! order in which they came. That makes the order total, so that a continuation needs to know the last row only, not a
//! place in each partition: wherever the partitions lie later, what is behind that row is known.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::query::backend::RawPage;
use crate::query::continuation::{Boundary, Mark, Position, Source};
use crate::query::fetcher::{Fetcher, LaneId, LaneStart, Next};
use crate::query::order_by::start::{Last, Start};
use crate::query::plan::Direction;
use crate::query::sorted_row::{Output, SortedRow, compare_keys, has_falling_rids};
use crate::query::stage::{Page, Stage};
use crate::query::usage::Usage;
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

pub(crate) mod start;

/// How rows are sorted and returned.
#[derive(Clone, Debug)]
pub(crate) struct Sorting {
    pub(crate) order: Arc<[Direction]>,
    pub(crate) output: Output,
    /// The rows of a page, if the user named a number. Else a page ends where another request would be needed.
    pub(crate) page_size: Option<usize>,
}

pub(crate) struct OrderBy {
    fetcher: Fetcher,
    sorting: Sorting,
    streams: BTreeMap<LaneId, Stream>,
    /// Streams whose next row is not known yet.
    unready: VecDeque<LaneId>,
    /// The next row of each of the others.
    heads: BinaryHeap<Reverse<Head>>,
    last: Option<LaneId>,
    /// The boundary that the merge started from, until there is a later one.
    resumed: Option<Boundary>,
    /// What went wrong after the rows that were returned last.
    failure: Option<Error>,
}

/// One part of the key space.
struct Stream {
    range: EpkRange,
    min: Arc<Epk>,
    rows: VecDeque<SortedRow>,
    has_more: bool,
    start: Start,
    last: Option<Last>,
}

/// The next row of a stream.
struct Head {
    row: SortedRow,
    min: Arc<Epk>,
    lane: LaneId,
    order: Arc<[Direction]>,
}

/// The most rows that a page has when the user named no number.
const LARGEST_PAGE: usize = 1000;

impl OrderBy {
    /// Merges lanes that were opened on the fetcher; each starts as it is told.
    pub(crate) fn new(
        fetcher: Fetcher,
        lanes: Vec<(LaneStart, Start)>,
        sorting: Sorting,
        resumed: Option<Boundary>,
    ) -> Self {
        let unready = lanes.iter().map(|(lane, _)| lane.id).collect();
        let streams = lanes.into_iter().map(|(lane, start)| {
            let last = start.last();
            (lane.id, Stream::new(lane.range, start, last))
        });
        let (streams, heads) = (streams.collect(), BinaryHeap::new());
        Self { fetcher, sorting, streams, unready, heads, last: None, resumed, failure: None }
    }

    /// Rows for a page, for as long as the next one is known.
    fn merge(&mut self, page: &mut Page) -> Result<()> {
        let most = self.sorting.page_size.unwrap_or(LARGEST_PAGE);
        while page.rows.len() < most {
            while let Some(id) = self.unready.front().copied() {
                let needs_request = self.streams.get(&id).is_some_and(|it| it.rows.is_empty());
                if needs_request && self.sorting.page_size.is_none() && !page.rows.is_empty() {
                    return Ok(());
                }
                self.make_ready(id, &mut page.usage)?;
            }
            let Some(Reverse(head)) = self.heads.pop() else {
                return Ok(());
            };
            self.emit(head, page);
        }
        Ok(())
    }

    /// Finds the next row of the first stream that is not ready, or that it has none.
    fn make_ready(&mut self, id: LaneId, usage: &mut Usage) -> Result<()> {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.unready.pop_front();
            return Ok(());
        };
        if let Some(row) = stream.rows.pop_front() {
            let (min, order) = (Arc::clone(&stream.min), Arc::clone(&self.sorting.order));
            self.heads.push(Reverse(Head { row, min, lane: id, order }));
            self.unready.pop_front();
        } else if !stream.has_more {
            self.unready.pop_front();
        } else {
            match self.fetcher.take(id)? {
                Next::Page(page) => usage.add(stream.fill(page, &self.sorting)?),
                Next::End => stream.has_more = false,
                Next::Split(children) => self.replace(id, children),
            }
        }
        Ok(())
    }

    /// Puts the children of a split stream in its place. They go on behind the rows that it returned.
    fn replace(&mut self, id: LaneId, children: Vec<LaneStart>) {
        self.unready.pop_front();
        let Some(parent) = self.streams.remove(&id) else {
            return;
        };
        if self.last == Some(id) {
            // The boundary refers to the part that holds the last row, which from now on is several.
            self.resumed = self.boundary_at(&parent);
            self.last = None;
        }
        for child in children.into_iter().rev() {
            self.unready.push_front(child.id);
            let stream = Stream::new(child.range, parent.start.clone(), parent.last.clone());
            self.streams.insert(child.id, stream);
        }
    }

    fn emit(&mut self, head: Head, page: &mut Page) {
        let Head { row, lane, .. } = head;
        if let Some(stream) = self.streams.get_mut(&lane) {
            Last::advance(&mut stream.last, row.keys, row.rid, &self.sorting.order);
        }
        self.last = Some(lane);
        self.unready.push_front(lane);
        page.rows.extend(row.output);
    }

    fn boundary(&self) -> Option<Boundary> {
        match self.last.and_then(|it| self.streams.get(&it)) {
            Some(stream) => self.boundary_at(stream),
            None => self.resumed.clone(),
        }
    }

    /// The boundary behind the last row, which was one of `stream`.
    fn boundary_at(&self, stream: &Stream) -> Option<Boundary> {
        let keys = stream.last.as_ref()?.keys.to_vec();
        let left = stream.range.min.clone();
        let others = self.streams.values().filter(|it| it.range != stream.range);
        let mut marks: Vec<Mark> = others
            .filter(|it| it.range.min >= left)
            .chain([stream])
            .filter_map(|it| it.mark(&keys, &self.sorting.order))
            .collect();
        marks.sort_by(|one, other| one.min.cmp(&other.min));
        Some(Boundary { keys, left, marks })
    }
}

impl Stage for OrderBy {
    fn next_page(&mut self) -> Result<Option<Page>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut page = Page::default();
        match self.merge(&mut page) {
            Err(error) if page.rows.is_empty() => return Err(error),
            Err(error) => self.failure = Some(error),
            Ok(()) => {}
        }
        Ok((page.usage.requests > 0 || !page.rows.is_empty()).then_some(page))
    }

    fn save(&self, position: &mut Position) -> bool {
        if let Some(boundary) = self.boundary() {
            position.source = Source::Merge(boundary);
        }
        let can_go_on = |it: &Stream| it.has_more || !it.rows.is_empty();
        !self.heads.is_empty()
            || self.failure.is_some()
            || self.unready.iter().any(|it| self.streams.get(it).is_some_and(can_go_on))
    }
}

impl Stream {
    fn new(range: EpkRange, start: Start, last: Option<Last>) -> Self {
        let min = Arc::new(range.min.clone());
        Self { range, min, rows: VecDeque::new(), has_more: true, start, last }
    }

    fn fill(&mut self, page: RawPage, sorting: &Sorting) -> Result<Usage> {
        self.has_more = page.continuation.is_some();
        let is_falling = has_falling_rids(&page.headers, &sorting.order);
        for row in page.rows {
            let row = SortedRow::parse(row, sorting.order.len(), sorting.output)?;
            if self.start.lets_through(&row, &sorting.order, is_falling) {
                self.rows.push_back(row);
            }
        }
        Ok(Usage::of(page.headers, page.diagnostics))
    }

    /// What a continuation has to know of this stream if the merge stands at `keys`.
    fn mark(&self, keys: &[crate::query::compare::SortKey], order: &[Direction]) -> Option<Mark> {
        let last = self.last.as_ref().filter(|it| compare_keys(&it.keys, keys, order).is_eq())?;
        let (min, max) = (self.range.min.clone(), self.range.max.clone());
        Some(Mark { min, max, rid: last.rid.clone(), count: last.count })
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_keys(&self.row.keys, &other.row.keys, &self.order)
            .then_with(|| self.min.cmp(&other.min))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
