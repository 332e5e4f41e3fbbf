//! Ids that travel through URL and signature.

use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    odd_ids_of_items_round_trip,
    odd_ids_of_databases_and_containers_round_trip,
    ids_are_case_sensitive,
}

fn odd_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "a b",
        " leading",
        "100%",
        "%41",
        "a+b",
        "a&b=c",
        "é",
        "e\u{301}",
        "日本語",
        "🚀👩‍👩‍👧",
        "'quoted'",
        "\"double\"",
        "{json:[1]}",
        "semi;colon,comma",
        "~tilde_under-score.dot",
        "a:b@c",
        "$1",
        "(x)",
        "!",
        "<tag>",
        "a|b",
        "^",
        "`",
        "..x",
        "null",
    ]
    .map(str::to_owned)
    .to_vec();
    ids.push("x".repeat(255));
    ids.push("é".repeat(127));
    ids
}

fn odd_ids_of_items_round_trip(account: &Account) {
    let container = account.container("/pk");
    for id in odd_ids() {
        container
            .create_item(&json!({ "id": id, "pk": id }))
            .send()
            .unwrap_or_else(|it| panic!("{id:?}: {it}"));
        let read: Value = container.read_item(&id, &id).send().unwrap().item().unwrap();
        assert_eq!(read["id"], id);
        let replaced = json!({ "id": id, "pk": id, "changed": true });
        container.replace_item(&id, &replaced).send().unwrap();
        container.delete_item(&id, &id).send().unwrap();
    }
}

fn odd_ids_of_databases_and_containers_round_trip(account: &Account) {
    let database = account.database();
    for id in odd_ids() {
        let properties = cosmosdb::ContainerProperties::new(&*id, "/pk");
        database.create_container(properties).send().unwrap_or_else(|it| panic!("{id:?}: {it}"));
        let container = database.container(&*id);
        container.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap();
        assert_eq!(container.read().send().unwrap().properties().unwrap().id, id);
        let ids: Vec<String> = container
            .query_items("SELECT VALUE c.id FROM c")
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(ids, ["1"]);
        container.delete().send().unwrap();
    }
}

fn ids_are_case_sensitive(account: &Account) {
    let container = account.container("/pk");
    container.create_item(&json!({ "id": "Item", "pk": 1 })).send().unwrap();
    assert!(container.read_item("item", 1).send().unwrap_err().is_not_found());
    container.create_item(&json!({ "id": "item", "pk": 1 })).send().unwrap();
}
