//! One stored item.

use std::sync::Arc;

use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::routing::epk::Epk;

/// An item as it was last written.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its number within the container, of which its rid is made. It never changes.
    pub(crate) number: u64,
    pub(crate) id: Arc<str>,
    /// The partition key in its header form, which is one text for each key.
    pub(crate) key: Arc<str>,
    pub(crate) epk: Epk,
    /// The step of the partition at which it was written last.
    pub(crate) lsn: u64,
    /// The step at which it was made.
    pub(crate) created_lsn: u64,
    /// When it was written, in seconds.
    pub(crate) timestamp: u64,
    pub(crate) etag: String,
    /// Its own time to live: seconds, or -1 for ever.
    pub(crate) ttl: Option<i64>,
    /// Whether queries find it without looking at every item.
    pub(crate) is_indexed: bool,
    /// The values of the container's unique keys.
    pub(crate) unique: Vec<String>,
    /// The whole item, system properties included.
    pub(crate) value: Value,
    /// The size of its JSON.
    pub(crate) bytes: usize,
}

impl Item {
    /// Whether its time is over, in a container with this default.
    pub(crate) fn is_expired(&self, default_ttl: Option<i64>, now: u64) -> bool {
        let Some(default) = default_ttl else { return false };
        let seconds = self.ttl.unwrap_or(default);
        u64::try_from(seconds).is_ok_and(|it| self.timestamp.saturating_add(it) <= now)
    }

    /// Its JSON as point reads and writes answer it.
    pub(crate) fn json(&self) -> String {
        let mut out = String::with_capacity(self.bytes + 16);
        self.value.write_json(ExponentStyle::ThreeDigits, &mut out);
        out
    }
}

/// The system properties, in the order in which they are added.
pub(crate) const SYSTEM: [&str; 5] = ["_rid", "_self", "_etag", "_attachments", "_ts"];

/// The properties that are the user's.
pub(crate) fn without_system(object: &Object) -> Object {
    object
        .iter()
        .filter(|(name, _)| !SYSTEM.contains(&&***name))
        .map(|(name, value)| (Arc::clone(name), value.clone()))
        .collect()
}

/// The size of a value's JSON.
pub(crate) fn size(value: &Value) -> usize {
    let mut out = String::new();
    value.write_json(ExponentStyle::TwoDigits, &mut out);
    out.len()
}
