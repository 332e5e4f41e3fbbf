//! Batches against a scripted service: the request, the results, and what is sent again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::batch::fake::{Fake, answer_json, body_of, header_of};
use crate::clock::Clock;
use crate::transport::{TransportError, TransportErrorKind};

/// A container whose service answers everything with this.
fn answering(status: u16, body: Value) -> (Fake, Container) {
    let fake = Fake::new(&["/city"], &[]);
    let container = fake.container(move |_| answer_json(status, &body));
    (fake, container)
}

fn order(id: &str) -> Value {
    json!({ "id": id, "city": "Lyon" })
}

#[test]
fn a_batch_is_one_request_with_its_operations_in_order() {
    let results = json!([{ "statusCode": 201, "requestCharge": 5.0, "resourceBody": order("1") }]);
    let (fake, orders) = answering(200, results);
    let response = orders
        .batch("Lyon")
        .create(&order("1"))
        .upsert(&order("2"))
        .operation(BatchOperation::replace("3", &order("3")).if_match("\"a\""))
        .operation(BatchOperation::read("4").if_none_match("\"b\""))
        .delete("5")
        .patch("6", Patch::new().incr("/n", 1))
        .send()
        .unwrap();
    assert_eq!(response.results()[0].item::<Value>().unwrap(), order("1"));

    let [request] = &fake.requests()[..] else { panic!("{:?}", fake.requests()) };
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/dbs/db/colls/c/docs"));
    for (name, value) in [
        ("x-ms-cosmos-is-batch-request", "True"),
        ("x-ms-cosmos-batch-atomic", "True"),
        ("x-ms-cosmos-batch-continue-on-error", "False"),
        ("x-ms-documentdb-partitionkey", r#"["Lyon"]"#),
        ("content-type", "application/json"),
        ("prefer", ""),
    ] {
        assert_eq!(header_of(request, name), value, "{name}");
    }
    let patch = json!({ "operations": [{ "op": "incr", "path": "/n", "value": 1 }] });
    assert_eq!(
        body_of(request),
        json!([
            { "operationType": "Create", "resourceBody": order("1") },
            { "operationType": "Upsert", "resourceBody": order("2") },
            { "operationType": "Replace", "id": "3", "ifMatch": "\"a\"", "resourceBody": order("3") },
            { "operationType": "Read", "id": "4", "ifNoneMatch": "\"b\"" },
            { "operationType": "Delete", "id": "5" },
            { "operationType": "Patch", "id": "6", "resourceBody": patch },
        ])
    );
}

#[test]
fn results_of_writes_can_be_without_items() {
    let (fake, orders) = answering(200, json!([]));
    orders.batch("Lyon").create(&order("1")).read("1").content_response(false).send().unwrap();
    assert_eq!(
        body_of(&fake.requests()[0]),
        json!([
            { "operationType": "Create", "minimalReturnPreference": true, "resourceBody": order("1") },
            { "operationType": "Read", "id": "1" },
        ])
    );
}

#[test]
fn a_failed_batch_is_an_error_that_keeps_the_results() {
    let results = json!([{ "statusCode": 424 }, { "statusCode": 412, "subStatusCode": 1110 }]);
    let (_, orders) = answering(207, results);
    let error = orders.batch("Lyon").create(&order("1")).delete("2").send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
    assert_eq!(error.sub_status(), Some(1110));
    let statuses: Vec<_> =
        error.batch_results().unwrap().iter().map(|it| it.status().as_u16()).collect();
    assert_eq!(statuses, [424, 412]);
}

#[test]
fn a_throttled_batch_is_sent_again() {
    let fake = Fake::new(&["/city"], &[]);
    let calls = AtomicUsize::new(0);
    let orders = fake.container(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => answer_json(
            207,
            &json!([{ "statusCode": 429, "subStatusCode": 3200, "retryAfterMilliseconds": 40 }]),
        ),
        _ => answer_json(200, &json!([{ "statusCode": 201 }])),
    });
    let response = orders.batch("Lyon").create(&order("1")).send().unwrap();
    assert_eq!(response.throttling(), (1, Duration::from_millis(40)));
    assert_eq!(fake.clock.monotonic(), Duration::from_millis(40));
}

