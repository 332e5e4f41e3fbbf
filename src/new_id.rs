//! Ids for items that have none.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::client::ActivityIds;
use crate::error::{Error, Result};

/// Whether the JSON is an object without a property `id`, whatever its value.
pub(crate) fn is_wanted(item: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        id: Present,
    }
    // Without the first check an array would pass for an object.
    item.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<Item>(item).is_ok_and(|it| !it.id.0)
}

/// The JSON object with a random GUID for its id.
pub(crate) fn add(item: &[u8]) -> Result<Vec<u8>> {
    let open = item.iter().position(|it| *it == b'{').ok_or_else(no_object)?;
    let (before, after) = item.split_at(open + 1);
    let is_empty = after.iter().find(|it| !it.is_ascii_whitespace()) == Some(&b'}');
    let id = ActivityIds::new()?.next();
    let mut out = Vec::with_capacity(item.len() + 48);
    out.extend_from_slice(before);
    out.extend_from_slice(format!("\"id\":\"{id}\"").as_bytes());
    if !is_empty {
        out.push(b',');
    }
    out.extend_from_slice(after);
    Ok(out)
}

fn no_object() -> Error {
    Error::json("the item is no JSON object")
}

/// Whether a property is there.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_added_to_objects_that_lack_it() {
        for item in [r#"{"a":1}"#, "{}", " { } ", r#"{"b":{"id":"1"},"n":18446744073709551616}"#] {
            assert!(is_wanted(item.as_bytes()), "{item}");
            let filled = add(item.as_bytes()).unwrap();
            assert!(!is_wanted(&filled), "{item}");
            let read: serde_json::Value = serde_json::from_slice(&filled).unwrap();
            assert_eq!(read["id"].as_str().unwrap().len(), 36);
            assert!(String::from_utf8(filled).unwrap().ends_with(&item.trim_start()[1..]));
        }
        for item in [r#"{"id":"1"}"#, r#"{"id":null}"#, r#"{"id":[]}"#, "[]", "1", "{"] {
            assert!(!is_wanted(item.as_bytes()), "{item}");
        }
        assert_ne!(add(b"{}").unwrap(), add(b"{}").unwrap());
    }
}
