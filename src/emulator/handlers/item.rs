//! One item: read, create, upsert, replace, patch and delete.

use std::sync::Arc;

use super::execution::trigger;
use crate::emulator::call::Call;
use crate::emulator::charge;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::Container;
use crate::emulator::store::patch::Patch;
use crate::emulator::store::write::{Moment, Verb, Write, apply, find, read_directive};
use crate::wire::header;

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.data(&account)?;
    let rules = Arc::clone(&container.rules);
    let key = call.whole_key(&rules).map_err(|it| at_first(it, container))?;
    let partition = container.partition_at(&rules.epk(&key)).ok_or_else(Refusal::range_gone)?;
    call.check_session(partition)?;
    let (replica, owner) = (partition.replica(), container.owner());
    let id = call.request.segment(5);
    let item = find(&rules, partition, &key.header_value(), id, call.now).cloned();
    drop(account);
    let item = item.ok_or_else(|| Refusal::item_not_found(1.0).at(replica.clone()))?;
    let answer = Answer::new(200, replica, charge::read(item.bytes)).owner(owner).etag(&item.etag);
    if call.request.header(&http::header::IF_NONE_MATCH) == Some(item.etag.as_str()) {
        return Ok(Answer { status: 304, charge: Some(1.0), ..answer });
    }
    Ok(answer.header(header::ITEM_LSN, item.lsn).body(item.json()))
}

/// Creates an item, or upserts it if a header says so.
pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let is_upsert = call.request.is_set(&header::IS_UPSERT);
    if is_upsert {
        write(call, "Upsert", |body| Ok(Verb::Upsert(body)))
    } else {
        write(call, "Create", |body| Ok(Verb::Create(body)))
    }
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    write(call, "Replace", |body| Ok(Verb::Replace(body)))
}

pub(crate) fn patch(call: &Call<'_>) -> Result<Answer, Refusal> {
    write(call, "Patch", |body| Ok(Verb::Patch(Box::new(Patch::read(&body)?))))
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    write(call, "Delete", |_| Ok(Verb::Delete))
}

fn write(
    call: &Call<'_>,
    operation: &'static str,
    verb: impl Fn(Value) -> Result<Verb, Refusal>,
) -> Result<Answer, Refusal> {
    // Reading a body of two megabytes takes a while; others need not wait for it.
    let body = if *call.request.method == http::Method::DELETE {
        Ok(Value::Undefined)
    } else {
        call.body()
    };
    if names_triggers(call) {
        return trigger::write(call, operation, &body, verb);
    }
    let mut account = call.write();
    let container = call.data_mut(&mut account)?;
    let key = call.whole_key(&container.rules).map_err(|it| at_first(it, container))?;
    let epk = container.rules.epk(&key);
    let (rules, partition) = container.partition_at_mut(&epk).ok_or_else(Refusal::range_gone)?;
    let condition = |name| call.request.header(&name).map(str::to_owned);
    call.check_open(partition)?;
    let write = body.and_then(verb).map(|verb| Write {
        verb,
        id: call.request.segment(5).to_owned(),
        key,
        if_match: condition(http::header::IF_MATCH),
        if_none_match: condition(http::header::IF_NONE_MATCH),
        is_indexed: is_indexed(call),
    });
    let moment = Moment { lsn: partition.lsn() + 1, timestamp: call.now };
    let done = write
        .and_then(|write| apply(rules, partition, write, moment))
        .map_err(|it| it.at(partition.replica()))?;
    partition.commit(call.stamp(), done.written());
    let replica = partition.replica();
    let owner = container.owner();
    drop(account);
    let mut answer = Answer::new(done.status, replica, done.charge).owner(owner);
    if let Some(item) = done.item {
        answer = answer.etag(&item.etag);
        if !call.request.wants_minimal() {
            answer = answer.body(item.json());
        }
    }
    Ok(answer)
}

/// Whether the request wants the item indexed; `None` where it leaves that to the container's policy.
pub(super) fn is_indexed(call: &Call<'_>) -> Option<bool> {
    read_directive(call.request.header(&header::INDEXING_DIRECTIVE)?)
}

fn names_triggers(call: &Call<'_>) -> bool {
    let headers = [header::PRE_TRIGGER_INCLUDE, header::POST_TRIGGER_INCLUDE];
    headers.iter().any(|it| call.request.header(it).is_some_and(|it| !it.is_empty()))
}

/// A refusal that no particular partition makes is made by the first.
pub(crate) fn at_first(refusal: Refusal, container: &Container) -> Refusal {
    match container.first() {
        Some(partition) => refusal.at(partition.replica()),
        None => refusal,
    }
}
