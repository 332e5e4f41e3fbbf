//! Brings operations to their ranges, and results back.
//!
//! All of it runs on the thread that iterates; only the requests themselves run on others. So there is nothing to lock,
//! and each operation is at one place at a time: waiting in a lane, under way in a request, or done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::lane::{LINGER, Lane, Lanes};
use super::operation::{BulkOperation, Pending};
use super::request::{Done, Job, Template};
use super::results::BulkResult;
use super::settle::Settled;
use super::totals::BulkProgress;
use crate::batch::MAX_OPERATIONS;
use crate::batch::workers::Workers;
use crate::client::Shared;
use crate::error::{Error, Result};
use crate::routing::cache::ContainerFacts;
use crate::routing::lookup::Lookup;

/// Most bytes of operations that are held at once.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The operations of a bulk that were taken from its input.
pub(super) struct Dispatcher {
    template: Arc<Template>,
    facts: Arc<ContainerFacts>,
    lanes: Lanes,
    workers: Workers<Job, Done>,
    ready: VecDeque<BulkResult>,
    /// Operations in lanes and requests, and their bytes.
    unsettled: usize,
    unsettled_bytes: usize,
    threads: usize,
    next_scan: Duration,
    progress: BulkProgress,
}

impl Dispatcher {
    pub(super) fn new(template: Template, threads: usize) -> Result<Self> {
        let shared = Arc::clone(&template.client.shared);
        let timeout = template.options.timeout.unwrap_or(shared.options.operation_timeout);
        let facts = shared.containers.get(&Lookup::new(&shared, timeout), &template.container)?;
        let map = shared.containers.ranges(&Lookup::new(&shared, timeout), &template.container)?;
        let progress = BulkProgress::new(&template.client);
        let template = Arc::new(template);
        let sender = Arc::clone(&template);
        let lanes = Lanes::new(map, threads);
        Ok(Self {
            template,
            facts,
            lanes,
            threads,
            workers: Workers::new(threads, move |job, stop| sender.send(job, stop)),
            ready: VecDeque::new(),
            unsettled: 0,
            unsettled_bytes: 0,
            next_scan: Duration::ZERO,
            progress,
        })
    }

    pub(super) fn progress(&self) -> &BulkProgress {
        &self.progress
    }

