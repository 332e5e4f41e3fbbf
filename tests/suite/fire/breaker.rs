//! B: the circuit breaker of partitions.

use std::time::Duration;

use cosmosdb::{CircuitBreakerOptions, Container};
use serde_json::json;

use super::account::{Account, EAST, WEST};
use super::fault::Fault;

fn guarded(account: &Account) -> Container {
    account.container(|it| {
        it.preferred_regions([EAST, WEST])
            .multiple_write_locations(true)
            .circuit_breaker(CircuitBreakerOptions::new())
    })
}

/// Keys of two different ranges of four.
const KEYS: (&str, &str) = ("p", "p1");

#[test]
fn b01_a_partition_that_fails_in_a_region_is_read_elsewhere() {
    let account = Account::new([EAST, WEST]);
    account.seed(KEYS.0, 1);
    account.fault(Fault::status("read_item", 503, 0).at(EAST).of("/p"));
    let items = guarded(&account);
    for _ in 0..40 {
        items.read_item(KEYS.0, KEYS.0).send().unwrap();
    }
    assert_eq!((account.count("read_item", EAST), account.count("read_item", WEST)), (10, 40));
}

#[test]
fn b02_other_partitions_are_read_on() {
    let account = Account::new([EAST, WEST]);
    account.seed(KEYS.0, 1);
    account.seed(KEYS.1, 1);
    account.fault(Fault::status("read_item", 503, 0).at(EAST).of("/p"));
    let items = guarded(&account);
    for _ in 0..12 {
        items.read_item(KEYS.0, KEYS.0).send().unwrap();
    }
    account.clear_log();
    for _ in 0..5 {
        items.read_item(KEYS.1, KEYS.1).send().unwrap();
    }
    assert_eq!(account.count("read_item", EAST), 5);
}

#[test]
fn b03_the_region_is_used_again_after_one_request_worked_there() {
    let account = Account::new([EAST, WEST]);
    account.seed(KEYS.0, 1);
    account.fault(Fault::status("read_item", 503, 0).at(EAST).times(11));
    let items = guarded(&account);
    let read = || items.read_item(KEYS.0, KEYS.0).send().unwrap();
    (0..12).for_each(|_| drop(read()));
    account.clock.advance(Duration::from_secs(5));
    account.clear_log();
    read();
    read();
    assert_eq!(account.log("read_item"), ["East US 503", "West US 200", "West US 200"]);
    account.clock.advance(Duration::from_secs(10));
    account.clear_log();
    read();
    read();
    assert_eq!(account.log("read_item"), ["East US 200", "East US 200"]);
}

#[test]
fn b04_writes_trip_too_where_several_regions_take_them() {
    let account = Account::multi_write([EAST, WEST]);
    account.fault(Fault::status("upsert_item", 503, 0).at(EAST));
    let items = guarded(&account);
    for _ in 0..25 {
        items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    }
    assert_eq!((account.count("upsert_item", EAST), account.count("upsert_item", WEST)), (5, 25));
}

#[test]
fn without_the_option_nothing_is_counted() {
    let account = Account::new([EAST, WEST]);
    account.seed(KEYS.0, 1);
    account.fault(Fault::status("read_item", 503, 0).at(EAST));
    let items = account.preferring([EAST]);
    for _ in 0..12 {
        items.read_item(KEYS.0, KEYS.0).send().unwrap();
    }
    assert_eq!(account.count("read_item", EAST), 12);
    assert!(account.entries("read_pkranges").is_empty());
}
