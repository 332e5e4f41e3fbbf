//! T06, X13 and X14: many writes at once, patches and batches at their limits.

use std::sync::atomic::{AtomicUsize, Ordering};

use cosmosdb::{ContainerProperties, EmulatorOperation, FaultRule, Patch, Throughput};
use serde_json::{Value, json};

use super::world::{CONTAINER, DATABASE, EAST, World, item, numbers};

#[test]
fn t06_creates_beyond_the_throughput_all_succeed_in_the_end() {
    let container = ContainerProperties::new("other", "/pk");
    let world = World::built(|it| it.rate_limit(true).regions([EAST]), container);
    let client = world.emulator.client();
    let create = client
        .database(DATABASE)
        .create_container(ContainerProperties::new(CONTAINER, "/pk"))
        .throughput(Throughput::manual(400));
    create.send().unwrap();
    let items = world.items();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    items.create_item(&item(n)).send().unwrap();
                }
            });
        }
    });
    let log = world.log();
    assert!(log.answers(429, 3200) >= 1, "the limit was met");
    assert_eq!(log.failures(), log.answers(429, 3200), "and nothing else failed");
    let count = items.query_items("SELECT VALUE COUNT(1) FROM c");
    assert_eq!(numbers(count), [150]);
}

#[test]
fn x13_a_patch_has_ten_operations_at_most() {
    let world = World::new();
    let items = world.items();
    let patch =
        |count: usize| (0..count).fold(Patch::new(), |patch, n| patch.set(&format!("/x{n}"), n));
    items.patch_item("i003", "p3", patch(10)).send().unwrap();
    world.log();
    let error = items.patch_item("i003", "p3", patch(11)).send().unwrap_err();
    let is_refused = error.status().is_some_and(|it| it == 400);
    assert!(is_refused || error.kind() == cosmosdb::ErrorKind::InvalidInput, "{error}");
    let read: Value = items.read_item("i003", "p3").send().unwrap().item().unwrap();
    assert_eq!((&read["x9"], &read["x10"]), (&json!(9), &Value::Null));
}

#[test]
fn x13_what_may_not_happen_twice_is_not_sent_twice() {
    for patch in [
        Patch::new().incr("/n", 1),
        Patch::new().add("/list/-", 1),
        Patch::new().remove("/list/0"),
        Patch::new().move_to("/g", "/h"),
    ] {
        for rule in [FaultRule::dropped_after(), FaultRule::timeout().carried_out()] {
            let world = World::new();
            let items = world.items();
            let start = json!({ "id": "x", "pk": "a", "n": 1, "g": 7, "list": [5, 6] });
            items.upsert_item(&start).send().unwrap();
            world.log();
            world.fault(EmulatorOperation::PatchItem, rule);
            let error = items.patch_item("x", "a", patch.clone()).send().unwrap_err();
            assert!(error.may_have_been_applied(), "{error}");
            assert_eq!(world.log().count(EmulatorOperation::PatchItem), 1);
            let read: Value = items.read_item("x", "a").send().unwrap().item().unwrap();
            assert_ne!(read["_etag"], Value::Null);
            let changed = [read["n"] == 2, read["list"] != json!([5, 6]), read["h"] == 7];
            assert_eq!(changed.into_iter().filter(|it| *it).count(), 1, "{read}");
            assert!(read["list"].as_array().unwrap().len().abs_diff(2) <= 1, "{read}");
        }
    }
}

#[test]
fn x14_a_batch_that_is_too_long_or_too_large_stores_nothing() {
    let world = World::empty([EAST]);
    let items = world.items();
    let many = (0..101).fold(items.batch("a"), |batch, n| {
        batch.create(&json!({ "id": format!("b{n}"), "pk": "a" }))
    });
    let text = "x".repeat(300_000);
    let large = (0..8).fold(items.batch("a"), |batch, n| {
        batch.create(&json!({ "id": format!("b{n}"), "pk": "a", "text": text }))
    });
    for batch in [many, large] {
        let error = batch.send().unwrap_err();
        let is_refused = matches!(error.status().map(|it| it.as_u16()), Some(400 | 413));
        assert!(is_refused || error.kind() == cosmosdb::ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(numbers(items.query_items("SELECT VALUE COUNT(1) FROM c")), [0]);
    let most = (0..100).fold(items.batch("a"), |batch, n| {
        batch.create(&json!({ "id": format!("b{n}"), "pk": "a" }))
    });
    assert_eq!(most.send().unwrap().results().len(), 100);
}
