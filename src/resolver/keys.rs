//! Which keys a read through a resolver is about.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use crate::partition_key::PartitionKeyValue;

/// The keys that a read through a [`PartitionResolver`](super::PartitionResolver) wants: all of them, single values,
/// ranges, or a list of these.
///
/// `None`, and a list that holds `None`, is all keys.
///
/// ```
/// use cosmosdb::resolver::{KeyRange, Keys};
///
/// let one = Keys::from("Lyon");
/// let some = Keys::from(1990..=1999);
/// let listed = Keys::from(vec![KeyRange::from(1984), KeyRange::from(1990..=1999)]);
/// assert_eq!(listed.ranges().unwrap().len(), 2);
/// assert_eq!(Keys::from(None::<&str>), Keys::All);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Keys {
    /// Whatever the key.
    All,
    /// The keys in these ranges.
    In(Vec<KeyRange>),
}

impl Keys {
    /// The ranges; `None` where all keys are wanted.
    pub fn ranges(&self) -> Option<&[KeyRange]> {
        match self {
            Self::All => None,
            Self::In(ranges) => Some(ranges),
        }
    }

    /// These keys and those.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::In(mut these), Self::In(those)) => {
                these.extend(those);
                Self::In(these)
            }
            _ => Self::All,
        }
    }
}

/// The keys from one value to another, both included; a single value is a range from itself to itself.
///
/// Values of different types are in the service's order: undefined, `null`, booleans, numbers, text. Text is compared
/// by its characters' numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRange {
    low: PartitionKeyValue,
    high: PartitionKeyValue,
}

impl KeyRange {
    /// The first key of the range.
    pub fn low(&self) -> &PartitionKeyValue {
        &self.low
    }

    /// The last key of the range.
    pub fn high(&self) -> &PartitionKeyValue {
        &self.high
    }

    /// The key, where the range is a single one.
    pub fn value(&self) -> Option<&PartitionKeyValue> {
        (self.low == self.high).then_some(&self.low)
    }

    /// Whether the key lies in the range.
    pub fn contains(&self, key: &PartitionKeyValue) -> bool {
        compare(&self.low, key).is_le() && compare(key, &self.high).is_le()
    }

    /// Whether a key can lie in both ranges.
    pub fn overlaps(&self, other: &Self) -> bool {
        compare(&self.low, &other.high).is_le() && compare(&other.low, &self.high).is_le()
    }

    /// Whether no key lies in it: it starts after its end.
    pub(super) fn is_empty(&self) -> bool {
        compare(&self.low, &self.high).is_gt()
    }
}

/// The order of keys.
fn compare(left: &PartitionKeyValue, right: &PartitionKeyValue) -> Ordering {
    use PartitionKeyValue::{Bool, Number, String};
    match (left, right) {
        (Bool(left), Bool(right)) => left.cmp(right),
        (Number(left), Number(right)) => left.total_cmp(right),
        (String(left), String(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &PartitionKeyValue) -> u8 {
    match value {
        PartitionKeyValue::Undefined => 0,
        PartitionKeyValue::Null => 1,
        PartitionKeyValue::Bool(_) => 2,
        PartitionKeyValue::Number(_) => 3,
        PartitionKeyValue::String(_) => 4,
    }
}

impl From<PartitionKeyValue> for KeyRange {
    fn from(value: PartitionKeyValue) -> Self {
        Self { low: value.clone(), high: value }
    }
}

impl<V: Into<PartitionKeyValue>> From<RangeInclusive<V>> for KeyRange {
    fn from(range: RangeInclusive<V>) -> Self {
        let (low, high) = range.into_inner();
        Self { low: low.into(), high: high.into() }
    }
}

macro_rules! from_values {
    ($($value:ty),*) => {$(
        impl From<$value> for KeyRange {
            fn from(value: $value) -> Self {
                Self::from(PartitionKeyValue::from(value))
            }
        }
    )*};
}
from_values!(&str, String, &String, bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
from_values!(f32, f64);

impl<R: Into<KeyRange>> From<R> for Keys {
    fn from(range: R) -> Self {
        Self::In(vec![range.into()])
    }
}

impl<K: Into<Self>> From<Option<K>> for Keys {
    fn from(keys: Option<K>) -> Self {
        keys.map_or(Self::All, Into::into)
    }
}

impl<K: Into<Self>> From<Vec<K>> for Keys {
    fn from(list: Vec<K>) -> Self {
        list.into_iter().map(Into::into).fold(Self::In(Vec::new()), Self::and)
    }
}

impl<K: Into<Self>, const N: usize> From<[K; N]> for Keys {
    fn from(list: [K; N]) -> Self {
        Self::from(Vec::from(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_its_ends_and_no_other_type() {
        let range = KeyRange::from(0..=400);
        for (key, expected) in [
            (PartitionKeyValue::from(0), true),
            (400.into(), true),
            (400.5.into(), false),
            ((-1).into(), false),
            ("5".into(), false),
            (true.into(), false),
            (PartitionKeyValue::Null, false),
        ] {
            assert_eq!(range.contains(&key), expected, "{key:?}");
        }
        assert!(KeyRange::from("a"..="c").contains(&"bzzz".into()));
        assert!(KeyRange::from(RangeInclusive::new(5, 4)).is_empty());
    }

    #[test]
    fn ranges_overlap_where_they_share_a_key() {
        for (left, right, expected) in [
            (0..=400, 400..=500, true),
            (0..=400, 401..=500, false),
            (250..=500, 300..=310, true),
            (9..=9, 9..=9, true),
        ] {
            let (left, right) = (KeyRange::from(left), KeyRange::from(right));
            assert_eq!(left.overlaps(&right), expected, "{left:?} {right:?}");
            assert_eq!(right.overlaps(&left), expected, "{left:?} {right:?}");
        }
    }

    #[test]
    fn no_key_at_all_is_every_key() {
        assert_eq!(Keys::from(vec![Some(1), None]), Keys::All);
        assert_eq!(Keys::from([1, 2]).ranges().unwrap().len(), 2);
        assert_eq!(Keys::from(Vec::<i32>::new()), Keys::In(Vec::new()));
        assert_eq!(Keys::from(PartitionKeyValue::Null).ranges().unwrap().len(), 1);
    }
}
