//! Query plans: what the service leaves to the client, and which part of the key space the query can touch.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyValue};
use crate::query::aggregate::AggregateKind;
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// What the client announces that it can do. Left out is only what asks the client to compute embeddings.
pub(crate) const SUPPORTED_FEATURES: &str = "Aggregate, CompositeAggregate, Distinct, GroupBy, \
    MultipleAggregates, MultipleOrderBy, OffsetAndLimit, OrderBy, Top, NonValueAggregate, DCount, \
    NonStreamingOrderBy, ListAndSetAggregate, CountIf, HybridSearch, WeightedRankFusion, \
    HybridSearchSkipOrderByRewrite";

/// A plan, with its ranges as points of the key space.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryPlan {
    pub(crate) info: QueryInfo,
    pub(crate) hybrid: Option<HybridInfo>,
    /// In order. What lies outside holds no row of the query.
    pub(crate) ranges: Vec<EpkRange>,
    /// Whether `ranges` is one single partition key.
    pub(crate) is_point: bool,
}

/// The part of a plan that says which stages a query needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct QueryInfo {
    #[serde(deserialize_with = "or_default")]
    pub(crate) distinct_type: Distinct,
    pub(crate) top: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) limit: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) order_by: Vec<Direction>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) order_by_expressions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) group_by_expressions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) group_by_aliases: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) aggregates: Vec<AggregateKind>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) group_by_alias_to_aggregate_type: Map<String, Value>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) rewritten_query: String,
    #[serde(deserialize_with = "flag")]
    pub(crate) has_select_value: bool,
    #[serde(rename = "dCountInfo")]
    pub(crate) d_count: Option<DCountInfo>,
    #[serde(deserialize_with = "flag")]
    pub(crate) has_non_streaming_order_by: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Distinct {
    #[default]
    None,
    /// Equal rows follow each other.
    Ordered,
    Unordered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// A count of distinct rows, under a name unless the query says `VALUE`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DCountInfo {
    #[serde(rename = "dCountAlias")]
    pub(crate) alias: Option<String>,
}

/// The plan of a query that is `ORDER BY RANK`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HybridInfo {
    #[serde(deserialize_with = "or_default")]
    pub(crate) global_statistics_query: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) component_query_infos: Vec<QueryInfo>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) component_weights: Vec<f64>,
    pub(crate) skip: Option<u64>,
    pub(crate) take: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub(crate) requires_global_statistics: bool,
}

impl QueryPlan {
    /// The plan of a query of which each partition returns a part of the rows, and nothing is to be merged.
    pub(crate) fn pass_through() -> Self {
        Self { ranges: vec![EpkRange::full()], ..Self::default() }
    }

    /// Reads a plan as the service or another server writes it.
    ///
    /// Ranges may be effective partition keys, or lists of key values that the container's definition hashes.
    pub(crate) fn parse(body: &[u8], definition: &PartitionKeyDefinition) -> Result<Self> {
        Self::read(body, Some(definition))
    }

    /// Reads the plan of a query over one partition key, whose ranges say nothing that the key does not.
    pub(crate) fn parse_for_key(body: &[u8]) -> Result<Self> {
        Self::read(body, None)
    }

    fn read(body: &[u8], definition: Option<&PartitionKeyDefinition>) -> Result<Self> {
        let plan: Plan = serde_json::from_slice(body).map_err(|error| {
            Error::json("the answer is not a query plan that this version understands")
                .with_source(error)
        })?;
        let has_content = plan.query_info.is_some() || plan.hybrid_search_query_info.is_some();
        let Some(bounds) = plan.query_ranges.or_else(|| has_content.then(Vec::new)) else {
            return Err(Error::json(
                "the answer is not a query plan: it has neither info nor ranges",
            ));
        };
        let mut ranges = match definition {
            Some(definition) => {
                bounds.iter().map(|it| it.range(definition)).collect::<Result<Vec<_>>>()?
            }
            None => Vec::new(),
        };
        ranges.sort_by(|one, other| one.min.cmp(&other.min));
        if ranges.is_empty() {
            ranges.push(EpkRange::full());
        }
        Ok(Self {
            info: plan.query_info.unwrap_or_default(),
            hybrid: plan.hybrid_search_query_info,
            ranges,
            is_point: matches!(bounds.as_slice(), [only] if only.is_point()),
        })
    }
}

