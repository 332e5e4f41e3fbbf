//! Batches: many writes to one partition, all or none, or each for itself.

use std::sync::Arc;

use super::item::at_first;
use crate::emulator::call::{Call, complete, parse_key};
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Origin, Replica};
use crate::emulator::sql::value::{Number, Value, write_json_string};
use crate::emulator::store::container::{Container, Rules};
use crate::emulator::store::item::Item;
use crate::emulator::store::partition::{Partition, Written};
use crate::emulator::store::patch::Patch;
use crate::emulator::store::write::{Done, Moment, Verb, Write, apply, read_directive, revert};
use crate::partition_key::PartitionKey;
use crate::wire::{header, sub_status};

const MAX_OPERATIONS: usize = 100;
/// An answer that has so many bytes takes no further operations.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The status of operations that were not carried out because another one failed.
const FAILED_DEPENDENCY: u16 = 424;

/// What came of one operation.
struct Outcome {
    status: u16,
    sub_status: u32,
    charge: f64,
    item: Option<Arc<Item>>,
}

/// Carries out the operations in the body.
pub(crate) fn run(call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.body();
    let is_atomic = call.request.is_set(&header::BATCH_ATOMIC);
    let mut account = call.write();
    let container = call.data_mut(&mut account)?;
    let rules = Arc::clone(&container.rules);
    let key = call.key(&rules).and_then(|it| it.map(|it| complete(it, &rules)).transpose());
    let key = key.map_err(|it| at_first(it, container))?;
    if key.is_none() && is_atomic && !rules.definition.has_system_key() {
        return Err(at_first(Refusal::key_too_short(), container));
    }
    let key = key.or_else(|| rules.definition.has_system_key().then_some(PartitionKey::NONE));
    let refuse = |it: Refusal, container: &Container| at_first(it, container);
    let body = body.map_err(|it| refuse(it, container))?;
    let operations = body.as_array().ok_or_else(|| refuse(Refusal::bad_input(), container))?;
    check_count(operations.len()).map_err(|it| match container.first() {
        // This one does not name the range.
        Some(partition) => it.at(Replica { range_id: None, ..partition.replica() }),
        None => it,
    })?;
    let writes: Vec<Result<Write, Refusal>> =
        operations.iter().map(|it| read_operation(it, key.as_ref(), &rules)).collect();
    let minimal: Vec<bool> = operations.iter().map(|it| wants_minimal(call, it)).collect();
    let partition = target(call, container, key.as_ref(), &writes)?;
    call.check_open(partition)?;
    let (outcomes, written) = if is_atomic {
        all_or_none(&rules, partition, (writes, &minimal), call.now)
    } else {
        let goes_on = call.request.is_set(&header::BATCH_CONTINUE_ON_ERROR);
        each_for_itself(&rules, partition, (writes, &minimal), call.now, goes_on)
    };
    let has_written = !written.is_empty();
    if has_written {
        partition.commit(call.stamp(), written);
    }
    let replica = partition.replica();
    let owner = container.owner();
    drop(account);
    let answer = answer(Origin::Replica(replica), &outcomes, &minimal);
    // Nothing is said of the container if nothing was written to it, unless all was well.
    Ok(if has_written || answer.status == 200 { answer.owner(owner) } else { answer })
}

/// Whether the answer to an operation is to be without the item: for the whole batch, or for this operation.
fn wants_minimal(call: &Call<'_>, operation: &Value) -> bool {
    let own = operation.get("minimalReturnPreference").as_bool();
    call.request.wants_minimal() || own == Some(true)
}

fn check_count(count: usize) -> Result<(), Refusal> {
    let text = match count {
        0 => "Batch request has no operations.",
        1..=MAX_OPERATIONS => return Ok(()),
        _ => "Batch request has more operations than what is supported.",
    };
    Err(Refusal::replica(400, 0.0, text).without_charge())
}

