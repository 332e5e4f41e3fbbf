//! Batches: all or none.

use cosmosdb::{BatchOperation, OptionalExt, Patch};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    all_operations_of_a_batch_are_carried_out_in_order,
    a_batch_that_fails_changes_nothing_and_says_why,
    conditions_hold_for_single_operations,
    a_batch_is_for_one_partition_key,
    a_hundred_operations_are_a_batch,
    results_of_writes_are_without_items_when_asked,
    a_batch_on_a_hierarchical_key_needs_all_of_it,
    two_megabytes_are_a_batch,
    an_answer_of_more_than_four_megabytes_is_refused,
}

fn order(id: &str, total: i64) -> Value {
    json!({ "id": id, "city": "Lyon", "total": total })
}

fn all_operations_of_a_batch_are_carried_out_in_order(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&order("old", 1)).send().unwrap();
    let response = orders
        .batch("Lyon")
        .create(&order("1", 1))
        .upsert(&order("1", 2))
        .replace("1", &order("1", 3))
        .patch("1", Patch::new().incr("/total", 1))
        .read("1")
        .delete("old")
        .send()
        .unwrap();
    let statuses: Vec<u16> = response.results().iter().map(|it| it.status().as_u16()).collect();
    assert_eq!(statuses, [201, 200, 200, 200, 200, 204]);
    assert_eq!(response.results()[4].item::<Value>().unwrap()["total"], 4);
    assert!(response.results()[5].item::<Value>().is_err());
    assert!(response.results().iter().all(cosmosdb::BatchResult::is_success));
    assert!(response.request_charge() > 0.0 && response.session_token().is_some());
    let stored = orders.read_item("1", "Lyon").send().unwrap();
    assert_eq!(stored.etag().as_ref(), response.results()[3].etag());
    assert!(orders.read_item("old", "Lyon").send().optional().unwrap().is_none());
}

fn a_batch_that_fails_changes_nothing_and_says_why(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&order("1", 1)).send().unwrap();
    let batch =
        || orders.batch("Lyon").create(&order("2", 1)).patch("1", Patch::new().incr("/total", 5));
    for (batch, status) in [
        (batch().create(&order("1", 9)), 409),
        (batch().read("missing"), 404),
        (batch().delete("missing"), 404),
        (batch().replace("missing", &order("missing", 1)), 404),
        (batch().patch("1", Patch::new().remove("/missing")), 400),
        (batch().patch("1", Patch::new().set("/x", 1).condition("FROM c WHERE c.total = 0")), 412),
        (batch().create(&json!({ "id": "3", "city": "Oslo" })), 400),
    ] {
        let error = batch.delete("1").send().unwrap_err();
        assert_eq!(error.status().unwrap(), status, "{error}");
        let statuses: Vec<u16> =
            error.batch_results().unwrap().iter().map(|it| it.status().as_u16()).collect();
        assert_eq!(statuses, [424, 424, status, 424]);
        let item: Value = orders.read_item("1", "Lyon").send().unwrap().item().unwrap();
        assert_eq!(item["total"], 1);
        assert!(orders.read_item("2", "Lyon").send().optional().unwrap().is_none());
    }
}

fn conditions_hold_for_single_operations(account: &Account) {
    let orders = account.container("/city");
    let seen = orders.create_item(&order("1", 1)).send().unwrap().etag().unwrap();
    let read = BatchOperation::read("1").if_none_match(&seen);
    let response = orders.batch("Lyon").operation(read).send().unwrap();
    assert_eq!(response.results()[0].status(), 304);

    let replace = || BatchOperation::replace("1", &order("1", 2)).if_match(&seen);
    orders.batch("Lyon").operation(replace()).send().unwrap();
    let error = orders.batch("Lyon").operation(replace()).send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
    let delete = BatchOperation::delete("1").if_match(&seen);
    assert!(orders.batch("Lyon").operation(delete).send().unwrap_err().is_precondition_failed());
}

fn a_batch_is_for_one_partition_key(account: &Account) {
    let orders = account.container("/city");
    let error = orders.batch("Oslo").create(&order("1", 1)).send().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (400, Some(1001)));
    orders.batch("Lyon").create(&order("1", 1)).send().unwrap();
    let error = orders.batch("Oslo").read("1").send().unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

fn a_hundred_operations_are_a_batch(account: &Account) {
    let orders = account.container("/city");
    let batch = |count: i64| {
        (0..count).fold(orders.batch("Lyon"), |batch, n| batch.upsert(&order(&n.to_string(), n)))
    };
    assert_eq!(batch(100).send().unwrap().results().len(), 100);
    assert_eq!(batch(101).send().unwrap_err().kind(), cosmosdb::ErrorKind::InvalidInput);
}

fn results_of_writes_are_without_items_when_asked(account: &Account) {
    let orders = account.container("/city");
    let response = orders
        .batch("Lyon")
        .create(&order("1", 1))
        .read("1")
        .content_response(false)
        .send()
        .unwrap();
    let [created, read] = response.results() else { panic!("{response:?}") };
    assert!(created.etag().is_some());
    if account.emulator.is_some() {
        assert!(created.bytes().is_empty());
    }
    assert_eq!(read.item::<Value>().unwrap()["total"], 1);
}

fn a_batch_on_a_hierarchical_key_needs_all_of_it(account: &Account) {
    let orders = account.container(["/tenant", "/user"]);
    let item = json!({ "id": "1", "tenant": "t", "user": "u" });
    orders.batch(("t", "u")).create(&item).send().unwrap();
    let error = orders.batch("t").create(&item).send().unwrap_err();
    assert!(error.to_string().contains("has 1 of the 2 values"), "{error}");
}

fn two_megabytes_are_a_batch(account: &Account) {
    let orders = account.container("/city");
    let item =
        |id: &str, bytes: usize| json!({ "id": id, "city": "Lyon", "text": "x".repeat(bytes) });
    let batch = |bytes: usize| {
        orders
            .batch("Lyon")
            .upsert(&item("1", 1_000_000))
            .upsert(&item("2", bytes))
            .content_response(false)
    };
    batch(1_090_000).send().unwrap();
    let error = batch(1_098_000).send().unwrap_err();
    assert_eq!(error.kind(), cosmosdb::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("2097152"), "{error}");
}

fn an_answer_of_more_than_four_megabytes_is_refused(account: &Account) {
    let orders = account.container("/city");
    for n in 0..3 {
        let item = json!({ "id": n.to_string(), "city": "Lyon", "text": "x".repeat(1_900_000) });
        orders.create_item(&item).content_response(false).send().unwrap();
    }
    let reads = |count: usize| {
        (0..count).fold(orders.batch("Lyon").create(&order("new", 1)), |batch, n| {
            batch.read(&(n % 3).to_string())
        })
    };
    let error = reads(6).send().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (413, Some(3402)));
    assert!(orders.read_item("new", "Lyon").send().optional().unwrap().is_none());
    assert_eq!(reads(2).send().unwrap().results().len(), 3);
}
