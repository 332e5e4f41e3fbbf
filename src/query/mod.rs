//! Queries across partitions: what the service leaves to its clients.
//!
//! A partition runs a query over its own items only. What has to look further, such as `ORDER BY`, `GROUP BY` or an
//! aggregate, the service rewrites into a query for each partition and a plan for the client; the stages here carry
//! the plan out. They pull pages from each other:
//!
//! ```text
//! source      parallel, order_by, non_streaming or hybrid      over fetcher and cursor: one lane a partition
//!   → group_by (or one aggregate) → distinct → window (OFFSET, LIMIT, TOP) → dcount
//! ```
//!
//! Nothing here knows HTTP: the client below is a [`backend::Backend`].

use std::sync::Arc;

use http::HeaderMap;
use serde_json::value::RawValue;

use crate::diagnostics::Diagnostics;
use crate::error::{Error, ErrorKind, Result};
use crate::query::backend::{Backend, QuerySpec, Target};
use crate::query::clauses::Clauses;
use crate::query::collected::Collected;
use crate::query::continuation::{Identity, Position};
use crate::query::fetcher::Bounds;
use crate::query::plan::{Distinct, QueryInfo, QueryPlan};
use crate::query::setup::Setup;
use crate::query::stage::Stage;
use crate::query::usage::Usage;
use crate::routing::range::EpkRange;

pub(crate) mod aggregate;
pub(crate) mod backend;
mod builder;
mod chain;
pub(crate) mod clauses;
pub(crate) mod collected;
pub(crate) mod compare;
pub(crate) mod continuation;
pub(crate) mod cursor;
pub(crate) mod dcount;
pub(crate) mod distinct;
pub(crate) mod fetcher;
pub(crate) mod group_by;
mod http_backend;
pub(crate) mod hybrid;
pub(crate) mod non_streaming;
pub(crate) mod order_by;
pub(crate) mod parallel;
pub(crate) mod plan;
pub(crate) mod resume_filter;
pub(crate) mod row;
pub(crate) mod setup;
pub(crate) mod sorted_row;
pub(crate) mod stage;
pub(crate) mod usage;
pub(crate) mod window;

pub use builder::Query;
pub(crate) use http_backend::PlanCache;

/// How a query is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// The rows of a page at most. Pages of the service are asked for with it; `-1` leaves the choice to the service.
    pub(crate) max_item_count: Option<i32>,
    /// Partitions that are read from at once. With 1 there are no threads, and nothing is read ahead.
    pub(crate) max_concurrency: usize,
    /// Rows that may wait in memory for their turn.
    pub(crate) max_buffered_items: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_item_count: None, max_concurrency: 1, max_buffered_items: 10_000 }
    }
}

impl Options {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { concurrency: self.max_concurrency, buffered_items: self.max_buffered_items }
    }

    /// The number of rows that the user wants in a page, if any.
    pub(crate) fn page_size(&self) -> Option<usize> {
        usize::try_from(self.max_item_count?).ok().filter(|it| *it > 0)
    }
}

/// One page for the user.
#[derive(Debug)]
pub(crate) struct OutputPage {
    pub(crate) rows: Vec<Box<RawValue>>,
    /// Where to go on. Absent on the last page, and on all pages of a query that cannot be continued elsewhere.
    pub(crate) continuation: Option<String>,
    /// The request units of all requests behind the page.
    pub(crate) charge: f64,
    /// The headers of the last answer behind the page; empty if the page took no request.
    pub(crate) headers: HeaderMap,
    /// The query metrics of all answers behind the page, in the form of the header.
    pub(crate) metrics: Option<String>,
    /// What the client did for the page, a record for each request.
    pub(crate) diagnostics: Vec<Diagnostics>,
}

/// A query under way.
pub(crate) struct QueryPipeline {
    /// Dropped at the end and after an error, which also ends what runs in the background.
    stage: Option<Box<dyn Stage>>,
    /// `None` where the query cannot be continued.
    identity: Option<Identity>,
}

