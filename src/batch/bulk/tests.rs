//! Bulks against a scripted service: what travels together, what is sent again, and what each operation comes to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::batch::Patch;
use crate::batch::fake::{Answer, Fake, answer_json, body_of, header_of};
use crate::clock::Clock;
use crate::transport::{Request, TransportError, TransportErrorKind};

/// The points that divide the space into ten.
const TENTHS: [&str; 9] = ["06", "0C", "12", "18", "1E", "24", "2A", "30", "36"];

/// Items by id and key, with how often each was written.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<HashMap<(String, String), u32>>>);

impl Store {
    /// How often the item of [`order`] with this id was written.
    fn count(&self, id: &str) -> u32 {
        let key = format!("[\"city {}\"]", id.parse::<usize>().unwrap() % 50);
        self.0.lock().unwrap().get(&(id.to_owned(), key)).copied().unwrap_or(0)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Carries out the operations of a request as the service does; `refuse` is asked about each first.
    fn serve(
        &self,
        fake: &Fake,
        request: &Request,
        refuse: impl Fn(usize) -> Option<Value>,
    ) -> Answer {
        let range = header_of(request, "x-ms-documentdb-partitionkeyrangeid");
        if !fake.has_range(range) {
            return gone();
        }
        let results: Vec<Value> = body_of(request)
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(position, operation)| {
                refuse(position).unwrap_or_else(|| self.apply(fake, range, operation))
            })
            .collect();
        let status =
            if results.iter().all(|it| it["statusCode"].as_u64() < Some(300)) { 200 } else { 207 };
        let mut response = answer_json(status, &Value::from(results))?;
        response.headers_mut().insert("x-ms-request-charge", "10.5".parse().unwrap());
        Ok(response)
    }

    fn apply(&self, fake: &Fake, range: &str, operation: &Value) -> Value {
        let key = operation["partitionKey"].as_str().unwrap();
        if fake.range_of(key) != range {
            return json!({ "statusCode": 410, "subStatusCode": 1002 });
        }
        let id = operation["id"].as_str().or(operation["resourceBody"]["id"].as_str()).unwrap();
        let mut items = self.0.lock().unwrap();
        let place = (id.to_owned(), key.to_owned());
        match operation["operationType"].as_str().unwrap() {
            "Create" if items.contains_key(&place) => json!({ "statusCode": 409 }),
            "Create" | "Upsert" => {
                *items.entry(place).or_default() += 1;
                json!({ "statusCode": 201, "requestCharge": 5.5, "eTag": "\"e\"" })
            }
            "Read" if items.contains_key(&place) => {
                json!({ "statusCode": 200, "resourceBody": { "id": id } })
            }
            _ => json!({ "statusCode": 404 }),
        }
    }
}

fn gone() -> Answer {
    let mut response = answer_json(410, &json!({ "code": "Gone", "message": "it was split" }))?;
    response.headers_mut().insert("x-ms-substatus", "1002".parse().unwrap());
    Ok(response)
}

fn lost() -> Answer {
    Err(TransportError::maybe_sent(TransportErrorKind::Broken, "it broke off"))
}

fn throttled() -> Value {
    json!({ "statusCode": 429, "subStatusCode": 3200, "retryAfterMilliseconds": 30 })
}

fn order(n: usize) -> Value {
    json!({ "id": n.to_string(), "city": format!("city {}", n % 50) })
}

fn creates(count: usize) -> impl Iterator<Item = BulkOperation> {
    (0..count).map(|n| BulkOperation::create(&order(n)))
}

/// A container of ten ranges on a store.
fn container(
    serve: impl Fn(&Store, &Fake, &Request) -> Answer + Send + Sync + 'static,
) -> (Fake, Store, Container) {
    let (fake, store) = (Fake::new(&["/city"], &TENTHS), Store::default());
    let (its_fake, its_store) = (fake.clone(), store.clone());
    let container = fake.container(move |request| serve(&its_store, &its_fake, request));
    (fake, store, container)
}

fn plain() -> (Fake, Store, Container) {
    container(|store, fake, request| store.serve(fake, request, |_| None))
}

