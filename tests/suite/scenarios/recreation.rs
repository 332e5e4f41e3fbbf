//! G: the container is made again under its name while clients know the old one. The other rows are in `fire`.

use cosmosdb::{ContainerProperties, EmulatorOperation, Throughput};
use serde_json::Value;

use super::world::{CONTAINER, DATABASE, EAST, World, all, item, numbers, sorted};

/// A container with as many ranges as its throughput asks for: four, until it is made again with seven.
fn by_throughput() -> World {
    let world = World::built(|it| it.regions([EAST]), ContainerProperties::new("other", "/pk"));
    create(&world, 24_000);
    world.seed();
    world
}

fn create(world: &World, throughput: u32) {
    let database = world.emulator.client().database(DATABASE);
    let properties = ContainerProperties::new(CONTAINER, "/pk");
    let create = database.create_container(properties);
    create.throughput(Throughput::manual(throughput)).send().unwrap();
}

fn recreate(world: &World) {
    let client = world.emulator.client();
    client.database(DATABASE).container(CONTAINER).delete().send().unwrap();
    create(world, 42_000);
    world.seed();
}

const TEXTS: [&str; 4] = [
    "SELECT VALUE c.n FROM c ORDER BY c.n",
    "SELECT VALUE c.n FROM c",
    "SELECT VALUE c.n FROM c WHERE c.g >= 0 ORDER BY c.n",
    "SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n",
];

#[test]
fn g02_a_query_uses_the_ranges_of_the_container_that_was_made_again() {
    for text in TEXTS {
        for is_known in [false, true] {
            let world = by_throughput();
            let items = world.warm();
            if is_known {
                assert_eq!(numbers(items.query_items(text)).len(), 60);
            }
            assert_eq!(items.feed_ranges().unwrap().len(), 4);
            recreate(&world);
            world.log();
            assert_eq!(sorted(numbers(items.query_items(text))), all(0..60), "{text}");
            assert_eq!(items.feed_ranges().unwrap().len(), 7);
            let log = world.log();
            assert!(log.count(EmulatorOperation::ReadContainer) <= 2, "{:?}", log.0);
            assert!(log.failures() <= 8, "{:?}", log.0);
        }
    }
}

#[test]
fn g02_a_query_in_a_key_finds_the_container_that_was_made_again() {
    let world = by_throughput();
    let items = world.warm();
    recreate(&world);
    let query = items.query_items("SELECT VALUE c.n FROM c ORDER BY c.n").partition_key("p3");
    assert_eq!(numbers(query), [3, 20, 37, 54]);
}

#[test]
fn g02_a_query_that_has_told_rows_of_the_old_container_ends_in_an_error() {
    for text in TEXTS {
        let world = by_throughput();
        let items = world.warm();
        let query = items.query_items::<Value>(text).max_item_count(5).max_concurrency(1);
        let mut pages = query.max_buffered_items(0).pages();
        assert!(!pages.next().unwrap().unwrap().items().is_empty());
        recreate(&world);
        let outcome: cosmosdb::Result<Vec<_>> = pages.collect();
        let error = outcome.map(|pages| pages.len()).unwrap_err();
        assert!(matches!(error.status().map(|it| it.as_u16()), Some(400 | 404 | 410)), "{error}");
        let again = items.query_items::<usize>("SELECT VALUE c.n FROM c");
        assert_eq!(sorted(numbers(again)), all(0..60), "the next one reads the new container");
    }
    let world = by_throughput();
    let items = world.warm();
    let place = {
        let query = items.query_items::<usize>(TEXTS[1]).max_item_count(5).max_concurrency(1);
        let page = query.pages().next().unwrap().unwrap();
        page.continuation().unwrap().to_owned()
    };
    recreate(&world);
    let resumed = items.query_items::<usize>(TEXTS[1]).continue_from(place);
    let outcome: cosmosdb::Result<Vec<usize>> = resumed.into_iter().collect();
    assert!(outcome.is_err(), "its place means nothing in the new container");
}

#[test]
fn g02_writes_and_point_reads_go_on_beside_queries() {
    let world = by_throughput();
    let items = world.warm();
    recreate(&world);
    items.upsert_item(&item(60)).send().unwrap();
    assert_eq!(items.read_item("i060", "p9").send().unwrap().status(), 200);
    assert_eq!(sorted(numbers(items.query_items("SELECT VALUE c.n FROM c"))), all(0..61));
}

#[test]
fn g02_a_query_planned_for_the_old_partition_key_is_planned_again() {
    let world = by_throughput();
    let items = world.warm();
    let query = || items.query_items("SELECT VALUE c.n FROM c WHERE c.pk = 'p3' ORDER BY c.n");
    assert_eq!(numbers(query()), [3, 20, 37, 54]);
    let database = world.emulator.client().database(DATABASE);
    database.container(CONTAINER).delete().send().unwrap();
    let by_number = ContainerProperties::new(CONTAINER, "/n");
    let create = database.create_container(by_number).throughput(Throughput::manual(24_000));
    create.send().unwrap();
    let writer = world.items();
    (0..60).for_each(|n| drop(writer.create_item(&item(n)).send().unwrap()));
    assert_eq!(numbers(query()), [3, 20, 37, 54], "its rows are in several ranges now");
}
