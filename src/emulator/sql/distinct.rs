//! The 128-bit hash by which rows are told apart, the same that clients exchange in continuation tokens.

use std::collections::HashSet;

use super::value::{Number, Value};
use crate::routing::murmur3;

/// The hash of a value. Equal values have equal hashes, whatever the order of their properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DistinctHash {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

const ROOT: DistinctHash = seed(0xbfc2_359e_afc0_e2b7, 0x8846_e002_84c4_cf1f);
const NULL: DistinctHash = seed(0x1380_f68b_b3b0_cfe4, 0x156c_918b_f564_ee48);
const FALSE: DistinctHash = seed(0xc1be_517f_e893_b40c, 0xe9fc_8a4c_531c_d0dd);
const TRUE: DistinctHash = seed(0xf86d_4abf_9a41_2e74, 0x7884_8836_5c8a_985d);
const STRING: DistinctHash = seed(0x61f5_3f0a_4420_4cfb, 0x0948_1be8_ef4b_56dd);
const ARRAY: DistinctHash = seed(0xfa57_3b01_4c4d_c18e, 0xa014_512c_858e_b115);
const OBJECT: DistinctHash = seed(0x77b2_85ac_511a_ef30, 0x3dcf_1872_4582_2449);
const ARRAY_INDEX: DistinctHash = seed(0xfe05_7204_216d_b999, 0x5b1c_c317_8bd9_c593);
const PROPERTY_NAME: DistinctHash = seed(0xc915_dde0_5849_2a8a, 0x7c8b_e2eb_a72e_4634);
const NUMBER: DistinctHash = seed(0x2400_e8b8_94ce_9c2a, 0x790b_e1ea_bd7b_9481);

const fn seed(low: u64, high: u64) -> DistinctHash {
    DistinctHash { low, high }
}

impl DistinctHash {
    /// The hash of a defined value.
    pub(crate) fn of(value: &Value) -> Self {
        hash(value, ROOT)
    }

    /// The sixteen bytes, lowest first; their order is the order of hashes.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let number = (u128::from(self.high) << 64) | u128::from(self.low);
        number.to_le_bytes()
    }

    /// Hashes bytes with this hash as the seed.
    fn mix(self, data: &[u8]) -> Self {
        let (low, high) = murmur3::x64_128(data, (self.low, self.high));
        Self { low, high }
    }

    fn plus(self, index: usize) -> Self {
        let number =
            ((u128::from(self.high) << 64) | u128::from(self.low)).wrapping_add(index as u128);
        Self { low: number as u64, high: (number >> 64) as u64 }
    }
}

fn hash(value: &Value, seed: DistinctHash) -> DistinctHash {
    match value {
        Value::Undefined => seed,
        Value::Null => seed.mix(&NULL.to_bytes()),
        Value::Bool(false) => seed.mix(&FALSE.to_bytes()),
        Value::Bool(true) => seed.mix(&TRUE.to_bytes()),
        Value::Number(number) => hash_number(*number, seed),
        Value::String(text) => hash_string(text, seed),
        Value::Array(elements) => hash_array(elements, seed),
        Value::Object(object) => {
            let mut sum = DistinctHash { low: 0, high: 0 };
            for (name, member) in object.iter().filter(|(_, member)| !member.is_undefined()) {
                let hash = hash(member, hash_string(name, PROPERTY_NAME));
                sum = DistinctHash { low: sum.low ^ hash.low, high: sum.high ^ hash.high };
            }
            let hash = seed.mix(&OBJECT.to_bytes());
            if sum.low == 0 && sum.high == 0 { hash } else { hash.mix(&sum.to_bytes()) }
        }
    }
}

fn hash_string(text: &str, seed: DistinctHash) -> DistinctHash {
    seed.mix(&STRING.to_bytes()).mix(text.as_bytes())
}

fn hash_array(elements: &[Value], seed: DistinctHash) -> DistinctHash {
    let mut result = seed.mix(&ARRAY.to_bytes());
    for (index, element) in elements.iter().enumerate().filter(|(_, it)| !it.is_undefined()) {
        result = result.mix(&hash(element, ARRAY_INDEX.plus(index)).to_bytes());
    }
    result
}

fn hash_number(number: Number, seed: DistinctHash) -> DistinctHash {
    let (double, extra) = match number {
        Number::Int(value) => split_integer(value),
        other => (other.as_f64(), 0),
    };
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&double.to_le_bytes());
    bytes[8..].copy_from_slice(&extra.to_le_bytes());
    seed.mix(&NUMBER.to_bytes()).mix(&bytes)
}

/// An integer as a double cut off after 52 bits of mantissa, and the bits that were cut off.
fn split_integer(value: i64) -> (f64, u16) {
    let magnitude = value.unsigned_abs();
    let double = value as f64;
    if magnitude < 1 << 53 || double as i128 == i128::from(value) {
        return (double, 0);
    }
    let surplus = 11 - magnitude.leading_zeros();
    let cut = magnitude >> surplus << surplus;
    // The surplus bits stand left-aligned in the sixteen, below them nothing.
    let extra = ((magnitude - cut) << (16 - surplus)) as u16;
    (if value < 0 { -(cut as f64) } else { cut as f64 }, extra)
}

/// Remembers which values came by.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashSet<DistinctHash>);

impl Seen {
    /// Notes a value; false if it came before.
    pub(crate) fn insert(&mut self, value: &Value) -> bool {
        self.insert_hash(DistinctHash::of(value))
    }

    pub(crate) fn insert_hash(&mut self, hash: DistinctHash) -> bool {
        self.0.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_official_clients() {
        let vectors = include_bytes!("../../../tests/data/distinct_hash.json");
        let vectors = Value::from_json(vectors).unwrap();
        for vector in vectors.as_array().unwrap() {
            let half = |name: &str| vector.get(name).as_str().unwrap().parse::<u64>().unwrap();
            let text = vector.get("json");
            let value = Value::from_json(text.as_str().unwrap().as_bytes()).unwrap();
            let expected = DistinctHash { low: half("low"), high: half("high") };
            assert_eq!(DistinctHash::of(&value), expected, "{text:?}");
        }
    }

    #[test]
    fn integers_beyond_a_double_are_told_apart() {
        let hashes: HashSet<_> = (0..64)
            .flat_map(|offset| [i64::MAX - offset, i64::MIN + offset, (1 << 53) + offset])
            .map(|number| DistinctHash::of(&Value::from(number)))
            .collect();
        assert_eq!(hashes.len(), 3 * 64);
        assert_eq!(split_integer(-((1 << 53) + 1)), (-9007199254740992.0, 1 << 15));
    }
}
