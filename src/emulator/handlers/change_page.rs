//! Pages of the change feed in either mode: where a reader is, how much it is told, and where it goes on.

use std::sync::Arc;
use std::time::SystemTime;

use super::feed::{MAX_PAGE_BYTES, envelope, page_size};
use crate::emulator::call::Call;
use crate::emulator::date;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Owner, Replica};
use crate::emulator::sql::value::{ExponentStyle, Value};
use crate::emulator::store::history::Change;
use crate::emulator::store::item::Item;
use crate::emulator::store::partition::Partition;
use crate::wire::header;

/// Where a reader of the feed is.
pub(super) enum Position {
    Beginning,
    Now,
    /// Seconds since 1970.
    Time(u64),
    /// The step that was seen last in each partition, by its id; one number alone counts for any.
    After(Vec<(String, u64)>),
}

/// What a feed tells: the latest version of an item, or one of all its changes.
pub(super) trait Entry {
    /// The step in which it was written.
    fn lsn(&self) -> u64;

    /// What it takes of a page.
    fn bytes(&self) -> usize;
}

impl Entry for Item {
    fn lsn(&self) -> u64 {
        self.lsn
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Entry for Change {
    fn lsn(&self) -> u64 {
        self.lsn
    }

    fn bytes(&self) -> usize {
        match (&self.after, &self.before) {
            (Some(after), _) => after.bytes,
            // Of what is gone only the name is told.
            (None, Some(before)) => before.id.len() + before.key.len(),
            (None, None) => 0,
        }
    }
}

/// A page that is being filled, from one partition after the other.
pub(super) struct Page<E> {
    max_items: usize,
    entries: Vec<Arc<E>>,
    bytes: usize,
    /// The step up to which each partition, by its id, was told.
    seen: Vec<(String, u64)>,
    /// Who answered last.
    replica: Option<Replica>,
}

impl<E: Entry> Page<E> {
    /// An empty page of the size that the client wants.
    pub(super) fn new(call: &Call<'_>) -> Result<Self, Refusal> {
        let max_items = page_size(call.request)?;
        Ok(Self { max_items, entries: Vec::new(), bytes: 0, seen: Vec::new(), replica: None })
    }

    /// Takes what there is room for of the entries of a partition after the step `start`.
    ///
    /// What was written in one step is never torn apart, since a reader could not go on in the middle of it.
    pub(super) fn take<'e>(
        &mut self,
        partition: &Partition,
        start: u64,
        entries: impl Iterator<Item = &'e Arc<E>>,
    ) where
        E: 'e,
    {
        let mut last = start;
        // A region that lags keeps the place of a reader who has seen more elsewhere.
        let mut reached = partition.lsn().max(start);
        for entry in entries {
            if self.is_full(entry) && entry.lsn() > last {
                reached = last;
                break;
            }
            last = entry.lsn();
            self.bytes += entry.bytes();
            self.entries.push(Arc::clone(entry));
        }
        self.seen.push((partition.id.clone(), reached));
        self.replica = Some(partition.replica());
    }

    fn is_full(&self, next: &E) -> bool {
        self.entries.len() >= self.max_items || self.bytes + next.bytes() > MAX_PAGE_BYTES
    }

    /// The answer with the page, or that nothing is new.
    pub(super) fn answer(
        self,
        rid: &str,
        owner: Owner,
        show: impl Fn(&E) -> Value,
    ) -> Result<Answer, Refusal> {
        let rows: Vec<Value> = self.entries.iter().map(|it| show(it)).collect();
        let status = if rows.is_empty() { 304 } else { 200 };
        let answer = Answer::new(status, self.replica.ok_or_else(Refusal::range_gone)?, 1.0)
            .owner(owner)
            .etag(&etag(&self.seen))
            .header(header::ITEM_COUNT, rows.len());
        if rows.is_empty() {
            return Ok(answer);
        }
        Ok(answer.body(envelope(rid, "Documents", &rows, ExponentStyle::TwoDigits)))
    }
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
    pub(super) fn admits(&self, item: &Item) -> bool {
        if let Self::Time(seconds) = self { item.timestamp >= *seconds } else { true }
    }
}

/// The position after a page, in the form that [`Position::read_etag`] reads.
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
