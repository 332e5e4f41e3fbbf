//! Queries over several partitions: order, top, aggregates.

use cosmosdb::{Container, Result};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

fn all<T: serde::de::DeserializeOwned>(items: &Container, text: &str) -> Result<Vec<T>> {
    items.query_items(text).into_iter().collect()
}

/// 30 items in four partitions: `n` from 0 to 29 in an order of its own, over ten keys.
fn numbers(seed: &Seed) -> Container {
    let items = seed.container("/pk");
    for n in 0..30 {
        let n = n * 7 % 30;
        items
            .create_item(&json!({ "id": format!("{n:02}"), "pk": n % 10, "n": n }))
            .send()
            .unwrap();
    }
    seed.wire.take();
    items
}

#[test]
fn s20_order_by_and_top_hold_over_all_partitions() {
    let seed = Seed::partitioned(4);
    let items = numbers(&seed);
    let ascending: Vec<i64> = all(&items, "SELECT VALUE c.n FROM c ORDER BY c.n").unwrap();
    assert_eq!(ascending, (0..30).collect::<Vec<_>>());
    let descending: Vec<i64> = all(&items, "SELECT VALUE c.n FROM c ORDER BY c.n DESC").unwrap();
    assert_eq!(descending, (0..30).rev().collect::<Vec<_>>());
    let top: Vec<i64> = all(&items, "SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n DESC").unwrap();
    assert_eq!(top, (23..30).rev().collect::<Vec<_>>());
    assert_eq!(all::<Value>(&items, "SELECT TOP 5 * FROM c").unwrap().len(), 5);
    assert!(all::<Value>(&items, "SELECT TOP 0 * FROM c").unwrap().is_empty());
}

#[test]
fn s20_each_range_is_asked_for_itself_with_the_rewritten_query() {
    let seed = Seed::partitioned(4);
    let items = numbers(&seed);
    all::<Value>(&items, "SELECT * FROM c ORDER BY c.n").unwrap();
    let requests = seed.wire.take();
    let mut ranges: Vec<&str> = Vec::new();
    for page in requests.iter().filter(|it| header(it, "x-ms-documentdb-isquery") == "True") {
        ranges.push(header(page, "x-ms-documentdb-partitionkeyrangeid"));
        let text = body(page)["query"].as_str().unwrap().to_owned();
        assert!(text.contains("orderByItems"), "{text}");
        assert!(!text.contains("formattableorderbyquery"), "{text}");
    }
    ranges.sort_unstable();
    ranges.dedup();
    assert_eq!(ranges, ["0", "1", "2", "3"]);
}

