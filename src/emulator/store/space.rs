//! The space that partitions share out, as a scale of numbers: hash values of either version.

use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyKind};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// How the numbers of the scale become effective partition keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// 126 bits, written as 16 bytes.
    Wide,
    /// 32 bits, written as the service encodes a number.
    Narrow,
    /// Keys that are not hashed; they stay in one partition.
    Whole,
}

impl Space {
    pub(crate) fn of(definition: &PartitionKeyDefinition) -> Self {
        match definition.kind {
            _ if definition.system_key == Some(true) => Self::Whole,
            PartitionKeyKind::Range => Self::Whole,
            PartitionKeyKind::Hash if definition.is_version_1() => Self::Narrow,
            PartitionKeyKind::Hash | PartitionKeyKind::MultiHash => Self::Wide,
        }
    }

    /// The highest hash.
    fn last(self) -> u128 {
        match self {
            Self::Wide => (1 << 126) - 1,
            Self::Narrow => u128::from(u32::MAX),
            Self::Whole => 1,
        }
    }

    /// `count` equal spans from the start of the scale to its end.
    pub(crate) fn spans(self, count: usize) -> Vec<(u128, u128)> {
        let count = if self == Self::Whole { 1 } else { count.max(1) as u128 };
        let width = self.last() / count;
        (0..count)
            .map(|it| (it * width, if it + 1 == count { self.last() } else { (it + 1) * width }))
            .collect()
    }

    /// The range of a span. The ends of the scale are the ends of the space.
    pub(crate) fn range(self, (low, high): (u128, u128)) -> EpkRange {
        let min = if low == 0 { Epk::MIN } else { self.epk(low) };
        let max = if high >= self.last() { Epk::max() } else { self.epk(high) };
        EpkRange::new(min, max)
    }

    /// Whether it has room for several partitions.
    pub(crate) fn is_shared(self) -> bool {
        self != Self::Whole
    }

    /// The last place on the scale that is not beyond a point.
    pub(crate) fn position(self, epk: &Epk) -> u128 {
        let (mut low, mut high) = (0, self.last() + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.epk(middle) <= *epk {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(crate) fn epk(self, position: u128) -> Epk {
        match self {
            Self::Wide => Epk::from_bytes(position.to_be_bytes().to_vec()),
            Self::Narrow | Self::Whole => {
                // A key of kind `Range` is encoded without hashing, which is what a bound of version 1 is.
                let definition = PartitionKeyDefinition {
                    kind: PartitionKeyKind::Range,
                    ..PartitionKeyDefinition::new(["/hash"])
                };
                Epk::of(&PartitionKey::from(position as f64), &definition).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(space: Space, count: usize) -> Vec<String> {
        let spans = space.spans(count);
        let mut bounds: Vec<_> = spans.iter().map(|it| space.range(*it).min.to_string()).collect();
        bounds.push(space.range(*spans.last().unwrap()).max.to_string());
        bounds
    }

    #[test]
    fn a_point_has_its_place_on_the_scale() {
        for space in [Space::Wide, Space::Narrow] {
            for position in [0, 1, 12_345_678, space.last() / 3, space.last()] {
                assert_eq!(space.position(&space.epk(position)), position);
            }
        }
        let below: Epk = "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF0123".parse().unwrap();
        assert_eq!(Space::Wide.position(&below), (1 << 125) - 1);
    }

    #[test]
    fn bounds_are_those_of_the_service() {
        assert_eq!(
            bounds(Space::Wide, 5)[..3],
            ["", "0CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", "19999999999999999999999999999998"]
        );
        assert_eq!(bounds(Space::Wide, 2), ["", "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FF"]);
        assert_eq!(bounds(Space::Narrow, 2), ["", "05C1DFFFFFFFFC", "FF"]);
        assert_eq!(bounds(Space::Narrow, 5)[1], "05C1C9CD673398");
        assert_eq!(bounds(Space::Whole, 5), ["", "FF"]);
    }
}
