//! K: keys of two levels, whole and as prefixes, while their partitions split.

use cosmosdb::{Container, ContainerProperties, EmulatorOperation, ErrorKind};
use serde_json::{Value, json};

use super::world::{CONTAINER, DATABASE, EAST, World, all, numbers, sorted};

/// A container of tenants and users over three ranges.
fn tenants() -> World {
    let properties = ContainerProperties::new(CONTAINER, ["/tenant", "/user"]);
    World::built(|it| it.partitions(3).regions([EAST]), properties)
}

/// Item `n` of the tenant.
fn write(items: &Container, tenant: &str, n: usize) {
    let item = json!({ "id": format!("i{n}"), "tenant": tenant, "user": format!("u{n}"), "n": n });
    items.create_item(&item).send().unwrap();
}

/// Thirty items of six tenants.
fn six_tenants(world: &World) -> Container {
    let items = world.items();
    (0..30).for_each(|n| write(&items, &format!("t{}", n % 6), n));
    world.log();
    items
}

#[test]
fn k01_point_operations_with_the_whole_key() {
    let world = tenants();
    let items = six_tenants(&world);
    let read: Value = items.read_item("i8", ("t2", "u8")).send().unwrap().item().unwrap();
    assert_eq!(read["n"], 8);
    assert_eq!(items.delete_item("i8", ("t2", "u8")).send().unwrap().status(), 204);
    assert!(items.read_item("i8", ("t2", "u8")).send().unwrap_err().is_not_found());
}

#[test]
fn k02_a_prefix_asks_only_the_ranges_that_hold_it() {
    let world = tenants();
    let items = six_tenants(&world);
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        world.log();
        let found = sorted(numbers(items.query_items(text).partition_key("t2")));
        assert_eq!(found, [2, 8, 14, 20, 26]);
        let log = world.log();
        assert!(log.count(EmulatorOperation::QueryItems) <= 2, "{:?}", log.0);
    }
}

#[test]
fn k03_a_prefix_whose_range_splits_inside_it_is_read_once() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        for concurrency in [1, 16] {
            let world = tenants();
            let items = world.items();
            (0..40).for_each(|n| write(&items, "one", n));
            let _ = items.read_item("i0", ("one", "u0")).send().unwrap();
            let range = world.log().range_of(EmulatorOperation::ReadItem);
            let query = items.query_items(text).partition_key("one").max_item_count(7);
            let mut pages = query.max_concurrency(concurrency).pages();
            let mut found: Vec<usize> = pages.next().unwrap().unwrap().into_items();
            let split = world.emulator.split_by_storage(DATABASE, CONTAINER, &range).unwrap();
            world.emulator.split_by_storage(DATABASE, CONTAINER, &split[1]).unwrap();
            found.extend(pages.flat_map(|it| it.unwrap().into_items()));
            let is_in_order = found.is_sorted();
            assert_eq!(sorted(found), all(0..40), "{text} at {concurrency}");
            assert!(is_in_order || !text.contains("ORDER BY"));

            world.log();
            let again = numbers(world.items().query_items(text).partition_key("one"));
            assert_eq!(sorted(again), all(0..40));
            assert_eq!(world.log().count(EmulatorOperation::QueryItems), 3, "three ranges hold it");
        }
    }
}

#[test]
fn k04_the_order_over_all_tenants_outlives_splits() {
    let world = tenants();
    let items = six_tenants(&world);
    let mut pages = items
        .query_items::<usize>("SELECT VALUE c.n FROM c ORDER BY c.n")
        .max_item_count(5)
        .max_concurrency(1)
        .pages();
    let mut found = pages.next().unwrap().unwrap().into_items();
    for range in ["0", "1", "2"] {
        world.split(range);
    }
    found.extend(pages.flat_map(|it| it.unwrap().into_items()));
    assert_eq!(found, all(0..30));
}

#[test]
fn k05_part_of_a_key_does_not_address_an_item() {
    let world = tenants();
    let items = six_tenants(&world);
    let error = items.read_item("i2", "t2").send().unwrap_err();
    let is_refused = error.status().is_some_and(|it| it == 400);
    assert!(is_refused || error.kind() == ErrorKind::InvalidInput, "{error}");
    assert!(items.delete_item("i2", "t2").send().is_err());
    assert_eq!(numbers(items.query_items("SELECT VALUE c.n FROM c")).len(), 30);
}
