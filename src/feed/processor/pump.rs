//! Reads the parts that a worker holds, hands pages to its handler, and notes how far it has come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::board::Board;
use super::lease::{Lease, LeaseStore};
use super::timing::Timing;
use super::{BoxError, Handler, Watcher};
use crate::client::CosmosClient;
use crate::clock::Clock;
use crate::error::Result;
use crate::feed::FeedPage;
use crate::feed::change_feed::{Reader, Setup, StopHandle};

/// Serves the leases of a worker in turn, a page each.
pub(super) struct Pump<T> {
    pub(super) client: CosmosClient,
    /// The feed; its continuation is the lease's.
    pub(super) setup: Setup,
    pub(super) store: LeaseStore,
    pub(super) board: Arc<Board>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timing: Timing,
    pub(super) worker: String,
    pub(super) handler: Arc<Handler<T>>,
    pub(super) on_error: Arc<Watcher>,
    /// The readers of the leases, each with the epoch that it was begun in.
    pub(super) readers: HashMap<String, (u64, Reader)>,
    /// The leases that failed last, and until when they are left alone.
    pub(super) rests: HashMap<String, Duration>,
}

impl<T: DeserializeOwned> Pump<T> {
    /// Serves each lease once. Says whether any of them had something new.
    pub(super) fn pass(&mut self, stop: &StopHandle) -> bool {
        let mut is_busy = false;
        let held = self.board.proved_since(self.oldest_proof());
        self.forget_others(&held);
        for lease in held {
            if stop.is_stopped() {
                break;
            }
            let now = self.clock.monotonic();
            let is_resting = self.rests.get(&lease.id).is_some_and(|until| now < *until);
            // An earlier lease may have taken so long that this one is no longer sure.
            if is_resting || !self.board.holds(&lease, self.oldest_proof()) {
                continue;
            }
            match self.serve(&lease) {
                Ok(was_new) => is_busy |= was_new,
                Err(error) => {
                    // The next try begins where the last handled page ended.
                    self.readers.remove(&lease.id);
                    self.rests.insert(lease.id, self.clock.monotonic() + self.timing.poll);
                    (self.on_error)(&*error);
                }
            }
        }
        is_busy
    }

    /// From when the proof of a lease must be, so that nobody else can have taken its owner for dead yet.
    fn oldest_proof(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.timing.silence)
    }

    /// Forgets what is known of leases that are no longer held, or held anew.
    fn forget_others(&mut self, held: &[Lease]) {
        let epochs: HashMap<&str, u64> = held.iter().map(|it| (it.id.as_str(), it.epoch)).collect();
        self.readers.retain(|id, (epoch, _)| epochs.get(id.as_str()) == Some(epoch));
        self.rests.retain(|id, _| epochs.contains_key(id.as_str()));
    }

    /// Reads a page, has it handled, and notes that.
    fn serve(&mut self, lease: &Lease) -> std::result::Result<bool, BoxError> {
        let (_, reader) = self.readers.entry(lease.id.clone()).or_insert_with(|| {
            let mut setup = self.setup.clone();
            setup.continuation = Some(lease.continuation.clone());
            (lease.epoch, Reader::new(self.client.clone(), setup))
        });
        let page = reader.read_page()?;
        let state = reader.state()?.clone();
        let page = FeedPage { items: page.rows.parse::<T>()?, page };
        let is_new = !page.items().is_empty();
        if is_new {
            (self.handler)(page)?;
        }
        if state.positions.len() > 1 {
            self.split(lease, &state)?;
        } else if is_new {
            self.note(lease, &state.to_token())?;
        }
        Ok(is_new)
    }

    fn note(&mut self, lease: &Lease, continuation: &str) -> Result<()> {
        let before = self.clock.monotonic();
        let noted = self.store.update(lease, |it| continuation.clone_into(&mut it.continuation))?;
        match noted {
            Some(lease) => self.board.put(lease, before),
            None => self.lose(lease),
        }
        Ok(())
    }

    /// Makes a lease of each part that the partition of a lease was split into. The old lease goes last: should the
    /// worker die on the way, it is found again, and what is missing is made from it.
    fn split(&mut self, lease: &Lease, state: &crate::feed::change_feed::State) -> Result<()> {
        for position in &state.positions {
            let range = position.range.clone().into();
            let mut part = self.store.lease(range, state.only(position).to_token());
            part.owner = Some(self.worker.clone());
            part.epoch = 1;
            let before = self.clock.monotonic();
            if self.store.create(&mut part)? {
                self.board.put(part, before);
            }
        }
        self.store.delete(lease)?;
        log::info!("the lease {} was split in {}", lease.id, state.positions.len());
        self.board.remove(&lease.id);
        self.readers.remove(&lease.id);
        Ok(())
    }

    fn lose(&mut self, lease: &Lease) {
        log::info!("{} lost the lease {}", self.worker, lease.id);
        self.board.remove(&lease.id);
        self.readers.remove(&lease.id);
    }
}
