//! Q and T04: what queries over several ranges give, and what they cost.

use std::time::Duration;

use cosmosdb::{ContainerProperties, EmulatorOperation, FaultRule};
use serde_json::{Value, json};

use super::world::{CONTAINER, EAST, World, all, numbers, rows, sorted};

#[test]
fn q01_order_windows_and_distinct_values_over_four_ranges() {
    let world = World::new();
    let items = world.items();
    let cases: [(&str, Vec<usize>); 10] = [
        ("SELECT VALUE c.n FROM c ORDER BY c.n", all(0..60)),
        ("SELECT VALUE c.n FROM c ORDER BY c.n DESC", (0..60).rev().collect()),
        ("SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n", all(0..7)),
        ("SELECT TOP 0 VALUE c.n FROM c ORDER BY c.n", vec![]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 10 LIMIT 5", all(10..15)),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 58 LIMIT 5", all(58..60)),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 70 LIMIT 5", vec![]),
        ("SELECT DISTINCT VALUE c.g FROM c ORDER BY c.g", all(0..5)),
        ("SELECT VALUE c.n FROM c WHERE c.n >= 10 AND c.g = 3 ORDER BY c.n", by_fives(13)),
        ("SELECT VALUE c.n FROM c WHERE c.pk = 'p3' ORDER BY c.n", vec![3, 20, 37, 54]),
    ];
    for (text, expected) in cases {
        for page_size in [1, 7, 1000] {
            let query = items.query_items(text).max_item_count(page_size);
            assert_eq!(numbers(query), expected, "{text} by {page_size}");
        }
    }
    assert!(world.log().told(EmulatorOperation::QueryItems).iter().all(|it| it == "East US 200"));
}

fn by_fives(first: usize) -> Vec<usize> {
    (first..60).step_by(5).collect()
}

#[test]
fn q01_two_sort_keys_over_four_ranges() {
    let mut properties = ContainerProperties::new(CONTAINER, "/pk");
    properties.indexing_policy = serde_json::from_value(json!({
        "compositeIndexes": [[
            { "path": "/g", "order": "ascending" },
            { "path": "/n", "order": "descending" },
        ]],
    }))
    .unwrap();
    let world = World::built(|it| it.partitions(4).regions([EAST]), properties);
    world.seed();
    let query = world.items().query_items("SELECT VALUE c.n FROM c ORDER BY c.g, c.n DESC");
    let expected: Vec<usize> = (0..5).flat_map(|g| by_fives(g).into_iter().rev()).collect();
    assert_eq!(numbers(query.max_item_count(5)), expected);
}

#[test]
fn q02_aggregates_over_four_ranges() {
    let world = World::new();
    let items = world.items();
    for (text, expected) in [
        ("SELECT VALUE COUNT(1) FROM c", 60.0),
        ("SELECT VALUE SUM(c.n) FROM c", 1770.0),
        ("SELECT VALUE MIN(c.n) FROM c", 0.0),
        ("SELECT VALUE MAX(c.n) FROM c", 59.0),
        ("SELECT VALUE AVG(c.n) FROM c", 29.5),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.n >= 50", 10.0),
    ] {
        assert_eq!(rows::<f64>(items.query_items(text)), [expected], "{text}");
    }
}

#[test]
fn q03_distinct_values_without_an_order() {
    let world = World::new();
    let query = world.items().query_items("SELECT DISTINCT VALUE c.g FROM c");
    assert_eq!(sorted(numbers(query)), all(0..5));
}

#[test]
fn q04_a_filter_on_the_partition_key_asks_one_range() {
    let world = World::new();
    let items = world.warm();
    for text in [
        "SELECT VALUE c.n FROM c WHERE c.pk = 'p3'",
        "SELECT VALUE c.n FROM c WHERE c.pk = 'p3' ORDER BY c.n",
    ] {
        assert_eq!(sorted(numbers(items.query_items(text))), [3, 20, 37, 54]);
        let log = world.log();
        assert!(log.count(EmulatorOperation::QueryItems) <= 2, "{:?}", log.0);
    }
}

