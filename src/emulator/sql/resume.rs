//! Where an answer goes on: the state behind continuation tokens.
//!
//! It says where the last row stood, not how many rows there were, so that it stays right when items are written or
//! the partition is split in between.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ast::Direction;
use super::candidate::{Candidate, compare_keys};
use super::distinct::DistinctHash;
use super::order::SortKey;
use super::value::{Number, Object, Value};

/// The end of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resume {
    /// The container's part of the resource id, which the query engine only carries along.
    pub(crate) container: u64,
    /// How many pages there were.
    pub(crate) round_trips: u64,
    /// How many rows there were.
    pub(crate) rows: u64,
    /// The document of the last row.
    pub(crate) rid: u64,
    /// The number of the last row within its document; none where the document is done with.
    pub(crate) row: Option<u64>,
    /// What the last row was sorted by; none where rows come in the order of documents.
    pub(crate) keys: Option<Vec<SortKey>>,
    /// How many rows the query's own limit still allows.
    pub(crate) take: Option<u64>,
    /// The last row of a DISTINCT query, so that it is not repeated.
    pub(crate) last: Option<DistinctHash>,
}

/// Where a client that merges partitions wants an ordered query to begin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResumeFilter {
    values: Vec<SortKey>,
    /// Rows of equal values begin at this document.
    rid: Option<u64>,
    /// Rows of equal values are left out.
    exclude: bool,
}

impl ResumeFilter {
    /// A filter from the list of values of a request; none if they are not written as they should be.
    pub(crate) fn new(values: &[Value], rid: Option<u64>, exclude: bool) -> Option<Self> {
        let values = values.iter().map(SortKey::from_value).collect::<Option<_>>()?;
        Some(Self { values, rid, exclude })
    }

    /// Whether the row is at or after the place.
    pub(super) fn admits(&self, candidate: &Candidate, directions: &[Direction]) -> bool {
        match compare_keys(&candidate.keys, &self.values, directions) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => !self.exclude && self.rid.is_none_or(|rid| candidate.rid >= rid),
        }
    }
}

impl Resume {
    /// The first document that matters: one can begin to read there.
    pub(crate) fn first_rid(&self) -> u64 {
        match (&self.keys, self.row) {
            (Some(_), _) => 0,
            (None, Some(_)) => self.rid,
            (None, None) => self.rid.saturating_add(1),
        }
    }

    /// How many rows of a document went before, of a query whose rows come in the order of documents.
    pub(super) fn rows_before(&self, rid: u64) -> u64 {
        match rid.cmp(&self.rid) {
            Ordering::Less => u64::MAX,
            Ordering::Equal => self.row.unwrap_or(u64::MAX),
            Ordering::Greater => 0,
        }
    }

    /// Whether the row comes after the last one, of a query whose rows are sorted.
    pub(super) fn admits(&self, candidate: &Candidate, directions: &[Direction]) -> bool {
        let keys = self.keys.as_deref().unwrap_or_default();
        compare_keys(&candidate.keys, keys, directions)
            .then(candidate.rid.cmp(&self.rid))
            .then(candidate.row.cmp(&self.row.unwrap_or(u64::MAX)))
            .is_gt()
    }

    /// The text of a continuation header, in the manner of the service.
    pub(crate) fn to_token(&self) -> String {
        let mut rid = self.container.to_be_bytes().to_vec();
        rid.extend(self.rid.to_le_bytes());
        let rid = STANDARD.encode(rid).replace('/', "-");
        let (trips, rows) = (self.round_trips, self.rows);
        let mut token = format!("-RID:~{rid}#RT:{trips}#TRC:{rows}{FIXED}");
        let rest = self.rest();
        if !rest.is_empty() {
            token.push_str(REST);
            token.push_str(&STANDARD.encode(Value::from(rest).to_json()));
        }
        token
    }

