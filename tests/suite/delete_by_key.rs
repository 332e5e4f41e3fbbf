//! All items of a partition key at once.

use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    all_items_of_the_key_are_gone_and_no_others,
    a_key_without_items_is_no_error,
    the_key_has_to_be_complete,
}

fn all_items_of_the_key_are_gone_and_no_others(account: &Account) {
    let orders = account.container("/city");
    for n in 0..20 {
        let city = if n % 2 == 0 { "Lyon" } else { "Oslo" };
        orders.create_item(&json!({ "id": n.to_string(), "city": city })).send().unwrap();
    }
    let response = match orders.delete_all_items("Lyon").send() {
        // The service has it only where the account asked for it.
        Err(error) if account.emulator.is_none() && error.status().is_some_and(|it| it == 400) => {
            return;
        }
        outcome => outcome.unwrap(),
    };
    assert!(response.status().is_success());
    let left: Vec<Value> = orders.items().into_iter().collect::<cosmosdb::Result<_>>().unwrap();
    assert_eq!(left.len(), 10);
    assert!(left.iter().all(|it| it["city"] == "Oslo"));
    assert!(orders.read_item("0", "Lyon").send().unwrap_err().is_not_found());
}

fn a_key_without_items_is_no_error(account: &Account) {
    let orders = account.container("/city");
    if account.emulator.is_some() {
        orders.delete_all_items("Lyon").send().unwrap();
        orders.delete_all_items("Lyon").session_token("0:0#1").send().unwrap();
    }
}

fn the_key_has_to_be_complete(account: &Account) {
    let orders = account.container(["/tenant", "/user"]);
    let item = json!({ "id": "1", "tenant": "t", "user": "u" });
    orders.create_item(&item).send().unwrap();
    for key in [
        cosmosdb::PartitionKey::from("t"),
        cosmosdb::PartitionKey::from(("t", "u", "more")),
        cosmosdb::PartitionKey::from(f64::NAN),
    ] {
        let error = orders.delete_all_items(key).send().unwrap_err();
        let is_refused = error.kind() == cosmosdb::ErrorKind::InvalidInput
            || error.status().is_some_and(|it| it == 400);
        assert!(is_refused, "{error}");
    }
    orders.read_item("1", ("t", "u")).send().unwrap();
}