#[test]
fn each_operation_has_one_result_and_travels_with_others_of_its_range() {
    for threads in [1, 8] {
        let (fake, store, orders) = plain();
        let mut results = orders.bulk().max_concurrency(threads).send(creates(5000)).unwrap();
        let mut seen: Vec<usize> = results.by_ref().map(|it| it.index()).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..5000));
        assert_eq!(store.len(), 5000);

        let requests = fake.requests();
        assert!(requests.len() < 100, "{} requests", requests.len());
        for request in &requests {
            let range = header_of(request, "x-ms-documentdb-partitionkeyrangeid");
            let operations = body_of(request);
            let operations = operations.as_array().unwrap();
            assert!(operations.len() <= 100);
            let key = |it: &Value| it["partitionKey"].as_str().unwrap().to_owned();
            assert!(operations.iter().all(|it| fake.range_of(&key(it)) == range));
        }
        for (name, value) in [
            ("x-ms-cosmos-is-batch-request", "True"),
            ("x-ms-cosmos-batch-atomic", "False"),
            ("x-ms-cosmos-batch-continue-on-error", "True"),
            ("x-ms-documentdb-partitionkey", ""),
            ("prefer", ""),
        ] {
            assert_eq!(header_of(&requests[0], name), value, "{name}");
        }
        let totals = results.totals();
        assert_eq!((totals.operations, totals.failed, totals.retried), (5000, 0, 0));
        assert_eq!(totals.requests, requests.len() as u64);
        assert!((totals.request_charge - 10.5 * requests.len() as f64).abs() < 0.001);
    }
}

#[test]
fn large_items_travel_in_smaller_company() {
    let (fake, _, orders) = plain();
    let text = "x".repeat(100_000);
    let operations = (0..10)
        .map(|n| BulkOperation::upsert(&json!({ "id": n.to_string(), "city": 1, "text": text })));
    assert!(orders.bulk().send(operations).unwrap().all(|it| it.is_success()));
    assert_eq!(fake.requests().len(), 5);
    let huge =
        BulkOperation::upsert(&json!({ "id": "1", "city": 1, "text": "x".repeat(1_000_000) }));
    assert!(orders.bulk().send([huge]).unwrap().all(|it| it.is_success()));
}