#[test]
fn q05_empty_pages_and_ranges_do_not_end_a_query() {
    let container = ContainerProperties::new(CONTAINER, "/pk");
    let world = World::built(|it| it.partitions(16).regions([EAST]), container);
    let items = world.items();
    for n in 0..2 {
        items.create_item(&json!({ "id": "x", "pk": format!("far{n}"), "n": n })).send().unwrap();
    }
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        for concurrency in [1, 16] {
            let query = items.query_items(text).max_item_count(1).max_concurrency(concurrency);
            assert_eq!(sorted(numbers(query)), [0, 1]);
        }
    }
}

#[test]
fn q06_a_query_that_is_wrong_is_refused_at_once() {
    let world = World::new();
    let items = world.items();
    for text in ["SELEKT nonsense", "SELECT * FROM", "SELECT udf.absent(c) FROM c"] {
        world.log();
        let error = items.query_items::<Value>(text).into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.status().map(|it| it.as_u16()), Some(400), "{error}");
        let said = String::from_utf8(error.body().unwrap().to_vec()).unwrap();
        assert!(said.contains("message") && error.to_string().len() > 40, "{error}");
        let requests = world.log().0.len();
        assert!(requests <= 8, "{requests}");
    }
}

#[test]
fn q07_the_page_size_is_asked_for_on_every_page() {
    let world = World::new();
    let wire = super::wire::Wire::new(&world);
    let items = wire.items();
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        for page in items.query_items::<usize>(text).max_item_count(7).pages() {
            assert!(page.unwrap().items().len() <= 7);
        }
    }
    let sizes: Vec<String> = wire.headers("x-ms-max-item-count", EmulatorOperation::QueryItems);
    assert!(sizes.len() >= 16, "{}", sizes.len());
    assert!(sizes.iter().all(|it| it == "7"), "{sizes:?}");
}

#[test]
fn t04_throttling_in_the_middle_of_a_query_loses_nothing() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        for concurrency in [1, 16] {
            let world = World::new();
            let rule = FaultRule::throttle(Duration::from_millis(5)).every(3).times(8);
            world.fault(EmulatorOperation::QueryItems, rule);
            let query = world.items().query_items(text).max_item_count(3);
            let found = numbers(query.max_concurrency(concurrency));
            if text.contains("ORDER BY") {
                assert_eq!(found, all(0..60));
            } else {
                assert_eq!(sorted(found), all(0..60));
            }
            assert_eq!(world.log().answers(429, 3200), 8);
        }
    }
}

#[test]
fn x15_a_query_over_a_thousand_ranges_keeps_its_bounds() {
    let container = ContainerProperties::new(CONTAINER, "/pk");
    let world = World::built(|it| it.partitions(1000).regions([EAST]), container);
    world.seed();
    for (concurrency, most) in [(Some(4), 4), (None, 16)] {
        let wire = super::wire::Wire::new(&world);
        let query = wire
            .items()
            .query_items("SELECT VALUE c.n FROM c")
            .set(concurrency, cosmosdb::Query::max_concurrency);
        assert_eq!(sorted(numbers(query)), all(0..60));
        assert!((1..=most).contains(&wire.most_at_once()), "{}", wire.most_at_once());
        assert_eq!(wire.count(EmulatorOperation::QueryItems), 1000);
    }
    let wire = super::wire::Wire::new(&world);
    let query = wire.items().query_items::<usize>("SELECT VALUE c.n FROM c");
    let mut pages = query.max_buffered_items(0).max_concurrency(4).pages();
    while pages.next().unwrap().unwrap().items().is_empty() {}
    drop(pages);
    let asked = wire.count(EmulatorOperation::QueryItems);
    assert!(asked < 1000, "what nobody takes is not fetched: {asked}");
}
