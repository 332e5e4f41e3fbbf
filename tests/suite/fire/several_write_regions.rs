//! M: accounts with several write regions.

use std::time::Duration;

use cosmosdb::Container;
use serde_json::{Value, json};

use super::account::{Account, EAST, WEST};
use super::fault::Fault;

fn upsert(items: &Container) -> cosmosdb::Result<cosmosdb::Response> {
    items.upsert_item(&json!({ "id": "1", "pk": "1" })).partition_key("1").send()
}

#[test]
fn m01_writes_stay_in_the_first_preferred_region() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    for _ in 0..5 {
        upsert(&items).unwrap();
    }
    assert_eq!((account.count("upsert_item", WEST), account.count("upsert_item", EAST)), (5, 0));
}

#[test]
fn m01_without_the_option_writes_go_to_the_hub() {
    let account = Account::multi_write([EAST, WEST]);
    upsert(&account.container(|it| it.preferred_regions([WEST]))).unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 200"]);
}

#[test]
fn m02_a_region_that_refuses_connections_is_left_by_writes() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    account.state().regions.get_mut(WEST).unwrap().is_down = true;
    upsert(&items).unwrap();
    let read: Value = items.read_item("1", "1").send().unwrap().item().unwrap();
    assert_eq!(read["id"], "1");
    assert_eq!(account.log("upsert_item"), ["West US Connect", "West US Connect", "East US 200"]);
    assert_eq!(
        account.log("read_item"),
        ["East US 200"],
        "what failed for a write is left by reads"
    );
    assert!(account.elapsed() < Duration::from_secs(6));
}

#[test]
fn m03_a_region_whose_writes_are_revoked_is_left_by_writes_and_read_on() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    account.state().takes_writes = vec![EAST];
    for _ in 0..6 {
        upsert(&items).unwrap();
    }
    assert_eq!((account.count("upsert_item", WEST), account.count("upsert_item", EAST)), (1, 6));
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200"]);
}

#[test]
fn m04_what_was_written_in_one_region_is_read_there_when_another_lags() {
    let account = Account::multi_write([EAST, WEST]);
    {
        let mut state = account.state();
        let lsn = state.container.lsn;
        state.regions.get_mut(EAST).unwrap().frozen_at = Some(lsn);
    }
    let token = upsert(&account.preferring([WEST])).unwrap().session_token().unwrap().to_owned();
    let reader = account.preferring([EAST]);
    reader.read_item("1", "1").session_token(&token).send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 404/1002", "West US 200"]);
}

#[test]
fn m05_a_503_is_repeated_in_the_other_region() {
    let account = Account::multi_write([EAST, WEST]);
    account.fault(Fault::status("upsert_item", 503, 0).at(WEST));
    upsert(&account.preferring([WEST, EAST])).unwrap();
    assert_eq!(account.log("upsert_item"), ["West US 503", "East US 200"]);
}

#[test]
fn m06_writes_leave_a_drained_region() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    account.state().regions.get_mut(WEST).unwrap().is_drained = true;
    for _ in 0..3 {
        upsert(&items).unwrap();
    }
    assert_eq!(account.count("upsert_item", WEST), 1);
}

#[test]
fn m07_the_account_switches_between_one_and_several_write_regions() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    upsert(&items).unwrap();
    {
        let mut state = account.state();
        (state.writable, state.takes_writes) = (vec![EAST, WEST], vec![EAST, WEST]);
        state.properties["enableMultipleWriteLocations"] = json!(true);
    }
    account.clock.advance(Duration::from_secs(301));
    upsert(&items).unwrap();
    {
        let mut state = account.state();
        (state.writable, state.takes_writes) = (vec![EAST], vec![EAST]);
        state.properties["enableMultipleWriteLocations"] = json!(false);
    }
    upsert(&items).unwrap();
    items.read_item("1", "1").send().unwrap();
    assert_eq!(
        account.log("upsert_item"),
        ["East US 200", "West US 200", "West US 403/3", "East US 200"]
    );
}

#[test]
fn m08_excluded_regions_bind_writes_too() {
    let account = Account::multi_write([EAST, WEST]);
    let items = account.preferring([WEST, EAST]);
    account.state().regions.get_mut(WEST).unwrap().is_down = true;
    let item = json!({ "id": "1", "pk": "1" });
    let write = items.upsert_item(&item).partition_key("1").excluded_regions([EAST]);
    assert!(write.send().is_err());
    assert_eq!(account.count("upsert_item", EAST), 0);
}
