//! Create, read, replace, upsert, delete and list.

use cosmosdb::{Etag, OptionalExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_created_item_can_be_read,
    an_item_that_is_not_there_is_not_found,
    an_id_can_be_used_once_in_a_partition,
    upsert_creates_and_then_replaces,
    replace_keeps_the_id_and_changes_the_rest,
    a_deleted_item_is_gone,
    if_match_lets_only_the_known_version_be_changed,
    if_none_match_answers_without_a_body_when_nothing_changed,
    writes_answer_without_the_item_when_asked,
    responses_tell_what_the_call_cost_and_where_it_stands,
    all_items_can_be_listed_in_pages,
    items_of_one_partition_can_be_listed,
    numbers_and_text_come_back_as_they_went,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    city: String,
    total: f64,
}

fn order(id: &str, city: &str, total: f64) -> Order {
    Order { id: id.into(), city: city.into(), total }
}

fn a_created_item_can_be_read(account: &Account) {
    let orders = account.container("/city");
    let created = orders.create_item(&order("42", "Lyon", 12.5)).send().unwrap();
    assert_eq!(created.status(), 201);
    assert_eq!(created.item::<Order>().unwrap(), order("42", "Lyon", 12.5));

    let read = orders.read_item("42", "Lyon").send().unwrap();
    assert_eq!(read.status(), 200);
    assert_eq!(read.item::<Order>().unwrap(), order("42", "Lyon", 12.5));
    let stored: Value = read.item().unwrap();
    for property in ["_rid", "_self", "_etag", "_ts"] {
        assert!(stored.get(property).is_some(), "{property}");
    }
}

fn an_item_that_is_not_there_is_not_found(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap();
    for (id, city) in [("43", "Lyon"), ("42", "Nice")] {
        let error = orders.read_item(id, city).send().unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert!(orders.read_item(id, city).send().optional().unwrap().is_none());
        assert!(orders.delete_item(id, city).send().unwrap_err().is_not_found());
    }
    assert!(
        orders.replace_item("43", &order("43", "Lyon", 1.0)).send().unwrap_err().is_not_found()
    );
}

fn an_id_can_be_used_once_in_a_partition(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap();
    let error = orders.create_item(&order("42", "Lyon", 2.0)).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.code().as_deref(), Some("Conflict"));
    assert!(error.activity_id().is_some());
    orders.create_item(&order("42", "Nice", 2.0)).send().unwrap();
}

fn upsert_creates_and_then_replaces(account: &Account) {
    let orders = account.container("/city");
    assert_eq!(orders.upsert_item(&order("42", "Lyon", 1.0)).send().unwrap().status(), 201);
    let replaced = orders.upsert_item(&order("42", "Lyon", 2.0)).send().unwrap();
    assert_eq!(replaced.status(), 200);
    assert_eq!(replaced.item::<Order>().unwrap().total, 2.0);
}

fn replace_keeps_the_id_and_changes_the_rest(account: &Account) {
    let orders = account.container("/city");
    let before: Value =
        orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap().item().unwrap();
    let after: Value =
        orders.replace_item("42", &order("42", "Lyon", 2.0)).send().unwrap().item().unwrap();
    assert_eq!(before["_rid"], after["_rid"]);
    assert_ne!(before["_etag"], after["_etag"]);
    assert_eq!(after["total"], 2);
}

fn a_deleted_item_is_gone(account: &Account) {
    let orders = account.container("/city");
    orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap();
    let deleted = orders.delete_item("42", "Lyon").send().unwrap();
    assert_eq!(deleted.status(), 204);
    assert!(deleted.bytes().is_empty());
    assert!(deleted.item::<Value>().is_err());
    assert!(orders.read_item("42", "Lyon").send().unwrap_err().is_not_found());
}

fn if_match_lets_only_the_known_version_be_changed(account: &Account) {
    let orders = account.container("/city");
    let first = orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap().etag().unwrap();
    let second =
        orders.replace_item("42", &order("42", "Lyon", 2.0)).if_match(&first).send().unwrap();
    let second = second.etag().unwrap();
    assert_ne!(first, second);

    let stale =
        orders.replace_item("42", &order("42", "Lyon", 3.0)).if_match(&first).send().unwrap_err();
    assert!(stale.is_precondition_failed(), "{stale}");
    let stale = orders.upsert_item(&order("42", "Lyon", 3.0)).if_match(&first).send().unwrap_err();
    assert!(stale.is_precondition_failed(), "{stale}");
    let stale = orders.delete_item("42", "Lyon").if_match(&first).send().unwrap_err();
    assert!(stale.is_precondition_failed(), "{stale}");

    let item: Order = orders.read_item("42", "Lyon").send().unwrap().item().unwrap();
    assert_eq!(item.total, 2.0);
    orders
        .delete_item("42", "Lyon")
        .set(Some(&second), |it, etag: &Etag| it.if_match(etag))
        .send()
        .unwrap();
}

