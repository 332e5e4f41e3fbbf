//! Partition key ranges: what the container's space is divided into, and how that changes.

use super::feed::envelope;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::{ExponentStyle, Object, Value};
use crate::emulator::store::container::Container;
use crate::emulator::store::partition::{Partition, etag};
use crate::wire::header;

/// Answers all ranges, or as a change feed those that came after the etag of the last answer.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let is_incremental = call.request.header(&header::A_IM).is_some();
    let seen = call.request.header(&http::header::IF_NONE_MATCH).filter(|_| is_incremental);
    let seen = seen.and_then(|it| it.trim_matches('"').parse::<u64>().ok()).unwrap_or(0);
    let rows: Vec<Value> = container
        .partitions
        .iter()
        .filter(|it| it.generation > seen)
        .map(|it| to_value(container, it))
        .collect();
    let status = if is_incremental && rows.is_empty() { 304 } else { 200 };
    let mut answer = Answer::new(status, account.replica(), 0.0)
        .owner(container.rules.owner.clone())
        .header(header::ITEM_COUNT, rows.len());
    answer.charge = None;
    if is_incremental {
        answer = answer.etag(&format!("\"{}\"", container.generation));
    }
    if status == 200 {
        let rid = container.rules.rid.text();
        answer = answer.body(envelope(&rid, "PartitionKeyRanges", &rows, ExponentStyle::TwoDigits));
    }
    Ok(answer)
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