/// The partition that the batch goes to: that of its key, or the one that is named.
fn target<'c>(
    call: &Call<'_>,
    container: &'c mut Container,
    key: Option<&PartitionKey>,
    writes: &[Result<Write, Refusal>],
) -> Result<&'c mut Partition, Refusal> {
    let first_key = key.or_else(|| writes.iter().flatten().next().map(|it| &it.key));
    let named = call.request.header(&header::PARTITION_KEY_RANGE_ID);
    let index = match (named, first_key) {
        (Some(name), _) => {
            let id = name.split_once(',').map_or(name, |it| it.1);
            container.partitions.iter().position(|it| it.id == id)
        }
        (None, Some(key)) => {
            let epk = container.rules.epk(key);
            container.partitions.iter().position(|it| it.range.contains(&epk))
        }
        (None, None) => Some(0),
    };
    index.and_then(|it| container.partitions.get_mut(it)).ok_or_else(Refusal::range_gone)
}

fn read_operation(
    operation: &Value,
    key: Option<&PartitionKey>,
    rules: &Rules,
) -> Result<Write, Refusal> {
    let text = |name: &str| operation.get(name).as_str().map(str::to_owned);
    let own_key = text("partitionKey").map(|it| parse_key(&it, rules)).transpose()?;
    let key = own_key.or_else(|| key.cloned()).ok_or_else(Refusal::key_too_short)?;
    let body = operation.get("resourceBody");
    let verb = match text("operationType").unwrap_or_default().to_ascii_lowercase().as_str() {
        "create" => Verb::Create(body),
        "upsert" => Verb::Upsert(body),
        "replace" => Verb::Replace(body),
        "patch" => Verb::Patch(Box::new(Patch::read(&body)?)),
        "delete" => Verb::Delete,
        "read" => Verb::Read,
        _ => return Err(Refusal::bad_input()),
    };
    Ok(Write {
        verb,
        id: text("id").unwrap_or_default(),
        key: complete(key, rules)?,
        if_match: text("ifMatch"),
        if_none_match: text("ifNoneMatch"),
        is_indexed: operation.get("indexingDirective").as_str().and_then(read_directive),
    })
}

/// Writes everything, or takes everything back.
fn all_or_none(
    rules: &Rules,
    partition: &mut Partition,
    (writes, minimal): (Vec<Result<Write, Refusal>>, &[bool]),
    now: u64,
) -> (Vec<Outcome>, Vec<Written>) {
    let count = writes.len();
    let item_counter = rules.item_counter();
    let mut undo = Vec::new();
    let mut written = Vec::new();
    let mut outcomes = Vec::with_capacity(count);
    let mut room = Room::default();
    for (write, is_minimal) in writes.into_iter().zip(minimal) {
        match room.check().and_then(|()| carry_out(rules, partition, write, now)) {
            Ok(done) => {
                room.take(&done, *is_minimal);
                undo.extend(done.undo.clone());
                written.extend(done.written());
                outcomes.push(Outcome::of_done(done));
            }
            Err(refusal) => {
                while let Some((number, before)) = undo.pop() {
                    revert(partition, number, before);
                }
                rules.reset_item_counter(item_counter);
                for outcome in &mut outcomes {
                    outcome.status = FAILED_DEPENDENCY;
                    outcome.item = None;
                }
                outcomes.push(Outcome::of_refusal(&refusal));
                outcomes.resize_with(count, Outcome::not_carried_out);
                return (outcomes, Vec::new());
            }
        }
    }
    (outcomes, written)
}

/// Carries out each operation, whatever came of the others, or stops at the first failure.
fn each_for_itself(
    rules: &Rules,
    partition: &mut Partition,
    (writes, minimal): (Vec<Result<Write, Refusal>>, &[bool]),
    now: u64,
    goes_on: bool,
) -> (Vec<Outcome>, Vec<Written>) {
    let mut written = Vec::new();
    let mut has_failed = false;
    let mut room = Room::default();
    let outcomes: Vec<Outcome> = writes
        .into_iter()
        .zip(minimal)
        .map(|(write, is_minimal)| {
            if has_failed && !goes_on {
                return Outcome::not_carried_out();
            }
            match room.check().and_then(|()| carry_out(rules, partition, write, now)) {
                Ok(done) => {
                    room.take(&done, *is_minimal);
                    written.extend(done.written());
                    Outcome::of_done(done)
                }
                Err(refusal) => {
                    has_failed = true;
                    Outcome::of_refusal(&refusal)
                }
            }
        })
        .collect();
    (outcomes, written)
}

