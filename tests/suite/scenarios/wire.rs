//! A transport around the emulator's that remembers what the client sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use cosmosdb::transport::{Request, Response, Transport, TransportError};
use cosmosdb::{ClientBuilder, Container, CosmosClient, EmulatorOperation};

use super::world::{World, container};

/// The wire of one client.
#[derive(Clone)]
pub(super) struct Wire {
    inner: Arc<Inner>,
    client: CosmosClient,
}

struct Inner {
    next: Arc<dyn Transport>,
    requests: Mutex<Vec<Request>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// Holds some requests up until it is opened.
#[derive(Default)]
struct Gate {
    /// Where every second query waits.
    host: Option<&'static str>,
    queries: usize,
}

impl Wire {
    pub(super) fn new(world: &World) -> Self {
        Self::with(world, |it| it)
    }

    pub(super) fn with(
        world: &World,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let inner = Arc::new(Inner {
            next: world.emulator.transport(),
            requests: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            gate: Mutex::default(),
            opened: Condvar::new(),
        });
        let transport = Arc::clone(&inner) as Arc<dyn Transport>;
        let client = world.client(|it| settings(it.shared_transport(transport)));
        Self { inner, client }
    }

    /// The container, in the client of this wire.
    pub(super) fn items(&self) -> Container {
        container(&self.client)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// How many requests of a kind were sent.
    pub(super) fn count(&self, operation: EmulatorOperation) -> usize {
        self.of(operation).len()
    }

    /// The values of a header of all requests of a kind; empty where one has none.
    pub(super) fn headers(&self, name: &str, operation: EmulatorOperation) -> Vec<String> {
        let requests = self.of(operation).into_iter();
        requests.map(|it| header(&it, name).to_owned()).collect()
    }

    /// The most requests that were under way at the same time.
    pub(super) fn most_at_once(&self) -> usize {
        self.inner.most.load(Ordering::SeqCst)
    }

    /// From now on, every second query to this host is answered only after [`release`](Self::release).
    pub(super) fn hold_every_second_query_at(&self, host: &'static str) {
        self.inner.gate.lock().unwrap().host = Some(host);
    }

    /// Lets everything through that waits, and what comes.
    pub(super) fn release(&self) {
        self.inner.gate.lock().unwrap().host = None;
        self.inner.opened.notify_all();
    }

    fn of(&self, operation: EmulatorOperation) -> Vec<Request> {
        let is_it = |it: &Request| match operation {
            EmulatorOperation::QueryItems => is_query(it),
            EmulatorOperation::ReadPartitionKeyRanges => it.uri().path().ends_with("/pkranges"),
            _ => unreachable!("the wire does not tell {operation:?} from others"),
        };
        self.requests().into_iter().filter(is_it).collect()
    }
}

/// Whether it asks for a page of rows.
fn is_query(request: &Request) -> bool {
    header(request, "x-ms-documentdb-isquery") == "True"
        && header(request, "x-ms-cosmos-is-query-plan-request") != "True"
}

impl Inner {
    fn wait(&self, request: &Request) {
        let mut gate = self.gate.lock().unwrap();
        if gate.host.is_none() || gate.host != request.uri().host() || !is_query(request) {
            return;
        }
        gate.queries += 1;
        if gate.queries.is_multiple_of(2) {
            drop(self.opened.wait_while(gate, |it| it.host.is_some()).unwrap());
        }
    }
}

impl Transport for Inner {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        self.wait(request);
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let outcome = self.next.send(request, timeout);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |it| it.to_str().unwrap())
}
