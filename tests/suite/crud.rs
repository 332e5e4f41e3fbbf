//! The operations that any server with this protocol has. `tests/interop` runs these against servers of others.

use cosmosdb::ContainerProperties;
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    databases_and_containers_come_and_go,
    items_are_created_read_replaced_and_deleted,
    upserts_create_and_replace,
    ids_are_taken_once,
    changes_depend_on_the_etag,
    items_are_listed,
    items_are_queried_with_parameters,
    keys_of_every_type_find_their_items,
    odd_ids_are_read_back,
}

fn databases_and_containers_come_and_go(account: &Account) {
    let database = account.database();
    assert_eq!(database.read().send().unwrap().properties().unwrap().id, database.id());
    let properties = ContainerProperties::new("things", "/pk");
    assert_eq!(database.create_container_if_not_exists(&properties).unwrap().status(), 201);
    assert_eq!(database.create_container_if_not_exists(&properties).unwrap().status(), 200);
    let read = database.container("things").read().send().unwrap().properties().unwrap();
    assert_eq!(read.partition_key.paths, ["/pk"]);
    let ids: Vec<String> = database.containers().into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(ids, ["things"]);
    database.container("things").delete().send().unwrap();
    assert!(database.container("things").read().send().unwrap_err().is_not_found());
    let all: Vec<String> =
        account.client.databases().into_iter().map(|it| it.unwrap().id).collect();
    assert!(all.iter().any(|it| it == database.id()), "{all:?}");
}

fn items_are_created_read_replaced_and_deleted(account: &Account) {
    let things = account.container("/pk");
    let item = json!({ "id": "1", "pk": "a", "n": 1, "nested": { "list": [1, "two", null, true] }, "text": "é 🚀" });
    assert_eq!(things.create_item(&item).send().unwrap().status(), 201);
    let mut read: Value = things.read_item("1", "a").send().unwrap().item().unwrap();
    assert!(read["_etag"].is_string() && read["_rid"].is_string() && read["_ts"].is_number());
    read.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_'));
    assert_eq!(read, item);
    things.replace_item("1", &json!({ "id": "1", "pk": "a", "n": 2 })).send().unwrap();
    let read: Value = things.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!((&read["n"], read.get("nested")), (&json!(2), None));
    assert_eq!(things.delete_item("1", "a").send().unwrap().status(), 204);
    assert_eq!(things.items::<Value>().into_iter().count(), 0);
}

fn upserts_create_and_replace(account: &Account) {
    let things = account.container("/pk");
    assert_eq!(
        things.upsert_item(&json!({ "id": "1", "pk": 1, "n": 1 })).send().unwrap().status(),
        201
    );
    let second = things.upsert_item(&json!({ "id": "1", "pk": 1, "n": 2 })).send().unwrap();
    assert_eq!(second.item::<Value>().unwrap()["n"], 2);
    assert_eq!(things.items::<Value>().into_iter().count(), 1);
}

fn ids_are_taken_once(account: &Account) {
    let things = account.container("/pk");
    things.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap();
    let error = things.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

fn changes_depend_on_the_etag(account: &Account) {
    let things = account.container("/pk");
    let created: Value =
        things.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap().item().unwrap();
    let etag = created["_etag"].as_str().unwrap();
    let changed = json!({ "id": "1", "pk": 1, "n": 1 });
    things.replace_item("1", &changed).if_match(etag).send().unwrap();
    let error = things.replace_item("1", &changed).if_match(etag).send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
}

fn items_are_listed(account: &Account) {
    let things = account.container("/pk");
    for number in 0..10 {
        things.create_item(&json!({ "id": number.to_string(), "pk": number })).send().unwrap();
    }
    let mut ids: Vec<String> = things
        .items::<Value>()
        .into_iter()
        .map(|it| it.unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert_eq!(ids, (0..10).map(|it| it.to_string()).collect::<Vec<_>>());
}

fn items_are_queried_with_parameters(account: &Account) {
    let things = account.container("/pk");
    for number in 0..10 {
        things
            .create_item(&json!({ "id": number.to_string(), "pk": number % 2, "n": number }))
            .send()
            .unwrap();
    }
    let query = things.query_items::<Value>("SELECT * FROM c WHERE c.n >= @low AND c.n < @high");
    let mut found: Vec<u64> = query
        .param("@low", 3)
        .param("@high", 6)
        .into_iter()
        .map(|it| it.unwrap()["n"].as_u64().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, [3, 4, 5]);
    let query = things
        .query_items::<u64>("SELECT VALUE c.n FROM c WHERE c.pk = 1 AND c.n > 5")
        .partition_key(1);
    let mut found: Vec<u64> = query.into_iter().collect::<Result<_, _>>().unwrap();
    found.sort_unstable();
    assert_eq!(found, [7, 9]);
}

fn keys_of_every_type_find_their_items(account: &Account) {
    let things = account.container("/pk");
    for (id, pk) in [
        ("text", json!("é \" \\")),
        ("number", json!(1.5)),
        ("yes", json!(true)),
        ("none", Value::Null),
    ] {
        things
            .create_item(&json!({ "id": id, "pk": pk }))
            .send()
            .unwrap_or_else(|it| panic!("{pk}: {it}"));
    }
    things.read_item("text", "é \" \\").send().unwrap();
    things.read_item("number", 1.5).send().unwrap();
    things.read_item("yes", true).send().unwrap();
    things.read_item("none", cosmosdb::PartitionKey::NULL).send().unwrap();
}

fn odd_ids_are_read_back(account: &Account) {
    let things = account.container("/pk");
    for id in ["a b", "100%", "a+b", "é日本🚀", "'q' \"q\"", "a&b=c", &"x".repeat(255)] {
        things
            .create_item(&json!({ "id": id, "pk": 1 }))
            .send()
            .unwrap_or_else(|it| panic!("{id:?}: {it}"));
        let read: Value = things
            .read_item(id, 1)
            .send()
            .unwrap_or_else(|it| panic!("{id:?}: {it}"))
            .item()
            .unwrap();
        assert_eq!(read["id"], id);
    }
}
