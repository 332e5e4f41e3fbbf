//! What can be done to the emulator by `POST /_emulator/{name}`: a function and a body for each name.

mod fault;
mod region;

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Controls;
use crate::emulator::journal::RequestRecord;
use crate::emulator::store::container::Cut;
use crate::emulator::{Emulator, date};

impl Controls for Emulator {
    fn control(&self, name: &str, body: &Value) -> Result<Value, String> {
        match name {
            "split" => split(self, parse(body)?),
            "merge" => merge(self, parse(body)?),
            "clock" => clock(self, parse(body)?),
            "fault" => fault::control(self, body),
            "region" => region::control(self, parse(body)?),
            "ranges" => ranges(self, parse(body)?),
            "requests" => requests(self, parse(body)?),
            "reset" => reset(self, parse(body)?),
            _ => Err(format!("this emulator has no control named '{name}'")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    database: String,
    container: String,
    range: String,
    #[serde(default)]
    lock_ms: u64,
    #[serde(default)]
    by_storage: bool,
}

fn split(emulator: &Emulator, body: Split) -> Result<Value, String> {
    let Split { database, container, range, lock_ms, by_storage } = body;
    let lock = Duration::from_millis(lock_ms);
    let at = if by_storage { Cut::Storage } else { Cut::Middle };
    let children = emulator.split_at((&database, &container), &range, at, lock);
    let children = children
        .ok_or_else(|| format!("{database}/{container} has no range {range} that can be split"))?;
    Ok(json!({ "ranges": children }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    database: String,
    container: String,
    ranges: [String; 2],
    #[serde(default)]
    lock_ms: u64,
}

fn merge(emulator: &Emulator, body: Merge) -> Result<Value, String> {
    let Merge { database, container, ranges: [lower, upper], lock_ms } = body;
    let lock = Duration::from_millis(lock_ms);
    let merged = emulator.merge_locked((&database, &container), (&lower, &upper), lock);
    let merged = merged
        .ok_or_else(|| format!("{database}/{container} has no neighbours {lower} and {upper}"))?;
    Ok(json!({ "range": merged }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ranges {
    page_size: usize,
}

fn ranges(emulator: &Emulator, Ranges { page_size }: Ranges) -> Result<Value, String> {
    emulator.page_ranges(page_size);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_ms: u32,
}

/// Moves the account's time on: items expire, timestamps are later, throughput flows in, regions catch up.
fn clock(emulator: &Emulator, Clock { advance_ms }: Clock) -> Result<Value, String> {
    emulator.inner.ahead_ms.fetch_add(u64::from(advance_ms), Ordering::SeqCst);
    Ok(json!({ "now": date::unix_seconds(emulator.inner.now()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    #[serde(default)]
    keep: bool,
}

/// Answers the log of requests, and empties it unless it is to be kept.
fn requests(emulator: &Emulator, Requests { keep }: Requests) -> Result<Value, String> {
    let records = if keep { emulator.requests() } else { emulator.take_requests() };
    Ok(json!({ "requests": records.iter().map(to_json).collect::<Vec<_>>() }))
}

fn to_json(record: &RequestRecord) -> Value {
    json!({
        "region": record.region,
        "operation": record.operation.as_str(),
        "method": record.method,
        "path": record.path,
        "sessionToken": record.session_token,
        "status": record.status,
        "subStatus": record.sub_status,
        "partitionKeyRangeId": record.partition_key_range_id,
        "isFault": record.is_fault,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {}

/// Leaves an account as it was at the start, and at the machine's time.
fn reset(emulator: &Emulator, Reset {}: Reset) -> Result<Value, String> {
    emulator.inner.ahead_ms.store(0, Ordering::SeqCst);
    emulator.reset();
    Ok(json!({}))
}

fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, String> {
    T::deserialize(body).map_err(|it| it.to_string())
}