impl QueryInfo {
    /// Whether partial aggregates have to be put together: the backend aggregates page by page.
    pub(crate) fn has_aggregates(&self) -> bool {
        !self.aggregates.is_empty()
            || self.group_by_alias_to_aggregate_type.values().any(|it| !it.is_null())
    }

    /// Whether rows are gathered into groups. Aggregates under names are one group over everything.
    pub(crate) fn has_groups(&self) -> bool {
        !self.group_by_expressions.is_empty()
            || (self.aggregates.is_empty() && self.has_aggregates())
    }

    /// Whether one partition can answer the user's own text, page after page.
    pub(crate) fn is_backends_business(&self) -> bool {
        self.distinct_type == Distinct::None
            && !self.has_aggregates()
            && !self.has_groups()
            && !self.has_non_streaming_order_by
            && self.d_count.is_none()
    }

    /// How many rows to leave out, and how many to return at most.
    pub(crate) fn window(&self) -> (u64, Option<u64>) {
        let take = match (self.limit, self.top) {
            (Some(limit), Some(top)) => Some(limit.min(top)),
            (limit, top) => limit.or(top),
        };
        (self.offset.unwrap_or(0), take)
    }

    /// What the partitions are to run: the rewritten text, or the user's if there is none.
    pub(crate) fn text<'a>(&'a self, original: &'a str) -> &'a str {
        if self.rewritten_query.is_empty() { original } else { &self.rewritten_query }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    #[serde(default)]
    query_info: Option<QueryInfo>,
    #[serde(default)]
    query_ranges: Option<Vec<Bounds>>,
    #[serde(default)]
    hybrid_search_query_info: Option<HybridInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounds {
    min: Value,
    max: Value,
    #[serde(default = "yes", deserialize_with = "flag")]
    is_min_inclusive: bool,
    #[serde(default, deserialize_with = "flag")]
    is_max_inclusive: bool,
}

impl Bounds {
    fn is_point(&self) -> bool {
        self.min == self.max && self.is_min_inclusive && self.is_max_inclusive
    }

    fn range(&self, definition: &PartitionKeyDefinition) -> Result<EpkRange> {
        let key = match &self.min {
            Value::Array(values) if self.is_point() => components(values),
            _ => None,
        };
        let key = key.filter(|it| !it.components().is_empty());
        if let Some(range) = key.and_then(|it| EpkRange::of(&it, definition).ok()) {
            return Ok(range);
        }
        let min = bound(&self.min, definition)?.unwrap_or(Epk::MIN);
        let max = bound(&self.max, definition)?.unwrap_or_else(Epk::max);
        Ok(EpkRange::from_bounds((min, self.is_min_inclusive), (max, self.is_max_inclusive)))
    }
}

/// The point that a bound stands for; `None` where only the whole side is safe, such as below the least number, or for
/// some but not all values of a key that is not hierarchical.
fn bound(value: &Value, definition: &PartitionKeyDefinition) -> Result<Option<Epk>> {
    match value {
        Value::String(text) if text == "Infinity" => Ok(Some(Epk::max())),
        Value::String(text) => text.parse().map(Some),
        Value::Array(values) if is_infinity(values) => Ok(Some(Epk::max())),
        Value::Array(values) => Ok(components(values).and_then(|it| Epk::of(&it, definition).ok())),
        _ => Err(Error::json(format!("the query plan has a range with the bound {value}"))),
    }
}

fn is_infinity(values: &[Value]) -> bool {
    matches!(values, [Value::Object(only)] if only.get("type").is_some_and(|it| it == "Infinity"))
}

/// The key made of these values, if each of them is one that an item can have.
fn components(values: &[Value]) -> Option<PartitionKey> {
    let component = |value: &Value| match value.get("type").and_then(Value::as_str) {
        None | Some("Undefined") => Some(PartitionKeyValue::from_json(value)),
        Some(_) => None,
    };
    values.iter().map(component).collect::<Option<Vec<_>>>().map(PartitionKey::from_components)
}

fn yes() -> bool {
    true
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A boolean, which some planners write as 0 or 1.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(false),
        Value::Bool(value) => Ok(value),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        other => Err(D::Error::custom(format!("{other} is not a boolean"))),
    }
}

#[cfg(test)]
mod tests;