    /// Reads what [`Resume::to_token`] wrote; none if the text is damaged.
    pub(crate) fn from_token(token: &str) -> Option<Self> {
        let (rid, token) = token.strip_prefix("-RID:~")?.split_once("#RT:")?;
        let (round_trips, token) = token.split_once("#TRC:")?;
        let (rows, rest) = token.split_once(FIXED)?;
        let rid: [u8; 16] = STANDARD.decode(rid.replace('-', "/")).ok()?.try_into().ok()?;
        let (container, document) = rid.split_at(8);
        let mut resume = Self {
            container: u64::from_be_bytes(container.try_into().ok()?),
            rid: u64::from_le_bytes(document.try_into().ok()?),
            round_trips: round_trips.parse().ok()?,
            rows: rows.parse().ok()?,
            ..Self::default()
        };
        if !rest.is_empty() {
            let json = STANDARD.decode(rest.strip_prefix(REST)?).ok()?;
            resume.set_rest(Value::from_json(&json).ok()?.as_object()?)?;
        }
        Some(resume)
    }

    /// What the service's own fields have no place for.
    fn rest(&self) -> Object {
        let mut rest = Object::new();
        if let Some(row) = self.row {
            rest.insert("row", Value::from(row));
        }
        if let Some(keys) = &self.keys {
            rest.insert("keys", Value::array(keys.iter().map(SortKey::to_value).collect()));
        }
        if let Some(take) = self.take {
            rest.insert("take", Value::from(take));
        }
        if let Some(last) = self.last {
            rest.insert("last", Value::array(vec![Value::from(last.low), Value::from(last.high)]));
        }
        rest
    }

    fn set_rest(&mut self, rest: &Object) -> Option<()> {
        for (name, value) in rest.iter() {
            match &**name {
                "row" => self.row = Some(unsigned(value)?),
                "take" => self.take = Some(unsigned(value)?),
                "keys" => {
                    let keys = value.as_array()?.iter().map(SortKey::from_value);
                    self.keys = Some(keys.collect::<Option<_>>()?);
                }
                "last" => {
                    let [low, high] = value.as_array()? else { return None };
                    self.last = Some(DistinctHash { low: unsigned(low)?, high: unsigned(high)? });
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// The fields that are the same in every token of the service.
const FIXED: &str = "#ISV:2#IEO:65599#QCF:8";
/// The field that only this emulator writes.
const REST: &str = "#EMU:";

fn unsigned(value: &Value) -> Option<u64> {
    match value.as_number()? {
        Number::Int(number) => u64::try_from(number).ok(),
        Number::UInt(number) => Some(number),
        Number::Float(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_plain_scan_is_that_of_the_service() {
        let resume = Resume {
            container: 0x0C90_7B00_A8CD_2144,
            round_trips: 1,
            rows: 1000,
            rid: 1000,
            ..Resume::default()
        };
        let token = "-RID:~DJB7AKjNIUToAwAAAAAAAA==#RT:1#TRC:1000#ISV:2#IEO:65599#QCF:8";
        assert_eq!(resume.to_token(), token);
        assert_eq!(Resume::from_token(token), Some(resume));
    }

    #[test]
    fn tokens_keep_everything_and_damaged_ones_are_refused() {
        let keys = [
            Value::Undefined,
            Value::from(u64::MAX),
            Value::from(0.1),
            Value::from("é#:"),
            Value::array(vec![Value::Null]),
        ];
        let resume = Resume {
            container: u64::MAX,
            round_trips: 2,
            rows: 3,
            rid: u64::MAX,
            row: Some(5),
            keys: Some(keys.iter().map(SortKey::of).collect()),
            take: Some(u64::MAX),
            last: Some(DistinctHash { low: u64::MAX, high: 1 }),
        };
        let token = resume.to_token();
        assert_eq!(Resume::from_token(&token), Some(resume));
        let plain = token.find(REST).unwrap();
        for end in (0..token.len()).filter(|end| *end != plain) {
            assert_eq!(Resume::from_token(&token[..end]), None, "{end}");
        }
        for damaged in ["", "abc", &token.replace("RT:2", "RT:x"), &token.replace("EMU", "UME")] {
            assert_eq!(Resume::from_token(damaged), None, "{damaged}");
        }
    }
}
