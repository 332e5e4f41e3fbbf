//! Builds the stages of a query: lanes over the partitions first, then what its plan asks for on top.

use std::sync::Arc;

use crate::error::Result;
use crate::query::backend::{Backend, Freshness, QuerySpec, Target};
use crate::query::collected::Collected;
use crate::query::continuation::{Active, Boundary, Position, Source, refused};
use crate::query::cursor::{Cursor, Request, check_coverage};
use crate::query::distinct::DistinctRows;
use crate::query::fetcher::{Bounds, Fetcher, ReadAhead};
use crate::query::group_by::{Shape, aggregate, group};
use crate::query::order_by::start::{Last, Start};
use crate::query::order_by::{OrderBy, Sorting};
use crate::query::parallel::Parallel;
use crate::query::plan::{Distinct, QueryInfo};
use crate::query::resume_filter::{Edge, condition, fill};
use crate::query::sorted_row::Output;
use crate::query::stage::Stage;
use crate::query::window::Window;
use crate::query::{Options, dcount, non_streaming};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// What the stages of one query share.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) query: Arc<QuerySpec>,
    pub(crate) target: Target,
    pub(crate) options: Options,
    /// Where the plan says that there can be rows.
    pub(crate) plan_ranges: Vec<EpkRange>,
}

/// A part of the key space and the service's continuation for it.
type Piece = (EpkRange, Option<String>);

impl Setup {
    /// All stages that a plan asks for, from a position on.
    pub(crate) fn stages(&self, info: &QueryInfo, position: &Position) -> Result<Box<dyn Stage>> {
        let (skip, take) = info.window();
        let mut stage = self.sorted(info, &position.source, Output::Payload)?;
        if info.has_groups() {
            let shape = Shape::of(info)?;
            let has_one_group = info.group_by_expressions.is_empty();
            stage = self.collect(move || group(stage, &shape, has_one_group));
        } else if let Some(kind) = info.aggregates.first().copied() {
            stage = self.collect(move || aggregate(stage, kind));
        }
        // Rows of groups and aggregates are parts until they are put together, so that equal ones must stay until then.
        match info.distinct_type {
            Distinct::None => {}
            Distinct::Ordered => {
                let last = position.last_hash.as_deref().map(|it| u128::from_str_radix(it, 16));
                let last = last.transpose().map_err(|_| refused("it is damaged"))?;
                stage = Box::new(DistinctRows::ordered(stage, last));
            }
            Distinct::Unordered => stage = Box::new(DistinctRows::unordered(stage)),
        }
        if skip > 0 || take.is_some() {
            let is_start = position.source == Source::Start;
            let (skip, take) = if is_start { (skip, take) } else { (position.skip, position.take) };
            stage = Box::new(Window::new(stage, skip, take));
        }
        if let Some(d_count) = info.d_count.clone() {
            stage = self.collect(move || dcount::count(stage, d_count.alias.as_deref()));
        }
        Ok(stage)
    }

    /// The rows in the order that the plan asks for.
    pub(crate) fn sorted(
        &self,
        info: &QueryInfo,
        source: &Source,
        output: Output,
    ) -> Result<Box<dyn Stage>> {
        let text = info.text(&self.query.text);
        let bounds = self.bounds(info);
        if info.has_non_streaming_order_by {
            let capacity = non_streaming::capacity(info)?;
            let child = self.parallel(&fill(text, None), source, self.options.bounds())?;
            let order = info.order_by.clone().into();
            return Ok(self.collect(move || non_streaming::sort(child, &order, capacity, output)));
        }
        if info.order_by.is_empty() {
            return self.parallel(text, source, bounds);
        }
        let boundary = match source {
            Source::Start => None,
            Source::Merge(boundary) => Some(boundary),
            Source::Drain { .. } => return Err(refused("it is for a query without ORDER BY")),
        };
        let page_size = self.options.page_size();
        let sorting = Sorting { order: info.order_by.clone().into(), output, page_size };
        self.merge(info, bounds, sorting, boundary)
    }

