//! Session tokens: how far the reader of a partition has seen.

use std::collections::BTreeMap;

use super::store::partition::Partition;

/// The token of a partition at a state: `0:-1#31`, and `0:2#31#1=20#2=11` where several regions take writes.
pub(crate) fn token(
    range_id: &str,
    version: i64,
    lsn: u64,
    regions: &BTreeMap<usize, u64>,
) -> String {
    let mut token = format!("{range_id}:{version}#{lsn}");
    for (region, count) in regions {
        token.push_str(&format!("#{}={count}", region + 1));
    }
    token
}

/// Whether the partition has everything that the token speaks of.
///
/// A token may name several partitions; those of the partition's ancestors count for it, all others do not.
pub(crate) fn is_satisfied(token: &str, partition: &Partition) -> bool {
    token.split(',').filter_map(Segment::read).all(|it| {
        let is_about_it = it.range_id == partition.id
            || partition.parents.iter().any(|parent| parent == it.range_id);
        !is_about_it || partition.log().covers(it.version, it.lsn, &it.regions)
    })
}

/// What a token says of one partition.
#[derive(Debug, PartialEq)]
struct Segment<'a> {
    range_id: &'a str,
    version: Option<i64>,
    lsn: u64,
    /// How many writes of each region were seen, where several take writes.
    regions: Vec<(usize, u64)>,
}

impl<'a> Segment<'a> {
    /// Reads `id:version#lsn#region=lsn`, or the older `id:lsn`.
    fn read(text: &'a str) -> Option<Self> {
        let (range_id, rest) = text.trim().split_once(':')?;
        let mut parts = rest.split('#');
        let first = parts.next()?;
        let second = parts.next();
        let lsn = second.unwrap_or(first).parse().ok()?;
        let version = second.and_then(|_| first.parse().ok());
        let regions = parts.filter_map(|it| {
            let (region, count) = it.split_once('=')?;
            Some((region.parse::<usize>().ok()?.checked_sub(1)?, count.parse().ok()?))
        });
        Some(Self { range_id, version, lsn, regions: regions.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_in_every_spelling() {
        for (text, expected) in [
            ("0:-1#31", Some(("0", Some(-1), 31, vec![]))),
            ("3:2#100#1=20#2=30", Some(("3", Some(2), 100, vec![(0, 20), (1, 30)]))),
            ("3:2#100#1=-1#0=4", Some(("3", Some(2), 100, vec![]))),
            ("0:7", Some(("0", None, 7, vec![]))),
            ("nonsense", None),
            ("0:x#y", None),
        ] {
            let read = Segment::read(text).map(|it| (it.range_id, it.version, it.lsn, it.regions));
            assert_eq!(read, expected, "{text}");
        }
        assert_eq!(token("0", -1, 31, &BTreeMap::new()), "0:-1#31");
        assert_eq!(token("3", 2, 9, &BTreeMap::from([(0, 4), (1, 5)])), "3:2#9#1=4#2=5");
    }
}
