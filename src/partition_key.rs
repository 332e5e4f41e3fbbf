//! Partition keys: the values that decide where an item lives.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The value, or for a hierarchical key the values, by which an item is placed.
///
/// Anything that can be a key converts into one: text, numbers, booleans, and tuples of them for hierarchical keys.
///
/// ```
/// use cosmosdb::PartitionKey;
///
/// let city = PartitionKey::from("Lyon");
/// let tenant_and_user = PartitionKey::from(("FR", "ana", 7));
/// assert_eq!(city.header_value(), r#"["Lyon"]"#);
/// assert_eq!(tenant_and_user.header_value(), r#"["FR","ana",7]"#);
/// assert_eq!(PartitionKey::from("café").header_value(), r#"["caf\u00e9"]"#);
/// assert_eq!(PartitionKey::UNDEFINED.header_value(), "[{}]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionKey(Components);

/// One component in place, so that a key which nearly every call carries costs no list.
#[derive(Clone, Debug, PartialEq)]
enum Components {
    None,
    One([PartitionKeyValue; 1]),
    Many(Vec<PartitionKeyValue>),
}

/// One component of a [`PartitionKey`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PartitionKeyValue {
    /// The item has no such property, or it is an array or an object.
    Undefined,
    /// JSON `null`, which is not the same as a missing property.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. Cosmos DB keys are doubles: `1` and `1.0` are one key.
    Number(f64),
    /// Text.
    String(String),
}

impl PartitionKey {
    /// The key of items that lack the property.
    pub const UNDEFINED: Self = Self(Components::One([PartitionKeyValue::Undefined]));
    /// The key of items whose property is `null`.
    pub const NULL: Self = Self(Components::One([PartitionKeyValue::Null]));
    /// No key at all: items of containers that were made without a partition key and migrated since.
    pub const NONE: Self = Self(Components::None);

    /// A key of these components, in the order of the container's paths.
    pub fn from_components(components: impl IntoIterator<Item = PartitionKeyValue>) -> Self {
        let mut components: Vec<_> = components.into_iter().collect();
        match (components.len(), components.pop()) {
            (1, Some(only)) => Self(Components::One([only])),
            (_, Some(last)) => {
                components.push(last);
                Self(Components::Many(components))
            }
            (_, None) => Self(Components::None),
        }
    }

    /// The components, in the order of the container's paths.
    pub fn components(&self) -> &[PartitionKeyValue] {
        match &self.0 {
            Components::None => &[],
            Components::One(one) => one,
            Components::Many(many) => many,
        }
    }

    /// The key as the service wants it in a header: a JSON array in ASCII.
    pub fn header_value(&self) -> String {
        let mut text = String::with_capacity(24);
        text.push('[');
        for (index, component) in self.components().iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            component.write_json(&mut text);
        }
        text.push(']');
        text
    }

    /// Reads a key from its header form.
    pub(crate) fn from_header_value(text: &str) -> Result<Self> {
        let values: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
            Error::invalid_input(format!("the partition key {text:?} is not a JSON array"))
                .with_source(error)
        })?;
        Ok(Self::from_components(values.iter().map(PartitionKeyValue::from_json)))
    }

    /// The reason why the service would not take this key.
    pub(crate) fn check(&self) -> Result<()> {
        for component in self.components() {
            match component {
                PartitionKeyValue::Number(number) if !number.is_finite() => {
                    return Err(Error::invalid_input(format!(
                        "the partition key {number} is not a finite number"
                    )));
                }
                PartitionKeyValue::String(text) if text.len() > 2048 => {
                    let length = text.len();
                    return Err(Error::invalid_input(format!(
                        "the partition key value has {length} bytes; the service takes at most 2048"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl PartitionKeyValue {
    /// The component that a JSON value amounts to: arrays and objects count as undefined.
    pub(crate) fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                number.as_f64().map_or(Self::Undefined, Self::from)
            }
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => Self::Undefined,
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Undefined => out.push_str("{}"),
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => write_number(*number, out),
            Self::String(text) => write_ascii_json(text, out),
        }
    }
}

/// Integers without a fraction, as other SDKs write them; the service compares doubles either way.
fn write_number(number: f64, out: &mut String) {
    use std::fmt::Write;
    let written = if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        write!(out, "{number:.0}")
    } else {
        write!(out, "{number:e}")
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// A JSON string whose non-ASCII characters are escaped, since header values are ASCII.
pub(crate) fn write_ascii_json(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let written = write!(out, "\\u{unit:04x}");
                    debug_assert!(written.is_ok(), "writing to a string cannot fail");
                }
            }
        }
    }
    out.push('"');
}

impl From<&str> for PartitionKeyValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for PartitionKeyValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<&String> for PartitionKeyValue {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}

impl From<bool> for PartitionKeyValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for PartitionKeyValue {
    /// Negative zero becomes zero: the service stores it so, and the two hash differently.
    fn from(value: f64) -> Self {
        Self::Number(if value == 0.0 { 0.0 } else { value })
    }
}

impl From<f32> for PartitionKeyValue {
    fn from(value: f32) -> Self {
        Self::from(f64::from(value))
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for PartitionKeyValue {
            /// Cosmos DB keys are doubles: integers beyond 2^53 lose their last digits.
            fn from(value: $integer) -> Self {
                Self::Number(value as f64)
            }
        }
    )*};
}
from_integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl<T: Into<Self>> From<Option<T>> for PartitionKeyValue {
    /// `None` is JSON `null`.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<PartitionKeyValue>> From<T> for PartitionKey {
    fn from(value: T) -> Self {
        Self(Components::One([value.into()]))
    }
}