    /// The rows of partition after partition.
    pub(crate) fn parallel(
        &self,
        text: &str,
        source: &Source,
        bounds: Bounds,
    ) -> Result<Box<dyn Stage>> {
        let (left, active) = match source {
            Source::Start => (&Epk::MIN, &[][..]),
            Source::Drain { left, active } => (left, active.as_slice()),
            Source::Merge(_) => return Err(refused("it is for a query with ORDER BY")),
        };
        let is_under_way = *source == Source::Start || !active.is_empty();
        let cursors = self.open(&self.pieces(left, active)?, text, is_under_way)?;
        let fetcher = self.fetcher(ReadAhead::InTurn, bounds);
        let lanes = fetcher.open(cursors);
        Ok(Box::new(Parallel::new(fetcher, lanes)))
    }

    /// The rows of all partitions, merged by their order.
    fn merge(
        &self,
        info: &QueryInfo,
        bounds: Bounds,
        sorting: Sorting,
        boundary: Option<&Boundary>,
    ) -> Result<Box<dyn Stage>> {
        let text = info.text(&self.query.text);
        let fetcher = self.fetcher(ReadAhead::Everywhere, bounds);
        let mut lanes = Vec::new();
        for (range, start) in self.starts(boundary, sorting.order.len())? {
            let edge =
                if matches!(start, Start::Behind(_)) { Edge::Exclusive } else { Edge::Inclusive };
            let condition = boundary
                .map(|it| condition(&info.order_by_expressions, &info.order_by, &it.keys, edge))
                .transpose()?;
            let cursors = self.open(&[(range, None)], &fill(text, condition.as_deref()), false)?;
            lanes.extend(fetcher.open(cursors).into_iter().map(|it| (it, start.clone())));
        }
        if lanes.is_empty() && boundary.is_none() {
            let pieces: Vec<Piece> =
                self.target.ranges.iter().map(|it| (it.clone(), None)).collect();
            let cursors = self.open(&pieces, &fill(text, None), true)?;
            lanes.extend(fetcher.open(cursors).into_iter().map(|it| (it, Start::Everything)));
        }
        Ok(Box::new(OrderBy::new(fetcher, lanes, sorting, boundary.cloned())))
    }

    /// The target cut where streams of a merge have to begin in different ways.
    fn starts(
        &self,
        boundary: Option<&Boundary>,
        columns: usize,
    ) -> Result<Vec<(EpkRange, Start)>> {
        let Some(boundary) = boundary else {
            let all = self.target.ranges.iter().map(|it| (it.clone(), Start::Everything));
            return Ok(all.collect());
        };
        if boundary.keys.len() != columns {
            return Err(refused("it is for an ORDER BY with other columns"));
        }
        let keys: Arc<[_]> = boundary.keys.clone().into();
        let marks: Vec<_> = boundary
            .marks
            .iter()
            .map(|mark| {
                let (rid, count) = (mark.rid.clone(), mark.count);
                let last = Last { keys: Arc::clone(&keys), rid, count };
                let start = Start::BehindRow { last, skipped: 0 };
                (EpkRange::new(mark.min.clone(), mark.max.clone()), start)
            })
            .collect();
        let mut starts = Vec::new();
        for range in &self.target.ranges {
            let left = EpkRange::new(Epk::MIN, boundary.left.clone());
            let done = range.intersection(&left);
            starts.extend(done.map(|it| (it, Start::Behind(Arc::clone(&keys)))));
            let right = EpkRange::new(boundary.left.clone(), Epk::max());
            let open = range.intersection(&right).map(|it| cut(&it, &marks)).transpose()?;
            let at = || Start::At(Arc::clone(&keys));
            let open = open.unwrap_or_default().into_iter();
            starts.extend(open.map(|(range, start)| (range, start.unwrap_or_else(at))));
        }
        Ok(starts)
    }

