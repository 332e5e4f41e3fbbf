//! Deletes all items of one partition key.

use std::sync::Arc;

use super::item::at_first;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::routing::range::EpkRange;

/// The service deletes in the background; here it is done when the answer comes.
pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let rules = Arc::clone(&container.rules);
    let key = call.key(&rules).map_err(|it| at_first(it, container))?;
    let key = key.ok_or_else(|| at_first(Refusal::key_too_short(), container))?;
    let range = EpkRange::of(&key, &rules.definition.key)
        .map_err(|_| at_first(Refusal::key_too_short(), container))?;
    let mut replica = container.first().map(|it| it.replica());
    for partition in container.partitions.iter_mut().filter(|it| it.range.overlaps(&range)) {
        let numbers: Vec<u64> = partition
            .items()
            .values()
            .filter(|it| range.contains(&it.epk))
            .map(|it| it.number)
            .collect();
        if !numbers.is_empty() {
            partition.log().advance();
        }
        for number in numbers {
            partition.take(number);
        }
        replica = Some(partition.replica());
    }
    let replica = replica.ok_or_else(Refusal::range_gone)?;
    Ok(Answer::new(200, replica, 1.0).owner(rules.owner.clone()))
}