#[test]
fn what_the_first_batch_had_to_read_of_the_container_is_told_with_it() {
    let fake = Fake::new(&["/city"], &[]);
    let orders = fake.container(|_| answer_json(200, &json!([{ "statusCode": 201 }])));
    for reads in [1, 0] {
        let response = orders.batch("Lyon").create(&order("1")).send().unwrap();
        assert_eq!(response.diagnostics().metadata().len(), reads);
        assert_eq!(response.diagnostics().attempts().len(), 1);
    }
}

#[test]
fn a_batch_whose_answer_is_lost_is_not_sent_again() {
    let fake = Fake::new(&["/city"], &[]);
    let orders = fake
        .container(|_| Err(TransportError::maybe_sent(TransportErrorKind::Broken, "it broke off")));
    let error = orders.batch("Lyon").create(&order("1")).send().unwrap_err();
    assert!(error.may_have_been_applied());
    let error = orders.patch_item("1", "Lyon", Patch::new().incr("/n", 1)).send().unwrap_err();
    assert!(error.may_have_been_applied());
    assert_eq!(fake.requests().len(), 2);
    assert_eq!(header_of(&fake.requests()[1], "content-type"), "application/json_patch+json");
    assert_eq!(fake.requests()[1].method(), "PATCH");
}

#[test]
fn a_batch_is_sent_again_in_doubt_only_where_the_batch_itself_allows_it() {
    let client_allows = crate::RetryOptions::new().retry_writes(true);
    for (allowed, requests) in [(None, 1), (Some(false), 1), (Some(true), 2)] {
        let fake = Fake::new(&["/city"], &[]);
        let sent = AtomicUsize::new(0);
        let orders = fake.container_with(client_allows.clone(), move |_| {
            match sent.fetch_add(1, Ordering::SeqCst) {
                0 => Err(TransportError::maybe_sent(TransportErrorKind::Broken, "it broke off")),
                _ => answer_json(409, &json!({})),
            }
        });
        let batch = orders.batch("Lyon").create(&order("1")).set(allowed, Batch::retry_writes);
        let error = batch.send().unwrap_err();
        assert!(error.may_have_been_applied(), "{error}");
        assert_eq!(error.is_conflict(), requests == 2, "{error}");
        assert_eq!(fake.requests().len(), requests, "{allowed:?}");
    }
}

#[test]
fn what_the_service_would_refuse_is_refused_before_it_is_sent() {
    let (fake, orders) = answering(200, json!([]));
    let large = json!({ "id": "1", "city": "Lyon", "text": "x".repeat(1_100_000) });
    let batch = || orders.batch("Lyon");
    for (batch, expected) in [
        (batch(), "has 0 operations"),
        ((0..101).fold(batch(), |batch, n| batch.read(&n.to_string())), "has 101 operations"),
        (batch().create(&large).upsert(&large), "bytes of JSON"),
        (
            batch().create(&json!({ "city": "Lyon" })),
            "operation 0 of the batch is invalid: the item has no id",
        ),
        (batch().read("1").replace("2", &order("3")), "operation 1 of the batch is invalid"),
        (batch().delete("a/b"), "not allowed"),
        (batch().patch("1", Patch::new()), "has 0 operations"),
        (batch().operation(BatchOperation::create(&order("1")).if_match("e")), "has no if_match"),
        (batch().operation(BatchOperation::delete("1").if_none_match("e")), "has no if_none_match"),
        (batch().read("1").throughput_bucket(6), "not one of 1 to 5"),
        (orders.batch(("Lyon", "ana")).read("1"), "has 2 of the 1 values"),
        (orders.batch(f64::NAN).read("1"), "not a finite number"),
    ] {
        let error = batch.send().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn an_answer_that_is_no_list_of_results_is_an_error() {
    let (_, orders) = answering(200, json!({ "id": "1" }));
    let error = orders.batch("Lyon").read("1").send().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Json);
}

#[test]
fn deleting_by_key_goes_to_the_operation_of_the_container() {
    let (fake, orders) = answering(200, Value::Null);
    orders.delete_all_items("Lyon").send().unwrap();
    let [request] = &fake.requests()[..] else { panic!("{:?}", fake.requests()) };
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().path(), "/dbs/db/colls/c/operations/partitionkeydelete");
    assert_eq!(header_of(request, "x-ms-documentdb-partitionkey"), r#"["Lyon"]"#);
    assert!(request.body().is_empty());
}
