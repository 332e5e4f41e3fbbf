//! Ids: what they may be, and how they travel in links.

use cosmosdb::{ContainerProperties, ErrorKind, Result};
use serde_json::{Value, json};

use super::wire::{Seed, header};

/// The service's rule: no `/ \ ? #`, no space at the end; and none is empty.
pub(super) const ILLEGAL: [&str; 8] =
    ["a/b", "a\\b", "a?b", "a#b", "trailing ", "/", "", "a\u{7}b"];

pub(super) const LEGAL: [&str; 13] = [
    "plain",
    " leading",
    "in ner",
    "100%",
    "%2F",
    "a+b",
    "é",
    "日本語",
    "🚀",
    "id_~!@$^&*()=[]{}|;:'\",.<>`",
    "UPPER",
    "upper",
    "..",
];

fn refused<T>(what: &str, id: &str, outcome: Result<T>) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what} {id:?} was let through"));
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what} {id:?}: {error}");
}

#[test]
fn s05_ids_are_validated_before_any_request() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let db = seed.client.database("db");
    for id in ILLEGAL {
        let item = json!({ "id": id, "pk": 1 });
        let properties = ContainerProperties::new(id, "/pk");
        refused("create database", id, seed.client.create_database(id).send());
        refused("ensure database", id, seed.client.create_database_if_not_exists(id));
        refused("read database", id, seed.client.database(id).read().send());
        refused("delete database", id, seed.client.database(id).delete().send());
        refused("create container", id, db.create_container(properties.clone()).send());
        refused("ensure container", id, db.create_container_if_not_exists(&properties));
        refused("replace container", id, db.container(id).replace(&properties).send());
        refused("read container", id, db.container(id).read().send());
        refused(
            "query",
            id,
            db.container(id).query_items::<Value>("SELECT 1").pages().next().unwrap(),
        );
        refused("create item", id, items.create_item(&item).send());
        refused("upsert item", id, items.upsert_item(&item).send());
        refused("replace item", id, items.replace_item(id, &item).send());
        refused("read item", id, items.read_item(id, 1).send());
        refused("delete item", id, items.delete_item(id, 1).send());
        refused(
            "list items",
            id,
            seed.client.database(id).container("c").items::<Value>().pages().next().unwrap(),
        );
    }
    assert!(seed.wire.take().is_empty(), "nothing was sent");
}

#[test]
fn s05_legal_ids_round_trip_through_url_and_signature() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for id in LEGAL {
        let item = json!({ "id": id, "pk": 1 });
        items.create_item(&item).send().unwrap_or_else(|it| panic!("{id:?}: {it}"));
        items.upsert_item(&item).send().unwrap();
        items.replace_item(id, &item).send().unwrap();
        let read: Value = items.read_item(id, 1).send().unwrap().item().unwrap();
        assert_eq!(read["id"], id);
    }
    let count = items.query_items::<u32>("SELECT VALUE COUNT(1) FROM c");
    assert_eq!(count.into_iter().next().unwrap().unwrap(), LEGAL.len() as u32);
    for id in LEGAL {
        seed.client.create_database(format!("{id}x")).send().unwrap();
        let database = seed.client.database(format!("{id}x"));
        database.create_container(ContainerProperties::new(id, "/pk")).send().unwrap();
        assert_eq!(database.container(id).read().send().unwrap().properties().unwrap().id, id);
        database.delete().send().unwrap();
    }
}

#[test]
fn s07_an_upsert_creates_with_201_and_replaces_with_200() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let item = json!({ "id": "1", "pk": "a", "n": 1 });
    let first = items.upsert_item(&item).send().unwrap();
    let request = seed.wire.only();
    assert_eq!((first.status().as_u16(), request.method().as_str()), (201, "POST"));
    assert_eq!(request.uri().path(), "/dbs/db/colls/items/docs");
    assert_eq!(header(&request, "x-ms-documentdb-is-upsert"), "True");
    let second = items.upsert_item(&json!({ "id": "1", "pk": "a", "n": 2 })).send().unwrap();
    assert_eq!(second.status(), 200);
    assert_ne!(first.etag(), second.etag());
    let read: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!(read["n"], 2);
    seed.wire.take();
    items.create_item(&json!({ "id": "2", "pk": "a" })).send().unwrap();
    assert_eq!(header(&seed.wire.only(), "x-ms-documentdb-is-upsert"), "");
}

#[test]
fn s08_names_are_percent_encoded_in_the_path_and_signed_as_they_are() {
    let seed = Seed::new();
    seed.container("/pk");
    let db = seed.client.database("db");
    db.create_container(ContainerProperties::new("My Items%+é", "/pk")).send().unwrap();
    let items = db.container("My Items%+é");
    seed.wire.take();
    // The emulator checks signatures: one over a name in lower case, or over the encoded path, is refused.
    items.create_item(&json!({ "id": "It em%2F+ü", "pk": "a" })).send().unwrap();
    items.read_item("It em%2F+ü", "a").send().unwrap();
    let read = seed.wire.take().pop().unwrap();
    let expected = "/dbs/db/colls/My%20Items%25%2B%C3%A9/docs/It%20em%252F%2B%C3%BC";
    assert_eq!(read.uri().path(), expected);
    let signature = header(&read, "authorization");
    assert!(signature.starts_with("type%3Dmaster%26ver%3D1.0%26sig%3D"), "{signature}");
    assert!(items.read_item("it em%2F+ü", "a").send().unwrap_err().is_not_found());
}
