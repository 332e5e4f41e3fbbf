//! Session tokens: how far the reader of a partition has seen.

use super::store::partition::Partition;

/// The token of a partition at its present state: `0:-1#31`.
pub(crate) fn token(range_id: &str, lsn: u64) -> String {
    format!("{range_id}:-1#{lsn}")
}

/// Whether the partition has everything that the token speaks of.
///
/// A token may name several partitions; those of the partition's ancestors count for it, all others do not.
pub(crate) fn is_satisfied(token: &str, partition: &Partition) -> bool {
    token.split(',').filter_map(parse).all(|(range_id, lsn)| {
        let is_about_it =
            range_id == partition.id || partition.parents.iter().any(|it| it == range_id);
        !is_about_it || lsn <= partition.lsn()
    })
}

/// `id:version#lsn#region=lsn`, or the older `id:lsn`.
fn parse(token: &str) -> Option<(&str, u64)> {
    let (range_id, rest) = token.trim().split_once(':')?;
    let mut parts = rest.split('#');
    let first = parts.next()?;
    let lsn = parts.next().unwrap_or(first);
    Some((range_id, lsn.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_in_every_spelling() {
        for (text, expected) in [
            ("0:-1#31", Some(("0", 31))),
            ("3:2#100#1=20#2=30", Some(("3", 100))),
            ("0:7", Some(("0", 7))),
            ("nonsense", None),
            ("0:x#y", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(token("0", 31), "0:-1#31");
    }
}
