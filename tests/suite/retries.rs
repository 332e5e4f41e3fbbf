//! Throttling and broken connections, on a clock that the test moves.

use std::time::Duration;

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{Mock, TransportError, TransportErrorKind};
use cosmosdb::{Container, CosmosClient, ErrorKind, RetryOptions};
use serde_json::json;

struct Setup {
    mock: Mock,
    clock: VirtualClock,
    container: Container,
}

fn setup_with(options: RetryOptions) -> Setup {
    let (mock, clock) = (Mock::new(), VirtualClock::new());
    let client = CosmosClient::builder("https://localhost:1/")
        .key("c2VjcmV0")
        .transport(mock.clone())
        .clock(clock.clone())
        .retry(options)
        .build()
        .unwrap();
    Setup { mock, clock, container: client.database("db").container("c") }
}

fn setup() -> Setup {
    setup_with(RetryOptions::new())
}

impl Setup {
    fn throttle(&self, times: usize, retry_after_ms: &str) {
        for _ in 0..times {
            let response = http::Response::builder()
                .status(429)
                .header("x-ms-substatus", "3200")
                .header("x-ms-retry-after-ms", retry_after_ms)
                .body(Vec::new())
                .unwrap();
            self.mock.respond_with(response);
        }
    }

    fn fail(&self, times: usize, kind: TransportErrorKind, sent: bool) {
        for _ in 0..times {
            self.mock.fail(if sent {
                TransportError::maybe_sent(kind, "broken")
            } else {
                TransportError::not_sent(kind, "broken")
            });
        }
    }
}

#[test]
fn a_throttled_call_waits_as_long_as_it_is_told() {
    let setup = setup();
    setup.throttle(3, "250.5");
    setup.mock.respond_json(200, &json!({ "id": "1" }));
    let response = setup.container.read_item("1", 1).send().unwrap();
    assert_eq!(setup.clock.monotonic(), Duration::from_millis(3 * 251));
    assert_eq!(response.throttling(), (3, Duration::from_millis(753)));
    assert_eq!(response.headers()["x-ms-throttle-retry-count"], "3");
    assert_eq!(response.headers()["x-ms-throttle-retry-wait-time-ms"], "753");
    let attempts = response.diagnostics().attempts();
    assert_eq!(attempts.len(), 4);
    assert_eq!(attempts[0].retried_because, Some("throttled"));
    assert_eq!(attempts[0].waited, Duration::from_millis(251));
}

#[test]
fn after_nine_retries_the_throttling_is_the_callers() {
    let setup = setup();
    setup.throttle(20, "10");
    let error =
        setup.container.create_item(&json!({ "id": "1" })).partition_key(1).send().unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!(error.sub_status(), Some(3200));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(10)));
    assert_eq!(setup.mock.requests().len(), 10);
    let headers = error.headers().unwrap();
    assert_eq!(headers["x-ms-throttle-retry-count"], "9");
    assert_eq!(headers["x-ms-throttle-retry-wait-time-ms"], "90");
}

#[test]
fn no_more_than_thirty_seconds_are_waited_in_all() {
    let setup = setup();
    setup.throttle(20, "8000");
    assert!(setup.container.read_item("1", 1).send().unwrap_err().is_throttled());
    assert_eq!(setup.mock.requests().len(), 4);
    assert_eq!(setup.clock.monotonic(), Duration::from_secs(24));
}

#[test]
fn a_fixed_interval_wins_over_the_services() {
    let setup = setup_with(
        RetryOptions::new()
            .fixed_throttle_interval(Duration::from_millis(5))
            .max_throttle_retries(2),
    );
    setup.throttle(20, "8000");
    assert!(setup.container.read_item("1", 1).send().unwrap_err().is_throttled());
    assert_eq!(setup.clock.monotonic(), Duration::from_millis(10));
}

#[test]
fn nothing_sleeps_past_the_end_of_the_call() {
    let setup = setup();
    setup.throttle(20, "400");
    let error =
        setup.container.read_item("1", 1).timeout(Duration::from_secs(1)).send().unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!(setup.clock.monotonic(), Duration::from_millis(800));
}

#[test]
fn a_request_that_was_not_sent_is_sent_again() {
    for kind in
        [TransportErrorKind::Resolve, TransportErrorKind::Connect, TransportErrorKind::Timeout]
    {
        let setup = setup();
        setup.fail(2, kind, false);
        setup.mock.respond_json(201, &json!({ "id": "1" }));
        setup.container.create_item(&json!({ "id": "1" })).partition_key(1).send().unwrap();
        assert_eq!(setup.mock.requests().len(), 3, "{kind:?}");
        assert_eq!(setup.clock.monotonic(), Duration::from_millis(500));
    }
}

#[test]
fn a_read_is_repeated_when_its_answer_is_lost_and_a_write_is_not() {
    let setup = setup();
    setup.fail(1, TransportErrorKind::Broken, true);
    setup.mock.respond_json(200, &json!({ "id": "1" }));
    setup.container.read_item("1", 1).send().unwrap();
    assert_eq!(setup.mock.requests().len(), 2);

    let setup = self::setup();
    setup.fail(2, TransportErrorKind::Broken, true);
    let error =
        setup.container.upsert_item(&json!({ "id": "1" })).partition_key(1).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.may_have_been_applied());
    assert!(error.to_string().contains("may have been carried out"), "{error}");
    assert_eq!(setup.mock.requests().len(), 1);
}

#[test]
fn an_untrusted_certificate_is_not_tried_again() {
    let setup = setup();
    setup.fail(2, TransportErrorKind::Tls, false);
    let error = setup.container.read_item("1", 1).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(setup.mock.requests().len(), 1);
}

#[test]
fn every_attempt_is_signed_afresh_and_carries_one_activity_id() {
    let retried = setup_with(RetryOptions::new().max_throttle_wait(Duration::from_secs(100)));
    retried.throttle(1, "50000");
    retried.mock.respond_json(200, &json!({ "id": "1" }));
    let response = retried.container.read_item("1", 1).send().unwrap();
    let requests = retried.mock.requests();
    assert_ne!(requests[0].headers()["x-ms-date"], requests[1].headers()["x-ms-date"]);
    assert_ne!(requests[0].headers()["authorization"], requests[1].headers()["authorization"]);
    assert_eq!(
        requests[0].headers()["x-ms-activity-id"],
        requests[1].headers()["x-ms-activity-id"]
    );
    assert_eq!(response.diagnostics().activity_id(), requests[0].headers()["x-ms-activity-id"]);
}
