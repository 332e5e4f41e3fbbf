//! Chaos: random schedules of calls and faults, by seed, and a checker of what came of them.
//!
//! `COSMOS_CHAOS_SCHEDULES` sets how many schedules run, `COSMOS_CHAOS_SEED` runs a single one and prints
//! its history, and with `COSMOS_CHAOS_TRACE` set each exchange.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(missing_docs, reason = "tests are named as sentences")]

mod caller;
mod checker;
mod history;
mod random;
mod run;
mod schedule;
mod stage;
mod timeline;
mod workload;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use history::THREADS;
use run::{OPERATIONS, Outcome, run};
use schedule::Schedule;
use stage::Stage;
use world::Tally;

/// Schedules of an ordinary test run, which is slow without optimisation.
const FEW: u64 = if cfg!(debug_assertions) { 10 } else { 40 };

/// Operations of each schedule at least.
const LEAST_OPERATIONS: u64 = 1_000;

/// How long a schedule may be without a turn by the machine's clock, which may be busy with other things.
const WATCHDOG: Duration = Duration::from_secs(60);

/// More turns than any schedule takes that comes to an end.
const MOST_TURNS: u64 = 10_000_000;

#[test]
fn no_schedule_breaks_a_promise() {
    if let Some(seed) = number("COSMOS_CHAOS_SEED") {
        let outcome = watched(seed);
        print!("{}", outcome.report());
        assert!(outcome.violations.is_empty(), "seed {seed}");
        return;
    }
    let schedules = number("COSMOS_CHAOS_SCHEDULES").unwrap_or(FEW);
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let (tally, failures) = (Mutex::new(Tally::new()), Mutex::new(Vec::<u64>::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= schedules {
                        return;
                    }
                    let outcome = watched(seed);
                    assert!(outcome.tally[OPERATIONS] >= LEAST_OPERATIONS, "seed {seed}");
                    for (what, times) in &outcome.tally {
                        *tally.lock().unwrap().entry(what.clone()).or_default() += times;
                    }
                    if !outcome.violations.is_empty() {
                        println!("{}", outcome.summary());
                        failures.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    println!("{schedules} schedules in {:.1?}", start.elapsed());
    for (what, times) in tally.into_inner().unwrap() {
        println!("{times:>10} {what}");
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "the seeds {failures:?} of {schedules} failed");
}

#[test]
fn a_seed_replays_exactly() {
    let few = if cfg!(debug_assertions) { 1 } else { 5 };
    let mut replayed = 0;
    for seed in (1_000..).filter(|it| Schedule::new(*it).fan_out == 1).take(few) {
        let (first, second) = (watched(seed), watched(seed));
        let (first_text, second_text) = (first.history_text(), second.history_text());
        let differ = first_text.lines().zip(second_text.lines()).find(|(it, other)| it != other);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(first_text.len(), second_text.len(), "seed {seed}");
        assert_eq!(first.tally, second.tally, "seed {seed}");
        replayed += 1;
    }
    assert_eq!(replayed, few);
}

/// Runs a schedule, and gives up on it when nobody has taken a turn for long.
fn watched(seed: u64) -> Outcome {
    let schedule = Schedule::new(seed);
    let stage = Stage::new(THREADS + 1, schedule.random.clone());
    let (done, is_done) = std::sync::mpsc::channel();
    let turns = Arc::clone(&stage);
    let runner = std::thread::spawn(move || {
        let outcome = run(schedule, &stage);
        // Nobody waits any longer where it came too late.
        let _ = done.send(outcome);
    });
    let mut taken = turns.taken();
    loop {
        match is_done.recv_timeout(WATCHDOG) {
            Ok(outcome) => {
                runner.join().unwrap();
                return outcome;
            }
            Err(RecvTimeoutError::Disconnected) => panic!("seed {seed}: a thread panicked"),
            Err(RecvTimeoutError::Timeout) if turns.taken() == taken || taken > MOST_TURNS => {
                panic!("seed {seed} hangs after {taken} turns")
            }
            Err(RecvTimeoutError::Timeout) => taken = turns.taken(),
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|it| it.parse().unwrap())
}
