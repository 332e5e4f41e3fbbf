//! Bulks against an emulator that throttles, loses answers and splits: what was acknowledged is there, once.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::transport::{Request, Response, Transport, TransportError};
use cosmosdb::{
    BulkOperation, BulkResult, Container, ContainerProperties, CosmosClient, Emulator,
    EmulatorOperation, FaultRule, Patch,
};
use serde_json::{Value, json};

const ITEMS: usize = 5000;
/// Those of them that are patched as well.
const PATCHED: usize = 1500;

/// What a result says of its operation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Claim {
    /// There was no result.
    None,
    Done,
    NotDone,
    /// The answer was lost.
    Unknown,
}

/// An account on a virtual clock, with a container of ten partitions.
fn account() -> (Emulator, VirtualClock, Container) {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().partitions(10).clock(clock.clone()).build().unwrap();
    let client = emulator.client();
    client.create_database("shop").send().unwrap();
    let properties = ContainerProperties::new("orders", "/city");
    client.database("shop").create_container(properties).send().unwrap();
    let orders = client.database("shop").container("orders");
    (emulator, clock, orders)
}

/// Makes batches fail in all the ways that leave a bulk with something to do.
fn turn_hostile(emulator: &Emulator, seed: u64) {
    for (number, (rule, probability)) in (0..).zip([
        (FaultRule::throttle(Duration::from_millis(20)), 0.1),
        (FaultRule::status(449, 0), 0.05),
        (FaultRule::gone(1007), 0.05),
        (FaultRule::refused(), 0.05),
        (FaultRule::dropped_before(), 0.05),
        (FaultRule::dropped_after(), 0.05),
        (FaultRule::truncated(100), 0.05),
    ]) {
        let rule = rule.operation(EmulatorOperation::Batch).probability(probability, seed + number);
        emulator.fault(rule);
    }
}

fn order(n: usize) -> Value {
    json!({ "id": n.to_string(), "city": format!("city {}", n % 500), "n": n, "visits": 0, "text": "x".repeat(900) })
}

fn claims_of(count: usize, results: impl Iterator<Item = BulkResult>) -> Vec<Claim> {
    let mut claims = vec![Claim::None; count];
    for result in results {
        let claim = match result.error() {
            None => Claim::Done,
            Some(error) if error.may_have_been_applied() => Claim::Unknown,
            // Nobody else writes here: it would be there from an earlier attempt.
            Some(error) => {
                assert!(!error.is_conflict(), "{error}");
                Claim::NotDone
            }
        };
        let known = std::mem::replace(&mut claims[result.index()], claim);
        assert_eq!(known, Claim::None, "a second result for {}", result.index());
    }
    claims
}

/// How often each item is stored, and the sum of its visits.
fn stored(container: &Container) -> Vec<(usize, u64)> {
    let mut stored = vec![(0, 0); ITEMS];
    for item in container.query_items::<Value>("SELECT c.n, c.visits FROM c") {
        let item = item.unwrap();
        let entry = &mut stored[usize::try_from(item["n"].as_u64().unwrap()).unwrap()];
        *entry = (entry.0 + 1, entry.1 + item["visits"].as_u64().unwrap());
    }
    stored
}

fn check(claims: &[Claim], times: impl Iterator<Item = u64>) {
    for (n, (claim, times)) in claims.iter().zip(times).enumerate() {
        let range = match claim {
            Claim::None => panic!("no result for {n}"),
            Claim::Done => 1..=1,
            Claim::NotDone => 0..=0,
            Claim::Unknown => 0..=1,
        };
        assert!(range.contains(&times), "{n}: {claim:?}, but carried out {times} times");
    }
    let done = claims.iter().filter(|it| **it == Claim::Done).count();
    let unknown = claims.iter().filter(|it| **it == Claim::Unknown).count();
    assert!(done > claims.len() / 2 && unknown > 0, "{done} done, {unknown} unknown");
}

#[test]
fn what_was_acknowledged_is_there_once_whatever_happens() {
    let (emulator, _, orders) = account();
    turn_hostile(&emulator, 7);
    // Ranges are split by number, so that some of those are the children of others.
    let range = Cell::new(0);
    let splitting = (0..ITEMS).map(|n| {
        if n % 500 == 250 {
            emulator.split("shop", "orders", &range.get().to_string()).unwrap();
            range.set(range.get() + 2);
        }
        BulkOperation::create(&order(n))
    });
    let mut results = orders.bulk().send(splitting).unwrap();
    let created = claims_of(ITEMS, results.by_ref());
    let totals = results.totals();
    assert!(totals.throttled > 0 && totals.retried > totals.throttled, "{totals:?}");
    check(&created, stored(&orders).iter().map(|it| it.0 as u64));

    // An increment tells how often it was carried out. Items that are not there fail for themselves.
    let visits = (0..PATCHED).map(|n| {
        let city = format!("city {}", n % 500);
        BulkOperation::patch(&n.to_string(), city, Patch::new().incr("/visits", 1))
    });
    let visited = claims_of(PATCHED, orders.bulk().send(visits).unwrap());
    check(&visited, stored(&orders).iter().map(|it| it.1));
}

/// The way to an emulator, which is gone when nobody can send anything any more.
struct Way(Arc<dyn Transport>);

impl Transport for Way {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.0.send(request, timeout)
    }
}

#[test]
fn a_bulk_that_is_dropped_half_way_ends_its_threads_and_doubles_nothing() {
    let (emulator, clock, orders) = account();
    turn_hostile(&emulator, 11);
    let way: Arc<dyn Transport> = Arc::new(Way(emulator.transport()));
    let is_there = Arc::downgrade(&way);
    let client = CosmosClient::builder(emulator.endpoint())
        .key(emulator.key())
        .shared_transport(way)
        .clock(clock)
        .build()
        .unwrap();
    let taken = Cell::new(0);
    let operations = (0..ITEMS).map(|n| {
        taken.set(n + 1);
        BulkOperation::create(&order(n))
    });
    let mut results = client.database("shop").container("orders").bulk().send(operations).unwrap();
    let seen: Vec<BulkResult> = results.by_ref().take(700).collect();
    drop((results, client));
    assert!(is_there.upgrade().is_none(), "a thread lives on");

    let requests = emulator.requests().len();
    let stored = stored(&orders);
    assert!(taken.get() < ITEMS, "it was not half-way");
    assert!(stored.iter().all(|it| it.0 <= 1));
    assert!(stored[taken.get()..].iter().all(|it| it.0 == 0), "what was not taken was sent");
    for result in seen {
        let times = stored[result.index()].0;
        match result.error() {
            None => assert_eq!(times, 1),
            Some(error) => assert!(times == 0 || error.may_have_been_applied(), "{error}"),
        }
    }
    let batches = |requests: &[cosmosdb::RequestRecord]| {
        requests.iter().filter(|it| it.operation == EmulatorOperation::Batch).count()
    };
    let all = emulator.requests();
    assert_eq!(batches(&all[..requests]), batches(&all), "nothing is sent after it was dropped");
}