impl From<&Self> for PartitionKey {
    fn from(value: &Self) -> Self {
        value.clone()
    }
}

impl<A: Into<PartitionKeyValue>, B: Into<PartitionKeyValue>> From<(A, B)> for PartitionKey {
    fn from((a, b): (A, B)) -> Self {
        Self(Components::Many(vec![a.into(), b.into()]))
    }
}

impl<A, B, C> From<(A, B, C)> for PartitionKey
where
    A: Into<PartitionKeyValue>,
    B: Into<PartitionKeyValue>,
    C: Into<PartitionKeyValue>,
{
    fn from((a, b, c): (A, B, C)) -> Self {
        Self(Components::Many(vec![a.into(), b.into(), c.into()]))
    }
}

impl From<Vec<PartitionKeyValue>> for PartitionKey {
    fn from(components: Vec<PartitionKeyValue>) -> Self {
        Self::from_components(components)
    }
}

/// How a container hashes its keys. Part of [`PartitionKeyDefinition`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PartitionKeyKind {
    /// One path, hashed. The default.
    #[default]
    Hash,
    /// Up to three paths, each hashed for itself: a hierarchical key.
    MultiHash,
    /// Legacy: keys in order, not hashed.
    Range,
}

/// Which properties of an item make its partition key, and how they are hashed.
///
/// It is fixed when the container is created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionKeyDefinition {
    /// Paths such as `/city`, `/address/zip` or `/"a/b"`: one, or up to three for a hierarchical key.
    pub paths: Vec<String>,
    /// The kind of hashing. The service takes a missing one for [`PartitionKeyKind::Hash`].
    #[serde(default)]
    pub kind: PartitionKeyKind,
    /// 2 for containers of today; 1, or missing, hashes only the first 100 characters of a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Whether the service added the key to a container that was made without one.
    #[serde(default, rename = "systemKey", skip_serializing_if = "Option::is_none")]
    pub system_key: Option<bool>,
}

impl PartitionKeyDefinition {
    /// A definition with these paths: `Hash` for one, `MultiHash` for more; version 2.
    pub fn new<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        let paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        let kind =
            if paths.len() > 1 { PartitionKeyKind::MultiHash } else { PartitionKeyKind::Hash };
        Self { paths, kind, version: Some(2), system_key: None }
    }

    /// Whether the key is hashed as version 1: only the first 100 characters of a string count.
    pub(crate) fn is_version_1(&self) -> bool {
        self.version.unwrap_or(1) < 2
    }

    /// Whether `key` lacks the last values of a hierarchical key.
    pub(crate) fn is_prefix(&self, key: &PartitionKey) -> bool {
        self.kind == PartitionKeyKind::MultiHash && key.components().len() < self.paths.len()
    }

    /// Checks that `key` names one logical partition, and not all those below a prefix of it.
    pub(crate) fn check_complete(&self, key: &PartitionKey) -> Result<()> {
        let (given, wanted) = (key.components().len(), self.paths.len());
        if given == wanted || *key == PartitionKey::NONE {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "the partition key has {given} of the {wanted} values that the container's definition ({}) asks for",
            self.paths.join(", ")
        )))
    }
}

