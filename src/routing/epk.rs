//! Effective partition keys: the points of the space that a container's partitions share out.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyKind};
use crate::routing::component;

/// A point of the effective partition key space, written as upper-case hex.
///
/// Two keys that differ only in trailing zeros are one point: after a split inside a hierarchical key the service
/// names a boundary by more or fewer bytes. The text keeps the length that it came with.
#[derive(Clone, Default)]
pub(crate) struct Epk(Vec<u8>);

/// The bytes of one hashed level; a key that has a fixed width is a multiple of it long.
const LEVEL: usize = 16;

impl Epk {
    /// The start of the space, and the key of items without any partition key.
    pub(crate) const MIN: Self = Self(Vec::new());

    /// The end of the space: nobody's key.
    pub(crate) fn max() -> Self {
        Self(vec![0xff])
    }

    /// The point at which a container with this definition keeps the items of `key`.
    ///
    /// A hierarchical key may be a prefix; the point is then the first one that the prefix covers.
    pub(crate) fn of(key: &PartitionKey, definition: &PartitionKeyDefinition) -> Result<Self> {
        let values = key.components();
        check_count(values.len(), definition)?;
        if values.is_empty() {
            return Ok(Self::MIN);
        }
        Ok(Self(match definition.kind {
            PartitionKeyKind::MultiHash => {
                values.iter().flat_map(|it| component::hash_v2(std::slice::from_ref(it))).collect()
            }
            PartitionKeyKind::Range => component::encode(values),
            PartitionKeyKind::Hash if definition.is_version_1() => component::hash_v1(values),
            PartitionKeyKind::Hash => component::hash_v2(values).to_vec(),
        }))
    }

    /// A point given by its bytes.
    #[cfg_attr(not(feature = "emulator"), allow(dead_code, reason = "the emulator's alone"))]
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_max(&self) -> bool {
        *self == Self::max()
    }

    /// The next point at full width, so that `[epk, successor)` holds this point alone.
    pub(crate) fn successor(&self) -> Self {
        let mut bytes = self.0.clone();
        bytes.resize(bytes.len().next_multiple_of(LEVEL).max(LEVEL), 0);
        for byte in bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return Self(bytes).min(Self::max());
            }
        }
        Self::max()
    }

    /// The end of all keys that start with this one.
    pub(crate) fn prefix_end(&self) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(0xff);
        Self(bytes)
    }

    fn significant(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        self.0.get(..end).unwrap_or_default()
    }
}

/// Whether a key of `count` values can be one of the container's: all of them, none, or the start of a hierarchy.
fn check_count(count: usize, definition: &PartitionKeyDefinition) -> Result<()> {
    let paths = definition.paths.len();
    let fits = match definition.kind {
        PartitionKeyKind::MultiHash => count <= paths,
        _ => count == paths || count == 0,
    };
    if fits {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the partition key has {count} value(s), but the container's key is made of {paths} path(s): {}",
        definition.paths.join(", ")
    )))
}

impl PartialEq for Epk {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Epk {}

impl PartialOrd for Epk {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Epk {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

impl Hash for Epk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl fmt::Display for Epk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Epk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epk({self})")
    }
}

impl FromStr for Epk {
    type Err = Error;

    /// Reads hex of either case. A missing last digit counts as zero, which changes no order.
    fn from_str(text: &str) -> Result<Self> {
        let digit = |it: u8| char::from(it).to_digit(16).map(|it| it as u8);
        let bytes = text.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            [high] => Some(digit(high)? << 4),
            _ => None,
        });
        bytes.collect::<Option<_>>().map(Self).ok_or_else(|| {
            Error::invalid_input(format!(
                "{text:?} is not an effective partition key: it must be hex"
            ))
        })
    }
}

impl Serialize for Epk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition_key::PartitionKeyValue;
    use crate::routing::range::EpkRange;
    use serde_json::Value;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        version: u32,
        kind: PartitionKeyKind,
        values: Vec<Value>,
        epk: String,
        prefix_range: Option<[String; 2]>,
        source: String,
    }

    /// Negative zero stays here, unlike in keys that come from users: the vectors have its hash.
    fn component(value: &Value) -> PartitionKeyValue {
        match value.as_f64() {
            Some(number) => PartitionKeyValue::Number(number),
            None => PartitionKeyValue::from_json(value),
        }
    }

    #[test]
    fn points_are_those_of_the_other_sdks() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../tests/data/epk.json")).unwrap();
        assert_eq!(vectors.len(), 102);
        for vector in vectors {
            let paths = vector.values.len() + usize::from(vector.prefix_range.is_some());
            let mut definition =
                PartitionKeyDefinition::new((0..paths).map(|it| format!("/p{it}")));
            definition.kind = vector.kind;
            definition.version = Some(vector.version);
            let key = PartitionKey::from_components(vector.values.iter().map(component));
            let epk = Epk::of(&key, &definition).unwrap();
            assert_eq!(epk.to_string(), vector.epk, "{}", vector.source);
            if let Some([min, max]) = vector.prefix_range {
                let range = EpkRange::of(&key, &definition).unwrap();
                assert_eq!([range.min.to_string(), range.max.to_string()], [min, max]);
            }
        }
    }

    #[test]
    fn keys_with_too_many_or_too_few_values_are_refused() {
        let two = PartitionKeyDefinition::from(["/tenant", "/user"]);
        let one = PartitionKeyDefinition::from("/city");
        assert!(Epk::of(&("a", "b", "c").into(), &two).is_err());
        assert!(Epk::of(&("a", "b").into(), &one).is_err());
        assert_eq!(Epk::of(&PartitionKey::NONE, &one).unwrap(), Epk::MIN);
        let mut plain = two;
        plain.kind = PartitionKeyKind::Hash;
        assert!(Epk::of(&"a".into(), &plain).is_err());
    }

    #[test]
    fn order_ignores_trailing_zeros_and_keeps_prefix_ends_apart() {
        let epk = |text: &str| text.parse::<Epk>().unwrap();
        for (smaller, greater) in [
            ("", "01"),
            ("3F", "40"),
            ("4080", "4080FF"),
            ("40800000", "4080FF"),
            ("408000000001", "4080FF"),
            ("05C1CFFFFFFFF8", "05C1DF"),
            ("40FF", "FF"),
        ] {
            assert!(epk(smaller) < epk(greater), "{smaller} < {greater}");
            assert_ne!(epk(smaller), epk(greater));
        }
        for (one, same) in [("", "0000"), ("4080", "40800000"), ("ab", "AB"), ("4", "40")] {
            assert_eq!(epk(one), epk(same));
        }
        assert!("xy".parse::<Epk>().is_err() && "é".parse::<Epk>().is_err());
        assert!("+1".parse::<Epk>().is_err());
    }

    #[test]
    fn the_successor_is_the_next_point_at_full_width() {
        let next = |text: &str| text.parse::<Epk>().unwrap().successor().to_string();
        for (text, expected) in [
            ("", "00000000000000000000000000000001"),
            ("40", "40000000000000000000000000000001"),
            ("19C08621B135968252FB34B4CF66FFFF", "19C08621B135968252FB34B4CF670000"),
            ("FF", "FF"),
            ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FF"),
        ] {
            assert_eq!(next(text), expected);
        }
        assert_eq!(next(&"01".repeat(17)).len(), 64);
    }
}
