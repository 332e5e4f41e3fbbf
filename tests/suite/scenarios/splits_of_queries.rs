//! S: partitions split and merge while a query is read, and between a continuation and its use.

use cosmosdb::{Container, ContainerProperties, EmulatorOperation, FaultRule, Query};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::world::{CONTAINER, EAST, World, all, id, key, sorted};

/// How the ranges of a query are asked: one after the other, nothing ahead; many at once, little ahead; as by default.
const WAYS: [(usize, usize); 3] = [(1, 0), (16, 1), (16, 10_000)];

/// The rows of a query. After `pages` pages something happens to the account.
fn drain<T: DeserializeOwned>(query: Query<T>, pages: usize, event: impl FnOnce()) -> Vec<T> {
    let mut source = query.pages();
    let mut rows = Vec::new();
    for _ in 0..pages {
        rows.extend(source.next().unwrap().unwrap().into_items());
    }
    event();
    for page in source {
        rows.extend(page.unwrap().into_items());
    }
    rows
}

/// Runs a query in each way against a warm client, with an event after its first pages.
fn each_way<T: DeserializeOwned>(
    (text, page_size, pages): (&str, i32, usize),
    event: impl Fn(&World),
    check: impl Fn(&[T]),
) {
    for (concurrency, buffered) in WAYS {
        let world = World::new();
        let items = world.warm();
        let query = items.query_items::<T>(text).max_item_count(page_size);
        let query = query.max_concurrency(concurrency).max_buffered_items(buffered);
        check(&drain(query, pages, || event(&world)));
        let log = world.log();
        assert!(log.answers(410, 1002) <= 12, "{} at {concurrency}", log.answers(410, 1002));
        assert!(log.count(EmulatorOperation::ReadPartitionKeyRanges) <= 12);
    }
}

const PLAIN: (&str, i32, usize) = ("SELECT VALUE c.n FROM c", 5, 1);
const ASCENDING: (&str, i32, usize) = ("SELECT VALUE c.n FROM c ORDER BY c.n", 5, 1);
const DESCENDING: (&str, i32, usize) = ("SELECT VALUE c.n FROM c ORDER BY c.n DESC", 5, 1);

fn split_one(world: &World) {
    world.split("0");
}

fn split_twice(world: &World) {
    let [left, _] = world.split("0");
    world.split(&left);
}

fn merge_two(world: &World) {
    world.merge("0", "1");
}

fn complete(rows: &[usize]) {
    assert_eq!(sorted(rows.to_vec()), all(0..60));
}

fn ascending(rows: &[usize]) {
    assert_eq!(rows, all(0..60));
}

fn descending(rows: &[usize]) {
    assert_eq!(rows, (0..60).rev().collect::<Vec<_>>());
}

#[test]
fn s04_to_s07_every_row_once_whatever_becomes_of_the_ranges() {
    each_way(PLAIN, split_one, complete);
    each_way(PLAIN, World::split_all, complete);
    each_way(PLAIN, split_twice, complete);
    each_way(PLAIN, merge_two, complete);
}

#[test]
fn s08_to_s10_the_order_outlives_splits_and_merges() {
    each_way(ASCENDING, split_one, ascending);
    each_way(DESCENDING, World::split_all, descending);
    each_way(ASCENDING, merge_two, ascending);
}

#[test]
fn s11_a_window_that_is_split_in_the_middle_stays_one_window() {
    let text = "SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 7 LIMIT 40";
    each_way((text, 5, 1), World::split_all, |rows: &[usize]| assert_eq!(rows, all(7..47)));
}

#[test]
fn s12_the_first_rows_stay_the_first_rows() {
    let text = "SELECT TOP 33 VALUE c.n FROM c ORDER BY c.n";
    each_way((text, 5, 1), World::split_all, |rows: &[usize]| assert_eq!(rows, all(0..33)));
}

#[test]
fn s13_a_distinct_value_is_told_once() {
    let text = "SELECT DISTINCT VALUE c.g FROM c ORDER BY c.g";
    each_way((text, 1, 1), World::split_all, |rows: &[usize]| assert_eq!(rows, all(0..5)));
}