    /// Whether another operation may be taken from the input.
    pub(super) fn has_room(&self) -> bool {
        // Enough for every thread to find a full request, whichever ranges the operations are for.
        let most = MAX_OPERATIONS * (2 * self.threads + self.lanes.len());
        self.unsettled + self.ready.len() < most && self.unsettled_bytes < MOST_BYTES
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn take_ready(&mut self) -> Option<BulkResult> {
        self.ready.pop_front()
    }

    /// Takes an operation in. Sends a request where one is full now, or was waiting for too long.
    pub(super) fn accept(&mut self, index: usize, operation: BulkOperation) {
        let BulkOperation { entry, key } = operation;
        let placed = entry.and_then(|entry| Pending::new(index, entry, key, &self.facts));
        let pending = match placed {
            Ok(pending) => pending,
            Err(error) => return self.finish(BulkResult::failed(index, String::new(), error)),
        };
        let now = self.now();
        self.unsettled += 1;
        self.unsettled_bytes += pending.size();
        match self.lanes.at(&pending.epk) {
            Some(lane) => {
                lane.push(pending, now);
                if lane.is_full() || now >= self.next_scan {
                    self.next_scan = now + LINGER;
                    self.dispatch(false);
                }
            }
            None => self.give_up(pending, no_range()),
        }
    }

    /// Sends what is ready to be sent; with `flush` also what would otherwise wait for company.
    pub(super) fn dispatch(&mut self, flush: bool) {
        let now = self.now();
        while self.workers.has_room() {
            let due = |lane: &Lane| lane.is_due(now) && lane.is_open(now);
            let any = |lane: &Lane| flush && !lane.is_empty() && lane.is_open(now);
            let Some(at) = self.lanes.next_where(due).or_else(|| self.lanes.next_where(any)) else {
                return;
            };
            let version = self.lanes.version;
            let Some(lane) = self.lanes.get(at) else { return };
            let job = Job {
                group: lane.take_group(now),
                range: lane.id.clone(),
                not_before: lane.pause_until,
                version,
                round: lane.pace.sent(),
            };
            self.workers.submit(job);
        }
    }

    /// Takes in the requests that have come back.
    pub(super) fn settle_finished(&mut self) {
        while let Some(done) = self.workers.try_next() {
            self.settle(done);
        }
    }

    /// Waits until a request comes back. `false` where none is under way.
    pub(super) fn wait(&mut self) -> bool {
        match self.workers.next() {
            Some(done) => {
                self.settle(done);
                true
            }
            None => false,
        }
    }

    /// Whether everything that was taken in has its result.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    fn settle(&mut self, done: Done) {
        let Done { job: Job { group, range, version, round, .. }, answer } = done;
        let Some(answer) = answer else { return };
        let shared = Arc::clone(&self.template.client.shared);
        let settled = Settled::new(group, answer, &shared, &self.progress);
        let now = self.now();
        if let Some(lane) = self.lanes.by_id(&range) {
            match settled.throttled {
                true => lane.pace.was_throttled(round),
                false => lane.pace.went_well(),
            }
            lane.answer_had_room_for(settled.answer_had_room_for);
        }
        for (pending, outcome) in settled.results {
            self.unsettled -= 1;
            self.unsettled_bytes = self.unsettled_bytes.saturating_sub(pending.size());
            self.finish(BulkResult::new(pending.index, pending.entry.id, outcome));
        }
        let routed = self.read_anew(&shared, version, settled.moved, settled.recreated);
        let is_current = version == self.lanes.version;
        for mut pending in settled.again.into_iter().rev() {
            let placed = match &routed {
                Ok(()) if is_current => Ok(()),
                Ok(()) => pending.place_again(&self.facts),
                Err(error) => Err(error.copy()),
            };
            match placed {
                Ok(()) => self.put_back(pending, now + settled.pause),
                Err(error) => self.give_up(pending, error),
            }
        }
    }

    /// Reads the map again, or all about the container, unless that was done since the request was sent.
    fn read_anew(
        &mut self,
        shared: &Shared,
        version: u32,
        moved: bool,
        recreated: bool,
    ) -> Result<()> {
        if version != self.lanes.version || !moved && !recreated {
            return Ok(());
        }
        let container = &self.template.container;
        let lookup = Lookup::new(shared, shared.options.operation_timeout);
        let map = if recreated {
            shared.containers.forget(container);
            self.facts = shared.containers.get(&lookup, container)?;
            shared.containers.ranges(&lookup, container)?
        } else {
            shared.containers.newer_ranges(&lookup, container, &self.lanes.map)?
        };
        for mut pending in self.lanes.replace_map(map).into_iter().rev() {
            match pending.place_again(&self.facts) {
                Ok(()) => self.put_back(pending, Duration::ZERO),
                Err(error) => self.give_up(pending, error),
            }
        }
        Ok(())
    }

    /// Puts an operation at the head of its lane, which pauses until then.
    fn put_back(&mut self, pending: Pending, pause_until: Duration) {
        match self.lanes.at(&pending.epk) {
            Some(lane) => {
                lane.pause_until = lane.pause_until.max(pause_until);
                lane.push_front(pending);
            }
            None => self.give_up(pending, no_range()),
        }
    }

    fn give_up(&mut self, pending: Pending, error: Error) {
        self.unsettled -= 1;
        self.unsettled_bytes = self.unsettled_bytes.saturating_sub(pending.size());
        self.finish(BulkResult::failed(pending.index, pending.entry.id, error));
    }

    fn finish(&mut self, result: BulkResult) {
        self.progress.count_outcome(result.is_success());
        self.ready.push_back(result);
    }

    pub(super) fn now(&self) -> Duration {
        self.template.client.shared.clock.monotonic()
    }
}

fn no_range() -> Error {
    Error::new(crate::ErrorKind::Service, "no partition key range of the container holds the key")
}
