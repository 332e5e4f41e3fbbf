//! A: answers that are cut, or stall half-way, on a socket.

use std::time::{Duration, Instant};

use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Emulator, EmulatorOperation, EmulatorServer,
    FaultRule,
};
use serde_json::{Value, json};

fn served() -> (Emulator, EmulatorServer, Container) {
    let emulator = Emulator::builder().partitions(3).build().unwrap();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let client = CosmosClient::new(server.url(), emulator.key()).unwrap();
    client.create_database("d").send().unwrap();
    let database = client.database("d");
    database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
    (emulator, server, database.container("c"))
}

fn requests(emulator: &Emulator, operation: EmulatorOperation) -> usize {
    emulator.take_requests().iter().filter(|it| it.operation == operation).count()
}

#[test]
fn a05_an_answer_that_is_cut_is_asked_for_again_and_never_taken_for_a_whole_one() {
    let (emulator, _server, items) = served();
    let item = json!({ "id": "1", "pk": "a", "text": "x".repeat(5000) });
    items.create_item(&item).send().unwrap();
    for bytes in [0, 1, 700, 4999] {
        emulator.take_requests();
        let rule = FaultRule::truncated(bytes).operation(EmulatorOperation::ReadItem);
        emulator.fault(rule.times(1));
        let read: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
        assert_eq!(read["text"], item["text"], "{bytes}");
        assert_eq!(requests(&emulator, EmulatorOperation::ReadItem), 2, "{bytes}");
    }
}

#[test]
fn a06_a_page_that_is_cut_costs_no_row_and_doubles_none() {
    let (emulator, _server, items) = served();
    for n in 0..40 {
        items
            .create_item(&json!({ "id": n.to_string(), "pk": n.to_string(), "n": n }))
            .send()
            .unwrap();
    }
    for (text, page) in [
        ("SELECT VALUE c.n FROM c", 3),
        ("SELECT VALUE c.n FROM c ORDER BY c.n", 3),
        ("SELECT VALUE c.n FROM c", 0),
    ] {
        emulator.clear_faults();
        let rule = FaultRule::truncated(60).operation(EmulatorOperation::QueryItems);
        emulator.fault(rule.after(page).times(1));
        emulator.take_requests();
        let found = items.query_items::<i32>(text).max_item_count(5);
        let mut rows = found.into_iter().collect::<cosmosdb::Result<Vec<_>>>().unwrap();
        assert!(emulator.requests().iter().any(|it| it.is_fault), "a page was cut");
        rows.sort_unstable();
        assert_eq!(rows, (0..40).collect::<Vec<_>>(), "{text}, page {page}");
    }
}

/// The time is the socket's, which no clock of a test moves.
#[test]
fn a10_a_body_that_stalls_half_way_ends_with_the_deadline() {
    let (emulator, server, items) = served();
    items.create_item(&json!({ "id": "1", "pk": "a", "text": "x".repeat(500) })).send().unwrap();
    emulator.fault(FaultRule::stalled(300).operation(EmulatorOperation::ReadItem));
    let client = CosmosClient::new(server.url(), emulator.key()).unwrap();
    let items = client.database("d").container("c");
    let (started, deadline) = (Instant::now(), Duration::from_millis(400));
    let error = items.read_item("1", "a").timeout(deadline).send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(started.elapsed() >= deadline && started.elapsed() < Duration::from_secs(4));
}
