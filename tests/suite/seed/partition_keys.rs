//! Partition keys on the wire, and where they come from.

use cosmosdb::{PartitionKey, PartitionKeyValue};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

const KEY: &str = "x-ms-documentdb-partitionkey";

#[test]
fn s10a_each_type_of_key_is_one_json_array_in_ascii() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for (n, (value, key, expected)) in [
        (json!("v"), PartitionKey::from("v"), r#"["v"]"#),
        (json!(""), "".into(), r#"[""]"#),
        (json!("€\u{9}\"\\🚀"), "€\u{9}\"\\🚀".into(), r#"["\u20ac\t\"\\\ud83d\ude80"]"#),
        (json!(null), PartitionKey::NULL, "[null]"),
        (json!(true), true.into(), "[true]"),
        (json!(false), false.into(), "[false]"),
        (json!(42), 42.into(), "[42]"),
        (json!(-7), (-7).into(), "[-7]"),
        (json!(3.25), 3.25.into(), "[3.25e0]"),
        (json!({ "an": "object" }), PartitionKey::UNDEFINED, "[{}]"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = n.to_string();
        let item = json!({ "id": id, "pk": value });
        let is_same = |sent: &str| {
            let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert!(sent.is_ascii());
            assert_eq!(same(sent), same(expected), "{value}");
        };
        items.create_item(&item).send().unwrap();
        is_same(header(&seed.wire.only(), KEY));
        items.upsert_item(&item).send().unwrap();
        is_same(header(&seed.wire.only(), KEY));
        items.replace_item(&id, &item).send().unwrap();
        is_same(header(&seed.wire.only(), KEY));
        items.read_item(&id, &key).send().unwrap();
        is_same(header(&seed.wire.only(), KEY));
        let query =
            items.query_items::<Value>("SELECT * FROM c WHERE c.id = @id").param("@id", &id);
        assert_eq!(query.partition_key(&key).into_iter().count(), 1, "{value}");
        let sent = seed.wire.take();
        is_same(header(sent.last().unwrap(), KEY));
        items.delete_item(&id, key).send().unwrap();
        is_same(header(&seed.wire.only(), KEY));
    }
    items.create_item(&json!({ "id": "missing" })).send().unwrap();
    assert_eq!(header(&seed.wire.only(), KEY), "[{}]");
}

#[test]
fn s10a_the_container_is_read_once_for_its_key() {
    let seed = Seed::new();
    seed.container("/a/b");
    let items = seed.client(|it| it).database("db").container("items");
    for n in 0..3 {
        items.create_item(&json!({ "id": n.to_string(), "a": { "b": n } })).send().unwrap();
    }
    let requests = seed.wire.take();
    let paths: Vec<&str> = requests.iter().map(|it| it.uri().path()).collect();
    let reads = paths.iter().filter(|it| **it == "/dbs/db/colls/items").count();
    let writes: Vec<&str> =
        requests.iter().filter(|it| it.method() == "POST").map(|it| header(it, KEY)).collect();
    assert_eq!((reads, writes), (1, vec!["[0]", "[1]", "[2]"]));
}

#[test]
fn s10a_a_query_of_all_partitions_says_so() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    for n in 0..9 {
        items.create_item(&json!({ "id": n.to_string(), "pk": n })).send().unwrap();
    }
    seed.wire.take();
    assert_eq!(items.query_items::<Value>("SELECT * FROM c").into_iter().count(), 9);
    let requests = seed.wire.take();
    let pages = requests.iter().filter(|it| header(it, "x-ms-documentdb-isquery") == "True");
    let pages: Vec<_> = pages.collect();
    assert!(pages.len() >= 3);
    for page in pages {
        assert_eq!(header(page, "x-ms-documentdb-query-enablecrosspartition"), "True");
        assert_eq!(header(page, "content-type"), "application/query+json");
        assert_eq!(body(page)["query"], "SELECT * FROM c");
    }
}

#[test]
fn s11_paths_with_special_characters_are_sent_as_they_are_and_read_by_their_parts() {
    let seed = Seed::new();
    let cases = [
        ("/\"level' 1*()\"/\"le/vel2\"", json!({ "level' 1*()": { "le/vel2": "v" } })),
        ("/'say \"hi\"'/x", json!({ "say \"hi\"": { "x": "v" } })),
        ("/'!@#$%^&*()_+='", json!({ "!@#$%^&*()_+=": "v" })),
        ("/\"with 'single' quotes\"", json!({ "with 'single' quotes": "v" })),
        ("/123/'0'", json!({ "123": { "0": "v" } })),
        ("/größe", json!({ "größe": "v" })),
        ("/_x/\"a b\"", json!({ "_x": { "a b": "v" } })),
    ];
    for (number, (path, mut item)) in cases.into_iter().enumerate() {
        let id = format!("c{number}");
        let database = seed.client.database("db");
        seed.client.create_database_if_not_exists("db").unwrap();
        seed.wire.take();
        database.create_container(cosmosdb::ContainerProperties::new(&*id, path)).send().unwrap();
        let created = seed.wire.take().pop().unwrap();
        assert_eq!(body(&created)["partitionKey"]["paths"], json!([path]));
        item["id"] = json!("1");
        let container = database.container(id);
        container.create_item(&item).send().unwrap_or_else(|it| panic!("{path}: {it}"));
        assert_eq!(header(&seed.wire.only(), KEY), r#"["v"]"#, "{path}");
        container.read_item("1", "v").send().unwrap();
    }
}

#[test]
fn s11_a_path_that_is_none_is_an_error_that_says_where() {
    // The account of a mock has whatever path one wants.
    for (path, index) in [("level1", 0), ("/\"open", 1), ("/a\"b\"x/'open", 7), ("/'a'b", 4)] {
        let mock = cosmosdb::transport::Mock::new();
        let definition = json!({ "paths": [path], "kind": "Hash", "version": 2 });
        mock.respond_json(200, &json!({ "id": "c", "_rid": "rid=", "partitionKey": definition }));
        let client = cosmosdb::CosmosClient::builder("https://localhost:1/")
            .key("c2VjcmV0")
            .transport(mock)
            .build()
            .unwrap();
        let items = client.database("db").container("c");
        let error = items.create_item(&json!({ "id": "1" })).send().unwrap_err();
        assert!(error.to_string().contains(&format!("position {index}")), "{path}: {error}");
    }
}

#[test]
fn s11_several_paths_are_a_hierarchical_key() {
    let seed = Seed::new();
    let items = seed.container(["/tenant", "/\"a/b\"", "/n"]);
    items.create_item(&json!({ "id": "1", "tenant": "t", "a/b": 7 })).send().unwrap();
    assert_eq!(header(&seed.wire.only(), KEY), r#"["t",7,{}]"#);
    let key = PartitionKey::from_components(["t".into(), 7.into(), PartitionKeyValue::Undefined]);
    items.read_item("1", key).send().unwrap();
}
