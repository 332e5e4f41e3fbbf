//! Plans as JSON, member by member as the service orders them.

use std::sync::Arc;

use super::{DistinctType, HybridInfo, Plan, QueryInfo};
use crate::emulator::sql::ast::Direction;
use crate::emulator::sql::bind::Aggregate;
use crate::emulator::sql::value::{Object, Value};

impl Plan {
    /// The body of a query plan; `ranges` are its ranges, hashed, as the caller writes them.
    pub(crate) fn to_value(&self, ranges: Value) -> Value {
        object([
            ("partitionedQueryExecutionInfoVersion", Value::from(2i64)),
            ("queryInfo", self.query_info.as_ref().map_or(Value::Null, QueryInfo::to_value)),
            ("queryRanges", ranges),
            (
                "hybridSearchQueryInfo",
                self.hybrid.as_ref().map_or(Value::Null, HybridInfo::to_value),
            ),
        ])
    }
}

impl QueryInfo {
    pub(crate) fn to_value(&self) -> Value {
        let distinct = match self.distinct {
            DistinctType::None => "None",
            DistinctType::Ordered => "Ordered",
            DistinctType::Unordered => "Unordered",
        };
        object([
            ("distinctType", Value::from(distinct)),
            ("top", number(self.top)),
            ("offset", number(self.offset)),
            ("limit", number(self.limit)),
            ("orderBy", list(&self.order_by, |it| direction(*it))),
            ("orderByExpressions", list(&self.order_by_expressions, |it| Value::from(it.as_str()))),
            ("groupByExpressions", list(&self.group_by_expressions, |it| Value::from(it.as_str()))),
            ("groupByAliases", list(&self.group_by_aliases, |it| Value::String(it.clone()))),
            ("aggregates", list(&self.aggregates, |it| Value::from(it.plan_name()))),
            ("groupByAliasToAggregateType", aliases(&self.group_by_alias_to_aggregate)),
            ("rewrittenQuery", Value::from(self.rewritten.as_str())),
            ("hasSelectValue", Value::from(self.has_select_value)),
            ("dCountInfo", dcount(self.dcount.as_ref())),
            ("hasNonStreamingOrderBy", Value::from(self.has_non_streaming_order_by)),
        ])
    }
}

impl HybridInfo {
    fn to_value(&self) -> Value {
        object([
            ("globalStatisticsQuery", Value::from(self.global_statistics_query.as_str())),
            ("componentQueryInfos", list(&self.components, QueryInfo::to_value)),
            ("componentWithoutPayloadQueryInfos", Value::array(Vec::new())),
            ("projectionQueryInfo", Value::Null),
            ("componentWeights", list(&self.component_weights, |it| Value::from(*it))),
            ("skip", number(self.skip)),
            ("take", number(self.take)),
            ("requiresGlobalStatistics", Value::from(self.requires_global_statistics)),
        ])
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::from(members.into_iter().collect::<Object>())
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    Value::array(items.iter().map(value).collect())
}

fn number(number: Option<u64>) -> Value {
    number.map_or(Value::Null, Value::from)
}

fn direction(direction: Direction) -> Value {
    Value::from(match direction {
        Direction::Ascending => "Ascending",
        Direction::Descending => "Descending",
    })
}

fn aliases(aliases: &[(Arc<str>, Option<Aggregate>)]) -> Value {
    let members = aliases.iter().map(|(alias, aggregate)| {
        let value = aggregate.map_or(Value::Null, |it| Value::from(it.plan_name()));
        (alias.clone(), value)
    });
    Value::from(members.collect::<Object>())
}

fn dcount(dcount: Option<&Option<Arc<str>>>) -> Value {
    dcount.map_or(Value::Null, |alias| {
        let alias = alias.as_ref().map_or(Value::Null, |it| Value::String(it.clone()));
        object([("dCountAlias", alias)])
    })
}
