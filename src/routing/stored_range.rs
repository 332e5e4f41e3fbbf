//! What other SDKs store as a feed range, some of which means nothing without its container.

use serde_json::Value;

use super::feed_range::{FeedRange, json_of};
use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyValue};

/// A stored feed range of any SDK.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    Range(FeedRange),
    /// One partition key, or a prefix.
    Key(PartitionKey),
    /// The id of a partition key range.
    Partition(String),
}

impl Stored {
    /// Reads Base64 or plain JSON: `{"Range":…}`, `{"PK":…}`, `{"PKRangeId":…}`, or .NET's `{"type":…,"value":…}`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let value = json_of(text)?;
        let of_type = |name: &str| {
            let is_of_it = value.get("type").and_then(Value::as_str) == Some(name);
            is_of_it.then(|| value.get("value")).flatten()
        };
        if let Some(key) = value.get("PK").or(of_type("Logical Partition Key")) {
            return key_of(key).map(Self::Key);
        }
        if let Some(id) = value.get("PKRangeId").or(of_type("Physical Partition Key Range Id")) {
            let id = id.as_str().ok_or_else(|| bad("the id of its partition is not text"))?;
            return Ok(Self::Partition(id.to_owned()));
        }
        FeedRange::from_json(&value).map(Self::Range)
    }
}

/// Python writes the value, or a list of them, in which `{}` is an undefined one and `[]` no key at all; .NET writes
/// the text of such a list, or `None`.
fn key_of(key: &Value) -> Result<PartitionKey> {
    match key {
        Value::String(text) if text == "None" => Ok(PartitionKey::NONE),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(list @ Value::Array(_)) => key_of(&list),
            _ => Ok(PartitionKey::from(text.as_str())),
        },
        Value::Array(values) => {
            Ok(PartitionKey::from_components(values.iter().map(PartitionKeyValue::from_json)))
        }
        Value::Object(object) if !object.is_empty() => Err(bad("its partition key is an object")),
        value => Ok(PartitionKey::from_components([PartitionKeyValue::from_json(value)])),
    }
}

fn bad(why: &str) -> Error {
    Error::invalid_input(format!("the text is not a feed range: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_partitions_of_all_sdks_are_read() {
        let key = |key: PartitionKey| Stored::Key(key);
        for (text, expected) in [
            (r#"{"PK":"Lyon"}"#, key("Lyon".into())),
            (r#"{"PK":["FR",7]}"#, key(("FR", 7).into())),
            (r#"{"PK":[{}]}"#, key(PartitionKey::UNDEFINED)),
            (r#"{"PK":[]}"#, key(PartitionKey::NONE)),
            (r#"{"PK":null}"#, key(PartitionKey::NULL)),
            (r#"{"PK":"[\"x\",null]"}"#, key(("x", None::<bool>).into())),
            (r#"{"PK":"None"}"#, key(PartitionKey::NONE)),
            (r#"{"type":"Logical Partition Key","value":["x"]}"#, key("x".into())),
            (r#"{"PKRangeId":"0"}"#, Stored::Partition("0".into())),
            (
                r#"{"type":"Physical Partition Key Range Id","value":"3"}"#,
                Stored::Partition("3".into()),
            ),
            (r#"{"Range":{"min":"","max":"FF"}}"#, Stored::Range(FeedRange::full())),
            ("eyJQSyI6IkFCIn0=", key("AB".into())),
        ] {
            assert_eq!(Stored::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "{}", r#"{"PK":{"a":1}}"#, r#"{"PKRangeId":0}"#, "[]"] {
            assert!(Stored::parse(text).is_err(), "{text}");
        }
    }
}
