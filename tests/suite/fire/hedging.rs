//! H: a second region is asked when the first is slow. What is slow here waits until the test opens a gate.

use std::time::Duration;

use cosmosdb::{CircuitBreakerOptions, Container, HedgingOptions};
use serde_json::json;

use super::account::{Account, EAST, NORTH, WEST};
use super::fault::{Effect, Fault, Gate};

/// So long that nothing is hedged, or so short that everything slow is.
const NEVER: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_millis(1);

fn hedging(account: &Account, threshold: Duration) -> Container {
    let options = HedgingOptions::new().threshold(threshold).step(NEVER);
    let client = account.client(|it| {
        it.preferred_regions([EAST, WEST, NORTH])
            .multiple_write_locations(true)
            .circuit_breaker(CircuitBreakerOptions::new())
            .hedging(options)
    });
    client.connect().unwrap();
    client.database("db").container("c")
}

/// Reads of items in the region wait for the gate.
fn slow(account: &Account, operation: &'static str, region: &'static str) -> Gate {
    let gate = Gate::default();
    account.fault(Fault::on(operation, Effect::Wait(gate.clone())).at(region));
    gate
}

#[test]
fn h01_a_slow_region_is_overtaken_by_another() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    let gate = slow(&account, "read_item", EAST);
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"], "East has not answered yet");
    gate.open();
}

#[test]
fn h02_a_fast_region_is_asked_alone() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, NEVER);
    for _ in 0..10 {
        items.read_item("1", "1").send().unwrap();
    }
    assert_eq!((account.count("read_item", EAST), account.count("read_item", WEST)), (10, 0));
}

#[test]
fn h03_writes_are_never_asked_twice() {
    for account in [Account::new([EAST, WEST]), Account::multi_write([EAST, WEST])] {
        let items = hedging(&account, Duration::ZERO);
        items.create_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
        assert_eq!(account.log("create_item"), ["East US 201"]);
    }
}

#[test]
fn h04_the_first_answer_counts() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    let (east, west) = (slow(&account, "read_item", EAST), slow(&account, "read_item", WEST));
    std::thread::scope(|scope| {
        let read = scope.spawn(|| items.read_item("1", "1").send().unwrap());
        west.open();
        let answer = read.join().unwrap();
        assert_eq!(answer.diagnostics().regions(), [WEST]);
        east.open();
    });
}

#[test]
fn h05_an_account_can_forbid_it() {
    let account = Account::new([EAST, WEST]);
    account.state().properties["disableCrossRegionalHedging"] = json!(true);
    account.seed("1", 1);
    let items = hedging(&account, Duration::ZERO);
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 200"]);
}

#[test]
fn h06_a_first_region_that_fails_late_does_not_spoil_the_answer() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    let gate = slow(&account, "read_item", EAST);
    account.state().regions.get_mut(EAST).unwrap().is_down = true;
    let answer = items.read_item("1", "1").send().unwrap();
    assert_eq!(answer.diagnostics().regions(), [WEST]);
    gate.open();
}

#[test]
fn h07_excluded_regions_are_not_asked() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    let gate = slow(&account, "read_item", EAST);
    items.read_item("1", "1").excluded_regions([WEST]).send().unwrap();
    assert_eq!(account.log("read_item"), ["North Europe 200"]);
    gate.open();
}

#[test]
fn a_final_error_counts_as_an_answer() {
    let account = Account::new([EAST, WEST]);
    let items = hedging(&account, SOON);
    let gate = slow(&account, "read_item", EAST);
    assert!(items.read_item("1", "1").send().unwrap_err().is_not_found());
    assert_eq!(account.log("read_item"), ["West US 404"]);
    gate.open();
}

#[test]
fn a_call_says_for_itself_whether_it_is_hedged() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, NEVER);
    let gate = slow(&account, "read_item", EAST);
    items.read_item("1", "1").hedging(HedgingOptions::new().threshold(SOON)).send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"]);
    gate.open();

    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, Duration::ZERO);
    items.read_item("1", "1").hedging(None).send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 200"]);
}

#[test]
fn x08_a_region_that_loses_again_and_again_is_left_by_the_breaker() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    let gate = slow(&account, "read_item", EAST);
    for _ in 0..5 {
        items.read_item("1", "1").send().unwrap();
    }
    account.clear_log();
    items.read_item("1", "1").hedging(None).send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"]);
    gate.open();
}
