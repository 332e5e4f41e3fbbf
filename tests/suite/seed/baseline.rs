//! The first release: every operation on databases, containers, items and the account, and their options.

use cosmosdb::{ContainerProperties, Etag, OptionalExt, Throughput};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

/// Method, path and status of the calls since the last time.
fn calls(seed: &Seed) -> Vec<(String, String)> {
    let requests = seed.wire.take();
    requests.iter().map(|it| (it.method().to_string(), it.uri().path().to_owned())).collect()
}

fn call(method: &str, path: &str) -> Vec<(String, String)> {
    vec![(method.to_owned(), path.to_owned())]
}

#[test]
fn s01_seed_b_databases() {
    let seed = Seed::new();
    seed.client.connect().unwrap();
    seed.wire.take();
    let created = seed.client.create_database("db").send().unwrap();
    assert_eq!((created.status().as_u16(), calls(&seed)), (201, call("POST", "/dbs")));
    let read = seed.client.database("db").read().send().unwrap();
    assert_eq!((read.status().as_u16(), calls(&seed)), (200, call("GET", "/dbs/db")));
    let listed: Vec<String> =
        seed.client.databases().into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!((listed, calls(&seed)), (vec!["db".to_owned()], call("GET", "/dbs")));
    let query = seed.client.query_databases("SELECT * FROM r WHERE r.id = @id").param("@id", "db");
    assert_eq!((query.into_iter().count(), calls(&seed)), (1, call("POST", "/dbs")));
    let deleted = seed.client.database("db").delete().send().unwrap();
    assert_eq!((deleted.status().as_u16(), calls(&seed)), (204, call("DELETE", "/dbs/db")));
    assert!(seed.client.database("db").read().send().optional().unwrap().is_none());
}

#[test]
fn s01_seed_b_containers() {
    let seed = Seed::new();
    seed.client.create_database("db").send().unwrap();
    let db = seed.client.database("db");
    seed.wire.take();
    let created = db.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
    assert_eq!((created.status().as_u16(), calls(&seed)), (201, call("POST", "/dbs/db/colls")));
    let mut properties = db.container("c").read().send().unwrap().properties().unwrap();
    assert_eq!(calls(&seed), call("GET", "/dbs/db/colls/c"));
    properties.default_ttl = Some(cosmosdb::models::TimeToLive::Forever);
    assert_eq!(db.container("c").replace(&properties).send().unwrap().status(), 200);
    assert_eq!(calls(&seed), call("PUT", "/dbs/db/colls/c"));
    assert_eq!(
        (db.containers().into_iter().count(), calls(&seed)),
        (1, call("GET", "/dbs/db/colls"))
    );
    let query = db.query_containers("SELECT * FROM r WHERE r.id = 'c'");
    assert_eq!((query.into_iter().count(), calls(&seed)), (1, call("POST", "/dbs/db/colls")));
    assert_eq!(db.container("c").delete().send().unwrap().status(), 204);
    assert_eq!(calls(&seed), call("DELETE", "/dbs/db/colls/c"));
}

#[test]
fn s01_seed_b_items() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let docs = "/dbs/db/colls/items/docs";
    let item = json!({ "id": "1", "pk": "a", "n": 1 });
    assert_eq!(items.create_item(&item).send().unwrap().status(), 201);
    assert_eq!(calls(&seed), call("POST", docs));
    let conflict = items.create_item(&item).send().unwrap_err();
    assert!(conflict.is_conflict(), "{conflict}");
    assert_eq!(items.upsert_item(&item).send().unwrap().status(), 200);
    seed.wire.take();
    let read = items.read_item("1", "a").send().unwrap();
    assert_eq!((read.status().as_u16(), calls(&seed)), (200, call("GET", &format!("{docs}/1"))));
    let replaced = json!({ "id": "1", "pk": "a", "n": 2 });
    assert_eq!(items.replace_item("1", &replaced).send().unwrap().status(), 200);
    assert_eq!(calls(&seed), call("PUT", &format!("{docs}/1")));
    assert_eq!((items.items::<Value>().into_iter().count(), calls(&seed)), (1, call("GET", docs)));
    assert_eq!(items.query_items::<Value>("SELECT * FROM c").into_iter().count(), 1);
    seed.wire.take();
    let mut changes = items.change_feed::<Value>().from_beginning().pages();
    assert_eq!(changes.next().unwrap().unwrap().items()[0]["n"], 2);
    let feed = seed.wire.take().pop().unwrap();
    assert_eq!(header(&feed, "a-im").to_lowercase(), "incremental feed");
    assert_eq!(items.delete_item("1", "a").send().unwrap().status(), 204);
    assert_eq!(calls(&seed), call("DELETE", &format!("{docs}/1")));
}

