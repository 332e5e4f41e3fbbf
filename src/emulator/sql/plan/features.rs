//! What a client has to be able to do for a plan.

use super::{DistinctType, Plan, QueryInfo};
use crate::emulator::sql::bind::Aggregate;

/// Why a client that announced these features cannot run a plan: the service's text; nothing if it can.
pub(crate) fn unsupported(plan: &Plan, announced: &[&str]) -> Option<String> {
    let missing: Vec<&str> =
        needed(plan).into_iter().filter(|feature| !announced.contains(feature)).collect();
    if missing.is_empty() {
        return None;
    }
    let mut text = String::from(
        "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the requested \
         features:",
    );
    for feature in missing {
        text.push_str("\r\nQuery contained ");
        text.push_str(feature);
        text.push_str(", which the calling client does not support.");
    }
    Some(text)
}

/// The features that a plan needs, in the service's order.
fn needed(plan: &Plan) -> Vec<&'static str> {
    let mut features = Vec::new();
    if let Some(info) = &plan.query_info {
        of_info(info, &mut features);
    }
    if let Some(hybrid) = &plan.hybrid {
        features.push("HybridSearch");
        if !hybrid.component_weights.is_empty() {
            features.push("WeightedRankFusion");
        }
    }
    features
}

fn of_info(info: &QueryInfo, features: &mut Vec<&'static str>) {
    let listed = info.group_by_alias_to_aggregate.iter().filter_map(|(_, found)| *found);
    let all: Vec<Aggregate> = info.aggregates.iter().copied().chain(listed.clone()).collect();
    let listed = listed.count();
    let any = |wanted: &[Aggregate]| all.iter().any(|found| wanted.contains(found));
    for (needed, feature) in [
        (!info.aggregates.is_empty(), "Aggregate"),
        (info.distinct != DistinctType::None, "Distinct"),
        (info.has_group_by(), "GroupBy"),
        (listed > 1, "MultipleAggregates"),
        (info.order_by.len() > 1, "MultipleOrderBy"),
        (info.offset.is_some() || info.limit.is_some(), "OffsetAndLimit"),
        (!info.order_by.is_empty(), "OrderBy"),
        (info.top.is_some(), "Top"),
        (listed > 0, "NonValueAggregate"),
        (info.dcount.is_some(), "DCount"),
        (info.has_non_streaming_order_by, "NonStreamingOrderBy"),
        (any(&[Aggregate::MakeList, Aggregate::MakeSet]), "ListAndSetAggregate"),
        (any(&[Aggregate::CountIf]), "CountIf"),
    ] {
        if needed {
            features.push(feature);
        }
    }
}
