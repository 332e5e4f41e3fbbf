//! V: one write region, and regions that come and go.

use std::time::Duration;

use cosmosdb::Container;
use cosmosdb::transport::TransportErrorKind;
use serde_json::{Value, json};

use super::account::{Account, EAST, NORTH, WEST};
use super::fault::{Effect, Fault};

fn upsert(items: &Container) -> cosmosdb::Result<cosmosdb::Response> {
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).partition_key("1").send()
}

fn read(items: &Container) -> cosmosdb::Result<cosmosdb::Response> {
    items.read_item("1", "1").send()
}

fn refused() -> Effect {
    Effect::Refuse(TransportErrorKind::Connect)
}

#[test]
fn v01_a_write_region_that_moved_is_found_by_one_refresh() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    upsert(&items).unwrap();
    {
        let mut state = account.state();
        (state.writable, state.takes_writes) = (vec![WEST], vec![WEST]);
    }
    account.clear_log();
    upsert(&items).unwrap();
    assert_eq!(account.log("*"), ["East US 403/3", "global 200", "West US 200"]);
    for _ in 0..5 {
        upsert(&items).unwrap();
    }
    assert_eq!(account.count("upsert_item", EAST), 1);
}

#[test]
fn v02_while_both_regions_are_advertised_the_one_that_takes_writes_is_found() {
    for is_cold in [false, true] {
        let account = Account::new([EAST, WEST]);
        let items = account.preferring([EAST]);
        if !is_cold {
            upsert(&items).unwrap();
        }
        {
            let mut state = account.state();
            (state.writable, state.takes_writes) = (vec![EAST, WEST], vec![WEST]);
        }
        for _ in 0..4 {
            upsert(&items).unwrap();
        }
        assert_eq!(account.log("upsert_item").last().unwrap(), "West US 200");
        assert!(account.count("upsert_item", EAST) <= 2);
    }
}

#[test]
fn v03_an_announced_failover_changes_nothing_yet() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.state().writable = vec![EAST, WEST];
    upsert(&items).unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 200"]);
}

#[test]
fn v05_a_region_that_refuses_connections_is_tried_once_and_then_left_alone() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    account.fault(Fault::on("read_item", refused()).at(WEST));
    for _ in 0..20 {
        read(&items).unwrap();
    }
    assert_eq!((account.count("read_item", EAST), account.count("read_item", WEST)), (20, 2));
    assert!(account.elapsed() < Duration::from_secs(1));
}

#[test]
fn x05_a_region_that_was_left_alone_is_tried_by_one_request_and_used_when_it_answers() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    account.state().regions.get_mut(WEST).unwrap().is_down = true;
    read(&items).unwrap();
    account.clock.advance(Duration::from_secs(61));
    account.clear_log();
    read(&items).unwrap();
    read(&items).unwrap();
    assert_eq!(account.log("read_item"), ["West US Connect", "East US 200", "East US 200"]);
    account.state().regions.get_mut(WEST).unwrap().is_down = false;
    read(&items).unwrap();
    account.clock.advance(Duration::from_secs(121));
    account.clear_log();
    read(&items).unwrap();
    read(&items).unwrap();
    assert_eq!(account.log("read_item"), ["West US 200", "West US 200"]);
}

#[test]
fn v06_when_the_hub_is_lost_and_another_region_promoted_writes_and_reads_go_on() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    upsert(&items).unwrap();
    {
        let mut state = account.state();
        state.regions.get_mut(EAST).unwrap().is_down = true;
        (state.readable, state.writable, state.takes_writes) = (vec![WEST], vec![WEST], vec![WEST]);
    }
    account.clear_log();
    upsert(&items).unwrap();
    read(&items).unwrap();
    assert!(account.elapsed() < Duration::from_secs(8));
    account.clear_log();
    upsert(&items).unwrap();
    read(&items).unwrap();
    assert_eq!(account.log("*"), ["West US 200", "West US 200"]);
}

#[test]
fn v07_with_all_regions_down_the_call_ends_in_time_and_recovers() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    read(&items).unwrap();
    let set_down = |down| account.state().regions.values_mut().for_each(|it| it.is_down = down);
    set_down(true);
    assert!(read(&items).is_err());
    assert!(upsert(&items).is_err());
    assert!(account.elapsed() < Duration::from_secs(35), "{:?}", account.elapsed());
    set_down(false);
    read(&items).unwrap();
    upsert(&items).unwrap();
}

