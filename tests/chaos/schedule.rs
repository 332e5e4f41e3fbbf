//! What a seed stands for: an account, its clients, what each thread does, and what befalls them.

use std::time::Duration;

use cosmosdb::{EmulatorOperation, FaultRule};

use crate::history::THREADS;
use crate::random::Random;

/// Steps of each thread: a call at least for each, so that there are more than a thousand.
pub(crate) const STEPS: usize = 128;

const REGIONS: [&str; 3] = ["East US", "West US", "North Europe"];

/// One schedule.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) regions: Vec<String>,
    pub(crate) multi_write: bool,
    pub(crate) partitions: usize,
    /// The container's request units per second, where they are limited.
    pub(crate) throughput: Option<u32>,
    pub(crate) clients: Vec<ClientPlan>,
    /// How long an operation may take.
    pub(crate) limit: Duration,
    /// How many requests of one query, read many or bulk are under way at once. More than one takes threads of the
    /// client's own, whose order the seed does not fix.
    pub(crate) fan_out: usize,
    /// For each thread the client that it uses, and what it does.
    pub(crate) threads: Vec<(usize, Vec<Step>)>,
    pub(crate) chaos: Vec<(Duration, Event)>,
    /// Where all other choices come from.
    pub(crate) random: Random,
}

/// The settings of a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    pub(crate) preferred: Vec<String>,
    pub(crate) circuit_breaker: bool,
    pub(crate) retry_writes: bool,
}

/// What a thread does next. With which items is decided on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Upsert,
    Replace,
    Increment,
    CompareAndSwap,
    Delete,
    Read,
    Batch,
    QueryKey,
    QueryAll,
    QueryOrdered,
    ReadMany,
    Bulk,
    ChangeFeed,
    Give,
    Take,
}

/// Each step with its weight.
const STEP_WEIGHTS: [(Step, usize); 16] = [
    (Step::Create, 13),
    (Step::Upsert, 13),
    (Step::Replace, 8),
    (Step::Increment, 9),
    (Step::CompareAndSwap, 6),
    (Step::Delete, 6),
    (Step::Read, 20),
    (Step::Batch, 6),
    (Step::QueryKey, 5),
    (Step::QueryAll, 2),
    (Step::QueryOrdered, 2),
    (Step::ReadMany, 3),
    (Step::Bulk, 3),
    (Step::ChangeFeed, 4),
    (Step::Give, 2),
    (Step::Take, 2),
];

/// What befalls the account.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Fault(&'static str, Box<FaultRule>),
    ClearFaults,
    /// Of a range, by its place among all; for how long requests about it are refused.
    Split(usize, Duration),
    Merge(usize, Duration),
    Lag(String, Duration),
    Pause(String),
    Resume(String),
    Offline(String),
    Online(String),
    FailOver(String),
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let regions: Vec<String> =
            REGIONS[..=random.below(3)].iter().map(|it| (*it).to_owned()).collect();
        let multi_write = regions.len() > 1 && random.percent(35);
        let clients = client_plans(&mut random, &regions);
        let threads = (0..THREADS).map(|it| (it % clients.len(), steps(&mut random))).collect();
        Self {
            seed,
            multi_write,
            partitions: 1 + random.below(8),
            throughput: random.percent(30).then(|| 2_000 + 100 * random.below(40) as u32),
            limit: Duration::from_secs(random.between(2, 20)),
            fan_out: if random.percent(15) { 4 } else { 1 },
            chaos: events(&mut random, &regions),
            regions,
            clients,
            threads,
            random: random.fork(),
        }
    }
}

fn client_plans(random: &mut Random, regions: &[String]) -> Vec<ClientPlan> {
    let count = 1 + random.below(3);
    let plan = |it: usize| {
        let mut preferred = regions.to_vec();
        preferred.rotate_left(it % regions.len());
        ClientPlan {
            preferred,
            circuit_breaker: random.percent(40),
            retry_writes: random.percent(20),
        }
    };
    (0..count).map(plan).collect()
}

fn steps(random: &mut Random) -> Vec<Step> {
    let mut random = random.fork();
    let total = STEP_WEIGHTS.iter().map(|it| it.1).sum();
    let mut step = || {
        let mut left = random.below(total);
        let chosen = STEP_WEIGHTS.iter().find(|(_, weight)| {
            let is_it = left < *weight;
            left = left.saturating_sub(*weight);
            is_it
        });
        chosen.map_or(Step::Read, |it| it.0)
    };
    (0..STEPS).map(|_| step()).collect()
}

