//! An account with the container of the scenarios: 60 items over four partition key ranges.

use std::ops::Range;
use std::time::Duration;

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::{
    ClientBuilder, Container, ContainerProperties, CosmosClient, Emulator, EmulatorBuilder,
    EmulatorOperation, FaultRule, Query,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::log::Log;

pub(super) const EAST: &str = "East US";
pub(super) const WEST: &str = "West US";
pub(super) const NORTH: &str = "North Europe";

pub(super) const DATABASE: &str = "db";
pub(super) const CONTAINER: &str = "c4";

/// An emulator on a virtual clock, and what is done to it.
pub(super) struct World {
    pub(super) emulator: Emulator,
    pub(super) clock: VirtualClock,
}

impl World {
    /// One region and the 60 items.
    pub(super) fn new() -> Self {
        Self::seeded([EAST])
    }

    /// These regions and the 60 items.
    pub(super) fn seeded<const N: usize>(regions: [&str; N]) -> Self {
        let world = Self::empty(regions);
        world.seed();
        world
    }

    /// These regions and the container without items.
    pub(super) fn empty<const N: usize>(regions: [&str; N]) -> Self {
        Self::built(
            |it| it.partitions(4).regions(regions),
            ContainerProperties::new(CONTAINER, "/pk"),
        )
    }

    /// An account with other settings, or another container.
    pub(super) fn built(
        settings: impl FnOnce(EmulatorBuilder) -> EmulatorBuilder,
        container: ContainerProperties,
    ) -> Self {
        let clock = VirtualClock::new();
        let builder = settings(Emulator::builder().clock(clock.clone()));
        let world = Self { emulator: builder.build().unwrap(), clock };
        let client = world.emulator.client();
        client.create_database(DATABASE).send().unwrap();
        client.database(DATABASE).create_container(container).send().unwrap();
        world.log();
        world
    }

    /// Writes the 60 items, by a client of its own: those of a key in one batch.
    pub(super) fn seed(&self) {
        let items = self.items();
        for first in 0..17 {
            let batch = items.batch(key(first)).content_response(false);
            let own = (first..60).step_by(17);
            own.fold(batch, |batch, n| batch.upsert(&item(n))).send().unwrap();
        }
        self.log();
    }

    /// A client of the account that knows nothing yet.
    pub(super) fn client(
        &self,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> CosmosClient {
        let builder = CosmosClient::builder(self.emulator.endpoint())
            .key(self.emulator.key())
            .shared_transport(self.emulator.transport())
            .clock(self.clock.clone());
        settings(builder).build().unwrap()
    }

    /// The container, in a client that knows nothing yet.
    pub(super) fn items(&self) -> Container {
        container(&self.client(|it| it))
    }

    /// The container, in a client that knows nothing yet but which regions it prefers.
    pub(super) fn items_near<const N: usize>(&self, regions: [&str; N]) -> Container {
        container(&self.client(|it| it.preferred_regions(regions)))
    }

    /// The container, in a client that writes in a region, where several take writes, and reads there.
    pub(super) fn items_writing_in(&self, region: &str) -> Container {
        container(&self.client(|it| it.preferred_regions([region]).multiple_write_locations(true)))
    }

    /// The container, in a client that has asked all its ranges before. What that took is not in the log.
    pub(super) fn warm(&self) -> Container {
        let items = self.items();
        assert_eq!(numbers(items.query_items("SELECT VALUE c.n FROM c")).len(), 60);
        self.log();
        items
    }

    /// The requests since this was asked last.
    pub(super) fn log(&self) -> Log {
        Log(self.emulator.take_requests())
    }

    pub(super) fn split(&self, range: &str) -> [String; 2] {
        self.emulator.split(DATABASE, CONTAINER, range).unwrap()
    }

    /// Splits the ranges that a container of four begins with.
    pub(super) fn split_all(&self) {
        for range in ["0", "1", "2", "3"] {
            self.split(range);
        }
    }

    pub(super) fn merge(&self, lower: &str, upper: &str) -> String {
        self.emulator.merge(DATABASE, CONTAINER, lower, upper).unwrap()
    }

    /// The range that holds a key.
    pub(super) fn range_of(&self, key: &str) -> String {
        let _ = self.items().read_item("any", key).send();
        self.log().range_of(EmulatorOperation::ReadItem)
    }

    pub(super) fn fault(&self, operation: EmulatorOperation, rule: FaultRule) {
        self.emulator.fault(rule.operation(operation));
    }

    /// How much time the call takes, by the clock of client and emulator.
    pub(super) fn timed<T>(&self, call: impl FnOnce() -> T) -> (T, Duration) {
        let start = self.clock.monotonic();
        let outcome = call();
        (outcome, self.clock.monotonic() - start)
    }
}

pub(super) fn container(client: &CosmosClient) -> Container {
    client.database(DATABASE).container(CONTAINER)
}

/// The item with number `n`, of a key that it shares with every seventeenth.
pub(super) fn item(n: usize) -> Value {
    json!({ "id": id(n), "pk": key(n), "n": n, "g": n % 5 })
}

pub(super) fn id(n: usize) -> String {
    format!("i{n:03}")
}

pub(super) fn key(n: usize) -> String {
    format!("p{}", n % 17)
}

/// All rows of a query.
pub(super) fn rows<T: DeserializeOwned>(query: Query<T>) -> Vec<T> {
    query.into_iter().collect::<cosmosdb::Result<_>>().unwrap()
}

pub(super) fn numbers(query: Query<usize>) -> Vec<usize> {
    rows(query)
}

/// The rows in ascending order, to compare where the service promises none.
pub(super) fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
    rows.sort_unstable();
    rows
}

pub(super) fn all(range: Range<usize>) -> Vec<usize> {
    range.collect()
}
