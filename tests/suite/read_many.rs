//! Many items by their ids and keys.

use cosmosdb::{PartitionKey, PartitionKeyValue};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    items_come_in_order_and_missing_ones_are_none,
    every_kind_of_key_is_found,
    keys_that_are_the_id_are_found,
    hierarchical_keys_are_found,
    an_item_asked_for_twice_comes_twice,
    ids_and_keys_of_the_greatest_length_are_found,
    what_cannot_be_an_item_is_refused,
}

fn items_come_in_order_and_missing_ones_are_none(account: &Account) {
    let orders = account.container("/city");
    let city = |n: usize| format!("city {}", n % 7);
    let operations = (0..300).map(|n| {
        cosmosdb::BulkOperation::create(&json!({ "id": n.to_string(), "city": city(n), "n": n }))
    });
    assert!(orders.bulk().send(operations).unwrap().all(|it| it.is_success()));
    for (threads, count) in [(1, 40), (8, 400)] {
        let asked: Vec<usize> = (0..count).map(|n| n * 91 % 400).collect();
        let response = orders
            .read_many(asked.iter().map(|n| (n.to_string(), city(*n))))
            .max_concurrency(threads)
            .send::<Value>()
            .unwrap();
        assert_eq!(response.items().len(), count);
        for (n, item) in asked.iter().zip(response.items()) {
            assert_eq!(item.is_some(), *n < 300, "{n}");
            assert!(item.as_ref().is_none_or(|it| it["n"] == *n), "{n}: {item:?}");
        }
        assert!(response.request_charge() > 0.0 && !response.diagnostics().is_empty());
    }
    // The right id with the wrong key is no item.
    let wrong = orders.read_many([("1", "city 2"), ("2", "city 1")]).send::<Value>().unwrap();
    assert_eq!(wrong.items(), [None, None]);
}

fn every_kind_of_key_is_found(account: &Account) {
    let orders = account.container("/key");
    let keys = [
        (json!({ "key": "text" }), PartitionKey::from("text")),
        (json!({ "key": "é\"\\ \u{1F680}" }), "é\"\\ \u{1F680}".into()),
        (json!({ "key": 5 }), 5.into()),
        (json!({ "key": -0.5 }), (-0.5).into()),
        (json!({ "key": true }), true.into()),
        (json!({ "key": null }), PartitionKey::NULL),
        (json!({}), PartitionKey::UNDEFINED),
    ];
    for (item, _) in &keys {
        for id in ["a", "b"] {
            let mut item = item.clone();
            item["id"] = id.into();
            orders.create_item(&item).send().unwrap();
        }
    }
    let asked: Vec<(&str, PartitionKey)> =
        keys.iter().flat_map(|it| [("b", it.1.clone()), ("a", it.1.clone())]).collect();
    let response = orders.read_many(asked).send::<Value>().unwrap();
    for ((expected, key), items) in keys.iter().zip(response.items().chunks(2)) {
        let [Some(b), Some(a)] = items else { panic!("{key:?}: {items:?}") };
        assert_eq!((&a["id"], &b["id"]), (&json!("a"), &json!("b")));
        assert_eq!(a.get("key"), expected.get("key"));
    }
}

fn keys_that_are_the_id_are_found(account: &Account) {
    let orders = account.container("/id");
    for id in ["1", "2", "3"] {
        orders.create_item(&json!({ "id": id })).send().unwrap();
    }
    let response =
        orders.read_many([("3", "3"), ("4", "4"), ("1", "1"), ("2", "2")]).send::<Value>().unwrap();
    let found: Vec<bool> = response.into_iter().map(|it| it.is_some()).collect();
    assert_eq!(found, [true, false, true, true]);
}

fn hierarchical_keys_are_found(account: &Account) {
    let orders = account.container(["/tenant", "/user"]);
    for n in 0..20 {
        let item = json!({ "id": n.to_string(), "tenant": format!("t{}", n % 3), "user": n % 4 });
        orders.create_item(&item).send().unwrap();
    }
    let key = |n: u32| PartitionKey::from((format!("t{}", n % 3), n % 4));
    let response =
        orders.read_many((0..25).map(|n| (n.to_string(), key(n)))).send::<Value>().unwrap();
    assert_eq!(response.items().iter().flatten().count(), 20);
    assert!(response.items()[..20].iter().all(Option::is_some));
    let prefix = PartitionKey::from_components([PartitionKeyValue::from("t0")]);
    assert!(orders.read_many([("0", prefix)]).send::<Value>().is_err());
}

fn an_item_asked_for_twice_comes_twice(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&json!({ "id": "1", "city": "Lyon" })).send().unwrap();
    let response = orders.read_many([("1", "Lyon"), ("1", "Lyon")]).send::<Value>().unwrap();
    assert_eq!(response.items()[0], response.items()[1]);
    assert!(response.items()[0].is_some());
}

fn ids_and_keys_of_the_greatest_length_are_found(account: &Account) {
    let orders = account.container("/city");
    // Together they are more than the text of a query may have.
    let id = |n: usize| format!("{n:0>1023}");
    let city = |n: usize| format!("{:0>2048}", n % 3);
    for n in 0..3 {
        orders.create_item(&json!({ "id": id(n), "city": city(n), "n": n })).send().unwrap();
    }
    let response = orders.read_many((0..400).map(|n| (id(n), city(n)))).send::<Value>().unwrap();
    for (n, item) in response.items().iter().enumerate() {
        assert_eq!(item.as_ref().map(|it| &it["n"]), (n < 3).then_some(&json!(n)));
    }
}

fn what_cannot_be_an_item_is_refused(account: &Account) {
    let orders = account.container("/city");
    for (id, key) in [
        ("a/b", PartitionKey::from("Lyon")),
        ("", "Lyon".into()),
        ("1", f64::INFINITY.into()),
        ("1", "x".repeat(2049).into()),
        ("1", ("Lyon", "Oslo").into()),
    ] {
        let error =
            orders.read_many([("2", PartitionKey::from("Lyon")), (id, key)]).send::<Value>();
        assert_eq!(error.unwrap_err().kind(), cosmosdb::ErrorKind::InvalidInput);
    }
    assert!(orders.read_many([("", ""); 0]).send::<Value>().unwrap().items().is_empty());
}
