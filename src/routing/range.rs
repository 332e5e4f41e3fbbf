//! Ranges of effective partition keys.

use crate::error::Result;
use crate::partition_key::{PartitionKey, PartitionKeyDefinition};
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
        Ok(if definition.is_prefix(key) { Self::of_prefix(epk) } else { Self::point(epk) })
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

    #[cfg_attr(not(feature = "emulator"), allow(dead_code, reason = "the emulator's alone"))]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: &str, max: &str) -> EpkRange {
        EpkRange::new(min.parse().unwrap(), max.parse().unwrap())
    }

    #[test]
    fn ranges_meet_where_they_share_points() {
        for (one, other, shared) in [
            (("", "FF"), ("10", "20"), Some(("10", "20"))),
            (("", "20"), ("10", "FF"), Some(("10", "20"))),
            (("", "10"), ("10", "FF"), None),
            (("", "1000"), ("10", "FF"), None),
            (("10", "10FF"), ("1020", "20"), Some(("1020", "10FF"))),
            (("10", "10"), ("", "FF"), None),
            (("", "FF"), ("3F", "7F"), Some(("3F", "7F"))),
            (("3F", "7F"), ("", "5F"), Some(("3F", "5F"))),
            (("3F", "7F"), ("3F", "7F"), Some(("3F", "7F"))),
            (("3F", "7F"), ("", "2F"), None),
            (("3F", "7F"), ("6F", "FF"), Some(("6F", "7F"))),
            (("AA", "BB"), ("CC", "FF"), None),
        ] {
            let (one, other) = (range(one.0, one.1), range(other.0, other.1));
            let shared = shared.map(|(min, max)| range(min, max));
            assert_eq!(one.intersection(&other), shared);
            assert_eq!(other.intersection(&one), shared);
            assert_eq!(one.overlaps(&other), shared.is_some());
        }
    }

    #[test]
    fn subsets_reach_no_further_on_either_side() {
        let parent = range("10", "20");
        for (child, expected) in [
            (("10", "20"), true),
            (("1000", "2000"), true),
            (("11", "12"), true),
            (("0F", "12"), false),
            (("11", "2001"), false),
        ] {
            assert_eq!(range(child.0, child.1).is_subset_of(&parent), expected, "{child:?}");
        }
    }

    #[test]
    fn a_point_and_a_prefix_hold_what_they_should() {
        let definition = PartitionKeyDefinition::from(["/tenant", "/user"]);
        let prefix = EpkRange::of(&"tenant1".into(), &definition).unwrap();
        let full = EpkRange::of(&("tenant1", "user1").into(), &definition).unwrap();
        assert!(full.is_subset_of(&prefix) && !prefix.is_subset_of(&full));
        assert!(full.contains(&full.min) && !full.contains(&full.min.successor()));
        assert!(!prefix.contains(&Epk::of(&"tenant2".into(), &definition).unwrap()));
    }
}
