//! Deletes all items of one partition key.

use super::item::at_first;
use super::scope::Scope;
use crate::emulator::call::{Call, complete};
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::store::partition::{Partition, Written};

/// The service deletes in the background; here it is done when the answer comes.
pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let container = call.data_mut(&mut account)?;
    let scope = Scope::read(call, container)?;
    let rules = &container.rules;
    let key = call.key(rules)?.ok_or_else(Refusal::key_too_short);
    key.and_then(|it| complete(it, rules)).map_err(|it| at_first(it, container))?;
    let mut replica = container.first().map(Partition::replica);
    scope.partitions(container).try_for_each(|it| call.check_open(it))?;
    for partition in scope.partitions_mut(container) {
        let numbers: Vec<u64> =
            partition.items().values().filter(|it| scope.admits(it)).map(|it| it.number).collect();
        let taken: Vec<_> = numbers.into_iter().map(|it| partition.take(it)).collect();
        if !taken.is_empty() {
            let written = taken.into_iter().map(|before| Written { before, after: None });
            partition.commit(call.stamp(), written);
        }
        replica = Some(partition.replica());
    }
    let replica = replica.ok_or_else(Refusal::range_gone)?;
    Ok(Answer::new(200, replica, 1.0).owner(container.owner()))
}