#[test]
fn s14_rows_with_equal_sort_keys_come_once_each_and_group_by_group() {
    each_way(("SELECT * FROM c ORDER BY c.g", 5, 2), World::split_all, |rows: &[Value]| {
        let groups: Vec<u64> = rows.iter().map(|it| it["g"].as_u64().unwrap()).collect();
        assert!(groups.is_sorted());
        let numbers = rows.iter().map(|it| it["n"].as_u64().unwrap() as usize).collect();
        assert_eq!(sorted(numbers), all(0..60));
    });
}

/// Reads two pages, lets something happen, and goes on from there, in a client that knows the ranges or in a new one.
fn resumed(text: &str, event: impl Fn(&World), is_fresh: bool, check: impl Fn(&[usize])) {
    let world = World::new();
    let items = world.warm();
    let query = |items: &Container| items.query_items::<usize>(text).max_item_count(5);
    let mut pages = query(&items).pages();
    let mut rows = Vec::new();
    let mut place = None;
    for _ in 0..2 {
        let page = pages.next().unwrap().unwrap();
        place = page.continuation().map(str::to_owned);
        rows.extend(page.into_items());
    }
    drop(pages);
    event(&world);
    let reader = if is_fresh { world.items() } else { items };
    world.log();
    let rest = query(&reader).continue_from(place.unwrap()).pages();
    rows.extend(rest.flat_map(|it| it.unwrap().into_items()));
    check(&rows);
    let log = world.log();
    assert!(log.answers(410, 1002) <= if is_fresh { 0 } else { 12 });
}

#[test]
fn s15_to_s18_a_continuation_is_good_after_splits_and_merges() {
    let text = PLAIN.0;
    resumed(text, |_| (), true, complete);
    resumed(text, World::split_all, true, complete);
    resumed(text, World::split_all, false, complete);
    resumed(text, merge_two, true, complete);
    resumed(text, merge_two, false, complete);
}

#[test]
fn s19_and_s20_a_continuation_keeps_the_order() {
    for is_fresh in [true, false] {
        resumed(ASCENDING.0, World::split_all, is_fresh, ascending);
        resumed(DESCENDING.0, merge_two, is_fresh, descending);
    }
}

#[test]
fn s21_a_query_in_one_key_goes_on_when_its_range_splits() {
    let world = World::new();
    let items = world.items();
    for n in 0..30 {
        let row = serde_json::json!({ "id": format!("k{n}"), "pk": "one", "n": n });
        items.create_item(&row).send().unwrap();
    }
    let range = world.range_of("one");
    let query = items.query_items("SELECT VALUE c.n FROM c").partition_key("one").max_item_count(7);
    let rows: Vec<usize> = drain(query, 1, || drop(world.split(&range)));
    assert_eq!(sorted(rows), all(0..30));
    assert_eq!(world.log().failures(), 0);
}

#[test]
fn s23_a_container_of_hash_version_1_splits_as_well() {
    let mut properties = ContainerProperties::new(CONTAINER, "/pk");
    properties.partition_key.version = Some(1);
    let world = World::built(|it| it.partitions(2).regions([EAST]), properties);
    world.seed();
    let items = world.items();
    let query = items.query_items(ASCENDING.0).max_item_count(5);
    let rows = drain(query, 1, || {
        world.split("0");
        world.split("1");
    });
    ascending(&rows);
    for n in 0..9 {
        assert_eq!(
            items.read_item(&id(n), key(n)).send().unwrap().item::<Value>().unwrap()["n"],
            n
        );
    }
}

#[test]
fn s26_a_refresh_of_the_ranges_that_fails_is_tried_again() {
    for (text, check) in [(PLAIN.0, complete as fn(&[usize])), (ASCENDING.0, ascending)] {
        let world = World::new();
        let items = world.warm();
        let query = items.query_items(text).max_item_count(5).max_concurrency(1);
        let rows = drain(query, 1, || {
            world.split_all();
            let rule = FaultRule::unavailable().times(2);
            world.fault(EmulatorOperation::ReadPartitionKeyRanges, rule);
        });
        check(&rows);
        assert_eq!(world.log().answers(503, 0), 2);
    }
}
