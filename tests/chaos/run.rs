//! One schedule from its set-up to the verdict.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::caller::Caller;
use crate::checker::{Violation, check};
use crate::history::{Action, Call, History, Recorder, Sight, THREADS};
use crate::schedule::{ClientPlan, Schedule};
use crate::stage::Stage;
use crate::workload::{Board, Worker, all_at_work, introduce, set_up};
use crate::world::{Tally, World};

/// What operations are counted as.
pub(crate) const OPERATIONS: &str = "operations";

/// What came of a schedule.
pub(crate) struct Outcome {
    schedule: Schedule,
    history: History,
    pub(crate) violations: Vec<Violation>,
    pub(crate) tally: Tally,
}

impl Outcome {
    /// A few lines for whoever looks for what to replay.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!("COSMOS_CHAOS_SEED={}", self.schedule.seed);
        text += &format!(" ({} violations)", self.violations.len());
        for violation in self.violations.iter().take(3) {
            text +=
                &format!("\n    {}", violation.to_string().chars().take(600).collect::<String>());
        }
        text
    }

    /// The whole history, and what is wrong with it.
    pub(crate) fn report(&self) -> String {
        let Schedule { seed, regions, multi_write, partitions, throughput, limit, fan_out, .. } =
            &self.schedule;
        let mut text = format!(
            "seed {seed}: {regions:?}, multi-write {multi_write}, {partitions} partitions, throughput {throughput:?}, limit {limit:?}, fan-out {fan_out}\n"
        );
        text += &self.history_text();
        for (what, times) in &self.tally {
            text += &format!("{times:>10} {what}\n");
        }
        for violation in &self.violations {
            text += &format!("{violation}\n");
        }
        text
    }

    pub(crate) fn history_text(&self) -> String {
        self.history.calls.iter().map(|it| format!("{it}\n")).collect()
    }
}

/// Runs a schedule on a stage for its threads and one more.
pub(crate) fn run(schedule: Schedule, stage: &Arc<Stage>) -> Outcome {
    let mut world = World::new(&schedule, stage);
    let recorder = Recorder::default();
    let board = Board::default();
    let callers = callers(&schedule, &world, &recorder);

    set_up(&callers[0], &board);
    callers.iter().take(schedule.clients.len()).for_each(|it| introduce(it, &board));
    let floor = recorder.event();
    drop(world.emulator.take_requests());

    let mut workers = perform(&schedule, &mut world, (&board, &recorder), callers);
    world.count_requests();
    world.heal(&schedule);
    let mut unhealed = Vec::new();
    drain_feeds(&mut workers, &mut unhealed);
    let finals = final_reads(&schedule, &world, &workers, &mut unhealed);
    drop(workers);
    let leftovers = leftovers(&world);

    let calls = recorder.into_calls();
    count_calls(&mut world, &calls, floor);
    let history = History {
        clients: schedule.clients.len(),
        multi_write: schedule.multi_write,
        side_by_side: schedule.fan_out > 1,
        floor,
        calls,
        finals,
        unhealed,
        leftovers,
    };
    Outcome { violations: check(&history), schedule, history, tally: world.tally }
}

/// Counts the operations since the set-up: each write of a bulk is one, and a session token handed over is none.
fn count_calls(world: &mut World, calls: &[Call], floor: u64) {
    let is_operation = |it: &&Call| {
        let is_none = matches!(it.action, Action::Give(_) | Action::Take(_) | Action::Befall(_));
        it.first > floor && !is_none
    };
    let made = calls.iter().filter(is_operation).count();
    let failures = calls.iter().filter_map(|it| it.outcome.failure.as_ref());
    let (unknown, failed): (Vec<_>, Vec<_>) = failures.partition(|it| it.is_ambiguous);
    world.count(OPERATIONS.to_owned(), made as u64);
    world.count("calls that failed".to_owned(), failed.len() as u64);
    world.count("calls of unknown outcome".to_owned(), unknown.len() as u64);
}

