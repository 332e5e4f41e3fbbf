//! Ranges of effective partition keys.

use crate::error::Result;
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyKind};
use crate::routing::epk::Epk;

/// The points from `min` to before `max`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EpkRange {
    pub(crate) min: Epk,
    pub(crate) max: Epk,
}

impl EpkRange {
    pub(crate) fn new(min: Epk, max: Epk) -> Self {
        Self { min, max }
    }

    /// The whole space.
    pub(crate) fn full() -> Self {
        Self { min: Epk::MIN, max: Epk::max() }
    }

    /// One point alone.
    pub(crate) fn point(epk: Epk) -> Self {
        let max = epk.successor();
        Self { min: epk, max }
    }

    /// Where the items of `key` are: a point, or for the prefix of a hierarchical key all points below it.
    pub(crate) fn of(key: &PartitionKey, definition: &PartitionKeyDefinition) -> Result<Self> {
        let epk = Epk::of(key, definition)?;
        let is_prefix = definition.kind == PartitionKeyKind::MultiHash
            && key.components().len() < definition.paths.len();
        Ok(if is_prefix { Self::of_prefix(epk) } else { Self::point(epk) })
    }

    /// All keys that start with this one.
    pub(crate) fn of_prefix(epk: Epk) -> Self {
        let max = epk.prefix_end();
        Self { min: epk, max }
    }

    /// The range between bounds that may each belong to it or not.
    pub(crate) fn from_bounds(
        (min, min_inclusive): (Epk, bool),
        (max, max_inclusive): (Epk, bool),
    ) -> Self {
        Self {
            min: if min_inclusive { min } else { min.successor() },
            max: if max_inclusive { max.successor() } else { max },
        }
    }

    /// Whether there is no point in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.min >= self.max
    }

    pub(crate) fn contains(&self, epk: &Epk) -> bool {
        self.min <= *epk && *epk < self.max
    }

    /// Whether the ranges share a point.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.intersection(other).is_some()
    }

    /// What both ranges cover, if anything.
    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        let min = (&self.min).max(&other.min);
        let max = (&self.max).min(&other.max);
        (min < max).then(|| Self { min: min.clone(), max: max.clone() })
    }

    pub(crate) fn is_subset_of(&self, other: &Self) -> bool {
        other.min <= self.min && self.max <= other.max
    }
}