impl QueryPipeline {
    /// Plans a query and prepares its stages; rows are fetched when the first page is asked for.
    ///
    /// `resume` is the continuation of an earlier page of the same query.
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        query: QuerySpec,
        target: Target,
        options: Options,
        resume: Option<&str>,
    ) -> Result<Self> {
        let identity = Identity::new(backend.container_rid()?, &query, &target);
        let position = resume.map(|it| identity.open(it)).transpose()?.unwrap_or_default();
        let plan = plan(&*backend, &query, &target)?;
        let obstacle = plan.as_ref().and_then(|it| obstacle(it));
        if let Some(obstacle) = obstacle.filter(|_| resume.is_some()) {
            return Err(Error::invalid_input(format!(
                "a query with {obstacle} cannot be continued: all of its rows are needed first, so run it from the start"
            )));
        }
        let query = Arc::new(query);
        let plan_ranges = vec![EpkRange::full()];
        let setup = Setup { backend, query, target, options, plan_ranges };
        let stage = stages(setup, plan.as_deref(), &position)?;
        Ok(Self { stage: Some(stage), identity: obstacle.is_none().then_some(identity) })
    }

    /// The next page that has rows, or the last page; `None` after that, and after an error.
    pub(crate) fn next_page(&mut self) -> Result<Option<OutputPage>> {
        let mut usage = Usage::default();
        while let Some(stage) = &mut self.stage {
            let page = match stage.next_page() {
                Ok(page) => page,
                Err(error) => {
                    self.stage = None;
                    return Err(error);
                }
            };
            let mut position = Position::default();
            let has_more = page.is_some() && stage.save(&mut position);
            let rows = page.map_or_else(Vec::new, |page| {
                usage.add(page.usage);
                page.rows
            });
            if !has_more {
                self.stage = None;
            }
            if !rows.is_empty() || (!has_more && usage.requests > 0) {
                let identity = self.identity.as_ref().filter(|_| has_more);
                let continuation = identity.and_then(|it| it.seal(position));
                return Ok(Some(output(rows, continuation, usage)));
            }
        }
        Ok(None)
    }
}

fn output(rows: Vec<Box<RawValue>>, continuation: Option<String>, usage: Usage) -> OutputPage {
    let metrics = usage.metrics();
    OutputPage {
        rows,
        continuation,
        charge: usage.charge,
        headers: usage.headers,
        metrics,
        diagnostics: usage.diagnostics,
    }
}

/// The query's plan, or `None` where one partition key answers the text as it is.
///
/// A server that has no plans is taken at its word where the text needs none: each partition returns its rows.
fn plan(
    backend: &dyn Backend,
    query: &QuerySpec,
    target: &Target,
) -> Result<Option<Arc<QueryPlan>>> {
    let key = target.partition_key.as_ref();
    if !clauses::needs_plan(&query.text, key.is_some()) {
        return Ok(None);
    }
    match backend.plan(query, key) {
        Ok(plan) => Ok(Some(plan)),
        Err(error) if has_no_plans(&error) && Clauses::of(&query.text).is_plain() => {
            Ok(Some(Arc::new(QueryPlan::pass_through())))
        }
        Err(error) => Err(error),
    }
}

/// Whether a server took the request for a plan for something else. A query that is wrong fails again without one.
fn has_no_plans(error: &Error) -> bool {
    error.kind() == ErrorKind::Json
        || error.status().is_some_and(|it| it == http::StatusCode::BAD_REQUEST)
}

/// What keeps a query from being continued from a page of it, if anything does.
fn obstacle(plan: &QueryPlan) -> Option<&'static str> {
    let info = &plan.info;
    match () {
        () if plan.hybrid.is_some() => Some("ORDER BY RANK"),
        () if !info.group_by_expressions.is_empty() => Some("GROUP BY"),
        () if info.has_aggregates() || info.d_count.is_some() => Some("an aggregate"),
        () if info.has_non_streaming_order_by => Some("an ORDER BY on a distance"),
        () if info.distinct_type == Distinct::Unordered => Some("DISTINCT that is not sorted"),
        () => None,
    }
}

fn stages(
    mut setup: Setup,
    plan: Option<&QueryPlan>,
    position: &Position,
) -> Result<Box<dyn Stage>> {
    let pass_through = QueryInfo::default();
    let Some(plan) = plan else {
        return setup.stages(&pass_through, position);
    };
    setup.plan_ranges.clone_from(&plan.ranges);
    if let Some(hybrid) = plan.hybrid.clone() {
        let page_size = setup.options.page_size().unwrap_or(1000);
        return Ok(Box::new(Collected::new(page_size, move || hybrid::run(&setup, &hybrid))));
    }
    let is_one_key = plan.is_point || setup.target.partition_key.is_some();
    if is_one_key && plan.info.is_backends_business() {
        return setup.stages(&pass_through, position);
    }
    setup.stages(&plan.info, position)
}

#[cfg(test)]
mod tests;
