//! An emulator whose requests are written down on their way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{Request, Response, Transport, TransportError};
use cosmosdb::{
    ClientBuilder, Container, ContainerProperties, CosmosClient, Emulator, EmulatorBuilder,
    PartitionKeyDefinition, PartitionKeyValue,
};
use serde_json::Value;

/// Hands requests on and remembers them.
#[derive(Clone)]
pub(super) struct Recorder {
    inner: Arc<dyn Transport>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Transport for Recorder {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        self.inner.send(request, timeout)
    }
}

impl Recorder {
    /// What was sent since the last call.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    /// Methods and paths of what was sent since the last call.
    pub(super) fn calls(&self) -> Vec<String> {
        self.take().iter().map(|it| format!("{} {}", it.method(), it.uri().path())).collect()
    }

    /// The only request about items since the last call.
    pub(super) fn only(&self) -> Request {
        let mut requests = self.take();
        requests.retain(|it| it.uri().path().contains("/docs"));
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }
}

/// The value of a header, or nothing.
pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |it| it.to_str().unwrap())
}

/// The JSON that was sent.
pub(super) fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// An account, a client of it, and what passes between the two.
pub(super) struct Seed {
    pub(super) emulator: Emulator,
    pub(super) clock: VirtualClock,
    pub(super) wire: Recorder,
    pub(super) client: CosmosClient,
}

impl Seed {
    pub(super) fn new() -> Self {
        Self::of(|it| it, |it| it)
    }

    /// With containers of this many partitions.
    pub(super) fn partitioned(partitions: usize) -> Self {
        Self::of(|it| it.partitions(partitions), |it| it)
    }

    pub(super) fn of(
        account: impl FnOnce(EmulatorBuilder) -> EmulatorBuilder,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let clock = VirtualClock::new();
        let emulator = account(Emulator::builder().clock(clock.clone())).build().unwrap();
        let wire = Recorder { inner: emulator.transport(), requests: Arc::default() };
        let client = settings(builder(&emulator, &wire, &clock)).build().unwrap();
        Self { emulator, clock, wire, client }
    }

    /// One more client, with settings of its own.
    pub(super) fn client(
        &self,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> CosmosClient {
        settings(builder(&self.emulator, &self.wire, &self.clock)).build().unwrap()
    }

    /// A client without a credential of its own to be: for those who come with resource tokens.
    pub(super) fn guest(
        &self,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> CosmosClient {
        let builder = CosmosClient::builder(self.emulator.endpoint())
            .transport(self.wire.clone())
            .clock(self.clock.clone());
        settings(builder).build().unwrap()
    }

    /// A container `items` in a database `db`, which are made; the client knows it, and what that took is forgotten.
    pub(super) fn container(&self, key: impl Into<PartitionKeyDefinition>) -> Container {
        self.container_with(ContainerProperties::new("items", key))
    }

    pub(super) fn container_with(&self, properties: ContainerProperties) -> Container {
        self.client.create_database_if_not_exists("db").unwrap();
        let id = properties.id.clone();
        let any = vec![PartitionKeyValue::Undefined; properties.partition_key.paths.len()];
        let database = self.client.database("db");
        database.create_container(properties).send().unwrap();
        let container = database.container(id);
        container.feed_range_of(any).unwrap();
        self.wire.take();
        container
    }

    /// What the clock says since the account came to be.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }
}

fn builder(emulator: &Emulator, wire: &Recorder, clock: &VirtualClock) -> ClientBuilder {
    CosmosClient::builder(emulator.endpoint())
        .key(emulator.key())
        .transport(wire.clone())
        .clock(clock.clone())
}
