//! Continuations that users hold between pages, possibly in another process.
//!
//! A continuation names the container and bears a fingerprint of the query, so that one that belongs to something else
//! is refused instead of returning wrong rows. Of the data it holds nothing but the values that an `ORDER BY` stands at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::query::backend::{QuerySpec, Target};
use crate::query::compare::SortKey;
use crate::routing::epk::Epk;
use crate::routing::murmur3;

/// Tells the form of what follows; a form that is read in another way gets another prefix.
const PREFIX: &str = "cq1.";

/// The longest continuation that is given out or taken, in bytes.
const LONGEST: usize = 16 * 1024;

/// Where a query stands after a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Rows still to be left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) skip: u64,
    /// Rows still to be returned at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) take: Option<u64>,
    /// The hash of the last row that an ordered `DISTINCT` returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_hash: Option<String>,
    pub(crate) source: Source,
}

/// Where the rows come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    /// From the start.
    #[default]
    Start,
    /// Partition after partition: what is left of `left` is done, and the parts in `active` are under way.
    Drain { left: Epk, active: Vec<Active> },
    /// Merged by order: the place in the order, valid however the partitions lie.
    Merge(Boundary),
}

/// A part of the key space and the service's continuation for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Active {
    pub(crate) min: Epk,
    pub(crate) max: Epk,
    pub(crate) token: String,
}

/// How far a merge has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Boundary {
    /// The sort values of the last row.
    pub(crate) keys: Vec<SortKey>,
    /// Where the partition of the last row begins. All rows with these values that lie left of it are done.
    pub(crate) left: Epk,
    /// The parts in which some rows with exactly these values are done.
    pub(crate) marks: Vec<Mark>,
}

/// The last row of a part of the key space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) min: Epk,
    pub(crate) max: Epk,
    pub(crate) rid: String,
    /// How many rows of this item are done: a `JOIN` makes several of one.
    pub(crate) count: u64,
}

#[derive(Serialize, Deserialize)]
struct Token {
    rid: String,
    query: String,
    at: Position,
}

/// What a continuation must have been made for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    container_rid: String,
    fingerprint: String,
}

impl Identity {
    pub(crate) fn new(container_rid: String, query: &QuerySpec, target: &Target) -> Self {
        let mut data = query.body(&query.text);
        data.push(0);
        if let Some(key) = &target.partition_key {
            data.extend(key.header_value().into_bytes());
        }
        for range in &target.ranges {
            data.extend(format!("\0{}-{}", range.min, range.max).into_bytes());
        }
        let (low, high) = murmur3::x64_128(&data, (0, 0));
        Self { container_rid, fingerprint: format!("{high:016x}{low:016x}") }
    }

    /// The text of a position, or `None` if it would be too long to carry around.
    pub(crate) fn seal(&self, position: Position) -> Option<String> {
        let (rid, query) = (self.container_rid.clone(), self.fingerprint.clone());
        let json = serde_json::to_vec(&Token { rid, query, at: position }).ok()?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json));
        (text.len() <= LONGEST).then_some(text)
    }

    /// The position that a text stands for.
    pub(crate) fn open(&self, text: &str) -> Result<Position> {
        let Some(encoded) = text.trim().strip_prefix(PREFIX) else {
            return Err(refused("it is not one of this client's query continuations"));
        };
        if encoded.len() > LONGEST {
            return Err(refused("it is longer than any that this client makes"));
        }
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| damaged(error.into()))?;
        let token: Token = serde_json::from_slice(&json).map_err(|error| damaged(error.into()))?;
        if token.rid != self.container_rid {
            return Err(refused("it belongs to another container, or to one that was recreated"));
        }
        if token.query != self.fingerprint {
            return Err(refused(
                "it belongs to another query: text, parameters and partition key must be the same",
            ));
        }
        Ok(token.at)
    }
}

/// The error for a continuation that reads well but cannot be followed.
pub(crate) fn refused(why: &str) -> Error {
    Error::invalid_input(format!("the continuation cannot be used: {why}"))
}

fn damaged(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    refused("it is damaged").with_source(cause)
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(rid: &str, text: &str) -> Identity {
        Identity::new(rid.into(), &QuerySpec::new(text), &Target::container())
    }

    #[test]
    fn a_continuation_opens_only_for_what_it_was_made_for() {
        let source = Source::Drain { left: "10".parse().unwrap(), active: Vec::new() };
        let position = Position { skip: 1, take: Some(2), source, ..Position::default() };
        let text = identity("r", "q").seal(position.clone()).unwrap();
        assert_eq!(identity("r", "q").open(&text).unwrap(), position);

        let message =
            |identity: &Identity, text: &str| identity.open(text).unwrap_err().to_string();
        assert!(message(&identity("s", "q"), &text).contains("another container"));
        assert!(message(&identity("r", "p"), &text).contains("another query"));
        assert!(message(&identity("r", "q"), &text[..text.len() - 3]).contains("damaged"));
        assert!(message(&identity("r", "q"), "-RID:~x#RT:1").contains("not one of"));
        assert!(message(&identity("r", "q"), &"cq1.A".repeat(9000)).contains("longer"));
        let mut with_parameter = QuerySpec::new("q");
        with_parameter.parameters.push(("@a".into(), 1.into()));
        let other = Identity::new("r".into(), &with_parameter, &Target::container());
        assert!(message(&other, &text).contains("another query"));
        let mut keyed = Target::container();
        keyed.partition_key = Some("k".into());
        let other = Identity::new("r".into(), &QuerySpec::new("q"), &keyed);
        assert!(message(&other, &text).contains("another query"));
    }

    #[test]
    fn a_position_too_long_to_carry_gives_no_continuation() {
        let token = "x".repeat(LONGEST);
        let active = vec![Active { min: Epk::MIN, max: Epk::max(), token }];
        let source = Source::Drain { left: Epk::MIN, active };
        let position = Position { source, ..Position::default() };
        assert_eq!(identity("r", "q").seal(position), None);
    }
}
