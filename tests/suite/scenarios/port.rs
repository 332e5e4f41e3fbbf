//! R10, R13, A05, A06, A07 and A10: what takes a real connection.

use std::time::{Duration, Instant};

use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Emulator, EmulatorOperation, EmulatorServer,
    FaultRule,
};
use serde_json::{Value, json};

use super::front::Front;
use super::world::{CONTAINER, DATABASE, EAST, WEST, all, container, id, item, key, sorted};

/// The container of the scenarios behind a port.
fn served(regions: &[&str]) -> (Emulator, EmulatorServer, Container) {
    let builder = Emulator::builder().partitions(4).regions(regions.iter().copied());
    let emulator = builder.build().unwrap();
    seed(&emulator);
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let client = CosmosClient::new(server.url(), emulator.key()).unwrap();
    let items = container(&client);
    items.read_item("i003", "p3").send().unwrap();
    emulator.take_requests();
    (emulator, server, items)
}

fn seed(emulator: &Emulator) {
    let client = emulator.client();
    client.create_database(DATABASE).send().unwrap();
    let properties = ContainerProperties::new(CONTAINER, "/pk");
    client.database(DATABASE).create_container(properties).send().unwrap();
    let items = container(&client);
    for first in 0..17 {
        let own = (first..60).step_by(17);
        own.fold(items.batch(key(first)), |batch, n| batch.upsert(&item(n))).send().unwrap();
    }
}

#[test]
fn r10_connections_are_used_again() {
    let (_emulator, server, items) = served(&[EAST]);
    for n in 0..200 {
        items.read_item(&id(n % 60), key(n % 60)).send().unwrap();
    }
    assert!(server.accepted_connections() <= 12, "{}", server.accepted_connections());
}

#[test]
fn r13_answers_in_chunks_are_put_together_and_bodies_may_be_empty() {
    let emulator = Emulator::builder().partitions(4).build().unwrap();
    seed(&emulator);
    let front = Front::before(&emulator);
    let builder = CosmosClient::builder(&front.url()).key(emulator.key());
    let items = container(&builder.endpoint_discovery(false).build().unwrap());
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        let rows: cosmosdb::Result<Vec<usize>> =
            items.query_items(text).max_concurrency(1).into_iter().collect();
        assert_eq!(sorted(rows.unwrap()), all(0..60));
    }
    assert_eq!(items.delete_item("i003", "p3").send().unwrap().status(), 204);
    assert!(items.read_item("i003", "p3").send().unwrap_err().is_not_found());
    let mut pages = items.change_feed::<Value>().from_now().pages();
    assert!(pages.next().unwrap().unwrap().items().is_empty());
    assert!(front.accepted() <= 4, "{}", front.accepted());
}

#[test]
fn a05_an_answer_that_breaks_off_is_asked_for_again() {
    let (emulator, _server, items) = served(&[EAST]);
    let long = json!({ "id": "long", "pk": "a", "text": "x".repeat(5000) });
    items.create_item(&long).send().unwrap();
    let rule = FaultRule::truncated(700).operation(EmulatorOperation::ReadItem);
    emulator.fault(rule.times(1));
    let read: Value = items.read_item("long", "a").send().unwrap().item().unwrap();
    assert_eq!(read["text"], long["text"]);
    let log = emulator.take_requests();
    let reads = log.iter().filter(|it| it.operation == EmulatorOperation::ReadItem).count();
    assert_eq!(reads, 2);
}

#[test]
fn a06_a_page_that_breaks_off_is_asked_for_again() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        let (emulator, _server, items) = served(&[EAST]);
        let rule = FaultRule::truncated(50).operation(EmulatorOperation::QueryItems);
        emulator.fault(rule.after(2).times(1));
        let query = items.query_items(text).max_item_count(5).max_concurrency(1);
        let rows: cosmosdb::Result<Vec<usize>> = query.into_iter().collect();
        assert_eq!(sorted(rows.unwrap()), all(0..60));
        assert!(emulator.requests().iter().any(|it| it.is_fault));
    }
}

#[test]
fn a07_connections_that_the_server_closed_while_they_were_idle_are_made_anew() {
    let (emulator, _server, items) = served(&[EAST, WEST]);
    for round in 0..3 {
        emulator.region_offline(EAST).unwrap();
        emulator.region_online(EAST).unwrap();
        emulator.take_requests();
        let new = json!({ "id": format!("new{round}"), "pk": "a" });
        assert_eq!(items.create_item(&new).send().unwrap().status(), 201);
        items.read_item("i003", "p3").send().unwrap();
        let log = emulator.take_requests();
        let creates = log.iter().filter(|it| it.operation == EmulatorOperation::CreateItem);
        assert_eq!(creates.count(), 1, "it is sent once");
    }
}

#[test]
fn a10_a_body_that_stalls_ends_with_the_deadline() {
    let (emulator, _server, items) = served(&[EAST]);
    let long = json!({ "id": "long", "pk": "a", "text": "x".repeat(5000) });
    items.create_item(&long).send().unwrap();
    emulator.fault(FaultRule::stalled(300).operation(EmulatorOperation::ReadItem));
    let start = Instant::now();
    let deadline = Duration::from_millis(300);
    let error = items.read_item("long", "a").timeout(deadline).send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(4));
}
