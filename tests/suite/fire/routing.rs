//! R: which region is asked, and how much metadata that takes.

use cosmosdb::clock::Clock;
use cosmosdb::transport::TransportErrorKind;
use serde_json::{Value, json};

use super::account::{Account, EAST, GLOBAL, NORTH, WEST};
use super::fault::{Effect, Fault};

#[test]
fn r01_reads_go_to_the_first_preferred_region_and_writes_to_the_write_region() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    items.upsert_item(&json!({ "id": "1", "pk": "1", "n": 1 })).send().unwrap();
    for _ in 0..5 {
        items.read_item("1", "1").send().unwrap();
    }
    assert_eq!((account.count("upsert_item", EAST), account.count("upsert_item", WEST)), (1, 0));
    assert_eq!((account.count("read_item", EAST), account.count("read_item", WEST)), (0, 5));
    assert_eq!(account.count("*", GLOBAL), account.count("read_account", GLOBAL));
}

#[test]
fn r02_and_r03_nothing_but_the_reads_is_sent_once_the_client_is_warm() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    account.clear_log();
    for _ in 0..50 {
        items.read_item("1", "1").send().unwrap();
    }
    assert_eq!(account.entries("*").len(), 50);
    assert_eq!(account.count("read_item", EAST), 50);
}

#[test]
fn r04_cold_reads_at_the_same_moment_share_what_they_need() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                items.read_item("1", "1").send().unwrap();
                items.upsert_item(&json!({ "id": "2", "pk": "2" })).send().unwrap();
            });
        }
    });
    assert_eq!(account.entries("read_item").len(), 24);
    assert_eq!(account.entries("read_account").len(), 1);
    assert_eq!(account.entries("read_container").len(), 1);
}

#[test]
fn r05_unknown_preferred_regions_are_passed_over() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.preferring(["Mars North", "west-us"]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"]);
}

#[test]
fn r06_a_call_excludes_regions_of_its_own() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.seed("1", 1);
    let items = account.preferring([WEST, NORTH, EAST]);
    items.read_item("1", "1").excluded_regions(["west us"]).send().unwrap();
    assert_eq!(account.log("read_item"), ["North Europe 200"]);
}

#[test]
fn r06_the_list_of_a_call_replaces_the_clients() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.seed("1", 1);
    let items =
        account.container(|it| it.preferred_regions([WEST, NORTH, EAST]).excluded_regions([WEST]));
    items.read_item("1", "1").send().unwrap();
    items.read_item("1", "1").excluded_regions([NORTH]).send().unwrap();
    items.read_item("1", "1").excluded_regions(Vec::<String>::new()).send().unwrap();
    assert_eq!(account.log("read_item"), ["North Europe 200", "West US 200", "West US 200"]);
}

#[test]
fn r07_with_every_region_excluded_the_hub_is_asked_at_its_own_address() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    items.read_item("1", "1").excluded_regions([EAST, WEST]).send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 200"]);
}

#[test]
fn r12_an_account_that_cannot_be_read_twice_at_the_start_delays_the_first_call_only() {
    let account = Account::new([EAST]);
    account.fault(Fault::status("read_account", 503, 0).times(2));
    let items = account.preferring([EAST]);
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(account.log("read_account"), ["global 503", "global 503", "global 200"]);
    assert_eq!(account.elapsed().as_millis(), 1000);
}

#[test]
fn r14_a_wrong_key_is_refused_at_once() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("*", 401, 0));
    let items = account.preferring([WEST]);
    let error = items.read_item("1", "1").send().unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert!(account.entries("*").len() <= 2);
    items.read_item("1", "1").send().unwrap_err();
    assert_eq!(account.entries("read_account").len(), 1, "what was refused is not asked each time");
}

#[test]
fn x01_the_account_is_read_again_when_it_is_old_and_a_failed_refresh_changes_nothing() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    let read = || items.read_item("1", "1").send().unwrap();
    read();
    account.clock.advance(std::time::Duration::from_secs(299));
    read();
    assert_eq!(account.entries("read_account").len(), 1);
    account.clock.advance(std::time::Duration::from_secs(2));
    read();
    read();
    assert_eq!(account.entries("read_account").len(), 2);
    account.fault(Fault::status("read_account", 500, 0));
    account.clock.advance(std::time::Duration::from_secs(301));
    account.clear_log();
    read();
    read();
    assert_eq!(account.log("read_item"), ["West US 200", "West US 200"]);
    assert!(account.entries("read_account").len() <= 3, "one round over all endpoints");
}

#[test]
fn x02_a_region_that_is_added_is_used_after_the_next_refresh_in_the_order_of_preference() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.state().readable = vec![EAST, WEST];
    account.seed("1", 1);
    let items = account.preferring([NORTH, WEST]);
    items.read_item("1", "1").send().unwrap();
    account.state().readable = vec![EAST, WEST, NORTH];
    items.read_item("1", "1").send().unwrap();
    account.clock.advance(std::time::Duration::from_secs(301));
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200", "West US 200", "North Europe 200"]);
}

#[test]
fn x10_the_regional_hosts_tell_the_regions_when_the_global_one_is_down() {
    let account = Account::new([EAST, WEST]);
    account.state().global_is_down = true;
    account.seed("1", 1);
    account.preferring(["Mars", WEST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"]);
    assert_eq!(account.count("read_account", GLOBAL), 4, "three retries, 500 ms apart");
    assert_eq!(account.elapsed().as_millis(), 1500);
}

#[test]
fn x10_backup_endpoints_stand_in_for_the_global_one() {
    let account = Account::new([EAST, WEST]);
    account.state().global_is_down = true;
    account.seed("1", 1);
    let items =
        account.container(|it| it.backup_endpoints(["https://acct-westus.documents.test/"]));
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 200"]);
    assert_eq!(account.count("read_account", WEST), 1);
}

#[test]
fn without_discovery_everything_goes_to_the_endpoint_given() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.container(|it| it.endpoint_discovery(false).preferred_regions([WEST]));
    account.fault(Fault::status("read_item", 503, 0).times(1));
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("*"), ["global 503", "global 200"]);
}

#[test]
fn metadata_for_a_call_is_not_asked_of_the_regions_that_the_call_excludes() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    let item = json!({ "id": "1", "pk": "1" });
    items.upsert_item(&item).excluded_regions([WEST]).send().unwrap();
    assert_eq!(account.log("read_container"), ["East US 200"]);
}

#[test]
fn metadata_comes_from_excluded_regions_where_nothing_else_is_left() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST]);
    account
        .fault(Fault::on("read_container", Effect::Refuse(TransportErrorKind::Connect)).at(WEST));
    let item = json!({ "id": "1", "pk": "1" });
    items.upsert_item(&item).excluded_regions([EAST]).send().unwrap();
    assert_eq!(account.count("read_container", EAST), 1);
    let stored: Value = items.read_item("1", "1").send().unwrap().item().unwrap();
    assert_eq!(stored["id"], "1");
    assert!(account.clock.monotonic().is_zero());
}