impl From<&str> for PartitionKeyDefinition {
    fn from(path: &str) -> Self {
        Self::new([path])
    }
}

impl From<String> for PartitionKeyDefinition {
    fn from(path: String) -> Self {
        Self::new([path])
    }
}

impl<const N: usize> From<[&str; N]> for PartitionKeyDefinition {
    fn from(paths: [&str; N]) -> Self {
        Self::new(paths)
    }
}

/// The property names along a partition key path: `/"a/b"/c` is `a/b`, then `c`.
///
/// Segments may be quoted with `"` or `'`, within which `/` stands for itself and `\` escapes the quote.
pub(crate) fn parse_path(path: &str) -> Result<Vec<String>> {
    let mut segments = Vec::new();
    let mut rest = path.char_indices().peekable();
    while let Some((index, character)) = rest.next() {
        if character != '/' {
            return Err(invalid_path(path, index));
        }
        segments.push(match rest.peek() {
            Some(&(_, quote @ ('"' | '\''))) => {
                rest.next();
                quoted_segment(&mut rest, quote).ok_or_else(|| invalid_path(path, index + 1))?
            }
            Some(_) => plain_segment(&mut rest),
            None => return Err(invalid_path(path, index)),
        });
    }
    if segments.is_empty() { Err(invalid_path(path, 0)) } else { Ok(segments) }
}

type Characters<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

fn quoted_segment(rest: &mut Characters<'_>, quote: char) -> Option<String> {
    let mut segment = String::new();
    loop {
        match rest.next()?.1 {
            '\\' if rest.peek().is_some_and(|next| next.1 == quote) => {
                segment.push(quote);
                rest.next();
            }
            end if end == quote => return Some(segment),
            other => segment.push(other),
        }
    }
}

fn plain_segment(rest: &mut Characters<'_>) -> String {
    let mut segment = String::new();
    while let Some((_, character)) = rest.next_if(|next| next.1 != '/') {
        segment.push(character);
    }
    segment.trim().to_owned()
}

fn invalid_path(path: &str, index: usize) -> Error {
    Error::invalid_input(format!(
        "the partition key path {path:?} is wrong at position {index}: it must be made of segments like /name or /\"a name\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_at_slashes_outside_quotes() {
        for (path, expected) in [
            ("/a", &["a"][..]),
            ("/a/b c", &["a", "b c"]),
            ("/\"a/b\"/c", &["a/b", "c"]),
            ("/'it''s'", &[]),
            ("/'say \\'hi\\''/x", &["say 'hi'", "x"]),
            ("/\"level' 1*()\"/\"le/vel2\"", &["level' 1*()", "le/vel2"]),
            ("a", &[]),
            ("", &[]),
            ("/a/", &[]),
            ("/\"open", &[]),
        ] {
            let segments = parse_path(path).unwrap_or_default();
            assert_eq!(segments, expected, "{path}");
        }
    }

    #[test]
    fn header_values_are_ascii_json() {
        for (key, expected) in [
            (PartitionKey::from(1.5), "[1.5e0]"),
            (PartitionKey::from(-0.0), "[0]"),
            (PartitionKey::from(u64::MAX), "[1.8446744073709552e19]"),
            (PartitionKey::from(None::<bool>), "[null]"),
            (PartitionKey::NONE, "[]"),
            (PartitionKey::from("\u{1F680}\u{1}"), "[\"\\ud83d\\ude80\\u0001\"]"),
            (PartitionKey::from(("a", true)), "[\"a\",true]"),
        ] {
            assert_eq!(key.header_value(), expected);
            assert_eq!(PartitionKey::from_header_value(expected).unwrap(), key);
        }
    }
}
