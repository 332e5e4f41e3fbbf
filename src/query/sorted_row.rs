//! Rows of a query with `ORDER BY`: what to sort by, which item they are of, and what to return.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::query::compare::{SortKey, compare};
use crate::query::plan::Direction;
use crate::query::row::{parse, present};
use crate::wire::header;

/// What becomes of a row after it was sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// What the user selected.
    Payload,
    /// The row as the partition wrote it.
    Envelope,
}

#[derive(Debug)]
pub(crate) struct SortedRow {
    pub(crate) keys: Vec<SortKey>,
    pub(crate) rid: String,
    /// `None` where the user's value is undefined.
    pub(crate) output: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "_rid", default)]
    rid: String,
    #[serde(borrow, rename = "orderByItems", default)]
    items: Vec<Item<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    item: Option<&'a RawValue>,
}

impl SortedRow {
    /// Reads a row that must have so many values to sort by.
    pub(crate) fn parse(row: Box<RawValue>, columns: usize, output: Output) -> Result<Self> {
        let envelope: Envelope<'_> = parse(&row)?;
        if envelope.items.len() != columns {
            return Err(Error::json(format!(
                "a row has {} values to sort by, but the query plan has {columns}",
                envelope.items.len()
            )));
        }
        let keys =
            envelope.items.iter().map(|it| SortKey::parse(it.item)).collect::<Result<_>>()?;
        let rid = envelope.rid;
        let output = match output {
            Output::Payload => envelope.payload.map(ToOwned::to_owned),
            Output::Envelope => Some(row),
        };
        Ok(Self { keys, rid, output })
    }
}

/// Compares the values of two rows, each column in its direction.
pub(crate) fn compare_keys(one: &[SortKey], other: &[SortKey], order: &[Direction]) -> Ordering {
    for ((one, other), direction) in one.iter().zip(other).zip(order) {
        let found = match direction {
            Direction::Ascending => compare(one, other),
            Direction::Descending => compare(one, other).reverse(),
        };
        if found.is_ne() {
            return found;
        }
    }
    Ordering::Equal
}

/// Whether a partition returns rows with equal values from the last item to the first.
pub(crate) fn has_falling_rids(headers: &HeaderMap, order: &[Direction]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Info {
        reverse_rid_enabled: bool,
        reverse_index_scan: bool,
    }
    impl Default for Info {
        fn default() -> Self {
            Self { reverse_rid_enabled: true, reverse_index_scan: false }
        }
    }
    let info: Info = headers
        .get(&header::QUERY_EXECUTION_INFO)
        .and_then(|it| serde_json::from_slice(it.as_bytes()).ok())
        .unwrap_or_default();
    if info.reverse_rid_enabled {
        order.first() == Some(&Direction::Descending)
    } else {
        info.reverse_index_scan
    }
}

/// Compares two resource ids of items of one container by the number of the item.
pub(crate) fn compare_rids(one: &str, other: &str) -> Ordering {
    let number = |rid: &str| {
        let bytes = STANDARD.decode(rid.replace('-', "/")).ok()?;
        let last: [u8; 8] = bytes.get(8..16)?.try_into().ok()?;
        Some(u64::from_le_bytes(last))
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_null_is_one_and_a_missing_payload_is_none() {
        let parse = |text: &str, output| {
            SortedRow::parse(RawValue::from_string(text.into()).unwrap(), 1, output)
        };
        let row = |text: &str| parse(text, Output::Payload).unwrap();
        let null = row(r#"{"_rid":"a\u0062","orderByItems":[{"item":null}],"payload":null}"#);
        assert_eq!(null.output.unwrap().get(), "null");
        assert_eq!((null.rid.as_str(), null.keys), ("ab", vec![SortKey::Null]));
        let none = row(r#"{"_rid":"a","orderByItems":[{}]}"#);
        assert!(none.output.is_none() && none.keys == [SortKey::Undefined]);
        let whole = r#"{"orderByItems":[{}],"x":1}"#;
        assert_eq!(parse(whole, Output::Envelope).unwrap().output.unwrap().get(), whole);
        assert!(parse(r#"{"orderByItems":[]}"#, Output::Payload).is_err());
        assert!(parse("5", Output::Payload).is_err());
    }

    #[test]
    fn rids_compare_by_the_number_of_the_item() {
        let rid = |number: u64| {
            let mut bytes = vec![0xfb; 8];
            bytes.extend(number.to_le_bytes());
            STANDARD.encode(bytes).replace('/', "-")
        };
        assert_eq!(compare_rids(&rid(255), &rid(256)), Ordering::Less);
        assert_eq!(compare_rids(&rid(7), &rid(7)), Ordering::Equal);
        assert_eq!(compare_rids("x", "y"), Ordering::Less);
    }

    #[test]
    fn the_header_tells_the_order_of_equal_rows() {
        use Direction::{Ascending, Descending};
        let falling = |info: Option<&'static str>, first| {
            let mut headers = HeaderMap::new();
            if let Some(info) = info {
                headers.insert(header::QUERY_EXECUTION_INFO, info.parse().unwrap());
            }
            has_falling_rids(&headers, &[first, Ascending])
        };
        assert!(!falling(None, Ascending) && falling(None, Descending));
        let forward = r#"{"reverseRidEnabled":false,"reverseIndexScan":false}"#;
        let backward = r#"{"reverseRidEnabled":false,"reverseIndexScan":true}"#;
        assert!(!falling(Some(forward), Descending) && falling(Some(backward), Ascending));
        assert!(falling(Some(r#"{"reverseRidEnabled":true}"#), Descending));
    }
}
