//! C and X04: a session in queries, and across splits and merges. Point reads are in `fire`.

use cosmosdb::EmulatorOperation;
use serde_json::{Value, json};

use super::world::{EAST, WEST, World, all, id, item, key, numbers, sorted};

/// The item `n` with another number.
fn changed(n: usize) -> Value {
    let mut item = item(n);
    item["n"] = json!(n + 1000);
    item
}

#[test]
fn c07_a_query_in_a_key_sees_the_write_although_its_region_lags() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST, EAST]);
    world.emulator.pause_replication(WEST).unwrap();
    items.upsert_item(&changed(3)).send().unwrap();
    world.log();
    let query = items.query_items("SELECT VALUE c.n FROM c WHERE c.id = 'i003'");
    assert_eq!(numbers(query.partition_key("p3")), [1003]);
    let told = world.log().told(EmulatorOperation::QueryItems);
    assert_eq!(told, ["West US 404/1002", "East US 200"]);
}

#[test]
fn c08_a_cross_partition_query_sees_the_writes_of_every_range() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST, EAST]);
    world.emulator.pause_replication(WEST).unwrap();
    for n in 0..20 {
        items.upsert_item(&changed(n)).send().unwrap();
    }
    for text in [
        "SELECT VALUE c.n FROM c WHERE c.id < 'i020'",
        "SELECT VALUE c.n FROM c WHERE c.id < 'i020' ORDER BY c.n",
    ] {
        world.log();
        let found = numbers(items.query_items(text));
        assert_eq!(sorted(found), all(1000..1020));
        let log = world.log();
        assert_eq!(log.count_at(EmulatorOperation::QueryItems, EAST), 4, "each range by the hub");
        assert!(log.count(EmulatorOperation::QueryItems) <= 8);
    }
}

#[test]
fn c09_a_session_survives_a_split() {
    for regions in [&[EAST][..], &[EAST, WEST]] {
        let world = World::built(
            |it| it.partitions(4).regions(regions.iter().copied()),
            cosmosdb::ContainerProperties::new("c4", "/pk"),
        );
        let items = world.items_near([WEST]);
        (0..20).for_each(|n| drop(items.upsert_item(&item(n)).send().unwrap()));
        world.split_all();
        written_and_read(&world, &items);
    }
}

#[test]
fn c10_a_session_survives_a_merge() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST]);
    for _ in 0..5 {
        (0..20).for_each(|n| drop(items.upsert_item(&item(n)).send().unwrap()));
    }
    let before = numbers_of_token(&items);
    world.merge("0", "1");
    world.merge("2", "3");
    written_and_read(&world, &items);
    let after = numbers_of_token(&items);
    assert_eq!(after.0, before.0 + 1, "the version says that ranges were merged");
    assert!(before.1 > after.1, "{before:?}, then {after:?}: the steps count from one again");
    world.split("4");
    (0..20).for_each(|n| drop(items.upsert_item(&item(n)).send().unwrap()));
    written_and_read(&world, &items);
}

/// Version and step of the token of a write.
fn numbers_of_token(items: &cosmosdb::Container) -> (i64, u64) {
    let token = items.upsert_item(&item(0)).send().unwrap().session_token().unwrap().to_owned();
    let mut parts = token.split_once(':').unwrap().1.split('#');
    let version = parts.next().unwrap().parse().unwrap();
    (version, parts.next().unwrap().parse().unwrap())
}

/// Reads 20 items, changes them and reads them again; no region is behind the session.
fn written_and_read(world: &World, items: &cosmosdb::Container) {
    world.log();
    let read = |n: usize| -> u64 {
        let item: Value = items.read_item(&id(n), key(n)).send().unwrap().item().unwrap();
        item["n"].as_u64().unwrap()
    };
    for n in 0..20 {
        assert_eq!(read(n), n as u64);
        items.upsert_item(&changed(n)).send().unwrap();
        assert_eq!(read(n), n as u64 + 1000);
    }
    let log = world.log();
    assert_eq!(log.failures(), 0);
    assert_eq!(log.count(EmulatorOperation::ReadItem), 40);
}

#[test]
fn c09_a_session_that_is_ahead_of_a_split_range_is_still_honoured() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST, EAST]);
    world.emulator.pause_replication(WEST).unwrap();
    items.upsert_item(&changed(3)).send().unwrap();
    world.split_all();
    let item: Value = items.read_item("i003", "p3").send().unwrap().item().unwrap();
    assert_eq!(item["n"], 1003, "the children go on from their parent's step");
    let query = items.query_items("SELECT VALUE c.n FROM c WHERE c.id = 'i003'");
    assert_eq!(numbers(query), [1003]);
}

#[test]
fn x04_a_region_that_is_empty_still_is_not_believed() {
    let world = World::empty([EAST, WEST]);
    world.emulator.pause_replication(WEST).unwrap();
    let items = world.items_near([WEST, EAST]);
    items.create_item(&item(3)).send().unwrap();
    world.log();
    items.read_item("i003", "p3").send().unwrap();
    let told = world.log().told(EmulatorOperation::ReadItem);
    assert_eq!(told, ["West US 404/1002", "East US 200"]);
    assert_eq!(numbers(items.query_items("SELECT VALUE c.n FROM c")), [3]);
}
