//! The part of a plan that says what a client does with the answers of the partitions.

use std::sync::Arc;

use super::rewrite::Rewriter;
use super::{PlanContext, vector};
use crate::emulator::sql::ast::{
    Collection, Count, Direction, Expr, OrderBy, OrderItem, Projection, Query, Source,
};
use crate::emulator::sql::bind::Aggregate;
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::naming::column_names;
use crate::emulator::sql::{print, walk};

/// What the gateway calls `queryInfo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueryInfo {
    pub(crate) distinct: DistinctType,
    pub(crate) top: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) order_by: Vec<Direction>,
    pub(crate) order_by_expressions: Vec<String>,
    pub(crate) group_by_expressions: Vec<String>,
    pub(crate) group_by_aliases: Vec<Arc<str>>,
    /// Of a `SELECT VALUE` only.
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) group_by_alias_to_aggregate: Vec<(Arc<str>, Option<Aggregate>)>,
    /// Empty where the query goes to the partitions as it is.
    pub(crate) rewritten: String,
    pub(crate) has_select_value: bool,
    /// For a count of distinct rows: the name under which it is selected, if it has one.
    pub(crate) dcount: Option<Option<Arc<str>>>,
    pub(crate) has_non_streaming_order_by: bool,
}

/// Whether a client has to drop repeated rows, and if so, whether they come one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DistinctType {
    #[default]
    None,
    Ordered,
    Unordered,
}

impl QueryInfo {
    pub(crate) fn has_group_by(&self) -> bool {
        !self.group_by_expressions.is_empty()
    }

    pub(crate) fn has_aggregate(&self) -> bool {
        let mut listed = self.group_by_alias_to_aggregate.iter();
        !self.aggregates.is_empty() || listed.any(|(_, found)| found.is_some())
    }
}

/// The plan of a query that is no hybrid search. `single` says that one logical partition answers all of it.
pub(super) fn of(
    query: &Query,
    bound: &Query,
    context: &PlanContext<'_>,
    single: bool,
) -> Result<QueryInfo, SqlError> {
    let mut info = QueryInfo {
        has_select_value: matches!(query.select.projection, Projection::Value(_)),
        ..QueryInfo::default()
    };
    if query.from.is_none() {
        // It has one row, wherever it runs.
        return Ok(info);
    }
    let selected = walk::selected(&query.select.projection);
    uncomposed(&selected)?;
    let aggregated = selected.iter().any(|expr| Aggregate::of(expr).is_some());
    if let Some(inner) = counted_distinct(query) {
        info.distinct = DistinctType::Unordered;
        info.dcount = Some(count_alias(query));
        info.rewritten = print::query(inner);
        return Ok(info);
    }
    let rewriter = Rewriter::new(query);
    info.top = number(bound.select.top.as_ref());
    info.offset = number(bound.window.as_ref().map(|window| &window.offset));
    info.limit = number(bound.window.as_ref().map(|window| &window.limit));
    if query.select.distinct {
        info.distinct = DistinctType::Unordered;
    }
    if !query.group_by.is_empty() {
        info.group_by_expressions = query.group_by.iter().map(print::expr).collect();
        name_aggregates(&mut info, query);
        info.rewritten = rewriter.group_by();
    } else if aggregated {
        name_aggregates(&mut info, query);
        info.rewritten = rewriter.aggregate();
    } else {
        plain(&mut info, query, context, single, rewriter);
    }
    Ok(info)
}

/// The plan of a query without groups and aggregates.
fn plain(
    info: &mut QueryInfo,
    query: &Query,
    context: &PlanContext<'_>,
    single: bool,
    mut rewriter: Rewriter,
) {
    if query.select.distinct {
        rewriter.drop_window();
    } else if single {
        // The backend applies it.
        (info.offset, info.limit) = (None, None);
    } else if let (Some(offset), Some(limit)) = (info.offset, info.limit) {
        rewriter.widen_window(offset + limit);
    }
    if let Some(OrderBy::Items(items)) = &query.order_by {
        for item in items {
            let distance = vector::direction(&item.expr, context.vectors);
            info.has_non_streaming_order_by |= distance.is_some();
            let written = item.direction.unwrap_or(Direction::Ascending);
            info.order_by.push(distance.unwrap_or(written));
            info.order_by_expressions.push(print::expr(&item.expr));
        }
        if query.select.distinct && is_ordered(&query.select.projection, items) {
            info.distinct = DistinctType::Ordered;
        }
        rewriter.set_top(info.top.filter(|_| !query.select.distinct));
        info.rewritten = rewriter.order_by(items);
    } else if rewriter.changed {
        info.rewritten = rewriter.text();
    }
}

/// Whether equal rows of a `SELECT DISTINCT VALUE` come one after the other, as they are sorted by that value.
fn is_ordered(projection: &Projection, items: &[OrderItem]) -> bool {
    match (projection, items) {
        (Projection::Value(value), [item]) => print::expr(value) == print::expr(&item.expr),
        _ => false,
    }
}

fn name_aggregates(info: &mut QueryInfo, query: &Query) {
    let aggregate = |expr: &Expr| Aggregate::of(expr).map(|(found, _)| found);
    match &query.select.projection {
        Projection::Star => {}
        Projection::Value(expr) => info.aggregates.extend(aggregate(expr)),
        Projection::List(items) => {
            info.group_by_aliases = column_names(items);
            let aggregates = items.iter().map(|item| aggregate(&item.expr));
            info.group_by_alias_to_aggregate =
                info.group_by_aliases.iter().cloned().zip(aggregates).collect();
        }
    }
}

/// Aggregates have to stand alone, for a client could not combine what they are part of.
fn uncomposed(selected: &[&Expr]) -> Result<(), SqlError> {
    let composed = |expr: &&Expr| {
        Aggregate::of(expr).is_none() && walk::children(expr).into_iter().any(Aggregate::is_within)
    };
    if !selected.iter().any(composed) {
        return Ok(());
    }
    Err(SqlError::Refused(
        "Compositions of aggregates and other expressions are not allowed.".into(),
    ))
}

/// The inner query of `SELECT COUNT(1) FROM (SELECT DISTINCT …)`.
fn counted_distinct(query: &Query) -> Option<&Query> {
    let from = query.from.as_ref()?;
    let Source::Alias { collection: Collection::Subquery(inner), .. } = &from.source else {
        return None;
    };
    let bare = from.joins.is_empty()
        && query.filter.is_none()
        && query.group_by.is_empty()
        && query.order_by.is_none()
        && query.window.is_none()
        && query.select.top.is_none();
    let [selected] = walk::selected(&query.select.projection)[..] else { return None };
    let (Aggregate::Count, [Expr::Literal(_)]) = Aggregate::of(selected)? else { return None };
    (bare && inner.select.distinct).then_some(inner)
}

/// The name of the only column.
fn count_alias(query: &Query) -> Option<Arc<str>> {
    match &query.select.projection {
        Projection::List(items) => column_names(items).pop(),
        _ => None,
    }
}

/// The number of a bound count.
pub(super) fn number(count: Option<&Count>) -> Option<u64> {
    match count? {
        Count::Number(number, _) => number.as_i64().and_then(|it| u64::try_from(it).ok()),
        Count::Parameter(..) => None,
    }
}