#[test]
fn s20_a_split_between_two_pages_loses_and_repeats_nothing() {
    for text in ["SELECT * FROM c", "SELECT * FROM c ORDER BY c.n"] {
        let seed = Seed::partitioned(3);
        let items = numbers(&seed);
        let mut pages =
            items.query_items::<Value>(text).max_item_count(2).max_concurrency(1).pages();
        let mut found = pages.next().unwrap().unwrap().into_items();
        for range in ["0", "1", "2"] {
            seed.emulator.split("db", "items", range).unwrap();
        }
        for page in pages {
            found.extend(page.unwrap().into_items());
        }
        let mut seen: Vec<i64> = found.iter().map(|it| it["n"].as_i64().unwrap()).collect();
        if text.ends_with("c.n") {
            assert!(seen.is_sorted(), "{seen:?}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..30).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn s20_keys_of_mixed_types_are_in_the_services_order() {
    let seed = Seed::partitioned(4);
    let items = seed.container("/pk");
    let values =
        [json!("b"), json!(2), json!(true), json!(null), json!("a"), json!(-1), json!(false)];
    for (n, value) in values.iter().enumerate() {
        items.create_item(&json!({ "id": n.to_string(), "pk": n, "k": value })).send().unwrap();
    }
    let sorted: Vec<Value> = all(&items, "SELECT VALUE c.k FROM c ORDER BY c.k").unwrap();
    assert_eq!(json!(sorted), json!([null, false, true, -1, 2, "a", "b"]));
}

/// 400 items: keys of each type, 200 items of one key, and 190 numbers.
fn mixed() -> (Seed, Container) {
    let seed = Seed::partitioned(5);
    let items = seed.container("/key");
    let write = |mut item: Value, n: usize| {
        item["id"] = json!(n.to_string());
        items.create_item(&item).content_response(false).send().unwrap();
    };
    let mixed = json!([null, false, true, "abc", "cdfg", "opqrs", "ttttttt", "xyz", "oo", "ppp"]);
    let mut n = 0;
    for value in mixed.as_array().unwrap() {
        write(json!({ "key": value }), n);
        n += 1;
    }
    for field in 1..=200 {
        write(json!({ "key": "uniquePartitionKey", "field": field }), n);
        n += 1;
    }
    for key in 1..=190 {
        write(json!({ "key": key }), n);
        n += 1;
    }
    (seed, items)
}

#[test]
fn s22a_aggregates_are_merged_over_all_partitions() {
    let (_seed, items) = mixed();
    let sum = 190 * 191 / 2;
    for (aggregate, filter, expected) in [
        ("AVG", "IS_NUMBER(r.key)", Some(json!(f64::from(sum) / 190.0))),
        ("AVG", "true", None),
        ("COUNT", "true", Some(json!(400))),
        ("MAX", "true", Some(json!("xyz"))),
        ("MIN", "true", Some(json!(null))),
        ("SUM", "IS_NUMBER(r.key)", Some(json!(sum))),
        ("SUM", "true", None),
        ("MIN", "IS_NUMBER(r.key)", Some(json!(1))),
        ("MAX", "IS_BOOL(r.key)", Some(json!(true))),
    ] {
        for order in ["", " ORDER BY r.key"] {
            let text = format!("SELECT VALUE {aggregate}(r.key) FROM r WHERE {filter}{order}");
            let found: Vec<Value> = all(&items, &text).unwrap();
            let found: Vec<f64> = found.iter().filter_map(Value::as_f64).collect();
            let text_found: Vec<Value> = all(&items, &text).unwrap();
            match expected.as_ref().and_then(Value::as_f64) {
                Some(number) => assert_eq!(found, [number], "{text}"),
                None => assert_eq!(text_found, Vec::from_iter(expected.clone()), "{text}"),
            }
        }
    }
    for (aggregate, expected) in
        [("AVG", 100.5), ("COUNT", 200.0), ("MAX", 200.0), ("MIN", 1.0), ("SUM", 20_100.0)]
    {
        let text =
            format!("SELECT VALUE {aggregate}(r.field) FROM r WHERE r.key = 'uniquePartitionKey'");
        assert_eq!(all::<f64>(&items, &text).unwrap(), [expected], "{text}");
    }
}

#[test]
fn s22a_aggregates_of_nothing() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    for (aggregate, expected) in [
        ("COUNT(1)", json!([0])),
        ("SUM(c.n)", json!([0])),
        ("AVG(c.n)", json!([])),
        ("MIN(c.n)", json!([])),
        ("MAX(c.n)", json!([])),
    ] {
        let found: Vec<Value> = all(&items, &format!("SELECT VALUE {aggregate} FROM c")).unwrap();
        assert_eq!(json!(found), expected, "{aggregate}");
    }
}

#[test]
fn s24_objects_that_look_like_partial_aggregates_pass_through() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    for n in 0..6 {
        let thing = json!({ "sum": n, "count": 1, "other": [n] });
        items.create_item(&json!({ "id": n.to_string(), "pk": n, "thing": thing })).send().unwrap();
    }
    let mut found: Vec<Value> = all(&items, "SELECT VALUE c.thing FROM c").unwrap();
    found.sort_by_key(|it| it["sum"].as_i64());
    assert_eq!(found.len(), 6);
    assert_eq!(found[5], json!({ "sum": 5, "count": 1, "other": [5] }));
    let max: Vec<Value> = all(&items, "SELECT VALUE MAX(c.thing.sum) FROM c").unwrap();
    assert_eq!(max, [json!(5)]);
    let of_objects: Vec<Value> = all(&items, "SELECT VALUE COUNT(c.thing) FROM c").unwrap();
    assert_eq!(of_objects, [json!(6)]);
}

#[test]
fn seed_c_the_options_of_a_query_reach_every_range() {
    let seed = Seed::partitioned(3);
    let items = numbers(&seed);
    let query = items
        .query_items::<Value>("SELECT * FROM c ORDER BY c.n")
        .max_item_count(4)
        .enable_scan(true)
        .populate_query_metrics(true)
        .consistency(cosmosdb::ConsistencyLevel::Eventual)
        .header("x-my-own", "too");
    assert_eq!(query.into_iter().count(), 30);
    let requests = seed.wire.take();
    let pages: Vec<_> =
        requests.iter().filter(|it| header(it, "x-ms-documentdb-isquery") == "True").collect();
    assert!(pages.len() > 6, "{}", pages.len());
    for page in pages {
        for (name, value) in [
            ("x-ms-max-item-count", "4"),
            ("x-ms-documentdb-query-enable-scan", "True"),
            ("x-ms-documentdb-populatequerymetrics", "True"),
            ("x-ms-consistency-level", "Eventual"),
            ("x-my-own", "too"),
        ] {
            assert_eq!(header(page, name), value, "{name}");
        }
    }
}
