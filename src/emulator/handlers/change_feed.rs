//! A GET on items: the list of them, or what changed since a position, latest versions alone.

use std::sync::Arc;
use std::time::SystemTime;

use super::feed::{envelope, page_size};
use super::query;
use super::scope::Scope;
use super::versions;
use crate::emulator::call::Call;
use crate::emulator::date;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::item::Item;
use crate::emulator::store::partition::Partition;
use crate::wire::header;

pub(crate) fn list_or_changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.header(&header::A_IM) {
        None => query::list(call),
        Some(mode) if mode.eq_ignore_ascii_case("incremental feed") => changes(call),
        Some(mode) if mode.eq_ignore_ascii_case("full-fidelity feed") => versions::changes(call),
        Some(mode) => {
            Err(Refusal::gateway(400, format!("The change feed mode '{mode}' is not supported.")))
        }
    }
}

/// Where a reader of the feed is.
pub(super) enum Position {
    Beginning,
    Now,
    /// Seconds since 1970.
    Time(u64),
    /// The step that was seen last in each partition, by its id; one number alone counts for any.
    After(Vec<(String, u64)>),
}

fn changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    let max_items = page_size(call.request)?;
    let account = call.read();
    let container = call.data(&account)?;
    let scope = Scope::read(call, container)?;
    let position = Position::read(call)?;
    let mut items = Vec::new();
    let mut seen = Vec::new();
    let mut replica = None;
    for partition in scope.partitions(container) {
        call.check_session(partition)?;
        let start = position.start(partition);
        let is_wanted = |it: &Item| {
            let default_ttl = container.rules.definition.default_ttl;
            position.admits(it) && scope.admits(it) && !it.is_expired(default_ttl, call.now)
        };
        let room = max_items.saturating_sub(items.len());
        let (part, lsn) = changes_of(partition, start, is_wanted, room);
        items.extend(part);
        seen.push((partition.id.clone(), lsn));
        replica = Some(partition.replica());
    }
    let (rid, owner) = (container.rules.rid.text(), container.owner());
    drop(account);
    let structured = call.request.header(&header::CHANGE_FEED_WIRE_FORMAT).is_some();
    let rows: Vec<Value> = items.iter().map(|it| shown(it, structured)).collect();
    let status = if rows.is_empty() { 304 } else { 200 };
    let answer = Answer::new(status, replica.ok_or_else(Refusal::range_gone)?, 1.0)
        .owner(owner)
        .etag(&etag(&seen))
        .header(header::ITEM_COUNT, rows.len());
    if rows.is_empty() {
        return Ok(answer);
    }
    Ok(answer.body(envelope(&rid, "Documents", &rows, ExponentStyle::TwoDigits)))
}

/// The latest versions after a step, at most `room`, and the step up to which they reach.
///
/// What was written in one step is never torn apart, since a reader could not go on in the middle of it.
fn changes_of(
    partition: &Partition,
    start: u64,
    is_wanted: impl Fn(&Item) -> bool,
    room: usize,
) -> (Vec<Arc<Item>>, u64) {
    let mut items: Vec<Arc<Item>> = Vec::new();
    for item in partition.changes_after(start).filter(|it| is_wanted(it)) {
        let last = items.last().map_or(start, |it| it.lsn);
        if items.len() >= room && item.lsn > last {
            return (items, last);
        }
        items.push(Arc::clone(item));
    }
    // A region that lags keeps the place of a reader who has seen more elsewhere.
    (items, partition.lsn().max(start))
}

impl Position {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let request = call.request;
        if let Some(etag) = request.header(&http::header::IF_NONE_MATCH) {
            return if etag == "*" { Ok(Self::Now) } else { Self::read_etag(etag) };
        }
        match request.header(&http::header::IF_MODIFIED_SINCE) {
            None => Ok(Self::Beginning),
            Some(text) => {
                let time: Option<SystemTime> = date::parse(text);
                time.map(|it| Self::Time(date::unix_seconds(it))).ok_or_else(|| {
                    Refusal::gateway(
                        400,
                        format!("The date '{text}' in If-Modified-Since is invalid."),
                    )
                })
            }
        }
    }

    /// `"43"`, or of several partitions `"0:43,1:7"`.
    fn read_etag(etag: &str) -> Result<Self, Refusal> {
        let entries = etag.trim_matches('"').split(',').map(|entry| {
            let (id, lsn) = entry.split_once(':').unwrap_or(("", entry));
            Some((id.to_owned(), lsn.parse().ok()?))
        });
        entries.collect::<Option<_>>().map(Self::After).ok_or_else(Refusal::bad_continuation)
    }

    /// The step after which the partition is to be read.
    pub(super) fn start(&self, partition: &Partition) -> u64 {
        match self {
            Self::Beginning | Self::Time(_) => 0,
            Self::Now => partition.lsn(),
            Self::After(entries) => {
                let is_about_it = |id: &str| {
                    id.is_empty()
                        || id == partition.id
                        || partition.parents.iter().any(|it| it == id)
                };
                let own = entries.iter().filter(|(id, _)| is_about_it(id)).map(|it| it.1);
                // Of merged partitions the earlier position counts, so that nothing is missed.
                own.min().unwrap_or(0)
            }
        }
    }

    /// Whether an item is late enough.
    fn admits(&self, item: &Item) -> bool {
        if let Self::Time(seconds) = self { item.timestamp >= *seconds } else { true }
    }
}

pub(super) fn etag(seen: &[(String, u64)]) -> String {
    match seen {
        [(_, lsn)] => format!("\"{lsn}\""),
        several => {
            let entries: Vec<String> =
                several.iter().map(|(id, lsn)| format!("{id}:{lsn}")).collect();
            format!("\"{}\"", entries.join(","))
        }
    }
}

fn shown(item: &Item, structured: bool) -> Value {
    if structured {
        let metadata =
            Object::from_iter([("lsn", Value::from(item.lsn)), ("crts", item.timestamp.into())]);
        return Object::from_iter([("current", item.value.clone()), ("metadata", metadata.into())])
            .into();
    }
    let mut object = item.value.as_object().cloned().unwrap_or_default();
    object.insert("_lsn", item.lsn.into());
    object.into()
}
