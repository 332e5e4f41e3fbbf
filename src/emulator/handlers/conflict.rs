//! Conflicts: what regions wrote at the same time and no rule could settle. An application reads them, writes what is
//! right, and deletes them.

use super::feed::Feed;
use super::item::at_first;
use super::scope::Scope;
use crate::emulator::call::Call;
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Answer;
use crate::emulator::store::conflict::Conflict;
use crate::emulator::store::container::Container;
use crate::emulator::store::partition::Partition;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let scope = Scope::read(call, container)?;
    let partition = scope.partitions(container).next().ok_or_else(Refusal::range_gone)?;
    let values = container.conflicts.iter().filter(|it| scope.covers(container, &it.item));
    let count = container.conflicts.len();
    let feed = Feed {
        name: "Conflicts",
        rid: container.rules.rid.text(),
        owner: Some(container.rules.owner.clone()),
        replica: partition.replica(),
        charge: 1.0,
        quota: Some(("conflicts=0;", format!("conflicts={count};"))),
        values: values.map(|it| it.value.clone()).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let (index, partition) = find(call, container)?;
    let conflict = &container.conflicts[index];
    let answer = Answer::new(200, partition.replica(), 1.0).owner(container.owner());
    Ok(answer.etag(&conflict.etag).body(conflict.value.to_json()))
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let container = call.container_mut(&mut account)?;
    let (index, partition) = find(call, container)?;
    partition.log().advance();
    let replica = partition.replica();
    container.conflicts.remove(index);
    Ok(Answer::new(204, replica, 1.0).owner(container.owner()))
}

/// The index of the conflict in the path, which stays right while the account is locked, and its partition.
fn find<'c>(call: &Call<'_>, container: &'c Container) -> Result<(usize, &'c Partition), Refusal> {
    let scope = Scope::read(call, container)?;
    let id = call.request.segment(5);
    let is_it = |it: &Conflict| it.id == id || it.value.get("_rid").as_str() == Some(id);
    let is_it = |it: &Conflict| is_it(it) && scope.covers(container, &it.item);
    let index = container.conflicts.iter().position(is_it);
    let missing = || at_first(Refusal::item_not_found(REFUSED), container);
    let index = index.ok_or_else(missing)?;
    let epk = &container.conflicts[index].item.epk;
    Ok((index, container.partition_at(epk).ok_or_else(Refusal::range_gone)?))
}
