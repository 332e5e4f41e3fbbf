//! C: a session reads what it wrote, whatever region answers.

use cosmosdb::{ConsistencyLevel, ReadConsistencyStrategy};
use serde_json::{Value, json};

use super::account::{Account, EAST, NORTH, WEST};
use super::fault::Fault;

fn item(n: i64) -> Value {
    json!({ "id": "1", "pk": "1", "n": n })
}

/// West has nothing of what is written from now on.
fn lagging(account: &Account) {
    let mut state = account.state();
    let lsn = state.container.lsn;
    state.regions.get_mut(WEST).unwrap().frozen_at = Some(lsn);
}

#[test]
fn c01_and_c02_the_hub_answers_what_the_lagging_region_cannot() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST]);
    lagging(&account);
    items.upsert_item(&item(2)).send().unwrap();
    let read: Value = items.read_item("1", "1").send().unwrap().item().unwrap();
    assert_eq!(read["n"], 2);
    assert_eq!(account.log("read_item"), ["West US 404/1002", "East US 200"]);
    let entries = account.entries("read_item");
    assert!(!entries[0].headers.contains_key("x-ms-cosmos-hub-region-processing-only"));
    assert_eq!(entries[1].headers["x-ms-cosmos-hub-region-processing-only"], "True");
    assert_eq!(entries[1].headers["x-ms-session-token"], "0:1#11");
}

#[test]
fn c03_one_answer_that_is_behind_is_hidden() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    account.fault(Fault::status("read_item", 404, 1002).times(1));
    account.preferring([EAST]).read_item("1", "1").send().unwrap();
    assert_eq!(account.log("read_item"), ["East US 404/1002", "East US 200"]);
}

#[test]
fn c04_a_session_that_no_region_has_ends_in_404_1002_and_starts_afresh() {
    let account = Account::new([EAST, WEST]);
    let items = account.preferring([WEST]);
    items.upsert_item(&item(1)).send().unwrap();
    account.fault(Fault::status("read_item", 404, 1002).times(3));
    let error = items.read_item("1", "1").send().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.sub_status()), (404, Some(1002)));
    assert_eq!(account.entries("read_item").len(), 3);
    assert_eq!(items.session_token(), None);
    items.read_item("1", "1").send().unwrap();
    assert!(!account.entries("read_item")[3].headers.contains_key("x-ms-session-token"));
}

#[test]
fn c05_a_plain_404_is_final() {
    let account = Account::new([EAST, WEST]);
    let error = account.preferring([WEST]).read_item("1", "1").send().unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(account.log("read_item"), ["West US 404"]);
}

#[test]
fn c06_a_token_is_handed_from_one_client_to_another() {
    let account = Account::new([EAST, WEST]);
    lagging(&account);
    let writer = account.preferring([EAST]);
    let token = writer.upsert_item(&item(7)).send().unwrap().session_token().unwrap().to_owned();
    for adopts in [false, true] {
        account.clear_log();
        let reader = account.preferring([WEST]);
        let read = reader.read_item("1", "1");
        let read = if adopts {
            reader.adopt_session_token(&writer.session_token().unwrap()).unwrap();
            read
        } else {
            read.session_token(&token)
        };
        let found: Value = read.send().unwrap().item().unwrap();
        assert_eq!(found["n"], 7);
        assert_eq!(account.log("read_item"), ["West US 404/1002", "East US 200"]);
    }
    assert!(account.preferring([WEST]).adopt_session_token("junk").is_err());
}

#[test]
fn c11_the_header_holds_only_what_the_addressed_range_needs() {
    let account = Account::new([EAST]);
    account.state().container.ranges = 40;
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    let all: Vec<String> = (0..40).map(|it| format!("{it}:1#9#1=8#2=7")).collect();
    items.adopt_session_token(&all.join(",")).unwrap();
    assert_eq!(items.session_token().unwrap().split(',').count(), 40);
    for _ in 0..3 {
        items.read_item("1", "1").send().unwrap();
    }
    for entry in account.entries("read_item") {
        let token = entry.headers["x-ms-session-token"].to_str().unwrap();
        assert_eq!(token.split(',').count(), 1, "{token}");
    }
    assert_eq!(account.log("read_pkranges").len(), 2, "the ranges, and the end of their feed");
}

#[test]
fn c11_few_ranges_are_sent_rather_than_looked_up() {
    let account = Account::new([EAST]);
    account.seed("1", 1);
    let items = account.preferring([EAST]);
    items.adopt_session_token("0:1#3,1:1#4").unwrap();
    items.read_item("1", "1").send().unwrap();
    assert_eq!(account.entries("read_item")[0].headers["x-ms-session-token"], "0:1#3,1:1#4");
    assert!(account.entries("read_pkranges").is_empty());
}

#[test]
fn c12_no_token_is_sent_where_the_consistency_is_weaker() {
    let account = Account::new([EAST, WEST]);
    account.state().properties["userConsistencyPolicy"]["defaultConsistencyLevel"] =
        json!("Eventual");
    account.seed("1", 1);
    lagging(&account);
    let items = account.preferring([WEST]);
    items.upsert_item(&item(2)).send().unwrap();
    let read: Value = items.read_item("1", "1").send().unwrap().item().unwrap();
    assert_eq!(read["n"], 1);
    assert_eq!(account.log("read_item"), ["West US 200"]);
}

