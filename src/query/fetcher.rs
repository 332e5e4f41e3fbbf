//! Pages of several cursors, some of them fetched ahead by threads.
//!
//! The thread that takes pages waits for those threads. Where there are none, because one lane at a time is enough or
//! the system has no threads to give, it fetches for itself, and nothing is fetched before it is needed.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::query::backend::{Backend, RawPage};
use crate::query::cursor::{Cursor, Request, Step};
use crate::routing::range::EpkRange;

/// Which pages are worth fetching before they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAhead {
    /// Lanes are taken from one after the other.
    InTurn,
    /// The first page of every lane is needed before anything can be returned, and then any lane may be the next.
    Everywhere,
}

/// How much may go on at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Lanes that are fetched from at once.
    pub(crate) concurrency: usize,
    /// Rows that wait to be taken. A page that is being fetched may exceed it.
    pub(crate) buffered_items: usize,
}

/// The number of one lane, which no other lane gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LaneId(u64);

/// A lane as its reader sees it: where it reads, and after which continuation it starts.
#[derive(Clone, Debug)]
pub(crate) struct LaneStart {
    pub(crate) id: LaneId,
    pub(crate) range: EpkRange,
    pub(crate) continuation: Option<String>,
}

/// What a lane has next.
#[derive(Debug)]
pub(crate) enum Next {
    Page(RawPage),
    /// The lane ends here, and these go on where it was.
    Split(Vec<LaneStart>),
    End,
}

/// Cursors in the order of the key space, with the pages that were fetched and not yet taken.
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    backend: Arc<dyn Backend>,
    request: Request,
    read_ahead: ReadAhead,
    bounds: Bounds,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    buffered: usize,
    is_stopped: bool,
    /// Threads that can fetch.
    workers: usize,
    /// The lane that somebody is waiting for, which goes before everything else.
    wanted: Option<LaneId>,
    next_id: u64,
}

struct Lane {
    id: LaneId,
    pages: VecDeque<RawPage>,
    status: Status,
    has_begun: bool,
}

enum Status {
    Idle(Box<Cursor>),
    Busy,
    Split(Vec<LaneStart>),
    Failed(Error),
    Ended,
}