/// More events than a schedule has time for; it ends with its threads.
fn events(random: &mut Random, regions: &[String]) -> Vec<(Duration, Event)> {
    let mut random = random.fork();
    let mut offline: Option<String> = None;
    let mut event = || {
        let wait = Duration::from_millis(random.between(10, 250));
        // Outages are short, and of one region at a time.
        if let Some(region) = offline.take() {
            return (wait, Event::Online(region));
        }
        let region = random.pick(regions);
        let lock =
            Duration::from_millis(if random.percent(40) { random.between(50, 800) } else { 0 });
        let event = match random.below(100) {
            0..45 => fault(&mut random),
            45..50 => Event::ClearFaults,
            50..62 => Event::Split(random.below(16), lock),
            62..70 => Event::Merge(random.below(16), lock),
            70..78 => Event::Lag(region, Duration::from_millis(random.between(10, 1_500))),
            78..82 => Event::Pause(region),
            82..89 => Event::Resume(region),
            89..94 => {
                offline = Some(region.clone());
                Event::Offline(region)
            }
            _ => Event::FailOver(region),
        };
        (wait, event)
    };
    (0..2_000).map(|_| event()).collect()
}

/// A rule for some operations, a share of their requests, and a number of times.
fn fault(random: &mut Random) -> Event {
    let wait = Duration::from_millis(random.between(5, 300));
    let (name, rule) = match random.below(20) {
        0..3 => ("dropped before", FaultRule::dropped_before()),
        3..6 => ("dropped after", FaultRule::dropped_after()),
        6 => ("refused", FaultRule::refused()),
        7 => ("truncated", FaultRule::truncated(10)),
        8 => ("delayed", FaultRule::delay(wait * 10)),
        9 => ("429", FaultRule::throttle(wait)),
        10 => ("449", FaultRule::retry_with()),
        11 => ("410/1002", FaultRule::gone(1002)),
        12 => ("410/1007", FaultRule::gone(1007)),
        13 => ("410/1008", FaultRule::gone(1008)),
        14 => ("410", FaultRule::gone(0)),
        15 => ("503", FaultRule::unavailable()),
        16 => ("408", FaultRule::timeout()),
        17 => ("500 after", FaultRule::status(500, 0).carried_out()),
        18 => ("404/1002", session_fault()),
        _ => ("hang", FaultRule::hang().times(2)),
    };
    let rule = if name == "404/1002" { rule } else { narrowed(rule, random) };
    let rule = if name == "hang" { rule } else { rule.times(random.between(1, 25)) };
    let share = random.between(5, 60) as f64 / 100.0;
    Event::Fault(name, Box::new(rule.probability(share, random.next())))
}

/// Reads alone lag behind their session.
fn session_fault() -> FaultRule {
    let reads = [EmulatorOperation::ReadItem, EmulatorOperation::QueryItems];
    reads.into_iter().fold(FaultRule::session_not_available(), FaultRule::operation)
}

fn narrowed(rule: FaultRule, random: &mut Random) -> FaultRule {
    use EmulatorOperation as Op;
    let writes =
        [Op::CreateItem, Op::UpsertItem, Op::ReplaceItem, Op::PatchItem, Op::DeleteItem, Op::Batch];
    let reads = [Op::ReadItem, Op::QueryItems, Op::QueryPlan, Op::ChangeFeed];
    let metadata = [Op::ReadAccount, Op::ReadContainer, Op::ReadPartitionKeyRanges];
    let chosen: &[Op] = match random.below(10) {
        0..4 => &writes,
        4..7 => &reads,
        7 => &metadata,
        _ => return rule,
    };
    chosen.iter().copied().fold(rule, FaultRule::operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_schedule() {
        let text = |seed| format!("{:?}", Schedule::new(seed));
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
    }

    #[test]
    fn seeds_make_every_kind_of_account() {
        let all: Vec<Schedule> = (0..200).map(Schedule::new).collect();
        for regions in 1..=3 {
            assert!(all.iter().any(|it| it.regions.len() == regions && !it.multi_write));
        }
        assert!(all.iter().any(|it| it.multi_write));
        for partitions in 1..=8 {
            assert!(all.iter().any(|it| it.partitions == partitions));
        }
        let has = |step| all.iter().all(|it| it.threads.iter().any(|(_, it)| it.contains(&step)));
        for (step, _) in STEP_WEIGHTS {
            assert!(has(step), "{step:?}");
        }
    }
}
