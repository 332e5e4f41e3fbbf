//! Consistency levels and strategies, against what the account has.

use cosmosdb::{ConsistencyLevel, ErrorKind, ReadConsistencyStrategy};
use serde_json::json;

use super::account::{Account, EAST};

fn account_of(level: &str) -> Account {
    let account = Account::new([EAST]);
    account.state().properties["userConsistencyPolicy"]["defaultConsistencyLevel"] = json!(level);
    account.seed("1", 1);
    account
}

#[test]
fn more_than_the_account_gives_is_refused_before_anything_is_sent() {
    let account = account_of("Session");
    let items = account.preferring([EAST]);
    let error = items.read_item("1", "1").consistency(ConsistencyLevel::Strong).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("Session") && error.to_string().contains("Strong"),
        "{error}"
    );
    assert!(account.entries("read_item").is_empty());

    let strong = account.container(|it| it.consistency(ConsistencyLevel::BoundedStaleness));
    assert_eq!(strong.read_item("1", "1").send().unwrap_err().kind(), ErrorKind::InvalidInput);
    strong.upsert_item(&json!({ "id": "2", "pk": "2" })).send().unwrap();
}

#[test]
fn the_calls_level_wins_over_the_clients_and_writes_name_none() {
    let account = account_of("Strong");
    let items = account.container(|it| it.consistency(ConsistencyLevel::ConsistentPrefix));
    items.read_item("1", "1").send().unwrap();
    items.read_item("1", "1").consistency(ConsistencyLevel::Strong).send().unwrap();
    items.upsert_item(&json!({ "id": "2", "pk": "2" })).send().unwrap();
    let levels: Vec<_> = account
        .entries("*")
        .iter()
        .filter_map(|it| {
            Some(it.headers.get("x-ms-consistency-level")?.to_str().unwrap().to_owned())
        })
        .filter(|it| it != "ConsistentPrefix")
        .collect();
    assert_eq!(levels, ["Strong"]);
    let write = &account.entries("upsert_item")[0];
    assert!(!write.headers.contains_key("x-ms-consistency-level"));
}

#[test]
fn a_strategy_takes_the_place_of_the_level() {
    let account = account_of("Strong");
    let strategy = ReadConsistencyStrategy::LatestCommitted;
    let items = account.container(|it| {
        it.consistency(ConsistencyLevel::Eventual).read_consistency_strategy(strategy)
    });
    items.read_item("1", "1").send().unwrap();
    let strong = ReadConsistencyStrategy::GlobalStrong;
    items.read_item("1", "1").read_consistency_strategy(strong).send().unwrap();
    for (entry, expected) in
        account.entries("read_item").iter().zip(["LatestCommitted", "GlobalStrong"])
    {
        assert_eq!(entry.headers["x-ms-cosmos-read-consistency-strategy"], expected);
        assert!(!entry.headers.contains_key("x-ms-consistency-level"));
    }
}

#[test]
fn global_strong_reads_need_a_strong_account() {
    let account = account_of("BoundedStaleness");
    let items = account.preferring([EAST]);
    let strong = ReadConsistencyStrategy::GlobalStrong;
    let error = items.read_item("1", "1").read_consistency_strategy(strong).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(account.entries("read_item").is_empty());
}
