//! One change, with what the service tells of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::models::word::words;

words! {
    /// What happened to an item. Told in the mode of all versions and deletes only.
    ChangeOperation {
        /// It was created.
        Create = "create",
        /// It was replaced, upserted over an older version, or patched.
        Replace = "replace",
        /// It was deleted, or its time to live was over.
        Delete = "delete",
    }
}

/// A change of an item, in its envelope.
///
/// In the latest-version mode only `current`, `lsn` and `timestamp` are set. It reads both the envelopes of the
/// service and bare items, so that servers which do not know envelopes can be used as well.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change<T> {
    /// The item after the change. `None` where it was deleted.
    pub current: Option<T>,
    /// The item before the change, where the service keeps it. It does so for few accounts.
    pub previous: Option<T>,
    /// What happened. `None` in the latest-version mode, which does not tell.
    pub operation: Option<ChangeOperation>,
    /// The number of the change in its partition: changes of one transaction share it.
    pub lsn: Option<u64>,
    /// The number of the change that made the version before.
    pub previous_lsn: Option<u64>,
    /// When the change was made, after conflicts between regions were resolved.
    pub timestamp: Option<SystemTime>,
    /// Whether it is a deletion because the item's time to live was over.
    pub is_expiry: bool,
    /// The id of the item, told for deletions.
    pub id: Option<String>,
    /// The partition key of the item by the names of its paths, told for deletions.
    pub partition_key: Option<serde_json::Value>,
}

impl<T> Change<T> {
    /// Whether the item is gone, by a delete or by its time to live.
    pub fn is_delete(&self) -> bool {
        self.operation == Some(ChangeOperation::Delete)
    }
}

/// The envelope, and of a bare item what it has in common with one.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    current: Option<Box<RawValue>>,
    #[serde(default)]
    previous: Option<Box<RawValue>>,
    #[serde(default)]
    metadata: Option<Box<RawValue>>,
    /// System properties tell a bare item from an envelope, whatever else the item has.
    #[serde(default, rename = "_rid")]
    rid: Option<Box<RawValue>>,
    #[serde(default, rename = "_etag")]
    etag: Option<Box<RawValue>>,
    #[serde(default, rename = "_lsn")]
    lsn: Option<f64>,
    #[serde(default, rename = "_ts")]
    seconds: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    operation_type: Option<String>,
    #[serde(default)]
    lsn: Option<f64>,
    #[serde(default)]
    crts: Option<f64>,
    #[serde(default, rename = "previousImageLSN")]
    previous_image_lsn: Option<f64>,
    #[serde(default)]
    time_to_live_expired: Option<bool>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    partition_key: Option<serde_json::Value>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let row: Row = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        match row.metadata {
            Some(_) if row.rid.is_none() && row.etag.is_none() => row.into_change(),
            _ => bare(&row, text.get()),
        }
        .map_err(D::Error::custom)
    }
}

impl Row {
    fn into_change<T: DeserializeOwned>(self) -> serde_json::Result<Change<T>> {
        let metadata: Metadata = match &self.metadata {
            Some(text) => serde_json::from_str(text.get())?,
            None => Metadata::default(),
        };
        let operation = metadata.operation_type.as_deref().map(ChangeOperation::from);
        // Deletions come without `current`, or with null or an empty object for it.
        let is_delete = operation == Some(ChangeOperation::Delete);
        let current = self.current.filter(|_| !is_delete);
        Ok(Change {
            current: current.map(|it| serde_json::from_str(it.get())).transpose()?,
            previous: version(self.previous.as_deref())?,
            operation,
            lsn: metadata.lsn.map(whole),
            previous_lsn: metadata.previous_image_lsn.map(whole),
            timestamp: metadata.crts.and_then(time),
            is_expiry: metadata.time_to_live_expired.unwrap_or(false),
            id: metadata.id,
            partition_key: metadata.partition_key,
        })
    }
}

/// An earlier version; an empty object stands for none.
fn version<T: DeserializeOwned>(text: Option<&RawValue>) -> serde_json::Result<Option<T>> {
    let text = text.map(|it| it.get().trim()).filter(|it| !matches!(*it, "null" | "{}"));
    text.map(serde_json::from_str).transpose()
}

fn bare<T: DeserializeOwned>(row: &Row, text: &str) -> serde_json::Result<Change<T>> {
    Ok(Change {
        current: Some(serde_json::from_str(text)?),
        previous: None,
        operation: None,
        lsn: row.lsn.map(whole),
        previous_lsn: None,
        timestamp: row.seconds.and_then(time),
        is_expiry: false,
        id: None,
        partition_key: None,
    })
}

/// Some servers write numbers of changes with a fraction.
fn whole(number: f64) -> u64 {
    number as u64
}

fn time(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(row: &Value) -> Change<Value> {
        serde_json::from_value(row.clone()).unwrap()
    }

    #[test]
    fn envelopes_of_each_operation_are_read() {
        let created = read(&json!({
            "current": { "id": "1" },
            "metadata": { "operationType": "create", "lsn": 7, "crts": 1.5 }
        }));
        assert_eq!(created.current, Some(json!({ "id": "1" })));
        assert_eq!(created.operation, Some(ChangeOperation::Create));
        assert_eq!((created.lsn, created.previous_lsn), (Some(7), None));
        assert_eq!(created.timestamp, Some(UNIX_EPOCH + Duration::from_millis(1500)));

        let replaced = read(&json!({
            "current": { "id": "1" }, "previous": {},
            "metadata": { "operationType": "replace", "lsn": 9, "crts": 2, "previousImageLSN": 7 }
        }));
        assert_eq!((replaced.previous.clone(), replaced.previous_lsn), (None, Some(7)));

        for current in [json!(null), json!({})] {
            let deleted = read(&json!({ "current": current, "metadata": {
                "operationType": "delete", "lsn": 10, "timeToLiveExpired": true,
                "id": "1", "partitionKey": { "city": "Lyon" }
            } }));
            assert!(deleted.is_delete() && deleted.is_expiry && deleted.current.is_none());
            assert_eq!(deleted.id.as_deref(), Some("1"));
            assert_eq!(deleted.partition_key, Some(json!({ "city": "Lyon" })));
        }
    }

    #[test]
    fn bare_items_are_read_even_if_they_look_like_envelopes() {
        let item = json!({ "id": "1", "metadata": 5, "current": { "a": 1 }, "_rid": "r", "_lsn": 42, "_ts": 100 });
        let change = read(&item);
        assert_eq!(change.current, Some(item));
        assert_eq!((change.lsn, change.operation), (Some(42), None));
        assert_eq!(change.timestamp, Some(UNIX_EPOCH + Duration::from_secs(100)));
        assert_eq!(
            read(&json!({ "current": { "id": "1" }, "metadata": { "crts": 5 } })).current,
            Some(json!({ "id": "1" }))
        );
    }
}
