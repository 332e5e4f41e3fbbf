//! Session tokens: how far the client has seen each partition, so that it reads what it wrote.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, HeaderValue};

use crate::wire::header;

/// The tokens of a client, by the link of the container.
///
/// The lock is held for a look-up or a replacement only.
#[derive(Debug, Default)]
pub(crate) struct SessionContainer {
    containers: RwLock<HashMap<String, Arc<Tokens>>>,
}

/// The tokens of one container, by partition key range.
#[derive(Debug, Default)]
struct Tokens {
    /// The rid of the container that they are of; a container recreated under the same name starts anew.
    rid: Option<String>,
    ranges: BTreeMap<String, RangeToken>,
    header: Option<HeaderValue>,
}

impl SessionContainer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The token to send with a read: the segments of all partition key ranges.
    pub(crate) fn token_for(&self, container: &str) -> Option<HeaderValue> {
        self.tokens(container)?.header.clone()
    }

    /// Keeps what the headers of an answer say.
    pub(crate) fn capture(&self, container: &str, headers: &HeaderMap) {
        let Some(text) = headers.get(header::SESSION_TOKEN).and_then(|it| it.to_str().ok()) else {
            return;
        };
        let rid = headers.get(header::CONTENT_PATH).and_then(|it| it.to_str().ok());
        let known = self.tokens(container);
        let merged = match &known {
            Some(known) if rid.is_none() || known.rid.is_none() || known.rid.as_deref() == rid => {
                known.merge(rid, text)
            }
            _ => Tokens::default().merge(rid, text),
        };
        if let Some(merged) = merged {
            let mut containers = self.containers.write().unwrap_or_else(PoisonError::into_inner);
            containers.insert(container.to_owned(), Arc::new(merged));
        }
    }

    /// Forgets a container that was deleted or recreated.
    pub(crate) fn forget(&self, container: &str) {
        self.containers.write().unwrap_or_else(PoisonError::into_inner).remove(container);
    }

    fn tokens(&self, container: &str) -> Option<Arc<Tokens>> {
        self.containers.read().unwrap_or_else(PoisonError::into_inner).get(container).cloned()
    }
}

impl Tokens {
    /// These tokens and those of `text`; `None` where that changes nothing. Segments that make no sense are skipped.
    fn merge(&self, rid: Option<&str>, text: &str) -> Option<Self> {
        let mut ranges = None;
        for segment in text.split(',') {
            let Some((range, token)) = segment.trim().split_once(':') else { continue };
            let Some(token) = RangeToken::parse(token) else { continue };
            let merged =
                self.ranges.get(range).map_or_else(|| token.clone(), |known| known.merge(&token));
            if self.ranges.get(range) != Some(&merged) {
                ranges.get_or_insert_with(|| self.ranges.clone()).insert(range.to_owned(), merged);
            }
        }
        let ranges = ranges?;
        let segments: Vec<String> =
            ranges.iter().map(|(range, token)| format!("{range}:{token}")).collect();
        let rid = rid.map(str::to_owned).or_else(|| self.rid.clone());
        Some(Self { rid, ranges, header: HeaderValue::try_from(segments.join(",")).ok() })
    }
}

/// How far one partition key range is: `version#globalLsn#regionId=localLsn…`, or on old servers a bare number.
#[derive(Clone, Debug, PartialEq)]
struct RangeToken {
    /// Grows with each change of the account's regions; `None` for a bare number.
    version: Option<i64>,
    global: i64,
    regions: BTreeMap<u64, i64>,
}

impl RangeToken {
    fn parse(text: &str) -> Option<Self> {
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

    /// The progress of both. Of different versions the higher one knows the regions, and its global LSN counts: the
    /// lower one's could claim progress that was never made.
    fn merge(&self, other: &Self) -> Self {
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
        ] {
            let (a, b) = (RangeToken::parse(a).unwrap(), RangeToken::parse(b).unwrap());
            assert_eq!(a.merge(&b).to_string(), merged);
            assert_eq!(b.merge(&a).to_string(), merged);
        }
        for text in ["", "x", "1#", "1#2#3", "1#2#3=x"] {
            assert_eq!(RangeToken::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_container_keeps_a_token_for_each_range_and_starts_anew_when_recreated() {
        let answer = |token: &str, rid: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::SESSION_TOKEN, HeaderValue::from_str(token).unwrap());
            headers.insert(header::CONTENT_PATH, HeaderValue::from_str(rid).unwrap());
            headers
        };
        let sessions = SessionContainer::new();
        sessions.capture("dbs/a/colls/b", &answer("1:-1#4", "rid1"));
        sessions.capture("dbs/a/colls/b", &answer("0:-1#7,junk,2:x", "rid1"));
        sessions.capture("dbs/a/colls/b", &answer("1:-1#3", "rid1"));
        assert_eq!(sessions.token_for("dbs/a/colls/b").unwrap(), "0:-1#7,1:-1#4");
        assert_eq!(sessions.token_for("dbs/a/colls/c"), None);
        sessions.capture("dbs/a/colls/b", &answer("0:-1#1", "rid2"));
        assert_eq!(sessions.token_for("dbs/a/colls/b").unwrap(), "0:-1#1");
        sessions.forget("dbs/a/colls/b");
        assert_eq!(sessions.token_for("dbs/a/colls/b"), None);
    }
}
