//! Reading and writing rows, which stay text for as long as nobody has to look inside.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// Reads what a stage has to know of a row.
pub(crate) fn parse<'a, T: Deserialize<'a>>(row: &'a RawValue) -> Result<T> {
    serde_json::from_str(row.get()).map_err(|error| {
        Error::json("a row does not have the form that the query plan promises").with_source(error)
    })
}

/// Writes a value as a row.
pub(crate) fn to_row(value: &impl serde::Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value)
        .map_err(|error| Error::json("a row cannot be written").with_source(error))
}

/// An object with these properties in this order.
pub(crate) fn object<'a>(
    properties: impl IntoIterator<Item = (&'a str, Box<RawValue>)>,
) -> Result<Box<RawValue>> {
    let mut text = String::from("{");
    for (name, value) in properties {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(to_row(&name)?.get());
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    RawValue::from_string(text)
        .map_err(|error| Error::json("a row cannot be written").with_source(error))
}

/// For optional members: tells a `null` that is there from nothing.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
