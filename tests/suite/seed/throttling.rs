//! Throttling: how often, how long, and what is told of it.

use std::time::Duration;

use cosmosdb::{Container, EmulatorOperation, FaultRule, RetryOptions};
use serde_json::json;

use super::wire::Seed;

const MS: Duration = Duration::from_millis(1);

/// An account that throttles writes, so often and for so long.
fn throttled(options: RetryOptions, times: u64, wait: Duration) -> (Seed, Container) {
    let seed = Seed::of(|it| it, |it| it.retry(options));
    let items = seed.container("/pk");
    let rule = FaultRule::throttle(wait).operation(EmulatorOperation::CreateItem);
    seed.emulator.fault(rule.times(times));
    (seed, items)
}

fn create(items: &Container) -> cosmosdb::Result<cosmosdb::Response> {
    items.create_item(&json!({ "id": "1", "pk": "a" })).send()
}

#[test]
fn s14a_a_throttled_request_waits_as_it_is_told_and_gives_up_after_nine_retries() {
    let (seed, items) = throttled(RetryOptions::new(), 3, 120 * MS);
    assert_eq!(create(&items).unwrap().status(), 201);
    assert_eq!((seed.wire.take().len(), seed.elapsed()), (4, 360 * MS));

    let (seed, items) = throttled(RetryOptions::new(), 100, 120 * MS);
    let error = create(&items).unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!((seed.wire.take().len(), seed.elapsed()), (10, 9 * 120 * MS));

    let (seed, items) = throttled(RetryOptions::new().max_throttle_retries(2), 100, 120 * MS);
    assert!(create(&items).unwrap_err().is_throttled());
    assert_eq!(seed.wire.take().len(), 3);
}

#[test]
fn s14b_a_fixed_interval_takes_the_place_of_the_services() {
    let options = RetryOptions::new().fixed_throttle_interval(30 * MS);
    let (seed, items) = throttled(options, 4, Duration::from_secs(5));
    create(&items).unwrap();
    assert_eq!(seed.elapsed(), 4 * 30 * MS);
    assert_eq!(RetryOptions::new().fixed_throttle_interval, None);
}

#[test]
fn s14c_after_thirty_seconds_of_waiting_the_throttling_is_the_callers() {
    let (seed, items) = throttled(RetryOptions::new(), 100, Duration::from_secs(11));
    let error = create(&items).unwrap_err();
    assert!(error.is_throttled());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(11)));
    assert!(seed.elapsed() <= Duration::from_secs(30), "{:?}", seed.elapsed());
    assert_eq!(seed.wire.take().len(), 3, "a third wait would end after 33 s");

    let options = RetryOptions::new().max_throttle_wait(Duration::from_secs(5));
    let (seed, items) = throttled(options, 100, Duration::from_secs(2));
    assert!(create(&items).unwrap_err().is_throttled());
    assert_eq!(seed.elapsed(), Duration::from_secs(4));
}

#[test]
fn s15_every_answer_tells_its_retries_also_the_last_error() {
    let count = "x-ms-throttle-retry-count";
    let wait = "x-ms-throttle-retry-wait-time-ms";
    for (times, expected) in [(0, ("0", "0")), (3, ("3", "300"))] {
        let (_, items) = throttled(RetryOptions::new(), times, 100 * MS);
        let response = create(&items).unwrap();
        let told = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!((told(count), told(wait)), expected);
        let (retries, waited) = response.throttling();
        assert_eq!((retries, waited), (times as u32, 100 * MS * retries));
    }
    let (_, items) = throttled(RetryOptions::new(), 100, 100 * MS);
    let error = create(&items).unwrap_err();
    let headers = error.headers().unwrap();
    assert_eq!((&headers[count], &headers[wait]), (&"9".parse().unwrap(), &"900".parse().unwrap()));
}

#[test]
fn s16_retries_are_an_option_of_the_client() {
    let options = RetryOptions::new();
    assert_eq!(options.max_throttle_retries, 9);
    assert_eq!(options.max_throttle_wait, Duration::from_secs(30));
    let (seed, items) = throttled(RetryOptions::none(), 1, 100 * MS);
    assert!(create(&items).unwrap_err().is_throttled());
    assert_eq!(seed.wire.take().len(), 1);
}
