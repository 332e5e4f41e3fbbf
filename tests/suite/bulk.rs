//! Very many operations, each for itself.

use cosmosdb::{BulkOperation, BulkResult, Container, Patch};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    every_operation_has_its_result,
    operations_fail_for_themselves,
    results_hold_items_when_asked,
    keys_may_be_given_or_taken_from_the_item,
    nothing_is_lost_or_doubled_when_partitions_split,
    totals_tell_how_far_it_has_come,
    large_items_come_back_although_an_answer_has_no_room_for_all,
    an_item_over_two_megabytes_fails_for_itself,
}

fn order(n: usize) -> Value {
    json!({ "id": n.to_string(), "city": format!("city {}", n % 13), "n": n })
}

/// The results in the order of the input.
fn run(container: &Container, operations: Vec<BulkOperation>) -> Vec<BulkResult> {
    let mut results: Vec<BulkResult> = container.bulk().send(operations).unwrap().collect();
    results.sort_by_key(BulkResult::index);
    results
}

fn count(container: &Container) -> usize {
    let items: Vec<Value> = container.items().into_iter().collect::<cosmosdb::Result<_>>().unwrap();
    items.len()
}

fn every_operation_has_its_result(account: &Account) {
    let orders = account.container("/city");
    for threads in [1, 16] {
        let operations = (0..500).map(|n| BulkOperation::upsert(&order(n)));
        let mut indexes: Vec<usize> = orders
            .bulk()
            .max_concurrency(threads)
            .send(operations)
            .unwrap()
            .map(|it| {
                it.outcome().unwrap();
                it.index()
            })
            .collect();
        indexes.sort_unstable();
        assert!(indexes.into_iter().eq(0..500));
        assert_eq!(count(&orders), 500);
    }
}

fn operations_fail_for_themselves(account: &Account) {
    let orders = account.container("/city");
    let seen = orders.create_item(&order(1)).send().unwrap().etag().unwrap();
    let results = run(
        &orders,
        vec![
            BulkOperation::create(&order(1)),
            BulkOperation::read("1", "city 1"),
            BulkOperation::read("1", "city 2"),
            BulkOperation::delete("2", "city 2"),
            BulkOperation::replace("3", &order(3)),
            BulkOperation::patch("1", "city 1", Patch::new().remove("/missing")),
            BulkOperation::replace("1", &order(1)).if_match("\"other\""),
            BulkOperation::read("1", "city 1").if_none_match(&seen),
            BulkOperation::create(&order(14)),
        ],
    );
    let statuses: Vec<u16> = results.iter().map(|it| it.status().unwrap().as_u16()).collect();
    assert_eq!(statuses, [409, 200, 404, 404, 404, 400, 412, 304, 201]);
    assert!(results[0].error().unwrap().is_conflict());
    assert!(results[0].error().unwrap().activity_id().is_some());
    assert_eq!(results[1].outcome().unwrap().item::<Value>().unwrap()["n"], 1);
}

fn results_hold_items_when_asked(account: &Account) {
    let orders = account.container("/city");
    for (wanted, ids) in [(true, 0..3), (false, 3..6)] {
        let operations = ids.map(|n| BulkOperation::create(&order(n)));
        for result in orders.bulk().content_response(wanted).send(operations).unwrap() {
            let result = result.into_outcome().unwrap();
            assert!(result.etag().is_some() && result.request_charge() >= 0.0);
            if wanted || account.emulator.is_some() {
                assert_eq!(result.item::<Value>().is_ok(), wanted);
            }
        }
    }
}

fn keys_may_be_given_or_taken_from_the_item(account: &Account) {
    let orders = account.container(["/tenant", "/user"]);
    let item = json!({ "id": "1", "tenant": "t", "user": 7 });
    let results = run(
        &orders,
        vec![
            BulkOperation::create(&item),
            BulkOperation::upsert(&json!({ "id": "2", "tenant": "t" })),
            BulkOperation::upsert(&json!({ "id": "3", "tenant": "t", "user": 7 }))
                .partition_key(("t", 7)),
            BulkOperation::upsert(&json!({ "id": "4", "tenant": "t", "user": 7 }))
                .partition_key(("t", 8)),
            BulkOperation::read("1", "t"),
        ],
    );
    let successes: Vec<bool> = results.iter().map(BulkResult::is_success).collect();
    assert_eq!(successes, [true, true, true, false, false]);
    assert_eq!(results[3].status().unwrap(), 400);
    assert!(results[4].error().unwrap().to_string().contains("has 1 of the 2 values"));
    assert!(orders.read_item("1", ("t", 7)).send().is_ok());
}

fn nothing_is_lost_or_doubled_when_partitions_split(account: &Account) {
    let Some(emulator) = &account.emulator else { return };
    let orders = account.container("/city");
    let (database, container) = (orders.database().id().to_owned(), orders.id().to_owned());
    let splits = [("0", 900), ("1", 1800), ("0", 2000)];
    let operations = (0..3000).map(|n| {
        if let Some((range, _)) = splits.iter().find(|it| it.1 == n) {
            emulator.split(&database, &container, range);
        }
        BulkOperation::create(&order(n))
    });
    let results = orders.bulk().max_concurrency(4).send(operations).unwrap();
    for result in results {
        assert!(result.is_success(), "{result:?}");
    }
    assert_eq!(count(&orders), 3000);
}

fn totals_tell_how_far_it_has_come(account: &Account) {
    let orders = account.container("/city");
    let operations = (0..250).map(|n| BulkOperation::create(&order(n / 2)));
    let mut results = orders.bulk().send(operations).unwrap();
    let progress = results.progress();
    assert_eq!(progress.totals().operations, 0);
    results.next().unwrap();
    assert!(progress.totals().operations > 0);
    assert_eq!(results.by_ref().count(), 249);
    let totals = results.totals();
    assert_eq!((totals.operations, totals.failed), (250, 125));
    assert!(totals.requests > 0 && totals.request_charge > 0.0 && totals.rate() > 0.0);
    assert_eq!(progress.totals(), totals);
}

fn large_items_come_back_although_an_answer_has_no_room_for_all(account: &Account) {
    let orders = account.container("/city");
    for n in 0..8 {
        let item = json!({ "id": n.to_string(), "city": "Lyon", "text": "x".repeat(900_000) });
        orders.create_item(&item).content_response(false).send().unwrap();
    }
    let mut results =
        orders.bulk().send((0..8).map(|n| BulkOperation::read(&n.to_string(), "Lyon"))).unwrap();
    for result in results.by_ref() {
        let item: Value = result.outcome().unwrap().item().unwrap();
        assert_eq!(item["id"], result.id());
    }
    assert!(results.totals().retried > 0 && results.totals().operations == 8);
}

fn an_item_over_two_megabytes_fails_for_itself(account: &Account) {
    let orders = account.container("/city");
    let item =
        |id: &str, bytes: usize| json!({ "id": id, "city": "Lyon", "text": "x".repeat(bytes) });
    let results = run(
        &orders,
        vec![
            BulkOperation::create(&order(1)),
            BulkOperation::create(&item("large", 2_000_000)),
            BulkOperation::create(&item("too large", 2 * 1024 * 1024)),
            // The item is small enough, the request around it is not.
            BulkOperation::create(&item("nearly", 2 * 1024 * 1024 - 100)),
        ],
    );
    let successes: Vec<bool> = results.iter().map(BulkResult::is_success).collect();
    assert_eq!(successes, [true, true, false, false]);
    assert_eq!(results[2].error().unwrap().kind(), cosmosdb::ErrorKind::InvalidInput);
    assert_eq!(results[3].status().unwrap(), 413);
}