#[test]
fn an_operation_fails_for_itself() {
    let (_, _, orders) = plain();
    let operations = vec![
        BulkOperation::create(&order(1)),
        BulkOperation::create(&order(1)),
        BulkOperation::read("1", "city 1"),
        BulkOperation::delete("2", "nowhere"),
        BulkOperation::create(&json!({ "city": "no id" })),
        BulkOperation::read("1", ("too", "many")),
        BulkOperation::patch("1", "city 1", Patch::new()),
        BulkOperation::create(&order(9)).if_match("e"),
    ];
    let mut results: Vec<BulkResult> = orders.bulk().send(operations).unwrap().collect();
    results.sort_by_key(BulkResult::index);
    assert_eq!(results[0].status().unwrap(), 201);
    let taken = results[1].error().unwrap();
    assert!(taken.is_conflict() && !taken.may_have_been_applied());
    assert_eq!(taken.to_string(), r#"409: create item "1": Conflict"#);
    assert_eq!(results[2].outcome().unwrap().item::<Value>().unwrap()["id"], "1");
    assert!(results[3].error().unwrap().is_not_found());
    assert_eq!(results[3].id(), "2");
    for (index, expected) in
        [(4, "no id"), (5, "has 2 of the 1 values"), (6, "has 0 operations"), (7, "no if_match")]
    {
        let error = results[index].error().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn throttled_operations_wait_as_they_are_told_and_get_through() {
    let turn = AtomicUsize::new(0);
    let (fake, store, orders) = container(move |store, fake, request| {
        let is_first = turn.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        store.serve(fake, request, |position| (is_first && position > 10).then(throttled))
    });
    let mut results = orders.bulk().max_concurrency(1).send(creates(2000)).unwrap();
    assert!(results.all(|it| it.is_success()));
    assert_eq!(store.len(), 2000);
    let totals = results.totals();
    assert!(totals.throttled > 100 && totals.throttled == totals.retried, "{totals:?}");
    assert!(fake.clock.monotonic() >= Duration::from_millis(30));
    assert_eq!(totals.elapsed, fake.clock.monotonic());
}

#[test]
fn a_range_that_is_throttled_for_good_fails_its_own_operations_only() {
    let (fake, _, orders) = container(|store, fake, request| {
        match header_of(request, "x-ms-documentdb-partitionkeyrangeid") {
            "3" => {
                let mut response = answer_json(429, &json!({ "code": "429", "message": "slow" }))?;
                response.headers_mut().insert("x-ms-retry-after-ms", "5".parse().unwrap());
                Ok(response)
            }
            _ => store.serve(fake, request, |_| None),
        }
    });
    let results: Vec<BulkResult> = orders.bulk().send(creates(1000)).unwrap().collect();
    let failed: Vec<_> = results.iter().filter_map(BulkResult::error).collect();
    assert!(!failed.is_empty() && failed.len() < 500);
    assert!(failed.iter().all(|it| it.is_throttled()));
    let to_3 = fake
        .requests()
        .iter()
        .filter(|it| header_of(it, "x-ms-documentdb-partitionkeyrangeid") == "3")
        .count();
    assert!((10..=60).contains(&to_3), "{to_3} requests");
}

#[test]
fn nothing_is_lost_or_doubled_when_ranges_split() {
    for threads in [1, 8] {
        let turn = AtomicUsize::new(0);
        let (fake, store, orders) = container(move |store, fake, request| {
            match turn.fetch_add(1, Ordering::SeqCst) {
                5 => fake.split("0", "03"),
                6 => fake.split("4", "1A"),
                20 => fake.split("13", "1C"),
                _ => {}
            }
            store.serve(fake, request, |_| None)
        });
        let mut results = orders.bulk().max_concurrency(threads).send(creates(4_000)).unwrap();
        let failed: Vec<_> = results.by_ref().filter(|it| !it.is_success()).collect();
        assert!(failed.is_empty(), "{:?}", failed[0]);
        assert_eq!(store.len(), 4_000);
        assert!((0..4_000).all(|n| store.count(&n.to_string()) == 1));
        assert!(results.totals().retried > 0);
        assert!(fake.has_range("14"));
    }
}

#[test]
fn writes_whose_answer_is_lost_are_reported_and_reads_are_sent_again() {
    let (_, store, orders) = container({
        let turn = AtomicUsize::new(0);
        move |store, fake, request| {
            let answer = store.serve(fake, request, |_| None);
            if turn.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) { lost() } else { answer }
        }
    });
    for result in orders.bulk().send(creates(1000)).unwrap() {
        if let Some(error) = result.error() {
            assert!(error.may_have_been_applied(), "{error}");
        }
    }
    assert_eq!(store.len(), 1000);
    assert!((0..1000).all(|n| store.count(&n.to_string()) == 1));
    let reads = (0..1000).map(|n| BulkOperation::read(&n.to_string(), format!("city {}", n % 50)));
    // One after the other, so that a read which is sent again meets the other half of the turns.
    assert!(orders.bulk().max_concurrency(1).send(reads).unwrap().all(|it| it.is_success()));
}

#[test]
fn every_acknowledged_item_is_there_once_whatever_happens() {
    let random = AtomicU64::new(1);
    let roll = move |sides: u64| {
        let state = random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        ((state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % sides
    };
    let splits = AtomicUsize::new(0);
    let (_, store, orders) = container(move |store, fake, request| {
        if splits.fetch_add(1, Ordering::SeqCst) == 40 {
            fake.split("7", "2C");
        }
        match roll(40) {
            0 => return lost(),
            1 => {
                let _ = store.serve(fake, request, |_| None);
                return lost();
            }
            2 => return answer_json(429, &json!({ "code": "429", "message": "slow" })),
            _ => {}
        }
        store.serve(fake, request, |_| match roll(20) {
            0 => Some(throttled()),
            1 => Some(json!({ "statusCode": 449 })),
            _ => None,
        })
    });
    let mut acknowledged = 0;
    let mut seen = vec![false; 10_000];
    for result in orders.bulk().send(creates(10_000)).unwrap() {
        assert!(!std::mem::replace(&mut seen[result.index()], true), "one result each");
        let count = store.count(result.id());
        match result.error() {
            None => {
                acknowledged += 1;
                assert_eq!(count, 1);
            }
            Some(error) => assert!(count <= 1 && (count == 0 || error.may_have_been_applied())),
        }
    }
    assert!(seen.into_iter().all(|it| it));
    assert!(acknowledged > 5_000, "{acknowledged}");
}

#[test]
fn an_endless_input_is_taken_as_far_as_there_is_room() {
    let (_, store, orders) = plain();
    let endless = (0..).map(|n| BulkOperation::create(&order(n)));
    let mut results = orders.bulk().max_concurrency(4).send(endless).unwrap();
    for _ in 0..10 {
        assert!(results.next().unwrap().is_success());
    }
    let bound = 100 * (2 * 4 + 10);
    assert!(results.taken() <= bound + 10, "{}", results.taken());
    results.stop();
    let taken = results.taken();
    assert_eq!(results.by_ref().count(), taken - 10);
    assert_eq!(store.len(), taken);
    assert_eq!(results.next().map(|it| it.index()), None);
}

#[test]
fn operations_of_a_slow_input_are_sent_as_they_come() {
    let (fake, _, orders) = plain();
    let slow = creates(50).enumerate().map(move |(n, operation)| {
        // Twice it may have been chance.
        assert!(n < 2 || fake.requests().len() >= n - 1, "operation {n}");
        fake.clock.sleep(Duration::from_millis(5));
        operation
    });
    assert_eq!(orders.bulk().max_concurrency(1).send(slow).unwrap().count(), 50);
}

#[test]
fn what_was_seen_before_it_was_dropped_was_done() {
    let (fake, store, orders) = plain();
    let mut results = orders.bulk().send(creates(100_000)).unwrap();
    let seen: Vec<BulkResult> = results.by_ref().take(500).collect();
    let taken = results.taken();
    drop(results);
    let requests = fake.requests().len();
    assert!(seen.iter().all(|it| store.count(it.id()) == 1));
    assert!(store.len() <= taken);
    assert_eq!(fake.requests().len(), requests, "nothing is sent after it was dropped");
}

#[test]
fn operations_that_an_answer_had_no_room_for_are_sent_again() {
    let (fake, store, orders) = container(|store, fake, request| {
        store.serve(fake, request, |position| {
            (position >= 7).then(|| json!({ "statusCode": 413, "subStatusCode": 3402 }))
        })
    });
    assert!(orders.bulk().max_concurrency(2).send(creates(500)).unwrap().all(|it| it.is_success()));
    assert_eq!(store.len(), 500);
    assert!(fake.requests().len() < 150, "{} requests", fake.requests().len());
}

#[test]
fn a_container_that_was_made_anew_is_learnt_anew() {
    let turn = AtomicUsize::new(0);
    let (_, store, orders) = container(move |store, fake, request| {
        if turn.fetch_add(1, Ordering::SeqCst) == 2 {
            fake.recreate(&["/id"]);
            return answer_json(410, &json!({ "code": "Gone", "message": "stale" })).map(
                |mut it| {
                    it.headers_mut().insert("x-ms-substatus", "1000".parse().unwrap());
                    it
                },
            );
        }
        store.serve(fake, request, |_| None)
    });
    let results = orders.bulk().max_concurrency(1).send(creates(1000)).unwrap();
    assert!(results.into_iter().all(|it| it.is_success()));
    let keys =
        store.0.lock().unwrap().keys().filter(|it| it.1 == format!("[\"{}\"]", it.0)).count();
    assert!(keys > 500, "{keys} items have their id for a key");
}

#[test]
fn invalid_options_and_unreadable_containers_are_errors_of_send() {
    let (_, _, orders) = plain();
    assert!(orders.bulk().throughput_bucket(9).send([]).is_err());
    assert_eq!(orders.bulk().send([]).unwrap().count(), 0);
    let elsewhere = orders.database().container("other");
    assert!(elsewhere.bulk().send(creates(1)).is_err());
}

#[test]
fn results_can_be_taken_in_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let (_, _, orders) = plain();
    let results = orders.bulk().send(creates(10).collect::<Vec<_>>()).unwrap();
    is_send(&results);
    let progress = results.progress();
    assert_eq!(std::thread::spawn(move || results.count()).join().unwrap(), 10);
    assert_eq!(progress.totals().operations, 10);
}
