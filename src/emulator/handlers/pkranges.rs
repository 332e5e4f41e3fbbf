//! Partition key ranges: what the container's space is divided into, and how that changes.

use std::sync::atomic::Ordering;

use super::feed::envelope;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Container;
use crate::emulator::store::partition::{Partition, etag};
use crate::wire::header;

/// Answers the ranges in the order of the key space; or as a change feed, oldest first, those that came after the etag
/// of the last answer.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let is_incremental = call.request.header(&header::A_IM).is_some();
    let seen = call.request.header(&http::header::IF_NONE_MATCH).filter(|_| is_incremental);
    let seen = seen.map_or(Place::START, Place::read);
    let mut partitions: Vec<&Partition> =
        container.partitions.iter().filter(|it| Place::of(it) > seen).collect();
    if is_incremental {
        partitions.sort_by_key(|it| Place::of(it));
    }
    let room = call.emulator.ranges_per_page.load(Ordering::SeqCst);
    let is_cut = is_incremental && room > 0 && partitions.len() > room;
    if is_cut {
        partitions.truncate(room);
    }
    let rows: Vec<Value> = partitions.iter().map(|it| to_value(container, it)).collect();
    let status = if is_incremental && rows.is_empty() { 304 } else { 200 };
    let mut answer = Answer::new(status, account.replica(), 0.0)
        .owner(container.rules.owner.clone())
        .header(header::ITEM_COUNT, rows.len());
    answer.charge = None;
    if is_incremental {
        let last = partitions.last().filter(|_| is_cut);
        let reached = last.map_or_else(|| Place::all_of(container), |it| Place::of(it));
        answer = answer.etag(&reached.etag());
    }
    if status == 200 {
        let rid = container.rules.rid.text();
        answer = answer.body(envelope(&rid, "PartitionKeyRanges", &rows, ExponentStyle::TwoDigits));
    }
    Ok(answer)
}

/// A place in the list: how many changes to the partitions there were, and the number of the last range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    generation: u64,
    number: u64,
}

impl Place {
    const START: Self = Self { generation: 0, number: u64::MAX };

    fn of(partition: &Partition) -> Self {
        let number = partition.id.parse().unwrap_or(0);
        Self { generation: partition.generation, number }
    }

    /// The end of the list as it is now.
    fn all_of(container: &Container) -> Self {
        Self { generation: container.generation, number: u64::MAX }
    }

    /// `"3"`, and in the middle of what came with one change `"3:7"`.
    fn etag(self) -> String {
        match self.number {
            u64::MAX => format!("\"{}\"", self.generation),
            number => format!("\"{}:{number}\"", self.generation),
        }
    }

    /// Reads an etag; the start where it is none.
    fn read(etag: &str) -> Self {
        let text = etag.trim_matches('"');
        let (generation, number) = match text.split_once(':') {
            Some((generation, number)) => (generation.parse(), number.parse()),
            None => (text.parse(), Ok(u64::MAX)),
        };
        match (generation, number) {
            (Ok(generation), Ok(number)) => Self { generation, number },
            _ => Self::START,
        }
    }
}

fn to_value(container: &Container, partition: &Partition) -> Value {
    let rid = container.range_rid(partition);
    let parents = partition.parents.iter().map(|it| it.as_str().into()).collect();
    let fraction = 1.0 / container.partitions.len() as f64;
    Object::from_iter([
        ("_rid", Value::from(rid.as_str())),
        ("id", partition.id.as_str().into()),
        ("_etag", etag(partition.generation, partition.timestamp).into()),
        ("minInclusive", partition.range.min.to_string().into()),
        ("maxExclusive", partition.range.max.to_string().into()),
        ("ridPrefix", partition.id.parse::<u64>().unwrap_or(0).into()),
        ("_self", format!("{}pkranges/{rid}/", container.rules.self_link).into()),
        ("throughputFraction", fraction.into()),
        ("status", "online".into()),
        ("parents", Value::array(parents)),
        ("ownedArchivalPKRangeIds", Value::array(Vec::new())),
        ("_ts", partition.timestamp.into()),
        ("lsn", partition.lsn().into()),
    ])
    .into()
}
