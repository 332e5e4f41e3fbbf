//! How full the partitions of a container are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;

/// What one physical partition holds, by the service's estimate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PartitionKeyRangeStatistics {
    /// The id of the partition key range.
    pub id: String,
    /// The size of the items, in kilobytes.
    #[serde(rename = "sizeInKB")]
    pub size_in_kb: u64,
    /// How many items there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub document_count: u64,
    /// How many different partition keys a sample had.
    #[serde(skip_serializing_if = "is_zero")]
    pub sampled_distinct_partition_key_count: u64,
    /// The largest partition keys, as the service writes them.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub partition_keys: Vec<Value>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
