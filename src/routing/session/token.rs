//! The token of one partition key range.

use std::collections::BTreeMap;
use std::fmt;

/// What stands for a region that has nothing yet.
const NO_PROGRESS: i64 = -1;

/// How far one partition key range is: `version#globalLsn#regionId=localLsn…`, or on old servers a bare number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RangeToken {
    /// Grows with each change of the account's regions; `None` for a bare number.
    version: Option<i64>,
    global: i64,
    regions: BTreeMap<u64, i64>,
}

impl RangeToken {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('#');
        let first = parts.next()?.parse().ok()?;
        let Some(global) = parts.next() else {
            return Some(Self { version: None, global: first, regions: BTreeMap::new() });
        };
        let regions = parts
            .map(|part| {
                let (region, lsn) = part.split_once('=')?;
                Some((region.parse().ok()?, lsn.parse().ok()?))
            })
            .collect::<Option<_>>()?;
        Some(Self { version: Some(first), global: global.parse().ok()?, regions })
    }

    /// Whether it claims no less progress than `other`: a higher version does, and with equal ones every number counts.
    pub(crate) fn is_as_recent_as(&self, other: &Self) -> bool {
        if self.version != other.version {
            return self.version > other.version;
        }
        let reached = |region: &u64| self.regions.get(region).copied().unwrap_or(NO_PROGRESS);
        self.global >= other.global
            && other.regions.iter().all(|(region, lsn)| reached(region) >= *lsn)
    }

    /// The progress of both. Of different versions the higher one knows the regions, and its global LSN counts: the
    /// lower one's could claim progress that was never made.
    pub(crate) fn merge(&self, other: &Self) -> Self {
        let (newer, older) =
            if self.version >= other.version { (self, other) } else { (other, self) };
        let same = newer.version == older.version;
        let mut merged = newer.clone();
        if same {
            merged.global = newer.global.max(older.global);
        }
        for (region, lsn) in &older.regions {
            match merged.regions.get_mut(region) {
                Some(known) => *known = (*known).max(*lsn),
                None if same => {
                    merged.regions.insert(*region, *lsn);
                }
                None => {}
            }
        }
        merged
    }
}

impl fmt::Display for RangeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(version) = self.version else { return write!(f, "{}", self.global) };
        write!(f, "{version}#{}", self.global)?;
        for (region, lsn) in &self.regions {
            write!(f, "#{region}={lsn}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_merge_by_version_and_progress() {
        for (a, b, merged) in [
            ("1#10", "1#12", "1#12"),
            ("1#10#1=5#2=7", "1#9#1=6#2=6", "1#10#1=6#2=7"),
            ("1#10#1=5", "1#11#2=3", "1#11#1=5#2=3"),
            ("1#100#1=50#2=9", "2#20#1=40#3=1", "2#20#1=50#3=1"),
            ("-1#5", "1#3", "1#3"),
            ("19", "20", "20"),
            ("0#1#1=-1", "0#1#1=4", "0#1#1=4"),
            ("1#100#1=20#2=5#3=30", "2#105#4=10#2=5#3=30", "2#105#2=5#3=30#4=10"),
            ("1#100#1=20#2=5#3=30", "1#100#1=10#2=8#3=30", "1#100#1=20#2=8#3=30"),
            ("1#100#1=20#2=5#3=30", "1#102#1=100#2=8#3=30", "1#102#1=100#2=8#3=30"),
            ("1#197#1=20", "1#100#1=20", "1#197#1=20"),
            // The higher version counts even where it is less far.
            ("1#200#1=20#2=5#3=30", "2#100#1=10#2=8#3=30", "2#100#1=20#2=8#3=30"),
        ] {
            let (a, b) = (RangeToken::parse(a).unwrap(), RangeToken::parse(b).unwrap());
            assert_eq!(a.merge(&b).to_string(), merged);
            assert_eq!(b.merge(&a).to_string(), merged);
        }
        for text in ["", "x", "1#", "1#2#3", "1#2#3=x", "x#2#3=4", "1#x#3=4", "1;2;3=4"] {
            assert_eq!(RangeToken::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_higher_version_is_more_recent_and_else_every_number_counts() {
        for (a, b, expected) in [
            ("2#1", "1#9#1=9", true),
            ("1#9#1=9", "2#1", false),
            ("1#9#1=9", "1#9#1=9", true),
            ("1#9#1=8", "1#9#1=9", false),
            ("1#8#1=9", "1#9#1=9", false),
            ("1#9", "1#9#1=9", false),
            ("1#9", "1#9#1=-1", true),
        ] {
            let (a, b) = (RangeToken::parse(a).unwrap(), RangeToken::parse(b).unwrap());
            assert_eq!(a.is_as_recent_as(&b), expected, "{a} {b}");
        }
    }
}
