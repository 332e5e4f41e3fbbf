//! Session tokens: how far the client has seen each partition, so that it reads what it wrote.

mod latest;
mod token;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::{HeaderMap, HeaderValue};

use crate::error::{Error, Result};
use crate::routing::map::PartitionKeyRange;
use crate::wire::header;
pub(crate) use token::RangeToken;

pub use latest::latest_session_token;

/// The tokens of one container, by partition key range.
///
/// The lock is held for a look-up or a change only.
#[derive(Debug, Default)]
pub(crate) struct SessionTokens(RwLock<Tokens>);

#[derive(Debug, Default)]
struct Tokens {
    /// The rid of the container that they are of, once it is known. What another container says is not kept.
    rid: Option<String>,
    ranges: BTreeMap<String, Seen>,
}

/// How far a range was seen, and the segment that says so.
#[derive(Debug, Clone)]
struct Seen {
    token: RangeToken,
    segment: HeaderValue,
}

/// What the capture of an answer's token came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// It said nothing new about the ranges that exist.
    Known,
    /// It names this range, of which there was no token before.
    NewRange(String),
}

impl SessionTokens {
    /// For how many ranges there are tokens.
    pub(crate) fn count(&self) -> usize {
        self.read().ranges.len()
    }

    /// The token for requests that may touch any range: the segments of all.
    pub(crate) fn all(&self) -> Option<HeaderValue> {
        let tokens = self.read();
        let mut segments = tokens.ranges.values();
        let first = segments.next()?;
        let Some(second) = segments.next() else { return Some(first.segment.clone()) };
        let mut joined = first.segment.as_bytes().to_vec();
        for segment in std::iter::once(second).chain(segments) {
            joined.push(b',');
            joined.extend_from_slice(segment.segment.as_bytes());
        }
        HeaderValue::try_from(joined).ok()
    }

    /// The token for requests to one range: its own, else what its parents came to before they were split or merged.
    pub(crate) fn of_range(&self, range: &PartitionKeyRange) -> Option<HeaderValue> {
        let tokens = self.read();
        if let Some(seen) = tokens.ranges.get(&range.id) {
            return Some(seen.segment.clone());
        }
        let parents = range.parents.iter().filter_map(|id| tokens.ranges.get(id));
        let merged = parents.map(|it| it.token.clone()).reduce(|a, b| a.merge(&b))?;
        segment(&range.id, &merged)
    }

    /// The token of a range of which nothing but the id is known.
    pub(crate) fn of_range_id(&self, id: &str) -> Option<HeaderValue> {
        self.read().ranges.get(id).map(|it| it.segment.clone())
    }

    /// Keeps what the headers of an answer say. A token that was seen before costs no parsing.
    pub(crate) fn capture(&self, headers: &HeaderMap) -> Capture {
        let Some(value) = headers.get(header::SESSION_TOKEN) else { return Capture::Known };
        let rid = headers.get(header::CONTENT_PATH).and_then(|it| it.to_str().ok());
        if self.read().knows(rid, value) {
            return Capture::Known;
        }
        let Ok(text) = value.to_str() else { return Capture::Known };
        self.write().merge_answer(rid, text)
    }

    /// Merges a token that another client saw. Returns the ranges of which there was no token before.
    pub(crate) fn adopt<'a>(&self, text: &'a str) -> Result<Vec<&'a str>> {
        let segments = parse(text)?;
        let mut tokens = self.write();
        let merged = segments.into_iter().filter(|(range, token)| tokens.merge(range, token));
        Ok(merged.map(|it| it.0).collect())
    }

    /// The container's rid, from the service itself. Tokens of another container, one that had the name before, go.
    pub(crate) fn settle(&self, rid: &str) {
        if rid.is_empty() || self.read().rid.as_deref() == Some(rid) {
            return;
        }
        let mut tokens = self.write();
        if tokens.rid.is_some() {
            tokens.ranges.clear();
        }
        tokens.rid = Some(rid.to_owned());
    }

    /// The rid of the container that the tokens are of, where it is known.
    pub(crate) fn rid(&self) -> Option<String> {
        self.read().rid.clone()
    }

    /// Forgets the tokens.
    pub(crate) fn clear(&self) {
        self.write().ranges.clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, Tokens> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tokens> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tokens {
    /// Whether the text is the one segment that is kept for its range already.
    fn knows(&self, rid: Option<&str>, value: &HeaderValue) -> bool {
        let bytes = value.as_bytes();
        let Some(colon) = bytes.iter().position(|it| *it == b':') else { return false };
        let Ok(range) = std::str::from_utf8(&bytes[..colon]) else { return false };
        (rid.is_none() || self.rid.as_deref() == rid)
            && self.ranges.get(range).is_some_and(|it| it.segment.as_bytes() == bytes)
    }

    /// Merges the segments of an answer. Those that make no sense are skipped, and so is the late answer of a container
    /// that is no more.
    fn merge_answer(&mut self, rid: Option<&str>, text: &str) -> Capture {
        match (&self.rid, rid) {
            (Some(known), Some(rid)) if known != rid => return Capture::Known,
            (None, Some(rid)) => self.rid = Some(rid.to_owned()),
            _ => {}
        }
        let mut capture = Capture::Known;
        for (range, token) in text.split(',').filter_map(parse_segment) {
            if self.merge(range, &token) {
                capture = Capture::NewRange(range.to_owned());
            }
        }
        capture
    }

    /// Merges the token of one range. Says whether it is the first of it.
    fn merge(&mut self, range: &str, token: &RangeToken) -> bool {
        let known = self.ranges.get(range);
        let merged = known.map_or_else(|| token.clone(), |it| it.token.merge(token));
        if known.is_some_and(|it| it.token == merged) {
            return false;
        }
        let is_first = known.is_none();
        if let Some(segment) = segment(range, &merged) {
            self.ranges.insert(range.to_owned(), Seen { token: merged, segment });
        }
        is_first
    }
}

/// `0:-1#412#3=398`. Metadata answers carry `M:8111`, which says nothing of a range.
fn parse_segment(segment: &str) -> Option<(&str, RangeToken)> {
    let (range, token) = segment.trim().split_once(':')?;
    let is_id = !range.is_empty() && range.bytes().all(|it| it.is_ascii_digit());
    if is_id { Some((range, RangeToken::parse(token)?)) } else { None }
}

/// The segments of a token that a caller gives, who is to learn of mistakes.
pub(crate) fn parse(text: &str) -> Result<Vec<(&str, RangeToken)>> {
    let segments: Option<Vec<_>> = text.split(',').map(parse_segment).collect();
    segments.ok_or_else(|| {
        Error::invalid_input(format!(
            "{text:?} is not a session token: it should look like 0:-1#412#3=398"
        ))
    })
}

fn segment(range: &str, token: &RangeToken) -> Option<HeaderValue> {
    let mut text = String::with_capacity(48);
    write!(text, "{range}:{token}").ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests;
