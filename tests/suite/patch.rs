//! Changes to parts of items.

use cosmosdb::{Container, Patch};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    each_operation_does_what_it_says,
    operations_see_what_those_before_them_did,
    a_condition_decides_whether_the_patch_is_carried_out,
    an_etag_decides_whether_the_patch_is_carried_out,
    a_patch_that_fails_changes_nothing,
    an_item_that_is_not_there_cannot_be_patched,
    what_belongs_to_the_service_cannot_be_patched,
    the_item_is_left_out_of_the_answer_when_asked,
    ten_operations_are_a_patch,
    each_error_has_its_status,
    what_a_patch_makes_of_an_item_obeys_the_limits_of_items,
}

fn patched(container: &Container, patch: Patch) -> Value {
    container.patch_item("1", "Lyon", patch).send().unwrap().item().unwrap()
}

fn with_item(account: &Account, mut item: Value) -> crate::backend::Owned<Container> {
    let orders = account.container("/city");
    item["id"] = "1".into();
    item["city"] = "Lyon".into();
    orders.create_item(&item).send().unwrap();
    orders
}

fn each_operation_does_what_it_says(account: &Account) {
    for (before, patch, property, after) in [
        (json!({}), Patch::new().add("/a", 1), "a", json!(1)),
        (json!({ "a": 0 }), Patch::new().add("/a", json!({ "b": [] })), "a", json!({ "b": [] })),
        (json!({ "a": [1, 2] }), Patch::new().add("/a/1", 9), "a", json!([1, 9, 2])),
        (json!({ "a": [1, 2] }), Patch::new().add("/a/-", 9), "a", json!([1, 2, 9])),
        (json!({ "a": [1, 2] }), Patch::new().set("/a/1", 9), "a", json!([1, 9])),
        (json!({}), Patch::new().set("/a", None::<u8>), "a", Value::Null),
        (json!({ "a": 1 }), Patch::new().replace("/a", "x"), "a", json!("x")),
        (json!({ "a": { "b": 1, "c": 2 } }), Patch::new().remove("/a/b"), "a", json!({ "c": 2 })),
        (json!({ "a": [1, 2, 3] }), Patch::new().remove("/a/1"), "a", json!([1, 3])),
        (json!({ "a": 5 }), Patch::new().incr("/a", -2), "a", json!(3)),
        (json!({ "a": 5 }), Patch::new().incr("/a", 0.5), "a", json!(5.5)),
        (json!({}), Patch::new().incr("/a", 7), "a", json!(7)),
        (json!({ "b": 1 }), Patch::new().move_to("/b", "/a"), "a", json!(1)),
        (json!({ "a": {} }), Patch::new().add("/a/x~1y~0z", 1), "a", json!({ "x/y~z": 1 })),
    ] {
        let orders = with_item(account, before.clone());
        let item = patched(&orders, patch.clone());
        assert_eq!(item[property], after, "{before} {patch:?}");
        let stored: Value = orders.read_item("1", "Lyon").send().unwrap().item().unwrap();
        assert_eq!(stored, item);
    }
}

fn operations_see_what_those_before_them_did(account: &Account) {
    let orders = with_item(account, json!({ "n": 1 }));
    let patch = Patch::new().set("/n", 7).incr("/n", 3).move_to("/n", "/m").add("/list", [0; 0]);
    let item = patched(&orders, patch.add("/list/-", "x"));
    assert_eq!((&item["m"], &item["list"]), (&json!(10), &json!(["x"])));
    assert!(item.get("n").is_none());
}

fn a_condition_decides_whether_the_patch_is_carried_out(account: &Account) {
    let orders = with_item(account, json!({ "n": 1 }));
    let patch = Patch::new().incr("/n", 1).condition("FROM c WHERE c.n < 2");
    assert_eq!(patched(&orders, patch.clone())["n"], 2);
    let error = orders.patch_item("1", "Lyon", &patch).send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
    let item: Value = orders.read_item("1", "Lyon").send().unwrap().item().unwrap();
    assert_eq!(item["n"], 2);
}

fn an_etag_decides_whether_the_patch_is_carried_out(account: &Account) {
    let orders = with_item(account, json!({ "n": 1 }));
    let patch = Patch::new().incr("/n", 1);
    let etag = orders.read_item("1", "Lyon").send().unwrap().etag().unwrap();
    let response = orders.patch_item("1", "Lyon", &patch).if_match(&etag).send().unwrap();
    assert_ne!(response.etag().unwrap(), etag);
    let error = orders.patch_item("1", "Lyon", &patch).if_match(&etag).send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
}

