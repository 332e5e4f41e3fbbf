//! The partitions of a container, and which of them holds a point or a range.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// One partition as the service's feed describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartitionKeyRange {
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) id: String,
    pub(crate) min_inclusive: Epk,
    pub(crate) max_exclusive: Epk,
    /// The ids of all partitions that this one came from; none of them exists any more.
    #[serde(default, deserialize_with = "list_or_null")]
    pub(crate) parents: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// The share of the container's throughput that this partition has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) throughput_fraction: Option<f64>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl PartitionKeyRange {
    pub(crate) fn epk_range(&self) -> EpkRange {
        EpkRange::new(self.min_inclusive.clone(), self.max_exclusive.clone())
    }
}

/// Some servers write ids as numbers.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id_text(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let ids = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    ids.into_iter().map(id_text).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

fn id_text(id: Value) -> Result<String, &'static str> {
    match id {
        Value::String(id) => Ok(id),
        Value::Number(id) => Ok(id.to_string()),
        _ => Err("the id of a partition key range is neither text nor a number"),
    }
}

/// All partitions of a container at one time: in order, without gap or overlap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartitionKeyRangeMap {
    ranges: Vec<PartitionKeyRange>,
    by_id: HashMap<String, usize>,
    /// Ids that were split or merged away. A late document of one of them must not bring it back.
    gone: HashSet<String>,
    /// Where the feed goes on, for the next refresh.
    etag: Option<String>,
}

/// Why documents do not make a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapDefect {
    /// Part of the space belongs to no partition: a split is under way, or documents are missing. Read again.
    Incomplete,
    /// Two partitions claim one point: the documents belong to different times. Read again from the start.
    Overlapping,
    /// A partition came from others that were never seen. Read again from the start.
    UnknownParents,
}

impl PartitionKeyRangeMap {
    /// The map that all documents of the feed make.
    pub(crate) fn new(
        documents: impl IntoIterator<Item = PartitionKeyRange>,
        etag: Option<String>,
    ) -> Result<Self, MapDefect> {
        Self::build(HashMap::new(), HashSet::new(), documents, etag)
    }

    /// The map after the changes that the feed told of since.
    pub(crate) fn merge(
        &self,
        documents: impl IntoIterator<Item = PartitionKeyRange>,
        etag: Option<String>,
    ) -> Result<Self, MapDefect> {
        let documents: Vec<_> = documents.into_iter().collect();
        let announced: HashSet<&str> = documents.iter().map(|it| it.id.as_str()).collect();
        let is_known = |id: &String| {
            self.by_id.contains_key(id) || self.gone.contains(id) || announced.contains(id.as_str())
        };
        if documents.iter().any(|it| !it.parents.is_empty() && !it.parents.iter().any(is_known)) {
            return Err(MapDefect::UnknownParents);
        }
        let ranges = self.ranges.iter().map(|it| (it.id.clone(), it.clone())).collect();
        Self::build(ranges, self.gone.clone(), documents, etag.or_else(|| self.etag.clone()))
    }

    fn build(
        mut by_id: HashMap<String, PartitionKeyRange>,
        mut gone: HashSet<String>,
        documents: impl IntoIterator<Item = PartitionKeyRange>,
        etag: Option<String>,
    ) -> Result<Self, MapDefect> {
        for document in documents {
            gone.extend(document.parents.iter().cloned());
            by_id.insert(document.id.clone(), document);
        }
        by_id.retain(|id, _| !gone.contains(id));
        let mut ranges: Vec<_> = by_id.into_values().collect();
        ranges.sort_by(|one, other| one.min_inclusive.cmp(&other.min_inclusive));
        check(&ranges)?;
        let by_id = ranges.iter().enumerate().map(|(at, it)| (it.id.clone(), at)).collect();
        Ok(Self { ranges, by_id, gone, etag })
    }

    /// The partitions in the order of the space.
    pub(crate) fn ranges(&self) -> &[PartitionKeyRange] {
        &self.ranges
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The partition that holds a point. The end of the space is in none.
    pub(crate) fn at(&self, epk: &Epk) -> Option<&PartitionKeyRange> {
        self.ranges.get(self.index_at(epk)?)
    }

    /// The place in [`ranges`](Self::ranges) of the partition that holds a point.
    pub(crate) fn index_at(&self, epk: &Epk) -> Option<usize> {
        let after = self.ranges.partition_point(|it| it.min_inclusive <= *epk);
        let index = after.checked_sub(1)?;
        self.ranges.get(index).filter(|it| *epk < it.max_exclusive).map(|_| index)
    }

    /// The partitions that hold some of a range, in order.
    pub(crate) fn overlapping(&self, range: &EpkRange) -> &[PartitionKeyRange] {
        let first = self.ranges.partition_point(|it| it.max_exclusive <= range.min);
        let end = self.ranges.partition_point(|it| it.min_inclusive < range.max);
        if range.is_empty() { &[] } else { self.ranges.get(first..end).unwrap_or_default() }
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&PartitionKeyRange> {
        self.ranges.get(*self.by_id.get(id)?)
    }

    /// The place in [`ranges`](Self::ranges) of the partition of this id.
    pub(crate) fn index_of(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Whether a partition of this id existed and was split or merged away.
    pub(crate) fn is_gone(&self, id: &str) -> bool {
        self.gone.contains(id)
    }
}

/// Whether the ranges, in order, cover the space once.
fn check(ranges: &[PartitionKeyRange]) -> Result<(), MapDefect> {
    let mut reached = Epk::MIN;
    for range in ranges {
        if range.min_inclusive < reached || range.max_exclusive <= range.min_inclusive {
            return Err(MapDefect::Overlapping);
        }
        if range.min_inclusive > reached {
            return Err(MapDefect::Incomplete);
        }
        reached.clone_from(&range.max_exclusive);
    }
    if reached.is_max() { Ok(()) } else { Err(MapDefect::Incomplete) }
}

#[cfg(test)]
mod tests;
