//! JSON values as the query engine sees them: with `undefined`, exact integers and properties in order.

use std::fmt::Write;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value, or the absence of one. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    /// No value: a property that does not exist, an operation that makes no sense.
    #[default]
    Undefined,
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(Arc<Vec<Self>>),
    Object(Arc<Object>),
}

/// A number: exact where it is a 64-bit integer, a double otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    /// Only for integers above `i64::MAX`.
    UInt(u64),
    Float(f64),
}

/// The properties of an object, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    entries: Vec<(Arc<str>, Value)>,
}

impl Value {
    /// The value of the property `name`; undefined if there is none, or this is not an object.
    pub(crate) fn get(&self, name: &str) -> Self {
        match self {
            Self::Object(object) => object.get(name).cloned().unwrap_or_default(),
            _ => Self::Undefined,
        }
    }

    /// The element at `index`; undefined if there is none, or this is not an array.
    pub(crate) fn at(&self, index: usize) -> Self {
        match self {
            Self::Array(elements) => elements.get(index).cloned().unwrap_or_default(),
            _ => Self::Undefined,
        }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(crate) fn as_number(&self) -> Option<Number> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    pub(crate) fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// An array of these values.
    pub(crate) fn array(elements: Vec<Self>) -> Self {
        Self::Array(Arc::new(elements))
    }

    /// Reads JSON text. Lone surrogates in `\u` escapes become U+FFFD, as the service stores them.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        match replace_lone_surrogates(text) {
            Some(mended) => serde_json::from_slice(&mended),
            None => serde_json::from_slice(text),
        }
    }

    /// Writes compact JSON. Undefined members of objects are left out; undefined elsewhere is `null`.
    pub(crate) fn write_json(&self, style: ExponentStyle, out: &mut String) {
        match self {
            Self::Undefined | Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => number.write(style, out),
            Self::String(text) => write_json_string(text, out),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write_json(style, out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push('{');
                let mut first = true;
                for (name, value) in object.iter().filter(|(_, value)| !value.is_undefined()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    write_json_string(name, out);
                    out.push(':');
                    value.write_json(style, out);
                }
                out.push('}');
            }
        }
    }

    /// Compact JSON as query answers have it.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(ExponentStyle::TwoDigits, &mut out);
        out
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// Sets a property where it stands, or adds it at the end.
    pub(crate) fn insert(&mut self, name: impl Into<Arc<str>>, value: Value) {
        let name = name.into();
        match self.entries.iter_mut().find(|(key, _)| *key == name) {
            Some((_, existing)) => *existing = value,
            None => self.entries.push((name, value)),
        }
    }

    /// Removes a property and returns its value.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.entries.iter().position(|(key, _)| &**key == name)?;
        Some(self.entries.remove(index).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut object = Self::new();
        for (name, value) in entries {
            object.insert(name, value);
        }
        object
    }
}

/// Objects are equal whatever the order of their properties.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::UInt(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The integer that this number is, if it is one within `i64`.
    pub(crate) fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            Self::UInt(_) => None,
            Self::Float(value) => {
                let within =
                    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
                (within && value.fract() == 0.0).then_some(value as i64)
            }
        }
    }

    pub(crate) fn is_finite(self) -> bool {
        self.as_f64().is_finite()
    }

    /// Writes the number as the service does: the shortest of 15 or 17 significant digits that reads back as itself.
    pub(crate) fn write(self, style: ExponentStyle, out: &mut String) {
        match self {
            Self::Int(value) => push(out, format_args!("{value}")),
            Self::UInt(value) => push(out, format_args!("{value}")),
            Self::Float(value) => write_double(value, style, out),
        }
    }
}

impl From<f64> for Number {
    /// Whole numbers that a double holds exactly become integers, and negative zero becomes zero.
    fn from(value: f64) -> Self {
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            Self::Int(value as i64)
        } else {
            Self::Float(value)
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

/// Numbers are equal by value, an integer and a double too, without rounding the integer.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::UInt(a), Self::UInt(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(_), Self::UInt(_)) | (Self::UInt(_), Self::Int(_)) => false,
            (Self::Int(integer), Self::Float(float)) | (Self::Float(float), Self::Int(integer)) => {
                Self::Float(float).as_i64() == Some(integer)
            }
            (Self::UInt(integer), Self::Float(float))
            | (Self::Float(float), Self::UInt(integer)) => {
                (9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0).contains(&float)
                    && float as u64 == integer
            }
        }
    }
}