impl Fetcher {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        request: Request,
        read_ahead: ReadAhead,
        bounds: Bounds,
    ) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Shared { backend, request, read_ahead, bounds, state, changed };
        Self { shared: Arc::new(shared), workers: Vec::new() }
    }

    /// Opens lanes to the right of those that there are.
    pub(crate) fn open(&self, cursors: Vec<Cursor>) -> Vec<LaneStart> {
        let mut state = self.shared.lock();
        let at = state.lanes.len();
        state.insert(at, cursors)
    }

    /// The next page of a lane. A lane that has returned anything but a page is no more.
    pub(crate) fn take(&mut self, id: LaneId) -> Result<Next> {
        self.hire();
        let mut state = self.shared.lock();
        loop {
            let Some(at) = state.lanes.iter().position(|it| it.id == id) else {
                return Ok(Next::End);
            };
            if let Some(next) = state.take(at) {
                state.wanted = None;
                self.shared.changed.notify_all();
                return next;
            }
            if state.workers == 0 {
                let claimed = state.claim(at);
                drop(state);
                if let Some((id, cursor)) = claimed {
                    self.shared.fetch(id, cursor);
                }
                state = self.shared.lock();
            } else {
                state.wanted = Some(id);
                self.shared.changed.notify_all();
                state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Starts the threads that the lanes can use, as far as the system gives them.
    fn hire(&mut self) {
        let lanes = self.shared.lock().lanes.len();
        let useful = self.shared.bounds.concurrency.min(lanes);
        while useful > 1 && self.workers.len() < useful {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("cosmosdb-query".to_owned());
            self.shared.lock().workers += 1;
            match thread.spawn(move || shared.work()) {
                Ok(worker) => self.workers.push(worker),
                Err(_) => {
                    self.shared.lock().workers -= 1;
                    return;
                }
            }
        }
    }
}

impl Drop for Fetcher {
    /// Waits for the requests that are under way, and starts no other.
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has marked its lane as failed already.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _ends = Shift(self);
        let mut state = self.lock();
        while !state.is_stopped {
            if let Some((id, cursor)) = state.pick(self.read_ahead, self.bounds) {
                drop(state);
                self.fetch(id, cursor);
                state = self.lock();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Fetches a page of a lane that is marked as busy.
    fn fetch(&self, id: LaneId, mut cursor: Cursor) {
        let mut claim = Claim { shared: self, id, is_settled: false };
        let step = cursor.advance(&*self.backend, &self.request);
        claim.is_settled = true;
        self.lock().settle(id, cursor, step);
        self.changed.notify_all();
    }
}

/// Marks a lane as failed should the backend panic, so that nobody waits for it.
struct Claim<'a> {
    shared: &'a Shared,
    id: LaneId,
    is_settled: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let mut state = self.shared.lock();
        if let Some(lane) = state.lanes.iter_mut().find(|it| it.id == self.id) {
            lane.status = Status::Failed(Error::json("a thread of the query panicked"));
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

/// Counts a thread out when it ends, by a panic of the backend too.
struct Shift<'a>(&'a Shared);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.0.lock().workers -= 1;
        self.0.changed.notify_all();
    }
}

impl State {
    /// What the lane has ready, if it is neither to be fetched nor being fetched.
    fn take(&mut self, at: usize) -> Option<Result<Next>> {
        let lane = self.lanes.get_mut(at)?;
        if let Some(page) = lane.pages.pop_front() {
            self.buffered = self.buffered.saturating_sub(page.rows.len());
            return Some(Ok(Next::Page(page)));
        }
        if matches!(lane.status, Status::Idle(_) | Status::Busy) {
            return None;
        }
        Some(match self.lanes.remove(at).status {
            Status::Split(children) => Ok(Next::Split(children)),
            Status::Failed(error) => Err(error),
            Status::Ended | Status::Idle(_) | Status::Busy => Ok(Next::End),
        })
    }

    /// Takes the cursor of an idle lane, which is busy from then on.
    fn claim(&mut self, at: usize) -> Option<(LaneId, Cursor)> {
        let lane = self.lanes.get_mut(at)?;
        match std::mem::replace(&mut lane.status, Status::Busy) {
            Status::Idle(cursor) => Some((lane.id, *cursor)),
            other => {
                lane.status = other;
                None
            }
        }
    }

    /// The page that somebody waits for, or the left-most one that is worth fetching now.
    ///
    /// Nothing is fetched to the right of an error, since nobody will get there.
    fn pick(&mut self, read_ahead: ReadAhead, bounds: Bounds) -> Option<(LaneId, Cursor)> {
        let is_idle = |it: &Lane| matches!(it.status, Status::Idle(_));
        let wanted = self.wanted;
        let awaited = self.lanes.iter().position(|it| Some(it.id) == wanted && is_idle(it));
        if let Some(at) = awaited {
            self.wanted = None;
            return self.claim(at);
        }
        let has_room = self.buffered < bounds.buffered_items;
        let lanes = self.lanes.iter().enumerate();
        let mut sound = lanes.take_while(|(_, it)| !matches!(it.status, Status::Failed(_)));
        let (at, _) = match read_ahead {
            ReadAhead::InTurn => sound
                .filter(|(_, it)| matches!(it.status, Status::Idle(_) | Status::Busy))
                .take(bounds.concurrency)
                .find(|(_, it)| has_room && is_idle(it)),
            ReadAhead::Everywhere => sound.find(|(_, it)| {
                is_idle(it) && (!it.has_begun || (has_room && it.pages.is_empty()))
            }),
        }?;
        self.claim(at)
    }

    fn settle(&mut self, id: LaneId, cursor: Cursor, step: Result<Step>) {
        let Some(at) = self.lanes.iter().position(|it| it.id == id) else {
            return;
        };
        self.lanes[at].has_begun = true;
        self.lanes[at].status = match step {
            Ok(Step::Page(page)) => {
                let has_more = page.continuation.is_some();
                self.buffered += page.rows.len();
                self.lanes[at].pages.push_back(page);
                if has_more { Status::Idle(Box::new(cursor)) } else { Status::Ended }
            }
            Ok(Step::Split(children)) => Status::Split(self.insert(at + 1, children)),
            Err(error) => Status::Failed(error),
        };
    }

    fn insert(&mut self, at: usize, cursors: Vec<Cursor>) -> Vec<LaneStart> {
        let mut starts = Vec::with_capacity(cursors.len());
        for (offset, cursor) in cursors.into_iter().enumerate() {
            let id = LaneId(self.next_id);
            self.next_id += 1;
            starts.push(LaneStart {
                id,
                range: cursor.range().clone(),
                continuation: cursor.continuation().map(str::to_owned),
            });
            let status = Status::Idle(Box::new(cursor));
            let lane = Lane { id, pages: VecDeque::new(), status, has_begun: false };
            self.lanes.insert(at + offset, lane);
        }
        starts
    }
}