/// One for each thread; those of one client share it.
fn callers<'a>(schedule: &Schedule, world: &World, recorder: &'a Recorder) -> Vec<Caller<'a>> {
    let containers: Vec<_> =
        schedule.clients.iter().map(|it| world.container(it, schedule.limit)).collect();
    let caller = |(thread, (client, _)): (usize, &(usize, _))| Caller {
        thread,
        client: *client,
        container: containers[*client].clone(),
        recorder,
        stage: Arc::clone(&world.stage),
        limit: schedule.limit,
        fan_out: schedule.fan_out,
    };
    schedule.threads.iter().enumerate().map(caller).collect()
}

/// Lets the threads go through their steps, and the account through what befalls it.
fn perform<'a>(
    schedule: &Schedule,
    world: &mut World,
    (board, recorder): (&'a Board, &Recorder),
    callers: Vec<Caller<'a>>,
) -> Vec<Worker<'a>> {
    all_at_work(board);
    let stage = Arc::clone(&world.stage);
    let mut random = schedule.random.clone();
    std::thread::scope(|scope| {
        let threads: Vec<_> = callers
            .into_iter()
            .zip(&schedule.threads)
            .map(|(caller, (_, steps))| {
                let (stage, random) = (&stage, random.fork());
                scope.spawn(move || {
                    let _turns = stage.enter(caller.thread);
                    let _work = AtWork(board);
                    let mut worker = Worker::new(caller, board, random);
                    steps.iter().for_each(|it| worker.step(*it));
                    worker
                })
            })
            .collect();
        {
            let _turns = stage.enter(THREADS);
            for (wait, event) in &schedule.chaos {
                stage.wait(*wait);
                if board.working.load(Ordering::SeqCst) == 0 {
                    break;
                }
                if let Some(what) = world.befall(event) {
                    recorder.befell(what, stage.now());
                }
                world.count_requests();
            }
        }
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

/// Says that the thread is done, also when it panics.
struct AtWork<'a>(&'a Board);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads all change feeds to their end.
fn drain_feeds(workers: &mut [Worker<'_>], unhealed: &mut Vec<String>) {
    for worker in workers.iter_mut().filter(|it| it.place.is_some()) {
        // A page is empty when every range has been asked in vain.
        for _ in 0..10_000 {
            match worker.caller.change_feed(&mut worker.place, 100) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    unhealed.push(format!("change feed {}: {error}", worker.caller.thread));
                    break;
                }
            }
        }
    }
}

/// Everything, as each client sees it, and each region.
fn final_reads(
    schedule: &Schedule,
    world: &World,
    workers: &[Worker<'_>],
    unhealed: &mut Vec<String>,
) -> Vec<(String, Vec<Sight>)> {
    let known = workers.iter().take(schedule.clients.len());
    let known =
        known.map(|it| (format!("client {}", it.caller.client), it.caller.container.clone()));
    let fresh = schedule.regions.iter().map(|it| {
        let preferred = vec![it.clone()];
        let plan = ClientPlan { preferred, circuit_breaker: false, retry_writes: false };
        (format!("a client of {it}"), world.container(&plan, Duration::from_secs(60)))
    });
    let mut finals = Vec::new();
    for (reader, container) in known.chain(fresh) {
        let query = container.query_items::<Value>("SELECT * FROM c").max_concurrency(1);
        match query.into_iter().collect::<cosmosdb::Result<Vec<_>>>() {
            Ok(items) => finals.push((reader, items.iter().map(Sight::of).collect())),
            Err(error) => unhealed.push(format!("{reader}: {error}")),
        }
    }
    finals
}

/// Threads of the clients that are no more end by themselves, but have to be given a moment of the machine's time.
fn leftovers(world: &World) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(10);
    while world.is_held() {
        if Instant::now() > end {
            return vec!["somebody still holds a client's transport".to_owned()];
        }
        std::thread::yield_now();
    }
    Vec::new()
}
