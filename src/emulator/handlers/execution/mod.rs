//! What runs scripts: calls of stored procedures, writes with triggers, and conflicts between regions.
//!
//! A script runs on a [`Transaction`](crate::emulator::store::transaction::Transaction) while nothing is locked. Where
//! somebody else wrote to the same partition key meanwhile, it runs again on what is there now.

mod host;
pub(crate) mod procedure;
pub(crate) mod resolver;
mod stage;
pub(crate) mod trigger;

use std::sync::Arc;

use self::stage::{Occasion, Stage};
use super::item::at_first;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Owner, Replica};
use crate::emulator::store::container::Container;

/// After so many vain attempts the client has to try again.
const MAX_ATTEMPTS: usize = 10;

/// What was done and where.
struct Transacted<T> {
    value: T,
    charge: f64,
    replica: Replica,
    owner: Owner,
}

/// Looks up what is needed, acts on the items of the request's partition key, and stores what was written.
///
/// `prepare` is called while the account is locked, `act` while it is not.
fn transact<P, T>(
    call: &Call<'_>,
    prepare: impl Fn(&Container) -> Result<P, Refusal>,
    act: impl Fn(&Stage, &P) -> Result<T, Refusal>,
) -> Result<Transacted<T>, Refusal> {
    let occasion = Occasion::of(call);
    let mut replica = None;
    for _ in 0..MAX_ATTEMPTS {
        let (stage, prepared) = begin(call, &prepare, &occasion)?;
        let value = act(&stage, &prepared).map_err(|it| it.at(stage.replica.clone()))?;
        let mut account = call.write();
        let container = call.data_mut(&mut account)?;
        let (_, partition) =
            container.partition_at_mut(&stage.epk).ok_or_else(Refusal::range_gone)?;
        call.check_open(partition)?;
        let is_stored = stage.commit(partition, call.stamp());
        let reached = partition.replica();
        if is_stored {
            let owner = container.owner();
            return Ok(Transacted { value, charge: stage.charge(), replica: reached, owner });
        }
        replica = Some(reached);
    }
    let refusal = Refusal::conflicting();
    Err(replica.map_or(refusal.clone(), |it| refusal.at(it)))
}

fn begin<P>(
    call: &Call<'_>,
    prepare: impl Fn(&Container) -> Result<P, Refusal>,
    occasion: &Occasion,
) -> Result<(Stage, P), Refusal> {
    let mut account = call.write();
    // Scripts belong to the container in all regions, its items to one.
    let container = call.container(&account)?;
    let prepared = prepare(container).map_err(|it| at_first(it, container))?;
    let functions = container.scripts.functions.clone();
    let container = call.data_mut(&mut account)?;
    let rules = Arc::clone(&container.rules);
    let key = call.whole_key(&rules).map_err(|it| at_first(it, container))?;
    let partition = container.partition_at(&rules.epk(&key)).ok_or_else(Refusal::range_gone)?;
    call.check_open(partition)?;
    let stage = Stage::new(occasion, (partition, container.owner()), (rules, key), &functions);
    Ok((stage, prepared))
}
