//! Query plans: what a client has to do itself to run a query over many partitions, and with which texts.

mod features;
mod fold;
mod hybrid;
mod info;
mod json;
mod planar;
mod ranges;
mod rewrite;
mod solve;
mod vector;

pub(crate) use features::unsupported;
pub(crate) use fold::Space;
pub(crate) use hybrid::HybridInfo;
pub(crate) use info::{DistinctType, QueryInfo};
pub(crate) use ranges::{Bound, KeyPart, KeyRange};

use super::ast::{OrderBy, Query};
use super::environment::VectorEmbedding;
use super::error::SqlError;

/// What a plan depends on beside the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanContext<'a> {
    /// The container's partition key paths, cut into their names.
    pub(crate) partition_key_paths: &'a [Vec<String>],
    pub(crate) kind: KeyKind,
    /// Whether the request names one logical partition.
    pub(crate) has_partition_key_header: bool,
    /// What the client announced, in the service's words.
    pub(crate) features: &'a [&'a str],
    /// The container's vector embedding policy.
    pub(crate) vectors: &'a [VectorEmbedding],
    /// What its geometries are.
    pub(crate) space: Space,
}

/// How a container places its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyKind {
    #[default]
    Hash,
    MultiHash,
    Range,
}

/// A query plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Nothing for a hybrid search.
    pub(crate) query_info: Option<QueryInfo>,
    /// Where matching items can be, in no order.
    pub(crate) ranges: Vec<KeyRange>,
    pub(crate) hybrid: Option<HybridInfo>,
}

/// The plan of a query.
///
/// `query` is as the parser gave it: rewritten texts keep its parameters, for the client sends them along. `bound` is
/// the same query with its parameters put in, from which the numbers and the ranges come.
pub(crate) fn plan(
    query: &Query,
    bound: &Query,
    context: &PlanContext<'_>,
) -> Result<Plan, SqlError> {
    let ranges = ranges::of(bound, context);
    if let Some(OrderBy::Rank(_)) = query.order_by {
        let hybrid = Some(hybrid::of(query, bound, context)?);
        return Ok(Plan { query_info: None, ranges, hybrid });
    }
    let single = context.has_partition_key_header || ranges::are_one_point(&ranges, context);
    let query_info = Some(info::of(query, bound, context, single)?);
    Ok(Plan { query_info, ranges, hybrid: None })
}

impl Plan {
    /// Whether a client has to combine what the partitions answer: the gateway does not serve such a query itself.
    pub(crate) fn needs_pipeline(&self) -> bool {
        match &self.query_info {
            None => true,
            Some(info) => {
                info.top.is_some()
                    || info.offset.is_some()
                    || info.limit.is_some()
                    || !info.order_by.is_empty()
                    || info.distinct != DistinctType::None
                    || info.has_aggregate()
                    || info.has_group_by()
                    || info.dcount.is_some()
            }
        }
    }

    /// Whether there is an aggregate that is not a `SELECT VALUE` of it alone, which the gateway refuses to route
    /// itself.
    pub(crate) fn has_non_value_aggregate(&self) -> bool {
        self.query_info.as_ref().is_some_and(|info| {
            let listed = info.group_by_alias_to_aggregate.iter().any(|(_, found)| found.is_some());
            listed || (info.has_group_by() && info.has_aggregate())
        })
    }

    /// Whether all items that match have one and the same partition key.
    pub(crate) fn is_one_partition_key(&self, context: &PlanContext<'_>) -> bool {
        ranges::are_one_point(&self.ranges, context)
    }
}

#[cfg(test)]
mod tests;
