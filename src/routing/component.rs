//! How the values of a partition key become bytes: hashed, or encoded in order.

use crate::partition_key::PartitionKeyValue;
use crate::routing::murmur3;

const UNDEFINED: u8 = 0x00;
const NULL: u8 = 0x01;
const FALSE: u8 = 0x02;
const TRUE: u8 = 0x03;
const NUMBER: u8 = 0x05;
const STRING: u8 = 0x08;

/// Hash version 1 looks at no more of a string than this many UTF-16 units.
const V1_UNITS: usize = 100;

/// The longest string that the ordered encoding writes whole, in bytes.
const LONGEST_WHOLE: usize = 100;

/// The values hashed together as version 2.
pub(crate) fn hash_v2(values: &[PartitionKeyValue]) -> [u8; 16] {
    let (low, high) = murmur3::x64_128(&hash_input(values, 0xff), (0, 0));
    let mut bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    // The two top bits stay clear, so that every key is below the end of the space.
    bytes[0] &= 0x3f;
    bytes
}

/// The values hashed together as version 1: the hash as an ordered number, then the values themselves.
pub(crate) fn hash_v1(values: &[PartitionKeyValue]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(truncate).collect();
    let hash = murmur3::x86_32(&hash_input(&values, 0x00), 0);
    let mut out = Vec::with_capacity(32);
    encode_number(f64::from(hash), &mut out);
    values.iter().for_each(|it| encode_into(it, &mut out));
    out
}

/// The values so encoded that the order of the bytes is the order of the values.
pub(crate) fn encode(values: &[PartitionKeyValue]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|it| encode_into(it, &mut out));
    out
}

fn hash_input(values: &[PartitionKeyValue], string_end: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for value in values {
        match value {
            PartitionKeyValue::Number(number) => {
                out.push(NUMBER);
                out.extend_from_slice(&number.to_le_bytes());
            }
            PartitionKeyValue::String(text) => {
                out.push(STRING);
                out.extend_from_slice(text.as_bytes());
                out.push(string_end);
            }
            other => out.push(bare_tag(other)),
        }
    }
    out
}

fn encode_into(value: &PartitionKeyValue, out: &mut Vec<u8>) {
    match value {
        PartitionKeyValue::Number(number) => encode_number(*number, out),
        PartitionKeyValue::String(text) => encode_string(text, out),
        other => out.push(bare_tag(other)),
    }
}

/// The tag of a value that is nothing but its tag.
fn bare_tag(value: &PartitionKeyValue) -> u8 {
    match value {
        PartitionKeyValue::Undefined => UNDEFINED,
        PartitionKeyValue::Null => NULL,
        PartitionKeyValue::Bool(false) => FALSE,
        PartitionKeyValue::Bool(true) => TRUE,
        PartitionKeyValue::Number(_) => NUMBER,
        PartitionKeyValue::String(_) => STRING,
    }
}

/// The top byte, then seven bits a byte; the lowest bit says whether more follow.
fn encode_number(number: f64, out: &mut Vec<u8>) {
    let mut rest = ordered_bits(number);
    out.extend_from_slice(&[NUMBER, (rest >> 56) as u8]);
    rest <<= 8;
    loop {
        let bits = (rest >> 56) as u8;
        rest <<= 7;
        if rest == 0 {
            out.push(bits & 0xfe);
            return;
        }
        out.push(bits | 1);
    }
}

/// The bits of a double, turned so that they sort as the numbers do.
fn ordered_bits(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = number.to_bits();
    if bits < SIGN { bits ^ SIGN } else { (!bits).wrapping_add(1) }
}

/// Each byte plus one, which keeps zero free for the end; a long string is cut and has no end.
fn encode_string(text: &str, out: &mut Vec<u8>) {
    out.push(STRING);
    // UTF-8 has no byte FF, so that nothing overflows.
    out.extend(text.bytes().take(LONGEST_WHOLE + 1).map(|byte| byte.wrapping_add(1)));
    if text.len() <= LONGEST_WHOLE {
        out.push(0);
    }
}

/// The start of a string that version 1 looks at. Half a surrogate pair at the cut becomes U+FFFD.
fn truncate(value: &PartitionKeyValue) -> PartitionKeyValue {
    match value {
        PartitionKeyValue::String(text) if text.len() > V1_UNITS => {
            let mut room = V1_UNITS;
            let mut kept = String::with_capacity(text.len().min(4 * V1_UNITS));
            for character in text.chars() {
                let Some(left) = room.checked_sub(character.len_utf16()) else {
                    if room > 0 {
                        kept.push(char::REPLACEMENT_CHARACTER);
                    }
                    break;
                };
                kept.push(character);
                room = left;
            }
            PartitionKeyValue::String(kept)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordered_encoding_keeps_the_order_of_values() {
        let ascending: Vec<PartitionKeyValue> = vec![
            PartitionKeyValue::Undefined,
            PartitionKeyValue::Null,
            false.into(),
            true.into(),
            f64::MIN.into(),
            (-1.5).into(),
            (-5e-324).into(),
            0.into(),
            5e-324.into(),
            1.into(),
            1.000_000_1.into(),
            u32::MAX.into(),
            f64::MAX.into(),
            "".into(),
            "\0".into(),
            "a".into(),
            "aa".into(),
            "b".into(),
            "é".into(),
        ];
        for pair in ascending.windows(2) {
            assert!(encode(&pair[..1]) < encode(&pair[1..]), "{pair:?}");
        }
    }
}
