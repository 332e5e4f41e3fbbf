//! S: point operations, batches and the client's map of ranges while partitions split and merge.

use std::time::Duration;

use cosmosdb::{EmulatorOperation, FaultRule};
use serde_json::{Value, json};

use super::world::{CONTAINER, DATABASE, World, all, id, item, key, numbers, rows, sorted};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn s01_point_operations_after_a_split_need_no_error() {
    let world = World::new();
    let items = world.warm();
    world.split_all();
    for n in 0..20 {
        assert_eq!(items.read_item(&id(n), key(n)).send().unwrap().status(), 200);
    }
    let status = items.upsert_item(&item(3)).send().unwrap().status();
    assert_eq!(status, 200);
    let log = world.log();
    assert_eq!(log.failures(), 0);
    assert_eq!(log.count(EmulatorOperation::ReadItem), 20);
    assert_eq!(log.count(EmulatorOperation::UpsertItem), 1);
}

#[test]
fn s02_a_split_under_way_is_waited_for() {
    let world = World::new();
    let items = world.warm();
    let locked = world.range_of("p3");
    for create in [false, true] {
        let current = if create { world.range_of("p3") } else { locked.clone() };
        let lock = 400 * MS;
        world.emulator.split_locked(DATABASE, CONTAINER, &current, lock).unwrap();
        let ((), took) = world.timed(|| {
            if create {
                let new = json!({ "id": "new", "pk": "p3", "n": 60 });
                assert_eq!(items.create_item(&new).send().unwrap().status(), 201);
            } else {
                assert_eq!(items.read_item("i003", "p3").send().unwrap().status(), 200);
            }
        });
        assert!((400 * MS..8 * SECOND).contains(&took), "{took:?}");
        let log = world.log();
        assert!((1..=40).contains(&log.answers(410, 1007)), "{:?}", log.0);
        assert_eq!(log.answers(201, 0), usize::from(create));
    }
}

#[test]
fn s03_a_merge_under_way_is_waited_for() {
    let world = World::new();
    let items = world.warm();
    world.emulator.merge_locked((DATABASE, CONTAINER), ("0", "1"), 400 * MS).unwrap();
    let ((), took) = world.timed(|| {
        for n in 0..20 {
            items.upsert_item(&item(n)).send().unwrap();
        }
    });
    assert!(took < 8 * SECOND, "{took:?}");
    let log = world.log();
    assert!((1..=60).contains(&log.answers(410, 1007)), "{:?}", log.0);
    let told = log.told(EmulatorOperation::UpsertItem);
    assert_eq!(told.iter().filter(|it| *it == "East US 200").count(), 20);
}

#[test]
fn s22_a_batch_waits_for_a_split_under_way() {
    let world = World::new();
    let items = world.warm();
    let range = world.range_of("p3");
    world.emulator.split_locked(DATABASE, CONTAINER, &range, 300 * MS).unwrap();
    let (created, upserted) =
        (json!({ "id": "b1", "pk": "p3" }), json!({ "id": "b2", "pk": "p3" }));
    let response = items.batch("p3").create(&created).upsert(&upserted).send().unwrap();
    let statuses: Vec<u16> = response.results().iter().map(|it| it.status().as_u16()).collect();
    assert_eq!(statuses, [201, 201]);
    let log = world.log();
    assert!(log.answers(410, 1007) >= 1);
    assert_eq!(
        rows(items.query_items::<Value>("SELECT * FROM c WHERE c.id IN ('b1', 'b2')")).len(),
        2
    );
}

#[test]
fn s24_a_feed_range_covers_the_same_rows_after_the_split() {
    let world = World::new();
    let items = world.warm();
    let ranges = items.feed_ranges().unwrap();
    let text = "SELECT VALUE c.n FROM c";
    let of_range = |items: &cosmosdb::Container, at: usize| {
        sorted(numbers(items.query_items(text).feed_range(&ranges[at])))
    };
    let before: Vec<_> = (0..4).map(|it| of_range(&items, it)).collect();
    assert_eq!(sorted(before.concat()), all(0..60));
    world.split_all();
    let fresh = world.items();
    let after: Vec<_> = (0..4).map(|it| of_range(&fresh, it)).collect();
    assert_eq!(after, before);
    assert_eq!(fresh.feed_ranges().unwrap().len(), 8);
    assert_eq!(items.feed_ranges().unwrap().len(), 8, "the warm client sees them too");
}

#[test]
fn s25_a_range_that_stays_gone_ends_in_an_error() {
    let world = World::new();
    let items = world.warm();
    let gone = FaultRule::gone(1002).partition_key_range("0");
    world.fault(EmulatorOperation::QueryItems, gone);
    for text in ["SELECT VALUE c.n FROM c ORDER BY c.n", "SELECT VALUE c.n FROM c"] {
        world.log();
        let outcome: cosmosdb::Result<Vec<usize>> = items.query_items(text).into_iter().collect();
        let error = outcome.unwrap_err();
        assert_eq!(error.status().map(|it| it.as_u16()), Some(410));
        assert_eq!(error.sub_status(), Some(1002));
        let requests = world.log().0.len();
        assert!(requests <= 120, "{requests}");
    }
}

#[test]
fn s27_a_client_that_missed_three_splits_catches_up_in_one_query() {
    let world = World::new();
    let items = world.warm();
    let [left, _] = world.split("0");
    world.split(&left);
    world.split("2");
    assert_eq!(sorted(numbers(items.query_items("SELECT VALUE c.n FROM c"))), all(0..60));
    let log = world.log();
    assert!(log.count(EmulatorOperation::ReadPartitionKeyRanges) <= 8);
}

#[test]
fn s28_a_warm_and_a_fresh_client_agree_after_splits() {
    let world = World::new();
    let warm = world.warm();
    world.split_all();
    warm.create_item(&item(60)).send().unwrap();
    for items in [warm, world.items()] {
        assert_eq!(sorted(numbers(items.query_items("SELECT VALUE c.n FROM c"))), all(0..61));
    }
}
