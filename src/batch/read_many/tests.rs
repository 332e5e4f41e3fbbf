//! Reads of many items against a scripted service: which requests they become, and what ends them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::batch::fake::{Answer, Fake, answer_json, body_of, header_of};
use crate::clock::Clock;
use crate::transport::Request;

/// Serves a container that holds the items `0` to `999` with the key `city {n % 20}`: point reads, and any query by
/// looking up the ids among its parameters.
fn serve(fake: &Fake, request: &Request) -> Answer {
    if request.method() == "GET" {
        let id = request.uri().path().rsplit('/').next().unwrap();
        let found = id.parse::<usize>().is_ok_and(|n| n < 1000);
        return if found { charged(200, &item(id)) } else { charged(404, &Value::Null) };
    }
    let range = header_of(request, "x-ms-documentdb-partitionkeyrangeid");
    if !range.is_empty() && !fake.has_range(range) {
        return answer_json(410, &json!({ "code": "Gone", "message": "it was split" }));
    }
    let body = body_of(request);
    let values = body["parameters"].as_array().unwrap().iter();
    let ids: Vec<&str> = values
        .filter_map(|it| it["value"].as_str())
        .filter(|it| it.parse::<usize>().is_ok_and(|n| n < 1000))
        .collect();
    // Pages of ten, the last items first.
    let skip: usize = header_of(request, "x-ms-continuation").parse().unwrap_or(0);
    let page: Vec<Value> = ids.iter().rev().skip(skip).take(10).map(|it| item(it)).collect();
    let mut response = charged(200, &json!({ "Documents": page, "_count": page.len() }))?;
    if skip + 10 < ids.len() {
        let next = (skip + 10).to_string();
        response.headers_mut().insert("x-ms-continuation", next.parse().unwrap());
    }
    Ok(response)
}

fn charged(status: u16, body: &Value) -> Answer {
    let mut response = answer_json(status, body)?;
    response.headers_mut().insert("x-ms-request-charge", "2".parse().unwrap());
    Ok(response)
}

fn item(id: &str) -> Value {
    json!({ "id": id, "city": city(id.parse().unwrap()) })
}

fn city(n: usize) -> String {
    format!("city {}", n % 20)
}

fn wanted(numbers: impl IntoIterator<Item = usize>) -> Vec<(String, String)> {
    numbers.into_iter().map(|n| (n.to_string(), city(n))).collect()
}

fn numbers(response: &ReadManyResponse<Value>) -> Vec<Option<usize>> {
    let number = |it: &Value| it["id"].as_str().unwrap().parse().unwrap();
    response.items().iter().map(|it| it.as_ref().map(number)).collect()
}

fn container(points: &[&str]) -> (Fake, Container) {
    let fake = Fake::new(&["/city"], points);
    let its = fake.clone();
    let container = fake.container(move |request| serve(&its, request));
    (fake, container)
}

#[test]
fn items_come_in_the_order_in_which_they_were_asked_for() {
    for threads in [1, 8] {
        let (fake, orders) = container(&["10", "20", "30"]);
        let asked: Vec<usize> = (0..300).map(|n| n * 37 % 1100).chain([5, 5]).collect();
        let response = orders
            .read_many(wanted(asked.clone()))
            .max_concurrency(threads)
            .send::<Value>()
            .unwrap();
        let expected: Vec<_> = asked.iter().map(|n| (*n < 1000).then_some(*n)).collect();
        assert_eq!(numbers(&response), expected);
        let requests = fake.requests().len();
        assert_eq!(response.diagnostics().len(), requests);
        assert_eq!(response.request_charge(), 2.0 * requests as f64);
    }
}