fn a_patch_that_fails_changes_nothing(account: &Account) {
    for patch in [
        Patch::new().set("/n", 2).remove("/missing"),
        Patch::new().set("/n", 2).replace("/missing", 1),
        Patch::new().set("/n", 2).move_to("/missing", "/m"),
        Patch::new().set("/n", 2).add("/missing/child", 1),
        Patch::new().set("/n", 2).incr("/text", 1),
        Patch::new().set("/n", 2).add("/list/5", 1),
    ] {
        let orders = with_item(account, json!({ "n": 1, "text": "x", "list": [] }));
        let error = orders.patch_item("1", "Lyon", &patch).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{patch:?}");
        let item: Value = orders.read_item("1", "Lyon").send().unwrap().item().unwrap();
        assert_eq!(item["n"], 1, "{patch:?}");
    }
}

fn an_item_that_is_not_there_cannot_be_patched(account: &Account) {
    let orders = account.container("/city");
    let error = orders.patch_item("1", "Lyon", Patch::new().set("/n", 1)).send().unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

fn what_belongs_to_the_service_cannot_be_patched(account: &Account) {
    let orders = with_item(account, json!({}));
    // The client does not look at the key; the service does.
    let error =
        orders.patch_item("1", "Lyon", Patch::new().set("/city", "Oslo")).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
    let error = orders.patch_item("1", "Lyon", Patch::new().set("/id", "2")).send().unwrap_err();
    assert_eq!(error.kind(), cosmosdb::ErrorKind::InvalidInput);
}

fn the_item_is_left_out_of_the_answer_when_asked(account: &Account) {
    let orders = with_item(account, json!({}));
    let patch = Patch::new().set("/n", 1);
    let response = orders.patch_item("1", "Lyon", patch).content_response(false).send().unwrap();
    assert!(response.bytes().is_empty() && response.etag().is_some());
    assert!(response.request_charge() > 0.0);
}

fn ten_operations_are_a_patch(account: &Account) {
    let orders = with_item(account, json!({}));
    let patch = |count: usize| (0..count).fold(Patch::new(), |it, n| it.set(&format!("/p{n}"), n));
    assert_eq!(patched(&orders, patch(10))["p9"], 9);
    for count in [0, 11] {
        let error = orders.patch_item("1", "Lyon", patch(count)).send().unwrap_err();
        assert_eq!(error.kind(), cosmosdb::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("has {count} operations")), "{error}");
    }
}

fn each_error_has_its_status(account: &Account) {
    let item = json!({ "n": 1, "text": "x", "list": [1, 2], "deep": { "a": null } });
    let orders = with_item(account, item);
    let holds = || Patch::new().set("/n", 1);
    for (patch, status) in [
        (holds().replace("/list/2", 0), 400),
        (holds().replace("/list/-", 0), 400),
        (holds().remove("/list/2"), 400),
        (holds().set("/list/3", 0), 400),
        (holds().add("/list/x", 0), 400),
        (holds().add("/missing/child", 0), 400),
        (holds().add("/text/child", 0), 400),
        (holds().add("/deep/a/child", 0), 400),
        (holds().incr("/deep", 1), 400),
        (holds().incr("/missing/n", 1), 400),
        (holds().move_to("/missing", "/n"), 400),
        (holds().remove("/city"), 400),
        (holds().move_to("/city", "/town"), 400),
        (holds().condition("this is no condition"), 400),
        (holds().condition("FROM c WHERE c.n = 2"), 412),
    ] {
        let error = orders.patch_item("1", "Lyon", &patch).send().unwrap_err();
        assert_eq!(error.status().unwrap(), status, "{patch:?}: {error}");
        assert!(!error.may_have_been_applied());
        if status == 412 && account.emulator.is_some() {
            assert_eq!(error.sub_status(), Some(1110));
        }
    }
    // What looks like one of these and is none.
    let fine = Patch::new().move_to("/n", "/n").set("/ttl", 100).set("/list/2", 3).incr("/n", 1);
    let item = patched(&orders, fine);
    assert_eq!((&item["n"], &item["list"]), (&json!(2), &json!([1, 2, 3])));
}

fn what_a_patch_makes_of_an_item_obeys_the_limits_of_items(account: &Account) {
    let mut properties = cosmosdb::ContainerProperties::new("items", "/city");
    properties.unique_key_policy =
        serde_json::from_value(json!({ "uniqueKeys": [{ "paths": ["/n"] }] })).unwrap();
    let orders = account.container_with(properties);
    for n in 1..=2 {
        orders.create_item(&json!({ "id": n.to_string(), "city": "Lyon", "n": n })).send().unwrap();
    }
    let error = orders.patch_item("1", "Lyon", Patch::new().set("/n", 2)).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
    // Each patch is small enough, the item that they make is not.
    let text = "x".repeat(1_100_000);
    orders.patch_item("1", "Lyon", Patch::new().set("/a", &text)).send().unwrap();
    let error = orders.patch_item("1", "Lyon", Patch::new().set("/b", &text)).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 413, "{error}");
    let item: Value = orders.read_item("1", "Lyon").send().unwrap().item().unwrap();
    assert_eq!((&item["n"], item.get("b")), (&json!(1), None));
}
