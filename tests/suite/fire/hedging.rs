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

#[test]
fn x07_what_the_account_says_of_hedging_holds_from_the_next_refresh_until_it_says_otherwise() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = hedging(&account, SOON);
    let gate = slow(&account, "read_item", EAST);
    let refreshed = |says: Option<bool>| {
        let mut state = account.state();
        match says {
            Some(forbidden) => state.properties["disableCrossRegionalHedging"] = json!(forbidden),
            None => drop(
                state.properties.as_object_mut().unwrap().remove("disableCrossRegionalHedging"),
            ),
        }
        drop(state);
        account.clock.advance(Duration::from_secs(301));
        // Any operation reads the account again when it is old; this one may be hedged.
        items.read_item("1", "1").excluded_regions([EAST]).send().unwrap();
        account.clear_log();
    };
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"], "it is hedged");
    refreshed(Some(true));
    for says in [Some(true), None] {
        refreshed(says);
        std::thread::scope(|scope| {
            let read = scope.spawn(|| items.read_item("1", "1").send().unwrap());
            gate.open();
            assert_eq!(read.join().unwrap().diagnostics().regions(), [EAST], "{says:?}");
        });
        gate.close();
    }
    refreshed(Some(false));
    account.clear_log();
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"], "it is hedged again");
    gate.open();
}

/// A client that hedges metadata after `threshold`, and items never.
fn hedging_metadata(account: &Account, threshold: Duration) -> Container {
    let options = HedgingOptions::new().threshold(NEVER).metadata_threshold(threshold);
    let client = account.client(|it| it.preferred_regions([EAST, WEST, NORTH]).hedging(options));
    client.connect().unwrap();
    client.database("db").container("c")
}

#[test]
fn x09_a_container_and_its_ranges_are_read_elsewhere_where_the_first_region_is_slow() {
    let account = Account::new([EAST, WEST, NORTH]);
    let items = hedging_metadata(&account, SOON);
    let gates = [slow(&account, "read_container", EAST), slow(&account, "read_pkranges", EAST)];
    items.read().send().unwrap();
    assert_eq!(account.log("read_container"), ["West US 200"]);
    assert_eq!(items.feed_ranges().unwrap().len(), 4);
    assert_eq!(
        account.log("read_pkranges"),
        ["West US 200", "West US 304"],
        "the same region to the end"
    );
    let etags = account.entries("read_pkranges");
    let etags: Vec<_> = etags.iter().map(|it| it.headers.get("if-none-match").cloned()).collect();
    assert_eq!(etags, [None, Some("\"West US\"".parse().unwrap())]);
    gates.iter().for_each(Gate::open);
}

#[test]
fn x09_metadata_that_comes_in_time_or_of_a_client_without_hedging_is_asked_for_once() {
    let account = Account::new([EAST, WEST]);
    for items in [hedging_metadata(&account, NEVER), account.preferring([EAST])] {
        account.clear_log();
        items.read().send().unwrap();
        items.feed_ranges().unwrap();
        assert_eq!(account.log("read_container"), ["East US 200"]);
        assert_eq!(account.log("read_pkranges"), ["East US 200", "East US 304"]);
    }
}

/// The etag is the first region's; when another one answers, its feed is read from the beginning.
#[test]
fn x09_an_etag_is_shown_to_no_other_region_twice() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    items.feed_ranges().unwrap();
    account.clear_log();
    account.state().regions.get_mut(EAST).unwrap().is_down = true;
    assert_eq!(items.feed_ranges().unwrap().len(), 4);
    let log = account.entries("read_pkranges");
    let at_west = log.iter().filter(|it| it.region == WEST);
    let etags: Vec<_> = at_west
        .map(|it| it.headers.get("if-none-match").map_or("-", |it| it.to_str().unwrap()))
        .collect();
    assert_eq!(etags, ["\"East US\"", "-", "\"West US\""]);
    account.clear_log();
    account.state().regions.get_mut(EAST).unwrap().is_down = false;
    items.feed_ranges().unwrap();
    assert_eq!(account.log("read_pkranges"), ["West US 304"], "it goes on where it was read");
}

#[test]
fn x09_only_so_many_second_requests_for_metadata_are_under_way_at_once() {
    let account = Account::new([EAST, WEST]);
    let items = hedging_metadata(&account, SOON);
    let east = slow(&account, "read_container", EAST);
    let west = slow(&account, "read_container", WEST);
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..40).map(|_| scope.spawn(|| items.read().send().unwrap())).collect();
        west.wait_for(32);
        // All others have only the first region to wait for.
        east.open();
        readers.into_iter().for_each(|it| drop(it.join().unwrap()));
    });
    assert_eq!(west.came(), 32);
    west.open();
}