#[test]
fn v07_a_client_that_starts_in_an_outage_recovers_too() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.state().regions.values_mut().for_each(|it| it.is_down = true);
    let items = account.preferring([WEST]);
    assert!(read(&items).is_err());
    assert!(account.elapsed() < Duration::from_secs(35), "{:?}", account.elapsed());
    account.state().regions.values_mut().for_each(|it| it.is_down = false);
    account.clock.advance(Duration::from_secs(5));
    read(&items).unwrap();
    account.clock.advance(Duration::from_secs(60));
    read(&items).unwrap();
    assert_eq!(account.log("read_item").last().unwrap(), "West US 200");
}

#[test]
fn v08_a_drained_region_is_left_although_it_is_advertised() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    account.state().regions.get_mut(WEST).unwrap().is_drained = true;
    for _ in 0..5 {
        read(&items).unwrap();
    }
    assert_eq!(account.log("read_item").last().unwrap(), "East US 200");
    assert_eq!(account.entries("read_item").len(), 6);
}

#[test]
fn v09_a_removed_region_makes_way_for_the_next_preferred_one() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.seed("1", 1);
    let items = account.preferring([WEST, NORTH, EAST]);
    read(&items).unwrap();
    {
        let mut state = account.state();
        state.regions.get_mut(WEST).unwrap().is_down = true;
        state.readable = vec![EAST, NORTH];
    }
    account.clear_log();
    for _ in 0..6 {
        read(&items).unwrap();
    }
    assert_eq!((account.count("read_item", WEST), account.count("read_item", NORTH)), (2, 6));
}

#[test]
fn v10_and_v11_refusals_everywhere_are_bounded_and_the_callers() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.fault(Fault::status("upsert_item", 403, 3));
    let error = upsert(&items).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (403, Some(3)));
    assert_eq!(account.entries("upsert_item").len(), 6);
    assert!(account.elapsed() < Duration::from_secs(15));

    account.fault(Fault::status("read_item", 403, 1008));
    let error = read(&items).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (403, Some(1008)));
    assert_eq!(account.entries("read_item").len(), 4);
}

#[test]
fn v12_a_plain_403_is_final() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.fault(Fault::status("read_item", 403, 0));
    assert_eq!(read(&items).unwrap_err().status().unwrap(), 403);
    assert_eq!((account.entries("read_item").len(), account.entries("read_account").len()), (1, 1));
}

#[test]
fn v13_metadata_is_taken_from_another_region() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("read_container", 503, 0).at(EAST));
    let items = account.preferring([EAST]);
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(account.log("read_container"), ["East US 503", "West US 200"]);
}

#[test]
fn v15_a_write_that_was_not_sent_waits_for_its_region() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.fault(Fault::on("create_item", refused()).times(3));
    items.create_item(&json!({ "id": "1", "pk": "1" })).partition_key("1").send().unwrap();
    assert_eq!(account.versions("1"), 1);
    assert_eq!(account.count("create_item", WEST), 0);
}

#[test]
fn v16_priorities_below_the_first_change_nothing() {
    let account = Account::new([EAST, WEST, NORTH]);
    let items = account.preferring([WEST]);
    upsert(&items).unwrap();
    account.state().readable = vec![EAST, NORTH, WEST];
    account.clear_log();
    for _ in 0..5 {
        read(&items).unwrap();
    }
    upsert(&items).unwrap();
    assert_eq!(account.count("read_item", WEST), 5);
    assert_eq!(account.entries("*").len(), 6);
}

#[test]
fn a_503_of_the_only_write_region_is_tried_once_more() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST]);
    account.fault(Fault::status("upsert_item", 503, 0).times(2));
    let error = upsert(&items).unwrap_err();
    assert_eq!(error.status().unwrap(), 503);
    assert!(!error.may_have_been_applied());
    upsert(&items).unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 503", "East US 503", "East US 200"]);
}

#[test]
fn a_partition_whose_writes_every_region_refuses_goes_back_to_the_hub() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.state().properties["enablePerPartitionFailoverBehavior"] = json!(true);
    account.state().takes_writes = vec![EAST, WEST];
    account.fault(Fault::status("upsert_item", 503, 0).at(EAST).times(1));
    upsert(&items).unwrap();
    account.fault(Fault::status("upsert_item", 503, 0).times(20));
    upsert(&items).unwrap_err();
    account.state().faults.clear();
    account.clear_log();
    upsert(&items).unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 200"]);
}

#[test]
fn x06_a_partition_fails_over_by_itself_where_the_account_says_so() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    account.state().properties["enablePerPartitionFailoverBehavior"] = json!(true);
    account.state().takes_writes = vec![EAST, WEST];
    account.fault(Fault::status("upsert_item", 503, 0).at(EAST));
    for _ in 0..3 {
        upsert(&items).unwrap();
    }
    let log = account.log("upsert_item");
    assert_eq!(log, ["East US 503", "West US 200", "West US 200", "West US 200"]);
    let stored: Value = read(&items).unwrap().item().unwrap();
    assert_eq!(stored["id"], "1");
}
