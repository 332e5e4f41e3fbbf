//! A GET on items: the list of them, or what changed since a position.

use std::time::SystemTime;

use super::feed::{envelope, page_size};
use super::query;
use super::scope::{Scope, Source};
use crate::emulator::call::Call;
use crate::emulator::date;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Container;
use crate::emulator::store::item::Item;
use crate::wire::header;

pub(crate) fn list_or_changes(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.header(&header::A_IM) {
        None => query::list(call),
        Some(mode) if mode.eq_ignore_ascii_case("incremental feed") => changes(call),
        Some(mode) => {
            Err(Refusal::gateway(400, format!("The change feed mode '{mode}' is not supported.")))
        }
    }
}

/// Where a reader of the feed is.
enum Position {
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
    let container = call.container(&account)?;
    let scope = Scope::read(call, container)?;
    let (rid, owner) = (container.rules.rid.text(), container.owner());
    let sources = scope.sources(call, container)?;
    let position = Position::read(call)?;
    let starts: Vec<u64> = sources.iter().map(|it| position.start(it, container)).collect();
    drop(account);
    let since = if let Position::Time(seconds) = position { seconds } else { 0 };
    let structured = call.request.header(&header::CHANGE_FEED_WIRE_FORMAT).is_some();
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    for (source, start) in sources.iter().zip(starts) {
        let room = max_items.saturating_sub(rows.len());
        let (items, lsn) = changes_of(source, start, since, room);
        rows.extend(items.iter().map(|it| shown(it, structured)));
        seen.push((source.id.clone(), lsn));
    }
    let replica = sources.last().ok_or_else(Refusal::range_gone)?.replica.clone();
    let status = if rows.is_empty() { 304 } else { 200 };
    let answer = Answer::new(status, replica, 1.0)
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
    source: &Source,
    start: u64,
    since: u64,
    room: usize,
) -> (Vec<std::sync::Arc<Item>>, u64) {
    if room == 0 {
        return (Vec::new(), start);
    }
    let mut items: Vec<_> = source
        .items_from(0)
        .filter(|it| it.lsn > start && it.timestamp >= since)
        .cloned()
        .collect();
    items.sort_by_key(|it| (it.lsn, it.number));
    let Some(last) = items.get(room - 1).map(|it| it.lsn) else { return (items, source.lsn) };
    let end = items.iter().position(|it| it.lsn > last);
    let Some(end) = end else { return (items, source.lsn) };
    items.truncate(end);
    (items, last)
}

impl Position {
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
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
    fn start(&self, source: &Source, container: &Container) -> u64 {
        match self {
            Self::Beginning | Self::Time(_) => 0,
            Self::Now => source.lsn,
            Self::After(entries) => {
                let parents = container.partition_by_id(&source.id).map(|it| &it.parents);
                let is_about_it = |id: &str| {
                    id.is_empty()
                        || id == source.id
                        || parents.is_some_and(|it| it.iter().any(|parent| parent == id))
                };
                let own = entries.iter().filter(|(id, _)| is_about_it(id)).map(|it| it.1);
                own.max().unwrap_or(0)
            }
        }
    }
}

fn etag(seen: &[(String, u64)]) -> String {
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