fn carry_out(
    rules: &Rules,
    partition: &mut Partition,
    write: Result<Write, Refusal>,
    now: u64,
) -> Result<Done, Refusal> {
    let write = write?;
    if !partition.range.contains(&rules.epk(&write.key)) {
        return Err(Refusal::range_gone());
    }
    let moment = Moment { lsn: partition.lsn() + 1, timestamp: now };
    apply(rules, partition, write, moment)
}

/// The bytes of the items that the answer holds so far.
#[derive(Default)]
struct Room(usize);

impl Room {
    /// Whether another operation may be carried out: what the answer cannot tell is not done.
    fn check(&self) -> Result<(), Refusal> {
        if self.0 < MAX_ANSWER_BYTES {
            return Ok(());
        }
        Err(Refusal::too_large().with_sub_status(sub_status::BATCH_RESPONSE_TOO_LARGE))
    }

    fn take(&mut self, done: &Done, is_minimal: bool) {
        if !is_minimal && done.status != 304 {
            self.0 += done.item.as_ref().map_or(0, |it| it.bytes);
        }
    }
}

impl Outcome {
    fn of_done(done: Done) -> Self {
        Self { status: done.status, sub_status: 0, charge: done.charge, item: done.item }
    }

    fn of_refusal(refusal: &Refusal) -> Self {
        let charge = refusal.charge().unwrap_or(REFUSED);
        // The header rounds what an entry spells out.
        let charge = if charge == 1.24 { REFUSED } else { charge };
        Self { status: refusal.status(), sub_status: refusal.sub_status(), charge, item: None }
    }

    fn not_carried_out() -> Self {
        Self { status: FAILED_DEPENDENCY, sub_status: 0, charge: 0.0, item: None }
    }

    fn write_json(&self, is_minimal: bool, out: &mut String) {
        out.push_str(&format!("{{\"statusCode\":{},\"requestCharge\":", self.status));
        Number::from(self.charge).write(crate::emulator::sql::value::ExponentStyle::TwoDigits, out);
        // The service spells out no other one.
        if self.sub_status == sub_status::BATCH_RESPONSE_TOO_LARGE {
            out.push_str(&format!(",\"subStatusCode\":{}", self.sub_status));
        }
        if let Some(item) = &self.item {
            out.push_str(",\"eTag\":");
            write_json_string(&item.etag, out);
            if !is_minimal && self.status != 304 {
                out.push_str(",\"resourceBody\":");
                out.push_str(&item.json());
            }
        }
        out.push('}');
    }
}

fn answer(origin: Origin, outcomes: &[Outcome], minimal: &[bool]) -> Answer {
    let failed = outcomes.iter().find(|it| it.status >= 400 && it.status != FAILED_DEPENDENCY);
    let mut body = String::from("[");
    for (index, (outcome, is_minimal)) in outcomes.iter().zip(minimal).enumerate() {
        if index > 0 {
            body.push(',');
        }
        outcome.write_json(*is_minimal, &mut body);
    }
    body.push(']');
    let mut answer = Answer {
        status: if failed.is_some() { 207 } else { 200 },
        origin,
        charge: Some(outcomes.iter().map(|it| it.charge).sum()),
        ..Answer::default()
    };
    answer = answer.header(header::ITEM_COUNT, outcomes.len()).body(body);
    match failed {
        Some(outcome) if outcome.sub_status != 0 => {
            answer.header(header::SUB_STATUS, outcome.sub_status)
        }
        _ => answer,
    }
}