fn if_none_match_answers_without_a_body_when_nothing_changed(account: &Account) {
    let orders = account.container("/city");
    let etag = orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap().etag().unwrap();
    let same = orders.read_item("42", "Lyon").if_none_match(&etag).send().unwrap();
    assert!(same.is_not_modified());
    assert!(same.bytes().is_empty());
    orders.upsert_item(&order("42", "Lyon", 2.0)).send().unwrap();
    let changed = orders.read_item("42", "Lyon").if_none_match(&etag).send().unwrap();
    assert_eq!(changed.status(), 200);
    assert_eq!(changed.item::<Order>().unwrap().total, 2.0);
}

fn writes_answer_without_the_item_when_asked(account: &Account) {
    let orders = account.container("/city");
    let created =
        orders.create_item(&order("42", "Lyon", 1.0)).content_response(false).send().unwrap();
    assert!(created.bytes().is_empty());
    assert!(created.etag().is_some());
    let replaced =
        orders.upsert_item(&order("42", "Lyon", 2.0)).content_response(false).send().unwrap();
    assert!(replaced.bytes().is_empty());
    assert_eq!(orders.read_item("42", "Lyon").send().unwrap().item::<Order>().unwrap().total, 2.0);
}

fn responses_tell_what_the_call_cost_and_where_it_stands(account: &Account) {
    let orders = account.container("/city");
    let created = orders.create_item(&order("42", "Lyon", 1.0)).send().unwrap();
    assert!(created.request_charge() > 1.0);
    assert!(created.session_token().unwrap().contains('#'));
    assert_eq!(created.activity_id().unwrap().len(), 36);
    assert_eq!(created.throttling().0, 0);
    assert_eq!(created.headers()["x-ms-throttle-retry-count"], "0");
    assert!(created.quota().is_some() && created.usage().is_some());
    let diagnostics = created.diagnostics();
    assert_eq!(diagnostics.attempts().len(), 1);
    assert_eq!(diagnostics.attempts()[0].status, Some(201));
    assert!(diagnostics.to_string().contains("create item"), "{diagnostics}");
    assert_eq!(diagnostics.to_json()["attempts"][0]["status"], 201);
    let read = orders.read_item("42", "Lyon").send().unwrap();
    assert_eq!(read.request_charge(), 1.0);
}

fn all_items_can_be_listed_in_pages(account: &Account) {
    let orders = account.container("/city");
    for number in 0..20 {
        orders
            .create_item(&order(&number.to_string(), &format!("city {number}"), 0.0))
            .send()
            .unwrap();
    }
    let mut ids: Vec<u32> =
        orders.items::<Order>().into_iter().map(|it| it.unwrap().id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..20).collect::<Vec<u32>>());

    let mut seen = 0;
    let mut continuation = None;
    loop {
        let mut listing = orders.items::<Order>().max_item_count(3);
        if let Some(token) = continuation.take() {
            listing = listing.continue_from(token);
        }
        let page = listing.pages().next().unwrap().unwrap();
        assert!(page.items().len() <= 3);
        seen += page.items().len();
        continuation = page.continuation().map(str::to_owned);
        if continuation.is_none() {
            break;
        }
    }
    assert_eq!(seen, 20);
}

fn items_of_one_partition_can_be_listed(account: &Account) {
    let orders = account.container("/city");
    for (id, city) in [("1", "Lyon"), ("2", "Nice"), ("3", "Lyon")] {
        orders.create_item(&order(id, city, 0.0)).send().unwrap();
    }
    let ids: Vec<String> = orders
        .items::<Order>()
        .partition_key("Lyon")
        .into_iter()
        .map(|it| it.unwrap().id)
        .collect();
    assert_eq!(ids, ["1", "3"]);
}

fn numbers_and_text_come_back_as_they_went(account: &Account) {
    let orders = account.container("/city");
    let item = json!({
        "id": "odd", "city": "Lyon",
        "numbers": [0.1, 1e300, -5, 9_007_199_254_740_993_i64, i64::MIN, 0.333_333_333_333_333_3, 5e-324],
        "text": "a\u{0}b \u{2028}\u{2029}\u{85} é 🚀 \" \\ / \n",
        "nested": { "list": [[], {}, null, true, false, [1, [2]]] },
        "": "empty name",
    });
    orders.create_item(&item).send().unwrap();
    let mut read: Value = orders.read_item("odd", "Lyon").send().unwrap().item().unwrap();
    read.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_'));
    assert_eq!(read, item);
    let queried: Value = orders.query_items("SELECT * FROM c").into_iter().next().unwrap().unwrap();
    assert_eq!(queried["numbers"], item["numbers"]);
}
