//! The account of a schedule: its set-up, what befalls it, and its recovery.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cosmosdb::transport::Transport;
use cosmosdb::{
    CircuitBreakerOptions, Container, ContainerProperties, CosmosClient, Emulator, RetryOptions,
    Throughput,
};

use crate::schedule::{ClientPlan, Event, Schedule};
use crate::stage::{Stage, StageClock, Wire};

const DATABASE: &str = "chaos";
const CONTAINER: &str = "items";

/// How often what was met.
pub(crate) type Tally = BTreeMap<String, u64>;

/// The account, and the way to it.
pub(crate) struct World {
    pub(crate) stage: Arc<Stage>,
    pub(crate) emulator: Emulator,
    wire: Arc<Wire>,
    /// The ids of the partition key ranges, in their order.
    ranges: Vec<String>,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(schedule: &Schedule, stage: &Arc<Stage>) -> Self {
        let clock = StageClock(Arc::clone(stage));
        let emulator = Emulator::builder()
            .regions(schedule.regions.clone())
            .multi_write(schedule.multi_write)
            .partitions(schedule.partitions)
            .rate_limit(schedule.throughput.is_some())
            .clock(clock)
            .build()
            .unwrap();
        let wire = Wire::new(stage, emulator.transport(), schedule.random.clone());
        let world = Self {
            stage: Arc::clone(stage),
            emulator,
            wire: Arc::new(wire),
            ranges: (0..schedule.partitions).map(|it| it.to_string()).collect(),
            tally: Tally::new(),
        };
        world.make_container(schedule);
        world
    }

    fn make_container(&self, schedule: &Schedule) {
        let client = self.emulator.client();
        client.create_database(DATABASE).send().unwrap();
        let properties = ContainerProperties::new(CONTAINER, "/pk");
        let create = client.database(DATABASE).create_container(properties);
        let units = schedule.throughput.unwrap_or(400);
        create.throughput(Throughput::manual(units)).send().unwrap();
    }

    /// The container, by a client of its own.
    pub(crate) fn container(&self, plan: &ClientPlan, limit: Duration) -> Container {
        let mut builder = CosmosClient::builder(self.emulator.endpoint())
            .key(self.emulator.key())
            .shared_transport(Arc::clone(&self.wire) as Arc<dyn Transport>)
            .clock(StageClock(Arc::clone(&self.stage)))
            .preferred_regions(plan.preferred.clone())
            .multiple_write_locations(true)
            .operation_timeout(limit)
            .retry(RetryOptions::new().retry_writes(plan.retry_writes));
        if plan.circuit_breaker {
            builder = builder.circuit_breaker(CircuitBreakerOptions::new());
        }
        builder.build().unwrap().database(DATABASE).container(CONTAINER)
    }

    /// Lets something befall the account, and says what. What the account is not fit for is left out.
    pub(crate) fn befall(&mut self, event: &Event) -> Option<String> {
        let emulator = &self.emulator;
        let (kind, what) = match event {
            Event::Fault(name, rule) => {
                emulator.fault((**rule).clone());
                (format!("rule: {name}"), format!("{rule:?}"))
            }
            Event::ClearFaults => {
                emulator.clear_faults();
                ("rules cleared".to_owned(), String::new())
            }
            Event::Split(at, lock) => ("split".to_owned(), self.split(*at, *lock)?),
            Event::Merge(at, lock) => ("merge".to_owned(), self.merge(*at, *lock)?),
            Event::Lag(region, lag) => {
                emulator.replication_lag(region, *lag).unwrap();
                ("lag".to_owned(), format!("of {region} by {lag:?}"))
            }
            Event::Pause(region) => {
                emulator.pause_replication(region).unwrap();
                ("replication paused".to_owned(), region.clone())
            }
            Event::Resume(region) => {
                emulator.resume_replication(region).unwrap();
                ("replication resumed".to_owned(), region.clone())
            }
            Event::Offline(region) => {
                emulator.region_offline(region).unwrap();
                ("region offline".to_owned(), region.clone())
            }
            Event::Online(region) => {
                emulator.region_online(region).unwrap();
                ("region online".to_owned(), region.clone())
            }
            Event::FailOver(region) => {
                emulator.fail_over(region).unwrap();
                ("failover".to_owned(), region.clone())
            }
        };
        let text = format!("{kind} {what}");
        self.count(kind, 1);
        Some(text)
    }

    fn split(&mut self, at: usize, lock: Duration) -> Option<String> {
        if self.ranges.len() >= 16 {
            return None;
        }
        let at = at % self.ranges.len();
        let split = self.emulator.split_locked(DATABASE, CONTAINER, &self.ranges[at], lock)?;
        let text = format!("of {} into {split:?}, locked for {lock:?}", self.ranges[at]);
        self.ranges.splice(at..=at, split);
        Some(text)
    }

    fn merge(&mut self, at: usize, lock: Duration) -> Option<String> {
        if self.ranges.len() < 2 {
            return None;
        }
        let at = at % (self.ranges.len() - 1);
        let pair = (self.ranges[at].as_str(), self.ranges[at + 1].as_str());
        let merged = self.emulator.merge_locked((DATABASE, CONTAINER), pair, lock)?;
        let text = format!("of {pair:?} into {merged}, locked for {lock:?}");
        self.ranges.splice(at..at + 2, [merged]);
        Some(text)
    }

    /// Counts what requests met since this was called last.
    pub(crate) fn count_requests(&mut self) {
        for request in self.emulator.take_requests() {
            self.count("requests".to_owned(), 1);
            let met = match (request.status, request.sub_status) {
                (Some(200..=399), _) if request.is_fault => "late answers".to_owned(),
                (Some(200..=399), _) => continue,
                (Some(status), 0) => status.to_string(),
                (Some(status), sub_status) => format!("{status}/{sub_status}"),
                (None, _) if request.is_fault => "broken connections".to_owned(),
                (None, _) => "refused connections".to_owned(),
            };
            self.count(met, 1);
        }
    }

    pub(crate) fn count(&mut self, what: String, times: u64) {
        *self.tally.entry(what).or_default() += times;
    }

    /// Ends all faults, and lets enough time pass for clients to notice.
    pub(crate) fn heal(&mut self, schedule: &Schedule) {
        self.emulator.clear_faults();
        for region in &schedule.regions {
            self.emulator.region_online(region).unwrap();
            self.emulator.resume_replication(region).unwrap();
        }
        self.stage.wait(Duration::from_secs(3_600));
    }

    /// Whether somebody holds on to the way to the account: a thread that a client left behind.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.wire) > 1
    }
}