#[test]
fn an_item_that_is_alone_is_read_and_several_of_one_key_are_queried_by_it() {
    let (fake, orders) = container(&[]);
    let response = orders.read_many(wanted([7])).send::<Value>().unwrap();
    assert_eq!(numbers(&response), [Some(7)]);
    assert_eq!(orders.read_many([("5000", "x")]).send::<Value>().unwrap().items(), [None]);
    orders.read_many([("1", "city 1"), ("21", "city 1")]).send::<Value>().unwrap();
    orders.read_many([("1", "city 1"), ("2", "city 2")]).send::<Value>().unwrap();
    let requests = fake.requests();
    let [read, missing, of_key, of_range] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((read.method().as_str(), missing.method().as_str()), ("GET", "GET"));
    assert_eq!(header_of(of_key, "x-ms-documentdb-partitionkey"), r#"["city 1"]"#);
    assert_eq!(header_of(of_range, "x-ms-documentdb-partitionkeyrangeid"), "0");
    assert_eq!(header_of(of_range, "x-ms-documentdb-isquery"), "True");
}

#[test]
fn nothing_is_asked_where_nothing_is_wanted() {
    let (fake, orders) = container(&[]);
    let response = orders.read_many(wanted([])).send::<Value>().unwrap();
    assert!(response.items().is_empty() && fake.requests().is_empty());
}

#[test]
fn a_query_asks_for_no_more_than_a_thousand() {
    let (fake, orders) = container(&[]);
    // Ids that do not exist, so that no query has a second page.
    let asked = (1000..3500).map(|n| (n.to_string(), city(n)));
    let response = orders.read_many(asked).send::<Value>().unwrap();
    assert!(response.items().iter().all(Option::is_none));
    assert_eq!(response.request_charge(), 6.0, "what is not found is paid for too");
    let mut sizes: Vec<usize> = fake
        .requests()
        .iter()
        .map(|it| body_of(it)["parameters"].as_array().unwrap().len() - 20)
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [500, 1000, 1000]);
}

#[test]
fn ranges_that_split_are_followed() {
    let fake = Fake::new(&["/city"], &["20"]);
    let (its, turn) = (fake.clone(), AtomicUsize::new(0));
    let orders = fake.container(move |request| {
        match turn.fetch_add(1, Ordering::SeqCst) {
            0 => its.split("0", "10"),
            3 => its.split("1", "30"),
            _ => {}
        }
        serve(&its, request)
    });
    let response = orders.read_many(wanted(0..200)).max_concurrency(1).send::<Value>().unwrap();
    assert!(numbers(&response).into_iter().eq((0..200).map(Some)));
}

#[test]
fn failures_end_the_call() {
    let fake = Fake::new(&["/city"], &[]);
    let orders = fake.container(|_| charged(410, &json!({ "code": "Gone", "message": "again" })));
    let error = orders.read_many(wanted([1, 2])).send::<Value>().unwrap_err();
    assert_eq!(error.status().unwrap(), 410);
    assert_eq!(error.headers().unwrap()["x-ms-request-charge"], "2");
    assert_eq!(error.request_charge(), 2.0);
    assert_eq!(fake.requests().len(), 11);

    let (fake, orders) = container(&[]);
    for (read, expected) in [
        (orders.read_many([("a/b", "x")]), "not allowed"),
        (orders.read_many([("a", f64::NAN)]), "not a finite number"),
        (orders.read_many([("a", ("x", "y"))]), "has 2 of the 1 values"),
        (orders.read_many([("a", "x")]).throughput_bucket(0), "not one of 1 to 5"),
        (orders.read_many([("1", "x")]).timeout(Duration::ZERO), "time"),
    ] {
        let error = read.send::<Value>().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(fake.requests().is_empty());
    let error = orders.read_many(wanted([1, 2])).send::<u32>().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Json);
}

#[test]
fn one_budget_of_time_is_for_all_requests() {
    let fake = Fake::new(&["/city"], &[]);
    let (its, clock) = (fake.clone(), fake.clock.clone());
    let orders = fake.container(move |request| {
        clock.advance(Duration::from_secs(2));
        serve(&its, request)
    });
    let error = orders
        .read_many(wanted(0..100))
        .timeout(Duration::from_secs(5))
        .send::<Value>()
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(fake.clock.monotonic() <= Duration::from_secs(6));
}
