//! Threads that carry out jobs side by side, for one call or one iterator.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;

/// Carries out jobs of type `J` on up to `limit` threads, which end with it.
///
/// Threads start as jobs come. With a limit of one there are none: the caller's thread does the work.
pub(super) struct Workers<J, R> {
    pool: Arc<Pool<J, R>>,
    threads: Vec<JoinHandle<()>>,
    limit: usize,
    in_flight: usize,
}

type Work<J, R> = Box<dyn Fn(J, &Stop) -> R + Send + Sync>;

struct Pool<J, R> {
    work: Work<J, R>,
    state: Mutex<State<J, R>>,
    job_came: Condvar,
    result_came: Condvar,
    stop: Stop,
}

struct State<J, R> {
    jobs: VecDeque<J>,
    results: VecDeque<Outcome<R>>,
    idle: usize,
}

/// A result, or what the work panicked with: the caller panics with it, as if it had done the work itself.
type Outcome<R> = Result<R, Box<dyn Any + Send>>;

/// Whether the results are still wanted.
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps until a moment of the clock's monotonic time, or until the results are no longer wanted.
    pub(super) fn sleep_until(&self, clock: &dyn Clock, moment: Duration) {
        const SLICE: Duration = Duration::from_millis(50);
        while !self.is_set() {
            let left = moment.saturating_sub(clock.monotonic());
            if left.is_zero() {
                return;
            }
            clock.sleep(left.min(SLICE));
        }
    }
}

impl<J: Send + 'static, R: Send + 'static> Workers<J, R> {
    pub(super) fn new(limit: usize, work: impl Fn(J, &Stop) -> R + Send + Sync + 'static) -> Self {
        let state = State { jobs: VecDeque::new(), results: VecDeque::new(), idle: 0 };
        let pool = Pool {
            work: Box::new(work),
            state: Mutex::new(state),
            job_came: Condvar::new(),
            result_came: Condvar::new(),
            stop: Stop(AtomicBool::new(false)),
        };
        Self { pool: Arc::new(pool), threads: Vec::new(), limit: limit.max(1), in_flight: 0 }
    }

    /// Whether a job would be started at once.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < self.limit
    }

    /// Has a job done, now or when a thread is free.
    pub(super) fn submit(&mut self, job: J) {
        self.in_flight += 1;
        if self.limit > 1 {
            let mut state = self.pool.lock();
            state.jobs.push_back(job);
            let all_busy = state.idle < state.jobs.len();
            drop(state);
            if all_busy && self.threads.len() < self.limit {
                self.start_thread();
            }
            self.pool.job_came.notify_one();
            if !self.threads.is_empty() {
                return;
            }
        } else {
            self.pool.lock().jobs.push_back(job);
        }
        self.pool.do_one();
    }

    /// The next result, if there is one already.
    pub(super) fn try_next(&mut self) -> Option<R> {
        if self.in_flight == 0 {
            return None;
        }
        let outcome = self.pool.lock().results.pop_front()?;
        self.take(outcome)
    }

    /// The next result, as soon as there is one. `None` where no job is under way.
    pub(super) fn next(&mut self) -> Option<R> {
        if self.in_flight == 0 {
            return None;
        }
        let mut state = self.pool.lock();
        let outcome = loop {
            match state.results.pop_front() {
                Some(outcome) => break outcome,
                None => {
                    state =
                        self.pool.result_came.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        drop(state);
        self.take(outcome)
    }

    fn take(&mut self, outcome: Outcome<R>) -> Option<R> {
        self.in_flight -= 1;
        match outcome {
            Ok(result) => Some(result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Starts one more thread. Where the system has none left, those that there are do the work.
    fn start_thread(&mut self) {
        let pool = Arc::clone(&self.pool);
        let name = "cosmosdb-worker".to_owned();
        if let Ok(thread) = std::thread::Builder::new().name(name).spawn(move || pool.run()) {
            self.threads.push(thread);
        }
    }
}

impl<J, R> Pool<J, R> {
    /// What a thread does.
    fn run(&self) {
        let mut state = self.lock();
        while !self.stop.is_set() {
            if !state.jobs.is_empty() {
                drop(state);
                self.do_one();
                state = self.lock();
                continue;
            }
            state.idle += 1;
            state = self.job_came.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn do_one(&self) {
        let Some(job) = self.lock().jobs.pop_front() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(job, &self.stop)));
        self.lock().results.push_back(outcome);
        self.result_came.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State<J, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, R> Drop for Workers<J, R> {
    /// Waits for the jobs that are under way; those that have not begun are forgotten.
    fn drop(&mut self) {
        self.pool.stop.0.store(true, Ordering::Relaxed);
        self.pool.lock().jobs.clear();
        self.pool.job_came.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of the work was caught, and is the business of whoever takes its result.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::clock::VirtualClock;

    #[test]
    fn jobs_are_done_side_by_side_and_each_result_comes_once() {
        let all_there = Barrier::new(4);
        let mut workers = Workers::new(4, move |job: u32, _: &Stop| {
            all_there.wait();
            job * 2
        });
        for job in 0..4 {
            assert!(workers.has_room());
            workers.submit(job);
        }
        assert!(!workers.has_room());
        let mut results: Vec<u32> = std::iter::from_fn(|| workers.next()).collect();
        results.sort_unstable();
        assert_eq!(results, [0, 2, 4, 6]);
        assert_eq!(workers.try_next(), None);
    }

    #[test]
    fn one_worker_is_the_callers_thread() {
        let caller = std::thread::current().id();
        let mut workers = Workers::new(1, |(): (), _: &Stop| std::thread::current().id());
        workers.submit(());
        assert_eq!(workers.try_next(), Some(caller));
    }

    #[test]
    fn a_panic_reaches_whoever_takes_the_result() {
        for limit in [1, 2] {
            let mut workers = Workers::new(limit, |(): (), _: &Stop| panic!("on purpose"));
            workers.submit(());
            let taken = catch_unwind(AssertUnwindSafe(|| -> Option<()> { workers.next() }));
            assert!(taken.is_err());
        }
    }

    #[test]
    fn dropping_wakes_sleepers_and_forgets_what_has_not_begun() {
        let done = Arc::new(AtomicUsize::new(0));
        let (count, started) = (Arc::clone(&done), Arc::new(Barrier::new(3)));
        let barrier = Arc::clone(&started);
        // A clock that stands still: only the end of the workers ends the sleep.
        #[derive(Debug)]
        struct Still;
        impl Clock for Still {
            fn now(&self) -> std::time::SystemTime {
                VirtualClock::new().now()
            }
            fn monotonic(&self) -> Duration {
                Duration::ZERO
            }
            fn sleep(&self, _: Duration) {
                std::thread::yield_now();
            }
        }
        let mut workers = Workers::new(2, move |(): (), stop: &Stop| {
            barrier.wait();
            stop.sleep_until(&Still, Duration::from_secs(1));
            count.fetch_add(1, Ordering::SeqCst);
        });
        for _ in 0..5 {
            workers.submit(());
        }
        started.wait();
        drop(workers);
        assert_eq!(done.load(Ordering::SeqCst), 2);
    }
}
