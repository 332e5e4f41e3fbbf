//! Conflicts that nobody settled: versions of items that lost and wait for the application.

use std::sync::Arc;

use super::container::Rules;
use super::history::Change;
use super::item::Item;
use super::partition::Partition;
use super::rid::Kind;
use crate::emulator::response::new_guid;
use crate::emulator::sql::value::{Object, Value};

/// How a container settles conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// The highest number at a path wins.
    LastWriterWins(Vec<String>),
    /// A procedure does, or the application by the conflict feed.
    Custom,
}

/// A version that lost.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    pub(crate) id: String,
    /// The item that it is about; its key and place say where the conflict belongs.
    pub(crate) item: Arc<Item>,
    /// The conflict as the service shows it.
    pub(crate) value: Value,
    pub(crate) etag: String,
    /// Whether no procedure has seen it yet.
    #[cfg_attr(not(feature = "scripts"), expect(dead_code, reason = "procedures are not run"))]
    pub(crate) is_new: bool,
}

impl Conflict {
    /// The conflict about a change that could not be taken over.
    pub(crate) fn of(change: &Change, rules: &Rules, partition: &Partition) -> Option<Self> {
        let item = Arc::clone(change.item()?);
        let rid = rules.rid.child(Kind::Conflict, rules.next_item_number());
        let etag = partition.log().etag(change.timestamp);
        let id = new_guid();
        let operation = match (&change.before, &change.after) {
            (_, None) => "delete",
            (None, _) => "create",
            (Some(_), Some(_)) => "replace",
        };
        let content = change.after.as_ref().map(|it| it.json()).unwrap_or_default();
        // The resource is the one that is there now, whichever side made it.
        let current =
            partition.items().get(&item.number).or_else(|| partition.find(&item.key, &item.id));
        let resource = rules.rid.child(Kind::Item, current.map_or(item.number, |it| it.number));
        let value = Object::from_iter([
            ("id", Value::from(id.as_str())),
            ("resourceId", resource.into()),
            ("resourceType", "document".into()),
            ("operationType", operation.into()),
            ("content", content.into()),
            ("conflict_lsn", partition.lsn().into()),
            ("_rid", rid.as_str().into()),
            ("_self", format!("{}conflicts/{rid}/", rules.self_link).into()),
            ("_etag", etag.as_str().into()),
            ("_ts", change.timestamp.into()),
        ]);
        Some(Self { id, item, value: value.into(), etag, is_new: true })
    }
}
