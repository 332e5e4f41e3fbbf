//! The order that `ORDER BY` puts values in.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::error::{Error, Result};
use crate::query::distinct::hash;

/// A value to sort by. The variants stand in the order of types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey {
    Undefined,
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    /// By its hash: the service has no other order for values with parts.
    Array([u8; 16]),
    Object([u8; 16]),
}

impl SortKey {
    /// The key of a value in a row, where a missing one is undefined.
    pub(crate) fn parse(value: Option<&RawValue>) -> Result<Self> {
        let Some(value) = value else {
            return Ok(Self::Undefined);
        };
        let value: Value = serde_json::from_str(value.get())
            .map_err(|error| Error::json("a value to sort by cannot be read").with_source(error))?;
        Ok(Self::from(value))
    }

    /// The rank of the value's type.
    pub(crate) fn type_rank(&self) -> usize {
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
}

impl From<Value> for SortKey {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::String(text),
            Value::Array(_) => Self::Array(hash(&value).to_le_bytes()),
            Value::Object(_) => Self::Object(hash(&value).to_le_bytes()),
        }
    }
}

/// Compares two values in the order of types, then within the type.
pub(crate) fn compare(one: &SortKey, other: &SortKey) -> Ordering {
    match (one, other) {
        (SortKey::Bool(one), SortKey::Bool(other)) => one.cmp(other),
        (SortKey::Number(one), SortKey::Number(other)) => compare_numbers(one, other),
        (SortKey::String(one), SortKey::String(other)) => compare_strings(one, other),
        (SortKey::Array(one), SortKey::Array(other))
        | (SortKey::Object(one), SortKey::Object(other)) => one.cmp(other),
        _ => one.type_rank().cmp(&other.type_rank()),
    }
}

/// Compares by value, also where an integer has no exact double.
fn compare_numbers(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(one), None) => compare_mixed(one, double(other)),
        (None, Some(other)) => compare_mixed(other, double(one)).reverse(),
        (None, None) => double(one).total_cmp(&double(other)),
    }
}

fn integer(number: &Number) -> Option<i128> {
    match number.as_f64() {
        // Zero has two doubles and one value.
        Some(0.0) => Some(0),
        _ => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
    }
}

fn double(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

fn compare_mixed(integer: i128, double: f64) -> Ordering {
    // Beyond the reach of any 64-bit integer the conversion below would saturate, which keeps the order as well.
    let whole = double.trunc() as i128;
    integer.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(double - double.trunc() + 0.0)))
}

/// Compares by UTF-16 code unit, which puts characters outside the basic plane before some inside it.
fn compare_strings(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() {
        return one.cmp(other);
    }
    one.encode_utf16().cmp(other.encode_utf16())
}

/// How a key is written in a continuation: an undefined one as an object without members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    item: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    array: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

/// Tells a null that is there from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Serialize for SortKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex = |hash: &[u8; 16]| Some(format!("{:032x}", u128::from_le_bytes(*hash)));
        let mut written = Written { item: None, array: None, object: None };
        match self {
            Self::Undefined => {}
            Self::Null => written.item = Some(Value::Null),
            Self::Bool(value) => written.item = Some(Value::Bool(*value)),
            Self::Number(number) => written.item = Some(Value::Number(number.clone())),
            Self::String(text) => written.item = Some(Value::String(text.clone())),
            Self::Array(hash) => written.array = hex(hash),
            Self::Object(hash) => written.object = hex(hash),
        }
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SortKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = |hex: &str| u128::from_str_radix(hex, 16).map(u128::to_le_bytes);
        let written = Written::deserialize(deserializer)?;
        match (written.item, written.array, written.object) {
            (Some(item), None, None) => Ok(Self::from(item)),
            (None, Some(hash), None) => {
                bytes(&hash).map(Self::Array).map_err(serde::de::Error::custom)
            }
            (None, None, Some(hash)) => {
                bytes(&hash).map(Self::Object).map_err(serde::de::Error::custom)
            }
            (None, None, None) => Ok(Self::Undefined),
            _ => Err(serde::de::Error::custom("a sort key has one value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_sort_by_type_and_then_by_value() {
        let sorted = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1.0e300),
            json!(i64::MIN),
            json!(-1.5),
            json!(-1),
            json!(-0.5),
            json!(0),
            json!(0.5),
            json!(1),
            json!(9007199254740992.0),
            json!(9007199254740993_i64),
            json!(9007199254740994.0),
            json!(i64::MAX),
            json!(9223372036854775808_u64),
            json!(u64::MAX),
            json!(1.0e300),
            json!(""),
            json!("a"),
            json!("a\u{0}"),
            json!("b"),
            json!("\u{10000}"),
            json!("\u{e000}"),
            json!([]),
            json!({}),
        ];
        let mut keys = vec![SortKey::Undefined];
        keys.extend(sorted.into_iter().map(SortKey::from));
        for (at, one) in keys.iter().enumerate() {
            for (other_at, other) in keys.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (one, other) in
            [(json!(1), json!(1.0)), (json!(0), json!(-0.0)), (json!(0.0), json!(-0.0))]
        {
            assert_eq!(compare(&one.into(), &other.into()), Ordering::Equal);
        }
    }

    #[test]
    fn keys_survive_a_continuation() {
        let keys = vec![
            SortKey::Undefined,
            json!(null).into(),
            json!(9007199254740993_i64).into(),
            json!(0.1).into(),
            json!("ü").into(),
            json!([1]).into(),
            json!({"a": 1}).into(),
        ];
        let text = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<Vec<SortKey>>(&text).unwrap(), keys);
        assert!(serde_json::from_str::<SortKey>(r#"{"item":1,"array":"0"}"#).is_err());
    }
}