    /// What is left of the target, with the continuations of the parts that are under way.
    fn pieces(&self, left: &Epk, active: &[Active]) -> Result<Vec<Piece>> {
        let rest = EpkRange::new(left.clone(), Epk::max());
        let active: Vec<_> = active
            .iter()
            .map(|it| (EpkRange::new(it.min.clone(), it.max.clone()), it.token.clone()))
            .collect();
        let lies_within = |part: &EpkRange| {
            part.is_subset_of(&rest) && self.target.ranges.iter().any(|it| part.is_subset_of(it))
        };
        if !active.iter().all(|(part, _)| lies_within(part)) {
            return Err(refused(
                "it reaches beyond the part of the container that the query is confined to",
            ));
        }
        let remaining = self.target.ranges.iter().filter_map(|it| it.intersection(&rest));
        let pieces = remaining.map(|it| cut(&it, &active)).collect::<Result<Vec<_>>>()?;
        Ok(pieces.into_iter().flatten().collect())
    }

    /// Cursors over the partitions that hold the pieces, as far as the plan expects rows there.
    ///
    /// With `needs_one` there is always one cursor: a query that can find nothing is answered by the first partition.
    fn open(&self, pieces: &[Piece], text: &str, needs_one: bool) -> Result<Vec<Cursor>> {
        let text: Arc<str> = text.into();
        let mut cursors = Vec::new();
        let mut first = None;
        for (range, continuation) in pieces {
            if let Some(key) = &self.target.partition_key {
                let mut cursor = Cursor::of_key(key.clone(), range.clone(), Arc::clone(&text));
                cursor.continue_from(continuation.clone());
                cursors.push(cursor);
                continue;
            }
            let partitions = self.backend.ranges(range, Freshness::Cached)?;
            check_coverage(&partitions, range)?;
            for partition in &partitions {
                let text = Arc::clone(&text);
                let cursor = Cursor::of_partition(partition, range, text, continuation.clone());
                let Some(cursor) = cursor else { continue };
                if self.plan_ranges.iter().any(|it| it.overlaps(cursor.range())) {
                    cursors.push(cursor);
                } else if first.is_none() {
                    first = Some(cursor);
                }
            }
        }
        if cursors.is_empty() && needs_one {
            cursors.extend(first);
        }
        Ok(cursors)
    }

    fn fetcher(&self, read_ahead: ReadAhead, bounds: Bounds) -> Fetcher {
        let max_item_count = self.options.max_item_count;
        let request = Request { query: Arc::clone(&self.query), max_item_count };
        Fetcher::new(Arc::clone(&self.backend), request, read_ahead, bounds)
    }

    /// How much to fetch ahead. What comes after the last wanted row would be paid for in vain.
    fn bounds(&self, info: &QueryInfo) -> Bounds {
        let mut bounds = self.options.bounds();
        let (skip, take) = info.window();
        if let Some(take) = take.filter(|_| info.is_backends_business()) {
            let wanted = usize::try_from(skip.saturating_add(take)).unwrap_or(usize::MAX);
            bounds.buffered_items = bounds.buffered_items.min(wanted);
        }
        bounds
    }

    fn collect(
        &self,
        computation: impl FnOnce() -> Result<crate::query::collected::Collection> + Send + 'static,
    ) -> Box<dyn Stage> {
        Box::new(Collected::new(self.options.page_size().unwrap_or(1000), computation))
    }
}

/// Cuts a range at the edges of parts, which must follow each other without overlapping.
fn cut<T: Clone>(range: &EpkRange, parts: &[(EpkRange, T)]) -> Result<Vec<(EpkRange, Option<T>)>> {
    if !parts.is_sorted_by(|one, other| one.0.max <= other.0.min) {
        return Err(refused("it is damaged"));
    }
    let mut cuts = Vec::new();
    let mut reached = range.min.clone();
    for (part, value) in parts {
        let Some(shared) = part.intersection(range) else { continue };
        if reached < shared.min {
            cuts.push((EpkRange::new(reached, shared.min.clone()), None));
        }
        reached = shared.max.clone();
        cuts.push((shared, Some(value.clone())));
    }
    if reached < range.max {
        cuts.push((EpkRange::new(reached, range.max.clone()), None));
    }
    Ok(cuts)
}
