//! T: throttling, and writes that collide.

use std::time::Duration;

use cosmosdb::RetryOptions;
use serde_json::json;

use super::account::{Account, EAST, WEST};
use super::fault::Fault;

#[test]
fn t01_the_service_says_how_long_to_wait() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    account.fault(Fault::throttle("read_item", "60").times(3));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(
        account.log("read_item"),
        ["East US 429/3200", "East US 429/3200", "East US 429/3200", "East US 200"]
    );
    assert_eq!(account.elapsed(), Duration::from_millis(180));
}

#[test]
fn t02_throttling_without_end_is_the_callers() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::throttle("read_item", "5"));
    let error = account.preferring([EAST]).read_item("1", "1").send().unwrap_err();
    assert!(error.is_throttled());
    assert_eq!(account.count("read_item", EAST), 10);
}

#[test]
fn t03_without_a_wait_the_client_backs_off_by_itself() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    account.fault(Fault::status("read_item", 429, 3200).times(4));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.entries("read_item").len(), 5);
    assert!(account.elapsed() > Duration::from_secs(1), "{:?}", account.elapsed());
}

#[test]
fn t05_metadata_is_throttled_like_the_rest() {
    let account = Account::new([EAST]);
    account.fault(Fault::throttle("read_container", "10").times(2));
    account.preferring([EAST]).upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(account.entries("read_container").len(), 3);
}

#[test]
fn t07_the_caller_may_do_the_waiting() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::throttle("read_item", "10"));
    for options in [RetryOptions::none(), RetryOptions::new().max_throttle_retries(0)] {
        account.clear_log();
        let items = account.container(|it| it.retry(options));
        assert!(items.read_item("1", "1").send().unwrap_err().is_throttled());
        assert_eq!(account.entries("read_item").len(), 1);
    }
}

#[test]
fn t08_a_full_replication_queue_is_throttling() {
    let account = Account::new([EAST]);
    account.fault(Fault::status("upsert_item", 429, 3075).times(2));
    account.preferring([EAST]).upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 429/3075", "East US 429/3075", "East US 200"]);
}

#[test]
fn t09_a_write_that_collides_is_repeated_in_its_region() {
    let account = Account::multi_write([EAST, WEST]);
    account.fault(Fault::status("create_item", 449, 0).times(3));
    account.preferring([EAST]).create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(
        account.log("create_item"),
        ["East US 449", "East US 449", "East US 449", "East US 201"]
    );
    assert_eq!(account.versions("1"), 1);
    let entries = account.entries("create_item");
    assert!(!entries[0].headers.contains_key("x-ms-noretry-449"));
    assert_eq!(entries[3].headers["x-ms-noretry-449"], "true");
}

#[test]
fn t10_a_write_that_collides_without_end_is_the_callers() {
    let account = Account::new([EAST]);
    account.fault(Fault::status("upsert_item", 449, 0));
    let items = account.preferring([EAST]);
    let error = items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 449);
    assert!(account.entries("upsert_item").len() <= 60);
    assert!(account.elapsed() <= Duration::from_secs(30));
    assert!(!error.may_have_been_applied());
}