/// How many digits an exponent has at least: the service writes two in query answers and three in item answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExponentStyle {
    TwoDigits,
    ThreeDigits,
}

/// Like C's `%.15g` where that reads back as the same number, else `%.17g`.
fn write_double(value: f64, style: ExponentStyle, out: &mut String) {
    if value == 0.0 {
        return out.push('0');
    }
    if !value.is_finite() {
        return out.push_str(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    let mut precision = 15;
    let mut scientific = format!("{value:.14e}");
    if scientific.parse() != Ok(value) {
        precision = 17;
        scientific = format!("{value:.16e}");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision {
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        let digits = exponent.unsigned_abs();
        match style {
            ExponentStyle::TwoDigits => push(out, format_args!("{mantissa}e{sign}{digits:02}")),
            ExponentStyle::ThreeDigits => push(out, format_args!("{mantissa}e{sign}{digits:03}")),
        }
    } else {
        let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
        let plain = format!("{value:.decimals$}");
        out.push_str(if plain.contains('.') {
            plain.trim_end_matches('0').trim_end_matches('.')
        } else {
            &plain
        });
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// A JSON string: non-ASCII as it is, control characters escaped.
pub(crate) fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => push(out, format_args!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// The text with every `\uD800` to `\uDFFF` escape that is not part of a pair made `\uFFFD`; `None` if there is none.
fn replace_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut index = 0;
    while index + 1 < text.len() {
        if text[index] != b'\\' {
            index += 1;
        } else if let Some(unit) = escaped_unit(text, index) {
            match unit {
                0xD800..=0xDBFF
                    if matches!(escaped_unit(text, index + 6), Some(0xDC00..=0xDFFF)) =>
                {
                    index += 12;
                }
                0xD800..=0xDFFF => {
                    let copy = mended.get_or_insert_with(|| text.to_vec());
                    copy[index + 2..index + 6].copy_from_slice(b"FFFD");
                    index += 6;
                }
                _ => index += 6,
            }
        } else {
            index += 2;
        }
    }
    mended
}

/// The UTF-16 unit of the escape `\uXXXX` at `index`, if there is one.
fn escaped_unit(text: &[u8], index: usize) -> Option<u16> {
    let escape = text.get(index..index + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            object.insert(name, value);
        }
        Ok(Value::from(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_service_writes_them() {
        for (text, expected) in [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("0.1000000000000000055", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("0.3333333333333333", "0.33333333333333331"),
            ("6.2857142857142856", "6.2857142857142856"),
            ("5e-324", "4.94065645841247e-324"),
            ("1e-400", "0"),
            ("9007199254740993", "9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("1e300", "1e+300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("123456.789", "123456.789"),
            ("1e-5", "1e-05"),
        ] {
            assert_eq!(Value::from_json(text.as_bytes()).unwrap().to_json(), expected, "{text}");
        }
        let mut out = String::new();
        Value::from(2f64.powi(64)).write_json(ExponentStyle::ThreeDigits, &mut out);
        assert_eq!(out, "1.8446744073709552e+019");
        assert!(Value::from_json(b"1e400").is_err());
    }

    #[test]
    fn objects_keep_their_order_and_lone_surrogates_become_replacement_characters() {
        let text = r#"{"b":1,"a":{"z":null,"y":[true,"\ud83d\ude80 \ud83d \udc00x \\ud83d"]}}"#;
        let value = Value::from_json(text.as_bytes()).unwrap();
        assert_eq!(
            value.to_json(),
            "{\"b\":1,\"a\":{\"z\":null,\"y\":[true,\"🚀 \u{FFFD} \u{FFFD}x \\\\ud83d\"]}}"
        );
    }
}