#[test]
fn s01_seed_b_an_item_gets_an_id_when_asked_and_what_was_given_stays() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let item = json!({ "pk": "a", "n": 1 });
    let created: Value = items.create_item(&item).generate_id().send().unwrap().item().unwrap();
    assert_eq!(body(&seed.wire.only())["id"], created["id"]);
    let upserted: Value = items.upsert_item(&item).generate_id().send().unwrap().item().unwrap();
    assert_ne!(created["id"], upserted["id"]);
    assert_eq!(created["id"].as_str().unwrap().len(), 36);
    assert_eq!(item, json!({ "pk": "a", "n": 1 }));
    let own = json!({ "id": "mine", "pk": "a" });
    let kept: Value = items.create_item(&own).generate_id().send().unwrap().item().unwrap();
    assert_eq!(kept["id"], "mine");
    seed.wire.take();
    assert!(items.create_item(&item).send().is_err());
    assert!(items.create_item(&json!({ "id": 5, "pk": "a" })).generate_id().send().is_err());
    assert!(seed.wire.take().is_empty());
}

#[test]
fn s01_seed_b_the_account() {
    let seed = Seed::new();
    let account = seed.client.account().send().unwrap().properties().unwrap();
    assert_eq!(calls(&seed).pop().unwrap(), ("GET".to_owned(), "/".to_owned()));
    assert_eq!(account.writable_locations.len(), 1);
    assert_eq!(account.consistency_level(), cosmosdb::ConsistencyLevel::Session);
}

#[test]
fn s01_seed_b_conditions_hold_or_fail() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let item = json!({ "id": "1", "pk": "a" });
    let old = items.create_item(&item).send().unwrap().etag().unwrap();
    let new = items.upsert_item(&item).send().unwrap().etag().unwrap();
    seed.wire.take();
    let stale = items.replace_item("1", &item).if_match(&old).send().unwrap_err();
    assert!(stale.is_precondition_failed(), "{stale}");
    assert_eq!(header(&seed.wire.only(), "if-match"), old.as_str());
    let newer: Etag = items.replace_item("1", &item).if_match(&new).send().unwrap().etag().unwrap();
    seed.wire.take();
    let same = items.read_item("1", "a").if_none_match(&newer).send().unwrap();
    assert!(same.is_not_modified() && same.bytes().is_empty());
    assert_eq!(header(&seed.wire.only(), "if-none-match"), newer.as_str());
    assert!(
        items.delete_item("1", "a").if_match(&new).send().unwrap_err().is_precondition_failed()
    );
    items.delete_item("1", "a").if_match(&newer).send().unwrap();
}

#[test]
fn s01_seed_b_options_become_headers() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let item = json!({ "id": "1", "pk": "a" });
    for n in 0..3 {
        items.create_item(&json!({ "id": n.to_string(), "pk": "a" })).send().unwrap();
    }
    seed.wire.take();
    let mut pages = items.items::<Value>().max_item_count(2).pages();
    pages.next().unwrap().unwrap();
    let place = pages.continuation().unwrap().to_owned();
    pages.next().unwrap().unwrap();
    let requests = seed.wire.take();
    assert_eq!(header(&requests[0], "x-ms-max-item-count"), "2");
    assert_eq!(header(&requests[1], "x-ms-continuation"), place);

    let scan = items.query_items::<Value>("SELECT * FROM c").partition_key("a").enable_scan(true);
    assert_eq!(scan.into_iter().count(), 3);
    let requests = seed.wire.take();
    assert!(requests.iter().any(|it| header(it, "x-ms-documentdb-query-enable-scan") == "True"));

    items.upsert_item(&item).pre_triggers(["one"]).post_triggers(["two", "three"]).send().ok();
    let request = seed.wire.only();
    assert_eq!(header(&request, "x-ms-documentdb-pre-trigger-include"), "one");
    assert_eq!(header(&request, "x-ms-documentdb-post-trigger-include"), "two,three");

    items.read_item("1", "a").header("x-my-own", "as it is").send().unwrap();
    let request = seed.wire.only();
    assert_eq!(header(&request, "x-my-own"), "as it is");
    assert_eq!(header(&request, "cache-control"), "no-cache");
    assert!(header(&request, "user-agent").starts_with("cosmosdb-rust/"));
}

