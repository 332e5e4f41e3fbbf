//! Who moves the clock, and whose turn it is: exactly one thread of a schedule runs at a time.
//!
//! Each thread is an [`Actor`]. It runs until it waits: on its way to the account or back ([`Wire`]), or asleep
//! ([`StageClock`]). Then the actor whose wait ends first has its turn, and the time is the end of its wait; between
//! actors that are due at the same moment the seed decides. So the seed fixes the order of everything, and time passes
//! for all actors alike, as it does on a machine.
//!
//! Two kinds of waits are no change of turns. A client reads its metadata (account, container, ranges) once for all of
//! its threads, which wait for it in a way that the stage does not see; and a client may start threads of its own for
//! one call, which are no actors. What is waited there is counted as [`Stage::frozen`]: the time passes, while the
//! other actors stand still, so nobody can be blamed for being late by it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{Request, Response, Transport, TransportError, TransportErrorKind};

use crate::random::Random;

/// What sleeps are rounded up by. The client spreads some of its waits by chance, by less than this, so that rounding
/// takes the chance out.
pub(crate) const TICK: Duration = Duration::from_millis(16);

thread_local! {
    /// The actor that the thread is.
    static ACTOR: Cell<Option<usize>> = const { Cell::new(None) };
    /// Whether the thread's last request was about metadata.
    static IN_METADATA: Cell<bool> = const { Cell::new(false) };
}

/// The turns of some actors, and their time.
#[derive(Debug)]
pub(crate) struct Stage {
    state: Mutex<State>,
    /// One for each actor, to wake just that one.
    turns: Vec<Condvar>,
    taken: AtomicU64,
}

#[derive(Debug)]
struct State {
    now: Duration,
    frozen: Duration,
    /// When the waits of the actors end; `None` for the one whose turn it is, and for those that are not there.
    waits: Vec<Option<Duration>>,
    turn: Option<usize>,
    missing: usize,
    random: Random,
}

impl Stage {
    /// A stage for this many actors. The first turn is taken when all are there.
    pub(crate) fn new(actors: usize, random: Random) -> Arc<Self> {
        let state = State {
            now: Duration::ZERO,
            frozen: Duration::ZERO,
            waits: vec![None; actors],
            turn: None,
            missing: actors,
            random,
        };
        let turns = (0..actors).map(|_| Condvar::new()).collect();
        Arc::new(Self { state: Mutex::new(state), turns, taken: AtomicU64::new(0) })
    }

    pub(crate) fn now(&self) -> Duration {
        self.lock().now
    }

    /// How often somebody waited so far: whether it goes on.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How much of the time passed while actors stood still without waiting.
    pub(crate) fn frozen(&self) -> Duration {
        self.lock().frozen
    }

    /// Makes the thread an actor, and waits for its first turn.
    pub(crate) fn enter(self: &Arc<Self>, actor: usize) -> Actor {
        ACTOR.set(Some(actor));
        let mut state = self.lock();
        state.missing -= 1;
        let begin = state.now;
        state.waits[actor] = Some(begin);
        if state.missing == 0 {
            self.give_turn(&mut state);
        }
        drop(self.await_turn(state, actor));
        Actor { stage: Arc::clone(self), actor }
    }

    /// Lets time pass for the thread.
    pub(crate) fn wait(&self, duration: Duration) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        match ACTOR.get().filter(|_| !IN_METADATA.get()) {
            Some(actor) => {
                let end = state.now + duration;
                state.waits[actor] = Some(end);
                self.give_turn(&mut state);
                drop(self.await_turn(state, actor));
            }
            None => {
                state.now += duration;
                state.frozen += duration;
            }
        }
    }

    fn await_turn<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        actor: usize,
    ) -> MutexGuard<'a, State> {
        while state.turn != Some(actor) {
            state = self.turns[actor].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waits[actor] = None;
        state
    }

    fn give_turn(&self, state: &mut State) {
        state.turn = None;
        let Some(first) = state.waits.iter().flatten().min().copied() else { return };
        let due: Vec<usize> =
            (0..state.waits.len()).filter(|it| state.waits[*it] == Some(first)).collect();
        let chosen = state.random.pick(&due);
        state.now = state.now.max(first);
        state.turn = Some(chosen);
        self.turns[chosen].notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that has turns. Dropped, it leaves the stage; also by a panic, so that nobody waits for it.
#[derive(Debug)]
pub(crate) struct Actor {
    stage: Arc<Stage>,
    actor: usize,
}

impl Drop for Actor {
    fn drop(&mut self) {
        ACTOR.set(None);
        IN_METADATA.set(false);
        let mut state = self.stage.lock();
        state.waits[self.actor] = None;
        self.stage.give_turn(&mut state);
    }
}

/// The time of a stage, for client and emulator.
#[derive(Clone, Debug)]
pub(crate) struct StageClock(pub(crate) Arc<Stage>);

impl Clock for StageClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + VirtualClock::START + self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        let ticks = duration.as_nanos() / TICK.as_nanos() + 1;
        self.0.wait(TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX)));
    }
}

