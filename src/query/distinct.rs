//! `DISTINCT`: rows are told apart by a hash of their value, so that the rows themselves need not be kept.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::error::{Error, Result};
use crate::query::continuation::Position;
use crate::query::stage::{Page, Stage};
use crate::routing::murmur3;

/// Leaves out rows that were there before.
pub(crate) struct DistinctRows {
    child: Box<dyn Stage>,
    seen: Seen,
}

enum Seen {
    /// All hashes.
    Any(HashSet<u128>),
    /// Equal rows follow each other, so that the last hash will do.
    Last(Option<u128>),
}

impl DistinctRows {
    pub(crate) fn unordered(child: Box<dyn Stage>) -> Self {
        Self { child, seen: Seen::Any(HashSet::new()) }
    }

    /// For rows that come sorted by their value; `last` is the hash of the row before the first.
    pub(crate) fn ordered(child: Box<dyn Stage>, last: Option<u128>) -> Self {
        Self { child, seen: Seen::Last(last) }
    }
}

impl Stage for DistinctRows {
    fn next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.child.next_page()? else {
            return Ok(None);
        };
        let mut kept = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            if self.seen.insert(hash_row(&row)?) {
                kept.push(row);
            }
        }
        page.rows = kept;
        Ok(Some(page))
    }

    fn save(&self, position: &mut Position) -> bool {
        if let Seen::Last(Some(last)) = self.seen {
            position.last_hash = Some(format!("{last:032x}"));
        }
        self.child.save(position)
    }
}

impl Seen {
    fn insert(&mut self, hash: u128) -> bool {
        match self {
            Self::Any(seen) => seen.insert(hash),
            Self::Last(last) => last.replace(hash) != Some(hash),
        }
    }
}

/// The hash of a row's value.
pub(crate) fn hash_row(row: &RawValue) -> Result<u128> {
    let value: Value = serde_json::from_str(row.get())
        .map_err(|error| Error::json("a row cannot be read").with_source(error))?;
    Ok(hash(&value))
}

/// The hash by which the service's own clients tell values apart: `1` and `1.0` have one, and the order of properties
/// does not count.
pub(crate) fn hash(value: &Value) -> u128 {
    hash_from(value, ROOT)
}

const ROOT: u128 = pair(0xbfc2_359e_afc0_e2b7, 0x8846_e002_84c4_cf1f);
const NULL: u128 = pair(0x1380_f68b_b3b0_cfe4, 0x156c_918b_f564_ee48);
const FALSE: u128 = pair(0xc1be_517f_e893_b40c, 0xe9fc_8a4c_531c_d0dd);
const TRUE: u128 = pair(0xf86d_4abf_9a41_2e74, 0x7884_8836_5c8a_985d);
const STRING: u128 = pair(0x61f5_3f0a_4420_4cfb, 0x0948_1be8_ef4b_56dd);
const ARRAY: u128 = pair(0xfa57_3b01_4c4d_c18e, 0xa014_512c_858e_b115);
const OBJECT: u128 = pair(0x77b2_85ac_511a_ef30, 0x3dcf_1872_4582_2449);
const ARRAY_INDEX: u128 = pair(0xfe05_7204_216d_b999, 0x5b1c_c317_8bd9_c593);
const PROPERTY_NAME: u128 = pair(0xc915_dde0_5849_2a8a, 0x7c8b_e2eb_a72e_4634);
const NUMBER: u128 = pair(0x2400_e8b8_94ce_9c2a, 0x790b_e1ea_bd7b_9481);

const fn pair(low: u64, high: u64) -> u128 {
    low as u128 | (high as u128) << 64
}

fn mix(data: &[u8], seed: u128) -> u128 {
    let (low, high) = murmur3::x64_128(data, (seed as u64, (seed >> 64) as u64));
    pair(low, high)
}

/// Recursion is bounded by the JSON parser, which refuses values that are nested too deeply.
fn hash_from(value: &Value, seed: u128) -> u128 {
    let tag = |tag: u128| mix(&tag.to_le_bytes(), seed);
    match value {
        Value::Null => tag(NULL),
        Value::Bool(false) => tag(FALSE),
        Value::Bool(true) => tag(TRUE),
        Value::Number(number) => mix(&number_bytes(number), tag(NUMBER)),
        Value::String(text) => hash_string(text, seed),
        Value::Array(items) => {
            items.iter().zip(0_u128..).fold(tag(ARRAY), |hash, (item, index)| {
                let item = hash_from(item, ARRAY_INDEX.wrapping_add(index));
                mix(&item.to_le_bytes(), hash)
            })
        }
        Value::Object(properties) => {
            let all = properties.iter().fold(0, |all, (name, value)| {
                all ^ hash_from(value, hash_string(name, PROPERTY_NAME))
            });
            if all == 0 { tag(OBJECT) } else { mix(&all.to_le_bytes(), tag(OBJECT)) }
        }
    }
}

fn hash_string(text: &str, seed: u128) -> u128 {
    mix(text.as_bytes(), mix(&STRING.to_le_bytes(), seed))
}

/// The double, followed by what it has no room for: the lowest bits of a large integer.
fn number_bytes(number: &Number) -> [u8; 10] {
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let (double, extra) = match integer {
        Some(integer) => split_integer(integer),
        None => (number.as_f64().unwrap_or(0.0), 0),
    };
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&(double + 0.0).to_le_bytes());
    bytes[8..].copy_from_slice(&extra.to_le_bytes());
    bytes
}

fn split_integer(integer: i128) -> (f64, u16) {
    let magnitude = integer.unsigned_abs() as u64;
    let surplus = 11_u32.saturating_sub(magnitude.leading_zeros());
    let extra = magnitude & ((1 << surplus) - 1);
    let double = (magnitude - extra) as f64;
    (if integer < 0 { -double } else { double }, extra as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        json: String,
        low: String,
        high: String,
    }

    #[test]
    fn hashes_are_those_of_the_services_own_clients() {
        let text = include_str!("../../tests/data/distinct_hash.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
        assert_eq!(vectors.len(), 40);
        for vector in vectors {
            let expected = pair(vector.low.parse().unwrap(), vector.high.parse().unwrap());
            let row = RawValue::from_string(vector.json.clone()).unwrap();
            assert_eq!(hash_row(&row).unwrap(), expected, "{}", vector.json);
        }
    }

    #[test]
    fn equal_values_have_one_hash_and_large_integers_their_own() {
        let hash_of = |text: &str| hash_row(&RawValue::from_string(text.into()).unwrap()).unwrap();
        assert_eq!(hash_of("1"), hash_of("1.0"));
        assert_eq!(hash_of("0"), hash_of("-0.0"));
        assert_eq!(hash_of(r#"{"a":1,"b":2}"#), hash_of(r#"{ "b":2.0, "a":1 }"#));
        assert_eq!(hash_of("9007199254740992"), hash_of("9007199254740992.0"));
        let apart =
            ["9007199254740993", "9007199254740992", "18446744073709551615", "0", "\"0\"", "[0]"];
        let distinct: HashSet<u128> = apart.iter().map(|it| hash_of(it)).collect();
        assert_eq!(distinct.len(), apart.len());
    }
}
