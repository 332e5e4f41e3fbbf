//! The operations that wait for one partition key range, and how fast it takes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::operation::Pending;
use super::pace::Pace;
use crate::batch::MAX_OPERATIONS;
use crate::routing::epk::Epk;
use crate::routing::map::PartitionKeyRangeMap;

/// Most bytes of operations in a request, as in other SDKs: the service answers larger ones slowly.
const MAX_GROUP_BYTES: usize = 220_201;

/// How long operations wait for company before they are sent in a request that is not full. They wait that long only
/// where the input is quick, and their range gets a small share of it: what is slow is not waited for.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// One partition key range.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: String,
    min: Epk,
    queue: VecDeque<Pending>,
    bytes: usize,
    /// Since when there is something in the queue.
    waiting_since: Duration,
    pub(super) pace: Pace,
    /// Until when the range has asked for a pause. Meanwhile one request at most waits to try it again.
    pub(super) pause_until: Duration,
    /// Most operations of a request, fewer where the answers became too large.
    most_operations: usize,
}

impl Lane {
    fn new(id: &str, min: &Epk, most_requests: usize) -> Self {
        Self {
            id: id.to_owned(),
            min: min.clone(),
            queue: VecDeque::new(),
            bytes: 0,
            waiting_since: Duration::ZERO,
            pace: Pace::new(most_requests),
            pause_until: Duration::ZERO,
            most_operations: MAX_OPERATIONS,
        }
    }

    pub(super) fn push(&mut self, pending: Pending, now: Duration) {
        if self.queue.is_empty() {
            self.waiting_since = now;
        }
        self.bytes += pending.size();
        self.queue.push_back(pending);
    }

    /// Puts back what has waited already.
    pub(super) fn push_front(&mut self, pending: Pending) {
        self.bytes += pending.size();
        self.waiting_since = Duration::ZERO;
        self.queue.push_front(pending);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether it has enough for a request.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.most_operations || self.bytes >= MAX_GROUP_BYTES
    }

    /// Whether what it has should not wait any longer for more: while a request is under way, the next one fills up.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let is_idle = self.pace.in_flight() == 0;
        let has_waited = now.saturating_sub(self.waiting_since) >= LINGER;
        self.is_full() || !self.is_empty() && is_idle && has_waited
    }

    /// Whether the range takes a request now.
    pub(super) fn is_open(&self, now: Duration) -> bool {
        self.pace.has_room() && (now >= self.pause_until || self.pace.in_flight() == 0)
    }

    /// Takes the operations of one request: at least one, where there is any.
    pub(super) fn take_group(&mut self, now: Duration) -> Vec<Pending> {
        let mut group = Vec::with_capacity(self.queue.len().min(self.most_operations));
        let mut bytes = 0;
        while let Some(pending) = self.queue.pop_front() {
            let size = pending.size();
            if !group.is_empty() && bytes + size > MAX_GROUP_BYTES {
                self.queue.push_front(pending);
                break;
            }
            bytes += size;
            group.push(pending);
            if group.len() >= self.most_operations {
                break;
            }
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.waiting_since = now;
        group
    }

    /// Learns that the answer had room for so many operations only; tries more with each answer that is whole.
    pub(super) fn answer_had_room_for(&mut self, operations: Option<usize>) {
        self.most_operations = match operations {
            Some(count) => count.max(1),
            None => (self.most_operations * 2).min(MAX_OPERATIONS),
        };
    }
}

/// The lanes of all partition key ranges, in the order of the space.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) map: Arc<PartitionKeyRangeMap>,
    lanes: Vec<Lane>,
    /// Where the search for a lane to be served goes on, so that all have their turn.
    cursor: usize,
    /// Counts the maps: a request that was sent by an older one is routed anew without reading the map again.
    pub(super) version: u32,
    most_requests: usize,
}

impl Lanes {
    pub(super) fn new(map: Arc<PartitionKeyRangeMap>, most_requests: usize) -> Self {
        let lanes = lanes_of(&map, most_requests);
        Self { map, lanes, cursor: 0, version: 0, most_requests }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// The lane of the range that holds a point.
    pub(super) fn at(&mut self, epk: &Epk) -> Option<&mut Lane> {
        let after = self.lanes.partition_point(|it| it.min <= *epk);
        self.lanes.get_mut(after.checked_sub(1)?)
    }

    pub(super) fn by_id(&mut self, id: &str) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|it| it.id == id)
    }

    /// The next lane in turn that fulfils the condition.
    pub(super) fn next_where(&mut self, is_wanted: impl Fn(&Lane) -> bool) -> Option<usize> {
        let count = self.lanes.len();
        let at = (0..count)
            .map(|step| (self.cursor + step) % count)
            .find(|at| self.lanes.get(*at).is_some_and(&is_wanted))?;
        self.cursor = at + 1;
        Some(at)
    }

    pub(super) fn get(&mut self, at: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(at)
    }

    /// Takes over a newer map. Ranges that remain keep their pace; what waited is returned, in order, to be routed
    /// anew.
    pub(super) fn replace_map(&mut self, map: Arc<PartitionKeyRangeMap>) -> Vec<Pending> {
        let mut lanes = lanes_of(&map, self.most_requests);
        let mut waiting = Vec::new();
        for mut old in std::mem::take(&mut self.lanes) {
            waiting.extend(old.queue.drain(..));
            old.bytes = 0;
            if let Some(lane) = lanes.iter_mut().find(|it| it.id == old.id) {
                *lane = old;
            }
        }
        self.lanes = lanes;
        self.map = map;
        self.version += 1;
        waiting
    }
}

fn lanes_of(map: &PartitionKeyRangeMap, most_requests: usize) -> Vec<Lane> {
    map.ranges().iter().map(|it| Lane::new(&it.id, &it.min_inclusive, most_requests)).collect()
}
