//! Partition keys of every kind, given or taken from the item.

use cosmosdb::{Container, PartitionKey, PartitionKeyValue};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    every_kind_of_value_is_a_key,
    the_key_is_taken_from_the_item,
    the_key_is_found_along_nested_and_quoted_paths,
    a_given_key_that_differs_from_the_item_is_refused,
    hierarchical_keys_have_all_their_parts,
    a_key_of_the_wrong_arity_is_refused,
    one_and_one_point_zero_are_one_key,
}

fn every_kind_of_value_is_a_key(account: &Account) {
    let container = account.container("/pk");
    for (number, (value, key)) in [
        (json!("text"), PartitionKey::from("text")),
        (json!(""), PartitionKey::from("")),
        (json!("é🚀\u{2028}\"\\"), PartitionKey::from("é🚀\u{2028}\"\\")),
        (json!(5), PartitionKey::from(5)),
        (json!(-1.5), PartitionKey::from(-1.5)),
        (json!(1e300), PartitionKey::from(1e300)),
        (json!(true), PartitionKey::from(true)),
        (json!(false), PartitionKey::from(false)),
        (json!(null), PartitionKey::NULL),
        (json!({ "an": "object" }), PartitionKey::UNDEFINED),
        (json!([1]), PartitionKey::UNDEFINED),
    ]
    .into_iter()
    .enumerate()
    {
        let id = number.to_string();
        let item = json!({ "id": id, "pk": value });
        container
            .create_item(&item)
            .partition_key(key.clone())
            .send()
            .unwrap_or_else(|it| panic!("{value}: {it}"));
        let read: Value = container.read_item(&id, key.clone()).send().unwrap().item().unwrap();
        assert_eq!(read["pk"], value);
        let found: Vec<Value> = container
            .query_items("SELECT * FROM c")
            .partition_key(key)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(found.iter().any(|it| it["id"] == id), "{value}");
    }
    container
        .create_item(&json!({ "id": "missing" }))
        .partition_key(PartitionKey::UNDEFINED)
        .send()
        .unwrap();
}

fn taken(container: &Container, item: &Value, key: PartitionKey) {
    container.create_item(item).send().unwrap_or_else(|it| panic!("{item}: {it}"));
    container.upsert_item(item).send().unwrap();
    let id = item["id"].as_str().unwrap();
    container.replace_item(id, item).send().unwrap();
    container.read_item(id, key.clone()).send().unwrap_or_else(|it| panic!("{item}: {it}"));
    container.delete_item(id, key).send().unwrap();
}

fn the_key_is_taken_from_the_item(account: &Account) {
    let container = account.container("/pk");
    taken(&container, &json!({ "id": "1", "pk": "a" }), "a".into());
    taken(&container, &json!({ "id": "2", "pk": 7 }), 7.into());
    taken(&container, &json!({ "id": "3", "pk": null }), PartitionKey::NULL);
    taken(&container, &json!({ "id": "4" }), PartitionKey::UNDEFINED);
    taken(&container, &json!({ "id": "5", "pk": {} }), PartitionKey::UNDEFINED);
}

fn the_key_is_found_along_nested_and_quoted_paths(account: &Account) {
    let nested = account.container("/address/zip");
    taken(&nested, &json!({ "id": "1", "address": { "zip": "69001" } }), "69001".into());
    taken(&nested, &json!({ "id": "2", "address": "none" }), PartitionKey::UNDEFINED);
    let quoted = account.container("/\"level' 1*()\"/\"le/vel2\"");
    taken(&quoted, &json!({ "id": "1", "level' 1*()": { "le/vel2": "deep" } }), "deep".into());
    let by_id = account.container("/id");
    taken(&by_id, &json!({ "id": "self" }), "self".into());
}

fn a_given_key_that_differs_from_the_item_is_refused(account: &Account) {
    let container = account.container("/pk");
    let error = container
        .create_item(&json!({ "id": "1", "pk": "a" }))
        .partition_key("b")
        .send()
        .unwrap_err();
    assert_eq!(
        (error.status().unwrap().as_u16(), error.sub_status()),
        (400, Some(1001)),
        "{error}"
    );
}

fn hierarchical_keys_have_all_their_parts(account: &Account) {
    let container = account.container(["/tenant", "/user", "/session"]);
    let item = json!({ "id": "1", "tenant": "FR", "user": 7 });
    let key = PartitionKey::from_components(["FR".into(), 7.into(), PartitionKeyValue::Undefined]);
    taken(&container, &item, key);
    let item = json!({ "id": "2", "tenant": "FR", "user": 7, "session": true });
    container.create_item(&item).send().unwrap();
    container.read_item("2", ("FR", 7, true)).send().unwrap();
    assert!(container.read_item("2", ("FR", 7, false)).send().unwrap_err().is_not_found());
}

fn a_key_of_the_wrong_arity_is_refused(account: &Account) {
    let single = account.container("/pk");
    single.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    let error = single.read_item("1", ("a", "b")).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
    let hierarchical = account.container(["/tenant", "/user"]);
    let error = hierarchical.read_item("1", "FR").send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
}

fn one_and_one_point_zero_are_one_key(account: &Account) {
    let container = account.container("/pk");
    container.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap();
    container.read_item("1", 1.0).send().unwrap();
    container.create_item(&json!({ "id": "zero", "pk": -0.0 })).send().unwrap();
    container.read_item("zero", 0).send().unwrap();
}
