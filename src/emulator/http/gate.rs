//! Who is connected: a bound on connections, room made by those that idle, and the way out.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Admits connections and knows them until they leave.
#[derive(Debug)]
pub(super) struct Gate {
    limit: usize,
    stopping: AtomicBool,
    /// Whether nobody is to be let in for now, and how many acceptors have stopped to listen because of that.
    closed: AtomicBool,
    deaf: AtomicUsize,
    /// Acceptors that hold a connection for which there is no room yet.
    waiting: AtomicUsize,
    accepted: AtomicU64,
    /// Orders the moments at which connections fell idle.
    tick: AtomicU64,
    guests: Mutex<HashMap<u64, Arc<Guest>>>,
    changed: Condvar,
}

/// A connection, as the gate sees it.
#[derive(Debug)]
struct Guest {
    stream: Arc<TcpStream>,
    /// Since which tick it waits for a further request; 0 while it serves one, or has served none yet.
    idle_since: AtomicU64,
}

/// The right to be connected. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    gate: &'a Gate,
    id: u64,
    guest: Arc<Guest>,
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            stopping: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            deaf: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            tick: AtomicU64::new(0),
            guests: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Lets a connection in, as soon as there is room; `None` when the server is stopping or the gate closed.
    ///
    /// To make room, the connection that has idled longest is told to go, and those at work go after their response.
    pub(super) fn admit(&self, stream: TcpStream) -> Option<Admission<'_>> {
        let mut guests = self.guests();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while guests.len() >= self.limit && !self.is_stopping() && !self.is_closed() {
            dismiss_idlest(&guests);
            guests = self.changed.wait(guests).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.is_stopping() || self.is_closed() {
            return None;
        }
        let id = self.accepted.fetch_add(1, Ordering::SeqCst);
        let guest = Arc::new(Guest { stream: Arc::new(stream), idle_since: AtomicU64::new(0) });
        guests.insert(id, Arc::clone(&guest));
        Some(Admission { gate: self, id, guest })
    }

    /// How many connections were ever let in.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Lets nobody in, or everybody again.
    pub(super) fn set_closed(&self, closed: bool) {
        let guests = self.guests();
        self.closed.store(closed, Ordering::SeqCst);
        drop(guests);
        self.changed.notify_all();
    }

    /// Waits in an acceptor that does not listen until it shall again, or the server stops.
    pub(super) fn wait_until_open(&self) {
        let guests = self.guests();
        self.deaf.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_all();
        let is_shut = |_: &mut HashMap<_, _>| self.is_closed() && !self.is_stopping();
        drop(self.changed.wait_while(guests, is_shut));
    }

    /// Notes that an acceptor listens again.
    pub(super) fn listens(&self) {
        let guests = self.guests();
        self.deaf.fetch_sub(1, Ordering::SeqCst);
        drop(guests);
        self.changed.notify_all();
    }

    /// Waits until so many acceptors do not listen, for at most `timeout`.
    pub(super) fn wait_for_deaf(&self, count: usize, timeout: Duration) {
        let is_otherwise = |_: &mut HashMap<_, _>| {
            self.deaf.load(Ordering::SeqCst) != count && !self.is_stopping()
        };
        drop(self.changed.wait_timeout_while(self.guests(), timeout, is_otherwise));
    }

    /// Whether a connection should end with the response that it is about to give.
    pub(super) fn wants_connections_closed(&self) -> bool {
        self.is_stopping() || self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Lets nobody in any more and ends all reading; responses under way may be finished.
    pub(super) fn stop(&self) {
        let guests = self.guests();
        self.stopping.store(true, Ordering::SeqCst);
        guests.values().for_each(|it| it.close(Shutdown::Read));
        self.changed.notify_all();
    }

    /// Waits until all have left, for at most `timeout`; says whether they have.
    pub(super) fn empty_within(&self, timeout: Duration) -> bool {
        let waited =
            self.changed.wait_timeout_while(self.guests(), timeout, |guests| !guests.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    /// Cuts off all that are still there.
    pub(super) fn cut_off(&self) {
        self.guests().values().for_each(|it| it.close(Shutdown::Both));
    }

    /// Waits for somebody to leave, for a little while: what helps when the system is out of sockets or threads.
    pub(super) fn pause(&self) {
        let woken = self.changed.wait_timeout(self.guests(), Duration::from_millis(20));
        drop(woken);
    }

    fn guests(&self) -> MutexGuard<'_, HashMap<u64, Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission<'_> {
    pub(super) fn stream(&self) -> Arc<TcpStream> {
        Arc::clone(&self.guest.stream)
    }

    /// Marks the connection as waiting for a further request: it may be told to go.
    pub(super) fn idles(&self) {
        let tick = self.gate.tick.fetch_add(1, Ordering::SeqCst) + 1;
        self.guest.idle_since.store(tick, Ordering::SeqCst);
        // A newcomer that waits has asked the others already, and nobody would ask this one.
        if self.gate.wants_connections_closed() {
            self.guest.close(Shutdown::Read);
        }
    }

    /// Marks the connection as serving a request.
    pub(super) fn works(&self) {
        self.guest.idle_since.store(0, Ordering::SeqCst);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.gate.guests().remove(&self.id);
        self.gate.changed.notify_all();
    }
}

impl Guest {
    fn close(&self, direction: Shutdown) {
        // It fails where the peer was faster, and then there is nothing left to do.
        let _ = self.stream.shutdown(direction);
    }
}

fn dismiss_idlest(guests: &HashMap<u64, Arc<Guest>>) {
    let idle = guests.values().map(|it| (it.idle_since.load(Ordering::SeqCst), it));
    if let Some((_, guest)) = idle.filter(|(tick, _)| *tick > 0).min_by_key(|(tick, _)| *tick) {
        guest.close(Shutdown::Read);
    }
}
