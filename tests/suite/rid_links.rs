//! Databases, containers and items that are addressed by `_self` rather than by name.

use cosmosdb::{
    BulkOperation, Container, ContainerProperties, Emulator, ErrorKind, FeedPage, Patch,
};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    an_item_is_read_replaced_patched_and_deleted_by_its_self_link,
    a_container_at_its_self_link_does_all_that_one_by_name_does,
    databases_are_reached_by_their_self_links,
    slashes_at_the_ends_of_a_link_do_not_matter,
    a_self_link_does_not_lead_to_another_container_of_the_same_name,
}

fn self_link(container: &Container) -> String {
    container.read().send().unwrap().properties().unwrap().system.self_link.unwrap()
}

fn create(container: &Container, item: &Value) -> Value {
    container.create_item(item).send().unwrap().item().unwrap()
}

fn link_of(item: &Value) -> String {
    item["_self"].as_str().unwrap().to_owned()
}

fn an_item_is_read_replaced_patched_and_deleted_by_its_self_link(account: &Account) {
    let by_name = account.container("/pk");
    let by_rid = account.client.container_at(self_link(&by_name));
    // Ids that are trouble in names are none in resource ids.
    for (number, id) in ["1", "a b", "100%", "a+b=", "é🚀"].into_iter().enumerate() {
        let container: &Container = if number % 2 == 0 { &by_name } else { &by_rid };
        let link = link_of(&create(container, &json!({ "id": id, "pk": "a", "n": 0 })));
        for container in [&by_name, &by_rid] {
            let item: Value = container.read_item(&link, "a").send().unwrap().item().unwrap();
            assert_eq!(item["id"], id);
        }
        let item = json!({ "id": id, "pk": "a", "n": 1 });
        assert_eq!(by_rid.replace_item(&link, &item).send().unwrap().status(), 200);
        let patched = by_rid.patch_item(&link, "a", Patch::new().incr("/n", 1)).send().unwrap();
        assert_eq!(patched.item::<Value>().unwrap()["n"], 2);
        let link = format!("/{}", link.trim_end_matches('/'));
        assert_eq!(by_name.delete_item(&link, "a").send().unwrap().status(), 204);
        assert!(by_name.read_item(id, "a").send().unwrap_err().is_not_found());
    }
}

fn a_container_at_its_self_link_does_all_that_one_by_name_does(account: &Account) {
    let by_name = account.container("/pk");
    let container = account.client.container_at(self_link(&by_name));
    for number in 0..6 {
        let item = json!({ "id": number.to_string(), "pk": (number % 3).to_string() });
        assert_eq!(container.upsert_item(&item).send().unwrap().status(), 201);
    }
    let bulk = (6..9).map(|it| BulkOperation::create(&json!({ "id": it.to_string(), "pk": "3" })));
    assert!(container.bulk().send(bulk).unwrap().all(|it| it.is_success()));
    let batch = container.batch("3").create(&json!({ "id": "9", "pk": "3" }));
    assert_eq!(batch.send().unwrap().results().len(), 1);

    let query = "SELECT VALUE c.id FROM c ORDER BY c.id";
    let ids: Vec<String> = container.query_items(query).into_iter().map(Result::unwrap).collect();
    assert_eq!(ids, (0..10).map(|it| it.to_string()).collect::<Vec<_>>());
    let of_key = container.query_items::<Value>("SELECT * FROM c").partition_key("0");
    assert_eq!(of_key.into_iter().count(), 2);
    assert_eq!(container.items::<Value>().into_iter().count(), 10);
    let changes = container.change_feed::<Value>().from_beginning().pages();
    let page: FeedPage<Value> =
        changes.map(Result::unwrap).find(|it| !it.items().is_empty()).unwrap();
    assert!(page.items().len() <= 10);
    let wanted = [("0", "0"), ("3", "0"), ("7", "3"), ("nowhere", "0")];
    let many = container.read_many(wanted).send::<Value>().unwrap();
    assert_eq!(many.items().iter().flatten().count(), 3);
    assert!(!container.feed_ranges().unwrap().is_empty());

    let mut properties = container.read().send().unwrap().properties().unwrap();
    assert_eq!(properties.id, by_name.id());
    properties.default_ttl = Some(cosmosdb::models::TimeToLive::Seconds(3600));
    container.replace(&properties).send().unwrap();
    container.delete().send().unwrap();
    assert!(by_name.read().send().unwrap_err().is_not_found());
}

