//! JSON values as the query engine sees them: with `undefined`, exact integers and properties in order.

use std::sync::Arc;

pub(crate) use super::json::{ExponentStyle, write_json_string};

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