#[test]
fn s01_seed_b_the_body_of_a_query_has_its_parameters() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    items.create_item(&json!({ "id": "1", "pk": "a", "list": [1] })).send().unwrap();
    seed.wire.take();
    let query = items
        .query_items::<Value>("SELECT * FROM c WHERE c.id = @id AND c.list = @list")
        .param("@id", "1")
        .param("@list", [1])
        .partition_key("a");
    assert_eq!(query.into_iter().count(), 1);
    let sent = seed.wire.take().pop().unwrap();
    assert_eq!(header(&sent, "content-type"), "application/query+json");
    let parameters = json!([{ "name": "@id", "value": "1" }, { "name": "@list", "value": [1] }]);
    assert_eq!(body(&sent)["parameters"], parameters);
}

#[test]
fn seed_b_errors_tell_status_sub_status_headers_and_message() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let error = items.read_item("none", "a").send().unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    assert!(error.sub_status().is_none_or(|it| it == 0));
    assert!(error.headers().unwrap().contains_key("x-ms-activity-id"));
    assert!(error.activity_id().is_some() && error.request_charge() > 0.0);
    let missing = seed.client.database("none").container("c");
    let error = missing.read_item("1", "a").send().unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let created = items.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    let wrong = created.item::<Vec<u8>>().unwrap_err();
    assert_eq!(wrong.kind(), cosmosdb::ErrorKind::Json);
}

#[test]
fn seed_c_answers_are_each_callers_own() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let items = &items;
            scope.spawn(move || {
                for n in 0..10 {
                    let id = format!("{thread}-{n}");
                    let item = json!({ "id": id, "pk": thread });
                    let stored = items.create_item(&item).send().unwrap();
                    let read = items.read_item(&id, thread).send().unwrap();
                    assert_eq!((stored.status().as_u16(), read.status().as_u16()), (201, 200));
                    assert_eq!(stored.etag(), read.etag(), "{id}");
                }
            });
        }
    });
}

#[test]
fn seed_c_the_change_feed_starts_now_or_at_the_beginning_and_goes_on() {
    let seed = Seed::partitioned(2);
    let items = seed.container("/pk");
    for n in 0..4 {
        items.create_item(&json!({ "id": n.to_string(), "pk": n })).send().unwrap();
    }
    let drain = |pages: &mut cosmosdb::ChangePages<Value>| {
        let mut ids = Vec::new();
        for page in pages {
            let page = page.unwrap().into_items();
            if page.is_empty() {
                break;
            }
            ids.extend(page.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        }
        ids.sort();
        ids
    };
    let mut now = items.change_feed::<Value>().from_now().pages();
    assert!(drain(&mut now).is_empty());
    let mut all = items.change_feed::<Value>().from_beginning().pages();
    assert_eq!(drain(&mut all), ["0", "1", "2", "3"]);
    let place = all.continuation().unwrap().to_owned();
    items.create_item(&json!({ "id": "new", "pk": 9 })).send().unwrap();
    assert_eq!(drain(&mut now), ["new"], "the feed that started now tells what came since");
    let mut later = items.change_feed::<Value>().continue_from(place).pages();
    assert_eq!(drain(&mut later), ["new"]);
}

#[test]
fn seed_c_the_ranges_of_partitions_that_were_split_are_forgotten() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for n in 0..10 {
        items.create_item(&json!({ "id": n.to_string(), "pk": n })).send().unwrap();
    }
    assert_eq!(items.feed_ranges().unwrap().len(), 1);
    let [left, _] = seed.emulator.split("db", "items", "0").unwrap();
    seed.emulator.split("db", "items", &left).unwrap();
    assert_eq!(items.feed_ranges().unwrap().len(), 3);
    assert_eq!(items.query_items::<Value>("SELECT * FROM c").into_iter().count(), 10);
    for n in 0..10 {
        items.read_item(&n.to_string(), n).send().unwrap();
    }
}

#[test]
fn s10b_and_s22d_the_throughput_of_a_container_is_a_header_and_the_service_decides() {
    let seed = Seed::new();
    seed.client.create_database("db").send().unwrap();
    let db = seed.client.database("db");
    seed.wire.take();
    for amount in [400, 2500, 10_100] {
        let properties = ContainerProperties::new(format!("c{amount}"), "/pk");
        let create = db.create_container(properties).throughput(Throughput::manual(amount));
        assert_eq!(create.send().unwrap().status(), 201);
        let sent = seed.wire.take().remove(0);
        assert_eq!(header(&sent, "x-ms-offer-throughput"), amount.to_string());
    }
    let properties = ContainerProperties::new("low", "/pk");
    let low = db.create_container(properties).throughput(Throughput::manual(100)).send();
    assert_eq!(low.unwrap_err().status().unwrap(), 400);
    assert_eq!(seed.wire.take().len(), 1, "it was asked, not judged here");
}
