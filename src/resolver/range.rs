//! Items spread over containers by ranges of their key.

use std::fmt;

use serde_json::Value;

use super::item_key::{Extract, ItemKey};
use super::{KeyRange, Keys, PartitionResolver, named};
use crate::error::{Error, Result};

/// Places items by ranges of their key: one container for one range.
///
/// An item goes to the first range that contains its key. Reads ask every container whose range has a key in common
/// with what is wanted; ranges may overlap.
///
/// ```
/// use cosmosdb::resolver::{PartitionResolver, RangePartitionResolver};
/// use serde_json::json;
///
/// let resolver =
///     RangePartitionResolver::new("/year", [(1900..=1999, "archive"), (2000..=2099, "current")])?;
/// assert_eq!(resolver.resolve_for_create(&json!({ "id": "1", "year": 1999 }))?, "archive");
/// assert_eq!(resolver.resolve_for_read(&(1998..=2001).into())?, ["archive", "current"]);
/// assert!(resolver.resolve_for_read(&1800.into()).is_err());
/// # Ok::<(), cosmosdb::Error>(())
/// ```
pub struct RangePartitionResolver {
    key: Extract,
    ranges: Vec<(KeyRange, String)>,
}

impl RangePartitionResolver {
    /// A resolver with these ranges, both ends included, and the container of each.
    ///
    /// # Errors
    /// There is no range, one starts after its end, a container has no valid name, or the path of the key is malformed.
    pub fn new<R: Into<KeyRange>, C: Into<String>>(
        key: impl Into<ItemKey>,
        ranges: impl IntoIterator<Item = (R, C)>,
    ) -> Result<Self> {
        let (ranges, containers): (Vec<KeyRange>, Vec<String>) =
            ranges.into_iter().map(|(range, container)| (range.into(), container.into())).unzip();
        let containers = named(containers)?;
        ranges.iter().try_for_each(check_range)?;
        Ok(Self {
            key: key.into().into_extract()?,
            ranges: ranges.into_iter().zip(containers).collect(),
        })
    }

    /// The containers that match, each once.
    fn containers(&self, matches: impl Fn(&KeyRange) -> bool) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (range, container) in &self.ranges {
            if matches(range) && !found.contains(container) {
                found.push(container.clone());
            }
        }
        found
    }
}

impl PartitionResolver for RangePartitionResolver {
    fn resolve_for_create(&self, item: &Value) -> Result<String> {
        let key = (self.key)(item);
        let found = self.ranges.iter().find(|(range, _)| range.contains(&key));
        found.map(|(_, container)| container.clone()).ok_or_else(|| outside(&KeyRange::from(key)))
    }

    fn resolve_for_read(&self, keys: &Keys) -> Result<Vec<String>> {
        let Some(wanted) = keys.ranges() else { return Ok(self.containers(|_| true)) };
        for range in wanted {
            check_range(range)?;
            if !self.ranges.iter().any(|(known, _)| known.overlaps(range)) {
                return Err(outside(range));
            }
        }
        Ok(self.containers(|known| wanted.iter().any(|it| it.overlaps(known))))
    }
}

fn check_range(range: &KeyRange) -> Result<()> {
    if range.is_empty() {
        let (low, high) = (range.low(), range.high());
        return Err(Error::invalid_input(format!(
            "the range from {low:?} to {high:?} starts after its end"
        )));
    }
    Ok(())
}

fn outside(range: &KeyRange) -> Error {
    Error::invalid_input(match range.value() {
        Some(key) => format!("the key {key:?} lies in no range of the partition resolver"),
        None => format!(
            "no range of the partition resolver has keys from {:?} to {:?}",
            range.low(),
            range.high()
        ),
    })
}

impl fmt::Debug for RangePartitionResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangePartitionResolver")
            .field("ranges", &self.ranges)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use serde_json::json;

    use super::*;

    fn resolver() -> RangePartitionResolver {
        let ranges = [(0..=400, "a"), (401..=800, "b"), (501..=1200, "c")];
        RangePartitionResolver::new("/n", ranges).unwrap()
    }

    #[test]
    fn reads_ask_every_range_that_shares_a_key() {
        for (keys, expected) in [
            (Keys::from(600), &["b", "c"][..]),
            (Keys::from(250..=500), &["a", "b"]),
            (Keys::from([250..=500, 600..=1000]), &["a", "b", "c"]),
            (Keys::from([50, 100, 600, 1000]), &["a", "b", "c"]),
            (Keys::from([Some(100), None]), &["a", "b", "c"]),
            (Keys::All, &["a", "b", "c"]),
            (Keys::from(1200), &["c"]),
        ] {
            assert_eq!(resolver().resolve_for_read(&keys).unwrap(), expected, "{keys:?}");
        }
    }

    #[test]
    fn an_item_goes_to_the_first_range_with_its_key() {
        for (n, expected) in [(0, "a"), (400, "a"), (401, "b"), (600, "b"), (801, "c")] {
            assert_eq!(resolver().resolve_for_create(&json!({ "n": n })).unwrap(), expected);
        }
    }

    #[test]
    fn what_lies_in_no_range_is_an_error() {
        let resolver = resolver();
        let backwards = RangeInclusive::new(9, 5);
        for item in [json!({ "n": -1 }), json!({ "n": "5" }), json!({}), json!({ "n": [1] })] {
            assert!(resolver.resolve_for_create(&item).is_err(), "{item}");
        }
        for keys in [
            Keys::from(1201),
            Keys::from("5"),
            Keys::from([5, 5000]),
            Keys::from(backwards.clone()),
        ] {
            assert!(resolver.resolve_for_read(&keys).is_err(), "{keys:?}");
        }
        for ranges in [vec![], vec![(backwards, "a")], vec![(1..=2, "a/b")]] {
            assert!(RangePartitionResolver::new("/n", ranges).is_err());
        }
        assert!(RangePartitionResolver::new("n", [(1..=2, "a")]).is_err());
    }
}