#[test]
fn c12_a_call_can_leave_the_session_aside() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    lagging(&account);
    let items = account.preferring([WEST]);
    items.upsert_item(&item(2)).send().unwrap();
    items.read_item("1", "1").consistency(ConsistencyLevel::Eventual).send().unwrap();
    let strategy = ReadConsistencyStrategy::LatestCommitted;
    items.read_item("1", "1").read_consistency_strategy(strategy).send().unwrap();
    assert_eq!(account.log("read_item"), ["West US 200", "West US 200"]);
    let strategy = ReadConsistencyStrategy::Session;
    items.read_item("1", "1").read_consistency_strategy(strategy).send().unwrap();
    assert_eq!(account.log("read_item")[2..], ["West US 404/1002", "East US 200"]);
}

#[test]
fn c13_a_newer_version_of_the_token_does_not_wedge_reads() {
    let account = Account::new([EAST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item(1)).send().unwrap();
    account.state().container.token_version = 2;
    items.upsert_item(&item(2)).send().unwrap();
    assert_eq!(items.session_token().unwrap(), "0:2#12");
    items.read_item("1", "1").send().unwrap();
}

#[test]
fn x04_an_empty_region_is_never_believed() {
    let account = Account::new([EAST, WEST, NORTH]);
    account.state().regions.get_mut(NORTH).unwrap().frozen_at = Some(0);
    let items = account.preferring([NORTH, WEST]);
    items.upsert_item(&item(1)).send().unwrap();
    let read: Value = items.read_item("1", "1").send().unwrap().item().unwrap();
    assert_eq!(read["n"], 1);
    assert_eq!(account.log("read_item"), ["North Europe 404/1002", "East US 200"]);
}

#[test]
fn a_hub_that_is_down_does_not_hide_what_another_region_has() {
    let account = Account::new([EAST, WEST, NORTH]);
    let items = account.preferring([WEST, EAST, NORTH]);
    items.upsert_item(&item(1)).send().unwrap();
    {
        let mut state = account.state();
        state.regions.get_mut(WEST).unwrap().frozen_at = Some(0);
        state.regions.get_mut(EAST).unwrap().is_down = true;
    }
    items.read_item("1", "1").send().unwrap();
    let log = account.log("read_item");
    assert_eq!(log, ["West US 404/1002", "East US Connect", "East US Connect", "North Europe 200"]);
    let last = &account.entries("read_item")[3].headers;
    assert!(!last.contains_key("x-ms-cosmos-hub-region-processing-only"));
}

#[test]
fn a_token_of_the_callers_goes_with_every_attempt_and_the_clients_is_found_anew() {
    let account = Account::new([EAST, WEST]);
    account.seed("1", 1);
    let items = account.preferring([WEST]);
    account.fault(Fault::status("read_item", 503, 0).times(1));
    items.read_item("1", "1").session_token("0:1#5").send().unwrap();
    for entry in account.entries("read_item") {
        assert_eq!(entry.headers["x-ms-session-token"], "0:1#5");
    }
}

#[test]
fn a_token_of_the_callers_takes_the_place_of_the_clients_in_every_kind_of_call() {
    let account = Account::multi_write([EAST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item(1)).send().unwrap();
    account.clear_log();
    let given = "0:1#5";
    items.read_item("1", "1").session_token(given).send().unwrap();
    items.upsert_item(&item(2)).session_token(given).send().unwrap();
    let query = items.query_items::<Value>("SELECT * FROM c").partition_key("1");
    // What comes of the query is not the question here.
    let _ = query.session_token(given).pages().next();
    for kind in ["read_item", "upsert_item", "query"] {
        let entries = account.entries(kind);
        assert!(!entries.is_empty(), "{kind}");
        assert!(entries.iter().all(|it| it.headers["x-ms-session-token"] == given), "{kind}");
    }
}

#[test]
fn metadata_is_read_without_a_token() {
    let account = Account::new([EAST]);
    let items = account.preferring([EAST]);
    items.upsert_item(&item(1)).send().unwrap();
    items.read().send().unwrap();
    items.feed_ranges().unwrap();
    account.client(|it| it).connect().unwrap();
    for kind in ["read_container", "read_pkranges", "read_account"] {
        let entries = account.entries(kind);
        assert!(!entries.is_empty(), "{kind}");
        assert!(!entries.iter().any(|it| it.headers.contains_key("x-ms-session-token")), "{kind}");
    }
}

#[test]
fn without_discovery_404_1002_is_soon_the_callers() {
    let account = Account::new([EAST, WEST]);
    account.fault(Fault::status("read_item", 404, 1002));
    let items = account.container(|it| it.endpoint_discovery(false));
    let error = items.read_item("1", "1").send().unwrap_err();
    assert_eq!(error.sub_status(), Some(1002));
    assert!(account.log("read_item").len() <= 3, "{:?}", account.log("read_item"));
}

#[test]
fn writes_carry_the_token_only_where_several_regions_take_writes() {
    for (account, expected) in
        [(Account::new([EAST, WEST]), false), (Account::multi_write([EAST, WEST]), true)]
    {
        let items = account.preferring([EAST]);
        items.upsert_item(&item(1)).send().unwrap();
        items.upsert_item(&item(2)).send().unwrap();
        let second = &account.entries("upsert_item")[1];
        assert_eq!(second.headers.contains_key("x-ms-session-token"), expected);
        assert_eq!(second.headers.contains_key("x-ms-cosmos-allow-tentative-writes"), expected);
        items.read_item("1", "1").send().unwrap();
        let read = &account.entries("read_item")[0];
        assert!(!read.headers.contains_key("x-ms-cosmos-allow-tentative-writes"));
    }
}
