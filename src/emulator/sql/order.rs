//! The order of JSON values: undefined < null < booleans < numbers < strings < arrays < objects.

use std::cmp::Ordering;
use std::sync::Arc;

use super::distinct::DistinctHash;
use super::value::{Number, Object, Value};

/// One sort key: a value reduced to what its order depends on.
///
/// Arrays and objects have no order of their own; they are ordered by their hash, as clients do that merge
/// partitions, so that both sides agree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey {
    Undefined,
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(DistinctHash),
    Object(DistinctHash),
}

impl SortKey {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Undefined => Self::Undefined,
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(*number),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(_) => Self::Array(DistinctHash::of(value)),
            Value::Object(_) => Self::Object(DistinctHash::of(value)),
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => {
                compare_numbers(*a, *b).unwrap_or_else(|| a.as_f64().total_cmp(&b.as_f64()))
            }
            (Self::String(a), Self::String(b)) => compare_strings(a, b),
            (Self::Array(a), Self::Array(b)) | (Self::Object(a), Self::Object(b)) => {
                a.to_bytes().cmp(&b.to_bytes())
            }
            _ => self.type_rank().cmp(&other.type_rank()),
        }
    }

    fn type_rank(&self) -> u8 {
        match self {
            Self::Undefined => 0,
            Self::Null => 1,
            Self::Bool(_) => 2,
            Self::Number(_) => 3,
            Self::String(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        }
    }

    /// The key as resume filters write it: a scalar as it is, undefined as `[]`, the others by their hash.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Undefined => Value::array(Vec::new()),
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(*number),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(hash) => hash_value("array", *hash),
            Self::Object(hash) => hash_value("object", *hash),
        }
    }

    /// Reads what [`SortKey::to_value`] wrote.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Array(elements) if elements.is_empty() => Some(Self::Undefined),
            Value::Object(object) => {
                let half = |name| object.get(name)?.as_number()?.as_i64();
                let (low, high) = (half("low")?, half("high")?);
                let hash = DistinctHash { low: low as u64, high: high as u64 };
                match object.get("type")?.as_str()? {
                    "array" => Some(Self::Array(hash)),
                    "object" => Some(Self::Object(hash)),
                    _ => None,
                }
            }
            Value::Array(_) | Value::Undefined => None,
            scalar => Some(Self::of(scalar)),
        }
    }
}

fn hash_value(kind: &str, hash: DistinctHash) -> Value {
    Value::from(Object::from_iter([
        ("type", Value::from(kind)),
        ("low", Value::from(hash.low as i64)),
        ("high", Value::from(hash.high as i64)),
    ]))
}

/// The order that `<` and its kin see: only values of one scalar type have one.
pub(crate) fn compare_scalars(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => compare_numbers(*a, *b),
        (Value::String(a), Value::String(b)) => Some(compare_strings(a, b)),
        _ => None,
    }
}

/// The exact order of two numbers; none where one of them is not a number.
pub(crate) fn compare_numbers(left: Number, right: Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => compare_mixed(a, right.as_f64()),
        (None, Some(b)) => compare_mixed(b, left.as_f64()).map(Ordering::reverse),
        (None, None) => left.as_f64().partial_cmp(&right.as_f64()),
    }
}

fn whole(number: Number) -> Option<i128> {
    match number {
        Number::Int(value) => Some(value.into()),
        Number::UInt(value) => Some(value.into()),
        Number::Float(_) => None,
    }
}

/// Compares without rounding the integer: first the whole parts, then the fraction decides.
fn compare_mixed(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // The cast saturates, far beyond every 64-bit integer.
    let truncated = float.trunc() as i128;
    Some(
        integer
            .cmp(&truncated)
            .then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
    )
}

/// Orders by UTF-16 code units, in which characters above U+FFFF come before U+E000 to U+FFFF.
pub(crate) fn compare_strings(left: &str, right: &str) -> Ordering {
    let rank = |byte: u8| if matches!(byte, 0xEE | 0xEF) { byte + 0x10 } else { byte };
    match left.bytes().zip(right.bytes()).find(|(a, b)| a != b) {
        Some((a, b)) => rank(a).cmp(&rank(b)),
        None => left.len().cmp(&right.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn types_come_in_the_order_of_the_service() {
        let texts = ["null", "false", "true", "-1.5", "0", "1e300", r#""""#, r#""a""#, "[]", "{}"];
        let mut keys = vec![SortKey::Undefined];
        keys.extend(texts.iter().map(|text| SortKey::of(&value(text))));
        for pair in keys.windows(2) {
            assert_eq!(pair[0].compare(&pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(pair[1].compare(&pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (left, right, expected) in [
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("18446744073709551615", "18446744073709551616", Ordering::Less),
            ("-9223372036854775808", "-1e300", Ordering::Greater),
            ("1", "1.0", Ordering::Equal),
            ("-1", "-1.5", Ordering::Greater),
            ("1", "1.5", Ordering::Less),
        ] {
            assert_eq!(
                compare_scalars(&value(left), &value(right)),
                Some(expected),
                "{left} {right}"
            );
        }
        assert_eq!(compare_numbers(Number::Int(1), Number::Float(f64::NAN)), None);
    }

    #[test]
    fn strings_are_ordered_by_utf_16_code_units() {
        let texts = [
            "",
            "a",
            "a\u{1F600}",
            "a\u{1F601}",
            "a\u{E000}",
            "a\u{FFFD}",
            "aa",
            "é",
            "\u{D7FF}",
            "\u{10000}",
            "\u{FFFF}",
        ];
        for a in texts {
            for b in texts {
                assert_eq!(
                    compare_strings(a, b),
                    a.encode_utf16().cmp(b.encode_utf16()),
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn keys_survive_their_encoding() {
        for text in ["null", "true", "5", "0.1", "\"x\"", "[1,2]", r#"{"a":1}"#] {
            let key = SortKey::of(&value(text));
            let encoded = key.to_value().to_json();
            assert_eq!(SortKey::from_value(&value(&encoded)), Some(key), "{encoded}");
        }
        assert_eq!(SortKey::from_value(&SortKey::Undefined.to_value()), Some(SortKey::Undefined));
        assert_eq!(SortKey::from_value(&value(r#"{"type":"x","low":1,"high":2}"#)), None);
    }
}
