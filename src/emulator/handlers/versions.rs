//! The change feed of all versions and deletes.

use std::sync::Arc;

use super::change_feed::{Position, etag};
use super::feed::{envelope, page_size};
use super::scope::Scope;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Rules;
use crate::emulator::store::history::Change;
use crate::emulator::store::partition::{Partition, Stamp};
use crate::wire::header;

/// The only form in which the service tells of versions.
const WIRE_FORMAT: &str = "2021-09-15";

pub(crate) fn changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.request.header(&header::CHANGE_FEED_WIRE_FORMAT) != Some(WIRE_FORMAT) {
        let text = "The change feed of all versions needs x-ms-cosmos-changefeed-wire-format-version: 2021-09-15.";
        return Err(Refusal::gateway(400, text));
    }
    let max_items = page_size(call.request)?;
    let position = Position::read(call)?;
    if matches!(position, Position::Beginning | Position::Time(_)) {
        let text = "The change feed of all versions starts from now or from a continuation.";
        return Err(Refusal::gateway(400, text));
    }
    // Items whose time is over end when somebody looks.
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let rules = Arc::clone(&container.rules);
    let scope = Scope::read(call, container)?;
    // No region ends them, so that none is said to have written.
    let stamp = Stamp { region: usize::MAX, ..call.stamp() };
    for partition in scope.partitions_mut(container) {
        partition.expire(rules.definition.default_ttl, stamp);
    }
    let container = container.seen_from(call.view());
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    let mut replica = None;
    for partition in scope.partitions(container) {
        call.check_session(partition)?;
        let start = position.start(partition);
        if start < partition.history.floor() {
            return Err(Refusal::gateway(400, "The continuation is older than what is retained."));
        }
        let is_wanted = |it: &Change| it.item().is_some_and(|it| scope.admits(it));
        let room = max_items.saturating_sub(rows.len());
        let (part, lsn) = changes_of(partition, start, is_wanted, room);
        rows.extend(part.iter().map(|it| shown(it, &rules)));
        seen.push((partition.id.clone(), lsn));
        replica = Some(partition.replica());
    }
    let owner = container.owner();
    drop(account);
    let status = if rows.is_empty() { 304 } else { 200 };
    let answer = Answer::new(status, replica.ok_or_else(Refusal::range_gone)?, 1.0)
        .owner(owner)
        .etag(&etag(&seen))
        .header(header::ITEM_COUNT, rows.len());
    if rows.is_empty() {
        return Ok(answer);
    }
    let rid = rules.rid.text();
    Ok(answer.body(envelope(&rid, "Documents", &rows, ExponentStyle::TwoDigits)))
}

/// The changes after a step, at most `room`, and the step up to which they reach; steps are not torn apart.
fn changes_of(
    partition: &Partition,
    start: u64,
    is_wanted: impl Fn(&Change) -> bool,
    room: usize,
) -> (Vec<Arc<Change>>, u64) {
    let mut changes: Vec<Arc<Change>> = Vec::new();
    for change in partition.history.after(start).filter(|it| is_wanted(it)) {
        let last = changes.last().map_or(start, |it| it.lsn);
        if changes.len() >= room && change.lsn > last {
            return (changes, last);
        }
        changes.push(Arc::clone(change));
    }
    (changes, partition.lsn().max(start))
}

fn shown(change: &Change, rules: &Rules) -> Value {
    let operation = match (&change.before, &change.after) {
        (_, None) => "delete",
        (None, _) => "create",
        (Some(_), Some(_)) => "replace",
    };
    let mut metadata = Object::from_iter([
        ("operationType", Value::from(operation)),
        ("lsn", change.lsn.into()),
        ("crts", change.timestamp.into()),
    ]);
    if let Some(before) = &change.before {
        metadata.insert("previousImageLSN", before.lsn.into());
    }
    let Some(after) = &change.after else {
        if change.is_expiry {
            metadata.insert("timeToLiveExpired", true.into());
        }
        if let Some(item) = &change.before {
            metadata.insert("id", (&*item.id).into());
            metadata.insert("partitionKey", key_by_path(&item.key, rules));
        }
        return Object::from_iter([("metadata", metadata.into())]).into();
    };
    Object::from_iter([("current", after.value.clone()), ("metadata", metadata.into())]).into()
}

/// `{"tenant":"a","user":7}`
fn key_by_path(key: &str, rules: &Rules) -> Value {
    let components = Value::from_json(key.as_bytes()).unwrap_or_default();
    let names = rules.definition.key_paths.iter().map(|it| it.join("/"));
    let entries = names.enumerate().map(|(index, name)| (name, components.at(index)));
    entries.collect::<Object>().into()
}