/// The way to the account and back, which takes a few milliseconds each; meanwhile others have their turns.
pub(crate) struct Wire {
    stage: Arc<Stage>,
    account: Arc<dyn Transport>,
    random: Mutex<Random>,
    /// Whether each exchange is printed.
    is_traced: bool,
}

impl Wire {
    pub(crate) fn new(stage: &Arc<Stage>, account: Arc<dyn Transport>, random: Random) -> Self {
        Self {
            stage: Arc::clone(stage),
            account,
            random: Mutex::new(random),
            is_traced: std::env::var_os("COSMOS_CHAOS_TRACE").is_some(),
        }
    }

    fn latency(&self) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_micros(random.between(300, 6_000))
    }

    /// Lets the latency pass, or the time that the client waits if that ends before.
    fn travel(&self, start: Duration, timeout: Duration) -> Result<(), TransportError> {
        let latency = self.latency();
        let left = timeout.saturating_sub(self.stage.now().saturating_sub(start));
        self.stage.wait(latency.min(left));
        if latency < left {
            return Ok(());
        }
        Err(TransportError::maybe_sent(TransportErrorKind::Timeout, "no answer came in time"))
    }
}

/// One line about an exchange: when it began, what was asked where, and what was answered, each with its session.
fn trace(start: Duration, request: &Request, answer: Result<&Response, &TransportError>) -> String {
    let header = |headers: &http::HeaderMap, name: &str| {
        headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or("-").to_owned()
    };
    let session = "x-ms-session-token";
    let asked = header(request.headers(), session);
    let answered = match answer {
        Ok(it) => {
            let sub_status = header(it.headers(), "x-ms-substatus");
            format!("{}/{sub_status} session {}", it.status(), header(it.headers(), session))
        }
        Err(error) => error.to_string(),
    };
    let (method, uri) = (request.method(), request.uri());
    format!("{:>9.1} ms {method} {uri} session {asked} -> {answered}", start.as_secs_f64() * 1e3)
}

impl Transport for Wire {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let path = request.uri().path();
        IN_METADATA.set(!path.contains("/docs"));
        let start = self.stage.now();
        self.travel(start, timeout)?;
        let answer = self.account.send(request, timeout);
        if self.is_traced {
            println!("{}", trace(start, request, answer.as_ref()));
        }
        let answer = answer?;
        self.travel(start, timeout)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which three actors have their turns, with sleeps of 1 to 40 ms between.
    fn turns(seed: u64) -> Vec<(usize, Duration)> {
        let stage = Stage::new(3, Random::new(seed));
        let seen = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for actor in 0..3 {
                let (stage, seen) = (Arc::clone(&stage), &seen);
                scope.spawn(move || {
                    let _turns = stage.enter(actor);
                    let mut random = Random::new(actor as u64);
                    for _ in 0..20 {
                        seen.lock().unwrap().push((actor, stage.now()));
                        stage.wait(Duration::from_millis(random.between(1, 40)));
                    }
                });
            }
        });
        seen.into_inner().unwrap()
    }

    #[test]
    fn turns_are_taken_in_the_order_of_time_and_by_the_seed() {
        let seen = turns(7);
        assert_eq!(seen.len(), 60);
        assert!(seen.is_sorted_by_key(|it| it.1));
        assert_eq!(seen, turns(7));
        assert!((8..40).any(|it| turns(it) != seen));
    }

    #[test]
    fn an_actor_that_panics_leaves_the_stage_to_the_others() {
        let stage = Stage::new(2, Random::new(1));
        let outcomes = std::thread::scope(|scope| {
            let threads = [0, 1].map(|actor| {
                let stage = Arc::clone(&stage);
                scope.spawn(move || {
                    let _turns = stage.enter(actor);
                    stage.wait(TICK);
                    assert_ne!(actor, 0, "on purpose");
                    stage.wait(TICK);
                })
            });
            threads.map(|it| it.join().is_ok())
        });
        assert_eq!(outcomes, [false, true]);
    }

    #[test]
    fn waits_outside_of_turns_are_frozen_time() {
        let stage = Stage::new(0, Random::new(1));
        StageClock(Arc::clone(&stage)).sleep(Duration::from_millis(20));
        assert_eq!((stage.now(), stage.frozen()), (2 * TICK, 2 * TICK));
    }
}
