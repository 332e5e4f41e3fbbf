//! R08, R09 and R11: what the client sends, and how it reads the ranges of a container.

use cosmosdb::transport::Request;
use cosmosdb::{EmulatorOperation, PartitionKey, Patch};
use serde_json::{Value, json};

use super::wire::{Wire, header};
use super::world::{EAST, World, all, id, key, numbers, sorted};

#[test]
fn r08_requests_are_well_formed_whatever_ids_and_keys_hold() {
    let world = World::empty([EAST]);
    let wire = Wire::new(&world);
    let items = wire.items();
    let keys = [
        PartitionKey::from("with space"),
        "quote \" and '".into(),
        "100% = a&b".into(),
        "emoji \u{1f600} \u{e9}".into(),
        PartitionKey::NULL,
        true.into(),
        1.5.into(),
        1e20.into(),
        (-0.0).into(),
        "".into(),
    ];
    for (n, key) in keys.iter().enumerate() {
        let id = ["a b", "it's", "50%", "x=1&y", "\u{e9}\u{1f600}"][n % 5];
        let value: Value = serde_json::from_str(&key_value(key)).unwrap();
        let id = format!("{id}{n}");
        items.create_item(&json!({ "id": id, "pk": value, "n": n })).send().unwrap();
        items.read_item(&id, key.clone()).send().unwrap();
        items.patch_item(&id, key.clone(), Patch::new().incr("/n", 1)).send().unwrap();
        let item = json!({ "id": id, "pk": value, "n": n });
        items.batch(key.clone()).upsert(&item).read(&id).send().unwrap();
    }
    let query = items.query_items("SELECT VALUE c.n FROM c WHERE c.n < @most ORDER BY c.n");
    assert_eq!(numbers(query.param("@most", 5)), all(0..5));
    let feed = items.change_feed::<Value>().from_beginning().pages();
    let told = feed.map(Result::unwrap).take_while(|it| !it.items().is_empty());
    assert_eq!(told.map(|it| it.items().len()).sum::<usize>(), keys.len());
    let requests = wire.requests();
    assert!(requests.len() > 50);
    for request in &requests {
        check_form(request);
    }
    let log = world.log();
    assert_eq!((log.answers(400, 0), log.answers(401, 0)), (0, 0));
}

/// The only value of a key, as JSON.
fn key_value(key: &PartitionKey) -> String {
    let text = key.header_value();
    text[1..text.len() - 1].to_owned()
}

fn check_form(request: &Request) {
    let path = request.uri().path();
    for name in ["authorization", "x-ms-date", "x-ms-version"] {
        assert!(!header(request, name).is_empty(), "{name} of {path}");
    }
    let is_item = path.contains("/docs/");
    let key = header(request, "x-ms-documentdb-partitionkey");
    if is_item || header(request, "x-ms-cosmos-is-batch-request") == "True" {
        let value: Value = serde_json::from_str(key).unwrap();
        assert!(value.is_array() && key.is_ascii(), "{key}");
    }
    let is_query = header(request, "x-ms-documentdb-isquery") == "True";
    if is_query {
        assert_eq!(header(request, "content-type"), "application/query+json");
    }
    match request.method().as_str() {
        "GET" => assert!(request.body().is_empty(), "{path}"),
        _ => assert!(serde_json::from_slice::<Value>(request.body()).is_ok(), "{path}"),
    }
}

#[test]
fn r09_the_ranges_of_a_container_are_read_page_by_page() {
    let container = cosmosdb::ContainerProperties::new("c4", "/pk");
    let world = World::built(|it| it.partitions(5).regions([EAST]), container);
    world.seed();
    world.emulator.page_ranges(2);
    let wire = Wire::new(&world);
    let items = wire.items();
    assert_eq!(sorted(numbers(items.query_items("SELECT VALUE c.n FROM c"))), all(0..60));
    let ordered = numbers(items.query_items("SELECT VALUE c.n FROM c ORDER BY c.n"));
    assert_eq!(ordered, all(0..60));
    assert_eq!(items.feed_ranges().unwrap().len(), 5);
    let ranges = world.log();
    let told = ranges.told(EmulatorOperation::ReadPartitionKeyRanges);
    let once = ["East US 200", "East US 200", "East US 200", "East US 304"];
    assert_eq!(told.first_chunk(), Some(&once.map(str::to_owned)));
    let seen = wire.headers("if-none-match", EmulatorOperation::ReadPartitionKeyRanges);
    assert!(seen[0].is_empty() && seen[1..4].iter().all(|it| !it.is_empty()), "{seen:?}");
}

#[test]
fn r11_ranges_that_come_unsorted_and_with_gaps_are_put_in_order() {
    for page_size in [0, 2] {
        let world = World::new();
        for range in ["0", "2", "4"] {
            world.split(range);
        }
        world.emulator.page_ranges(page_size);
        let items = world.items();
        assert_eq!(sorted(numbers(items.query_items("SELECT VALUE c.n FROM c"))), all(0..60));
        let descending = numbers(items.query_items("SELECT VALUE c.n FROM c ORDER BY c.n DESC"));
        assert_eq!(descending, (0..60).rev().collect::<Vec<_>>());
        let ranges = items.feed_ranges().unwrap();
        assert_eq!(ranges.len(), 7);
        let bounds: Vec<_> = ranges.iter().map(cosmosdb::FeedRange::bounds).collect();
        assert!(bounds.windows(2).all(|it| it[0].1 == it[1].0), "{bounds:?}");
    }
}

#[test]
fn r11_point_reads_do_not_need_the_ranges() {
    let world = World::new();
    let items = world.items();
    world.split_all();
    for n in 0..9 {
        items.read_item(&id(n), key(n)).send().unwrap();
    }
    assert_eq!(world.log().count(EmulatorOperation::ReadPartitionKeyRanges), 0);
}