fn databases_are_reached_by_their_self_links(account: &Account) {
    let by_name = account.database();
    let link = by_name.read().send().unwrap().properties().unwrap().system.self_link.unwrap();
    let database = account.client.database_at(link.clone());
    assert_eq!(database.id(), link.trim_end_matches('/').rsplit('/').next().unwrap());
    database.create_container(ContainerProperties::new("items", "/pk")).send().unwrap();
    let ids: Vec<String> = database.containers().into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(ids, ["items"]);
    let query = "SELECT * FROM c WHERE c.id = 'items'";
    assert_eq!(database.query_containers(query).into_iter().count(), 1);
    let rid = self_link(&by_name.container("items")).split('/').nth(3).unwrap().to_owned();
    assert_eq!(database.container(rid).read().send().unwrap().properties().unwrap().id, "items");
    // The service takes no names below a resource id, so that none are sent.
    let error = database.container("items").read().send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

fn slashes_at_the_ends_of_a_link_do_not_matter(account: &Account) {
    let container = account.container("/pk");
    let names = format!("dbs/{}/colls/{}", container.database().id(), container.id());
    let rids = self_link(&container);
    for link in [names.as_str(), rids.trim_matches('/')] {
        for link in [link.to_owned(), format!("/{link}"), format!("/{link}/")] {
            let read = account.client.container_at(link.clone()).read().send();
            assert_eq!(read.unwrap().properties().unwrap().id, container.id(), "{link}");
        }
    }
}

fn a_self_link_does_not_lead_to_another_container_of_the_same_name(account: &Account) {
    let by_name = account.container("/pk");
    let by_rid = account.client.container_at(self_link(&by_name));
    create(&by_rid, &json!({ "id": "1", "pk": "a" }));
    by_name.delete().send().unwrap();
    let properties = ContainerProperties::new(by_name.id(), "/pk");
    by_name.database().create_container(properties).send().unwrap();
    create(&by_name, &json!({ "id": "1", "pk": "a" }));
    let error = by_rid.query_items::<Value>("SELECT * FROM c").into_iter().next().unwrap();
    assert!(error.unwrap_err().is_not_found());
    assert!(
        by_rid.create_item(&json!({ "id": "2", "pk": "a" })).send().unwrap_err().is_not_found()
    );
}

#[test]
fn links_that_lead_elsewhere_are_refused_before_anything_is_sent() {
    let emulator = Emulator::new();
    let client = emulator.client();
    let orders = client.database("shop").container("orders");
    let by_rid = client.container_at("dbs/d9RzAA==/colls/d9RzAJRFKgw=/");
    let other = "dbs/d9RzAA==/colls/d9RzAPX6aAw=/docs/d9RzAPX6aAwBAAAAAAAAAA==/";
    for (error, expected) in [
        (client.container_at("dbs/shop").read().send().unwrap_err(), "not of the form"),
        (client.container_at("").read().send().unwrap_err(), "not of the form"),
        (client.database_at("colls/a").read().send().unwrap_err(), "not of the form"),
        (orders.read_item("dbs/shop/colls/x/docs/1", "a").send().unwrap_err(), "not below"),
        (orders.read_item("dbs/shop/colls/orders", "a").send().unwrap_err(), "not of the form"),
        (by_rid.read_item(other, "a").send().unwrap_err(), "not below"),
        (by_rid.read_item("42", "a").send().unwrap_err(), "give the _self"),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(emulator.requests().is_empty());
}

/// A session is one of the container, however it is addressed.
#[test]
fn what_was_written_by_name_is_seen_by_resource_id_and_the_other_way_round() {
    let account = Account::in_process();
    let by_name = account.container("/pk");
    let link = self_link(&by_name);
    let emulator = account.emulator.as_ref().unwrap();
    let pairs = |client: &cosmosdb::CosmosClient| {
        let by_name = client.database(by_name.database().id()).container(by_name.id());
        let by_rid = client.container_at(link.clone());
        [(by_name.clone(), by_rid.clone()), (by_rid, by_name)]
    };
    for turn in 0..2 {
        let (writer, reader) = pairs(&emulator.client())[turn].clone();
        for number in 0..2 {
            let id = format!("{turn}{number}");
            let written = writer.create_item(&json!({ "id": id, "pk": "a" })).send().unwrap();
            drop(emulator.take_requests());
            reader.read_item(&link_of(&written.item().unwrap()), "a").send().unwrap();
            let read = emulator.take_requests().pop().unwrap();
            assert_eq!(read.session_token.as_deref(), written.session_token(), "{id}");
        }
        // A token of another client counts for both, too.
        let later = emulator.client().container_at(link.clone());
        let later = later.create_item(&json!({ "id": format!("later{turn}"), "pk": "a" })).send();
        let later = later.unwrap();
        writer.adopt_session_token(later.session_token().unwrap()).unwrap();
        assert_eq!(reader.session_token().as_deref(), later.session_token());
    }
}
