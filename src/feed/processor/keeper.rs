//! Keeps a worker's leases alive, takes more, and notices when others die.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::balance::{View, wanted};
use super::board::Board;
use super::lease::{Lease, LeaseStore};
use super::timing::Timing;
use crate::clock::Clock;
use crate::error::Result;
use crate::routing::FeedRange;

/// Does the rounds of a worker over all leases.
///
/// Whether another worker lives is judged by whether its leases change, on this worker's own clock: the clocks of
/// workers need not agree.
pub(super) struct Keeper {
    pub(super) worker: String,
    pub(super) store: LeaseStore,
    pub(super) board: Arc<Board>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timing: Timing,
    /// The version of each lease, and when it was first seen.
    sightings: HashMap<String, (String, Duration)>,
}

impl Keeper {
    pub(super) fn new(
        worker: String,
        store: LeaseStore,
        board: Arc<Board>,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Self {
        Self { worker, store, board, clock, timing, sightings: HashMap::new() }
    }

    /// Looks at all leases, renews its own, and takes those that it should have.
    pub(super) fn round(&mut self) -> Result<()> {
        let before = self.clock.monotonic();
        let mut leases = self.store.list()?;
        let superseded = remove_superseded(&mut leases);
        self.observe(&leases, before);
        let mut failure = self.renew_own(&leases).err();
        for lease in superseded {
            self.board.remove(&lease.id);
            failure = self.store.delete(&lease).err().or(failure);
        }
        let views: Vec<View<'_>> = leases
            .iter()
            .map(|it| View { id: &it.id, owner: self.living_owner(it, before) })
            .collect();
        let ids = wanted(&self.worker, &views);
        for lease in leases.iter().filter(|it| ids.contains(&it.id.as_str())) {
            failure = self.take(lease).err().or(failure);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Gives all leases back, so that others need not wait until they are sure that nobody has them.
    pub(super) fn release_all(&self) -> Result<()> {
        let mut failure = None;
        for lease in self.board.all() {
            self.board.remove(&lease.id);
            failure = self.store.update(&lease, |it| it.owner = None).err().or(failure);
        }
        failure.map_or(Ok(()), Err)
    }

    fn observe(&mut self, leases: &[Lease], now: Duration) {
        let mut sightings = HashMap::with_capacity(leases.len());
        for lease in leases {
            let known = self.sightings.remove(&lease.id);
            let known = known.filter(|(etag, _)| *etag == lease.etag);
            sightings.insert(lease.id.clone(), known.unwrap_or_else(|| (lease.etag.clone(), now)));
        }
        self.sightings = sightings;
    }

    /// The owner, unless it shows no life, or is a past life of this worker.
    fn living_owner<'a>(&self, lease: &'a Lease, now: Duration) -> Option<&'a str> {
        let owner = lease.owner.as_deref()?;
        if owner == self.worker {
            return self.board.has(&lease.id).then_some(owner);
        }
        let (_, since) = self.sightings.get(&lease.id)?;
        (now.saturating_sub(*since) < self.timing.silence).then_some(owner)
    }

    fn renew_own(&self, leases: &[Lease]) -> Result<()> {
        let mut failure = None;
        for held in self.board.all() {
            let listed = leases.iter().find(|it| it.id == held.id && it.is_held_as(&held));
            let before = self.clock.monotonic();
            // A lease that was made since the list is renewed by the version on the board.
            match self.store.update(listed.unwrap_or(&held), |it| it.renewals += 1) {
                Ok(Some(lease)) => self.board.put(lease, before),
                Ok(None) => {
                    log::info!("{} lost the lease {}", self.worker, held.id);
                    self.board.remove(&held.id);
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn take(&self, lease: &Lease) -> Result<()> {
        let before = self.clock.monotonic();
        let mut taken = lease.clone();
        taken.owner = Some(self.worker.clone());
        taken.epoch += 1;
        if let Some(taken) = self.store.replace(&taken)? {
            log::info!("{} took the lease {}", self.worker, lease.id);
            self.board.put(taken, before);
        }
        Ok(())
    }
}

/// Takes out the leases whose whole range others have in parts: what a worker left that died while it split one.
fn remove_superseded(leases: &mut Vec<Lease>) -> Vec<Lease> {
    let ranges: Vec<FeedRange> = leases.iter().map(|it| it.range.clone()).collect();
    let mut superseded = Vec::new();
    leases.retain(|lease| {
        let parts = ranges.iter().filter(|it| **it != lease.range && it.is_subset_of(&lease.range));
        let mut parts: Vec<_> = parts.map(FeedRange::epk_range).collect();
        parts.sort_by(|one, other| one.min.cmp(&other.min));
        let whole = lease.range.epk_range();
        let reached = parts.iter().fold(&whole.min, |reached, part| {
            if part.min <= *reached && part.max > *reached { &part.max } else { reached }
        });
        let is_covered = *reached >= whole.max;
        if is_covered {
            superseded.push(lease.clone());
        }
        !is_covered
    });
    superseded
}
