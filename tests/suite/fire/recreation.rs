//! G: containers that are not what the client thinks.

use serde_json::{Value, json};

use super::account::{Account, ContainerState, EAST, WEST};
use super::fault::Fault;

fn item(id: &str) -> Value {
    json!({ "id": id, "pk": id, "other": "x" })
}

#[test]
fn g01_a_container_made_again_under_its_name_is_used_on() {
    let account = Account::new([EAST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item("1")).send().unwrap();
    account.state().container = ContainerState::new("rid2", "/pk", 4);
    account.clear_log();
    let error = items.read_item("1", "1").send().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (404, None));
    items.upsert_item(&item("1")).send().unwrap();
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.log("*")[..3], ["East US 400/1024", "East US 200", "East US 404"]);
    assert_eq!(account.entries("*").len(), 5);
}

#[test]
fn g03_old_session_tokens_are_not_applied_to_the_new_container() {
    for knows_the_rid in [true, false] {
        let account = Account::new([EAST]);
        let (old, other) = (account.preferring([EAST]), account.preferring([EAST]));
        for _ in 0..5 {
            let write = old.upsert_item(&item("1"));
            let write = if knows_the_rid { write } else { write.partition_key("1") };
            write.send().unwrap();
        }
        account.state().container = ContainerState::new("rid2", "/pk", 4);
        other.upsert_item(&item("1")).send().unwrap();
        old.read_item("1", "1").send().unwrap();
        assert_eq!(old.session_token().unwrap(), "0:1#11");
        account.clear_log();
        old.read_item("1", "1").send().unwrap();
        assert_eq!(account.log("*"), ["East US 200"]);
    }
}

#[test]
fn g04_writes_follow_the_new_partition_key_definition() {
    let account = Account::new([EAST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item("1")).send().unwrap();
    account.state().container = ContainerState::new("rid2", "/other", 4);
    items.upsert_item(&item("1")).send().unwrap();
    items.read_item("1", "x").send().unwrap();
    assert_eq!(account.log("upsert_item"), ["East US 200", "East US 400/1024", "East US 200"]);
    let last = &account.entries("upsert_item")[2].headers;
    assert_eq!(last["x-ms-documentdb-partitionkey"], r#"["x"]"#);
    assert_eq!(last["x-ms-cosmos-intended-collection-rid"], "rid2");
}

#[test]
fn g05_a_stale_name_is_looked_up_once() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    account.fault(Fault::status("read_item", 410, 1000).times(1));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 410/1000", "East US 200"]);
    assert_eq!(account.entries("read_container").len(), 1);
}

#[test]
fn g06_a_name_that_stays_stale_is_the_callers() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("read_item", 410, 1000));
    let error = account.preferring([EAST]).read_item("1", "1").send().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (410, Some(1000)));
    assert_eq!(account.entries("read_item").len(), 2);
}

#[test]
fn g07_a_range_that_is_gone_costs_one_request() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    account.fault(Fault::status("read_item", 410, 1002).times(1));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 410/1002", "East US 200"]);
    assert!(account.elapsed().is_zero());
}

#[test]
fn g08_splits_and_migrations_that_are_completing_are_waited_for() {
    for sub_status in [1007, 1008] {
        let account = Account::new([EAST]);
        account.seed("1", 1);
        let items = account.preferring([EAST]);
        account.fault(Fault::status("read_item", 410, sub_status).times(2));
        account.fault(Fault::status("upsert_item", 410, sub_status).times(2));
        items.read_item("1", "1").send().unwrap();
        items.upsert_item(&item("1")).send().unwrap();
        assert_eq!(account.elapsed().as_millis(), 2 * 1500);
        assert_eq!(account.versions("1"), 2);
    }
}

#[test]
fn g09_a_partition_key_that_does_not_match_is_the_callers_after_one_look() {
    let account = Account::new([EAST]);
    let items = account.preferring([EAST]);
    account.fault(Fault::status("upsert_item", 400, 1001));
    assert_eq!(items.upsert_item(&item("1")).send().unwrap_err().status().unwrap(), 400);
    assert_eq!(account.entries("upsert_item").len(), 2);
    account.clear_log();
    items.upsert_item(&item("1")).partition_key("1").send().unwrap_err();
    assert_eq!(account.entries("*").len(), 1, "a key that was given cannot be found anew");
}

#[test]
fn g10_a_container_that_is_gone_is_a_404() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item("1")).send().unwrap();
    account.fault(Fault::status("read_item", 404, 1003));
    account.clear_log();
    assert!(items.read_item("1", "1").send().unwrap_err().is_not_found());
    assert_eq!(account.entries("*").len(), 1);
    assert_eq!(items.session_token(), None);
}
