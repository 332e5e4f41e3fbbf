//! Connections are kept, and a server may close them while nobody looks.

use std::thread;

use cosmosdb::clock::VirtualClock;
use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Emulator, EmulatorServer, Operation, Response,
};
use serde_json::{Value, json};

use super::proxy::{Fault, Manner, Point, Proxy};

struct Bench {
    emulator: Emulator,
    _server: EmulatorServer,
    proxy: Proxy,
    items: Container,
}

impl Bench {
    /// An account with the item `1`, and its container through the proxy.
    fn new(manner: Manner) -> Self {
        let clock = VirtualClock::new();
        let emulator = Emulator::builder().partitions(3).clock(clock.clone()).build().unwrap();
        let server = emulator.serve("127.0.0.1:0").unwrap();
        let direct = emulator.client();
        direct.create_database("d").send().unwrap();
        let database = direct.database("d");
        database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
        database.container("c").create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
        let proxy = Proxy::start(server.addr(), manner);
        let client =
            CosmosClient::builder(&proxy.url()).key(emulator.key()).clock(clock).build().unwrap();
        let items = client.database("d").container("c");
        Self { emulator, _server: server, proxy, items }
    }

    fn create(&self, id: usize) -> Operation<cosmosdb::ops::CreateItem> {
        let item = json!({ "id": format!("new {id}"), "pk": "a" });
        self.items.create_item(&item).partition_key("a")
    }

    fn read(&self) -> Response {
        self.items.read_item("1", "a").send().unwrap()
    }
}

#[test]
fn r10_many_calls_in_turn_use_one_connection() {
    let bench = Bench::new(Manner::Plain);
    (0..200).for_each(|_| drop(bench.read()));
    assert_eq!((bench.proxy.accepted(), bench.proxy.count("read")), (1, 200));
}

#[test]
fn writes_and_reads_just_work_where_the_server_closes_behind_each_answer() {
    let bench = Bench::new(Manner::ClosedAfter);
    for round in 0..10 {
        bench.proxy.wait_for_closed(2 * round);
        bench.create(round).send().unwrap();
        bench.proxy.wait_for_closed(2 * round + 1);
        bench.read();
    }
    assert_eq!(bench.proxy.count("create"), 10, "no write went out twice");
    let count = bench.emulator.requests().iter().filter(|it| it.status == Some(201)).count();
    assert_eq!(count, 3 + 10);
}

#[test]
fn a07_after_idle_connections_were_closed_the_next_calls_just_work() {
    let bench = Bench::new(Manner::Plain);
    for round in 0..3 {
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| bench.read()))));
        bench.proxy.close_idle();
        let written = bench.create(round).send().unwrap();
        assert_eq!(written.diagnostics().attempts().len(), 1, "a write looks before it goes out");
        bench.proxy.close_idle();
        let read = bench.read();
        assert!(read.diagnostics().attempts().len() <= 2, "{}", read.diagnostics());
    }
    assert_eq!(bench.proxy.count("create"), 3);
}

/// The region leaves the network and comes back: its port refuses, and all its connections are closed.
#[test]
fn a07_after_the_server_was_away_the_next_calls_just_work() {
    let clock = VirtualClock::new();
    let regions = ["East US", "West US"];
    let emulator = Emulator::builder().regions(regions).clock(clock.clone()).build().unwrap();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let setup = emulator.client();
    setup.create_database("d").send().unwrap();
    setup.database("d").create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
    let client =
        CosmosClient::builder(server.url()).key(emulator.key()).clock(clock).build().unwrap();
    let items = client.database("d").container("c");
    for round in 0..3 {
        let item = json!({ "id": round.to_string(), "pk": "a" });
        items.create_item(&item).partition_key("a").send().unwrap();
        emulator.region_offline("East US").unwrap();
        let error = items.upsert_item(&item).partition_key("a").send().unwrap_err();
        assert!(!error.may_have_been_applied(), "{error}");
        emulator.region_online("East US").unwrap();
        items.upsert_item(&item).partition_key("a").send().unwrap();
        items.read_item(&round.to_string(), "a").send().unwrap();
        emulator.region_offline("East US").unwrap();
        emulator.region_online("East US").unwrap();
        items.read_item(&round.to_string(), "a").send().unwrap();
    }
}

/// The server closes a kept connection at the moment when the request comes: the look before it found it open.
#[test]
fn a_write_that_meets_the_closing_of_its_connection_is_in_doubt_and_a_read_is_repeated() {
    for fault in [Fault::Close, Fault::Reset] {
        let bench = Bench::new(Manner::Plain);
        bench.read();
        bench.proxy.strike("create", Point::BeforeRequest, fault);
        let error = bench.create(0).send().unwrap_err();
        assert!(error.may_have_been_applied(), "{error}");
        assert_eq!(bench.proxy.count("create"), 1);
        bench.read();
        bench.proxy.strike("read", Point::BeforeRequest, fault);
        let read = bench.read();
        assert_eq!(read.diagnostics().attempts().len(), 2);
    }
}

#[test]
fn r13_answers_in_chunks_or_without_a_length_are_whole() {
    for manner in [Manner::Chunked, Manner::UntilClosed] {
        let bench = Bench::new(manner);
        for n in 2..30 {
            bench
                .items
                .create_item(&json!({ "id": n.to_string(), "pk": n.to_string() }))
                .send()
                .unwrap();
        }
        let found = bench
            .items
            .query_items::<Value>("SELECT * FROM c ORDER BY c.id")
            .max_item_count(3)
            .max_concurrency(1);
        let rows = found.into_iter().collect::<cosmosdb::Result<Vec<_>>>().unwrap();
        assert_eq!(rows.len(), 29, "{manner:?}");
        let deleted = bench.items.delete_item("1", "a").send().unwrap();
        assert!(deleted.status() == 204 && deleted.bytes().is_empty(), "{manner:?}");
        assert!(bench.items.read_item("1", "a").send().unwrap_err().is_not_found());
        let requests = bench.proxy.seen().len();
        let connections = if manner == Manner::Chunked { 1 } else { requests };
        assert_eq!(bench.proxy.accepted(), connections, "{manner:?}");
    }
}
