//! Takes the id and the partition key out of an item's JSON, skipping all else.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyValue};

/// The partition key of the item, by the container's paths. Missing properties, arrays and objects are undefined.
pub(crate) fn partition_key(item: &[u8], paths: &[Vec<String>]) -> Result<PartitionKey> {
    let mut components = Vec::with_capacity(paths.len());
    for path in paths {
        components.push(value_at(item, path)?);
    }
    Ok(PartitionKey::from_components(components))
}

/// The item's id; `None` where it has none, or one that is not text.
pub(crate) fn id(item: &[u8]) -> Result<Option<String>> {
    match value_at(item, &["id"])? {
        PartitionKeyValue::String(id) => Ok(Some(id)),
        _ => Ok(None),
    }
}

fn value_at<S: AsRef<str>>(item: &[u8], path: &[S]) -> Result<PartitionKeyValue> {
    let mut deserializer = serde_json::Deserializer::from_slice(item);
    At(path)
        .deserialize(&mut deserializer)
        .map_err(|error| Error::json("the item is not valid JSON").with_source(error))
}

/// Reads the scalar at the end of a path of property names.
struct At<'p, S>(&'p [S]);

impl<'de, S: AsRef<str>> DeserializeSeed<'de> for At<'_, S> {
    type Value = PartitionKeyValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: AsRef<str>> Visitor<'de> for At<'_, S> {
    type Value = PartitionKeyValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.scalar(PartitionKeyValue::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(if self.0.is_empty() { value.into() } else { PartitionKeyValue::Undefined })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(PartitionKeyValue::Undefined)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = PartitionKeyValue::Undefined;
        while let Some(is_next) = map.next_key_seed(IsName(self.0.first().map(S::as_ref)))? {
            match self.0 {
                [_, rest @ ..] if is_next => found = map.next_value_seed(At(rest))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

impl<S> At<'_, S> {
    /// A scalar counts only at the very end of the path.
    fn scalar(&self, value: PartitionKeyValue) -> PartitionKeyValue {
        if self.0.is_empty() { value } else { PartitionKeyValue::Undefined }
    }
}

/// Compares a property name without keeping it.
struct IsName<'a>(Option<&'a str>);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a property name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(self.0 == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition_key::parse_path;

    #[test]
    fn keys_come_from_the_paths_of_the_definition() {
        let item = r#"{"id":"1","a":{"b":{"c":5}},"n":null,"t":true,"l":[1],"o":{},"x/y":{"z w":"deep"},"s":"é"}"#.as_bytes();
        for (path, expected) in [
            ("/id", PartitionKeyValue::from("1")),
            ("/a/b/c", 5.into()),
            ("/a/b", PartitionKeyValue::Undefined),
            ("/n", PartitionKeyValue::Null),
            ("/n/deeper", PartitionKeyValue::Undefined),
            ("/t", true.into()),
            ("/l", PartitionKeyValue::Undefined),
            ("/o", PartitionKeyValue::Undefined),
            ("/missing", PartitionKeyValue::Undefined),
            ("/\"x/y\"/'z w'", "deep".into()),
            ("/s", "é".into()),
        ] {
            let key = partition_key(item, &[parse_path(path).unwrap()]).unwrap();
            assert_eq!(key.components(), [expected], "{path}");
        }
        assert_eq!(id(item).unwrap().as_deref(), Some("1"));
        assert_eq!(id(br#"{"id":7}"#).unwrap(), None);
        assert!(id(b"{").is_err());
    }
}
