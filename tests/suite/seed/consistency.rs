//! Consistency levels, session tokens, and the version that is spoken.

use cosmosdb::{ConsistencyLevel, Container, ContainerProperties};
use serde_json::{Value, json};

use super::wire::{Seed, header};

const EAST: &str = "East US";
const WEST: &str = "West US";

fn at(seed: &Seed, region: &str) -> Container {
    seed.client(|it| it.preferred_regions([region])).database("db").container("items")
}

fn item(n: i64) -> Value {
    json!({ "id": "1", "pk": "a", "n": n })
}

fn read(items: &Container) -> i64 {
    let item: Value = items.read_item("1", "a").send().unwrap().item().unwrap();
    item["n"].as_i64().unwrap()
}

#[test]
fn s19_a_client_reads_its_own_writes_from_a_region_that_lags() {
    let seed = Seed::of(|it| it.regions([EAST, WEST]), |it| it);
    seed.container("/pk");
    let items = at(&seed, WEST);
    items.upsert_item(&item(1)).send().unwrap();
    seed.emulator.pause_replication(WEST).unwrap();
    for n in 2..5 {
        items.upsert_item(&item(n)).send().unwrap();
        assert_eq!(read(&items), n);
    }
    assert_eq!(read(&at(&seed, WEST)), 1, "another client has a session of its own");
}

#[test]
fn s19_a_session_is_handed_from_one_client_to_another() {
    let seed = Seed::of(|it| it.regions([EAST, WEST]), |it| it);
    seed.container("/pk");
    let writer = at(&seed, EAST);
    writer.upsert_item(&item(1)).send().unwrap();
    seed.emulator.pause_replication(WEST).unwrap();
    let token = writer.upsert_item(&item(2)).send().unwrap().session_token().unwrap().to_owned();
    assert_eq!(read(&at(&seed, WEST)), 1);
    let by_call: Value =
        at(&seed, WEST).read_item("1", "a").session_token(&token).send().unwrap().item().unwrap();
    assert_eq!(by_call["n"], 2);
    let adopting = at(&seed, WEST);
    adopting.adopt_session_token(&writer.session_token().unwrap()).unwrap();
    assert_eq!(read(&adopting), 2);
}

#[test]
fn s19_tokens_go_with_reads_of_items_and_with_nothing_else() {
    let name = "x-ms-session-token";
    let seed = Seed::new();
    let items = seed.container("/pk");
    items.upsert_item(&item(1)).send().unwrap();
    items.read_item("1", "a").send().unwrap();
    assert!(!header(&seed.wire.take()[1], name).is_empty());
    items.read().send().unwrap();
    items.database().read().send().unwrap();
    assert!(seed.wire.take().iter().all(|it| header(it, name).is_empty()));
    // What the call says wins, whatever the level.
    items.read_item("1", "a").session_token("0:-1#1").send().unwrap();
    assert_eq!(header(&seed.wire.only(), name), "0:-1#1");
    let weaker = items.read_item("1", "a").consistency(ConsistencyLevel::Eventual);
    weaker.send().unwrap();
    assert_eq!(header(&seed.wire.only(), name), "");
}

#[test]
fn s19_a_container_made_anew_has_a_session_of_its_own() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    for n in 0..5 {
        items.upsert_item(&item(n)).send().unwrap();
    }
    // Another client does it, so that this one is not told.
    let other = seed.client(|it| it).database("db");
    other.container("items").delete().send().unwrap();
    other.create_container(ContainerProperties::new("items", "/pk")).send().unwrap();
    other.container("items").upsert_item(&item(77)).send().unwrap();
    assert_eq!(read(&items), 77);
}

#[test]
fn s22f_a_current_version_is_sent_and_can_be_set() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    items.upsert_item(&item(1)).send().unwrap();
    assert_eq!(header(&seed.wire.only(), "x-ms-version"), "2020-07-15");
    items.read_item("1", "a").header("x-ms-version", "2018-12-31").send().unwrap();
    assert_eq!(header(&seed.wire.only(), "x-ms-version"), "2018-12-31");
}

#[test]
fn s23_every_level_can_be_asked_for_by_client_and_call() {
    let name = "x-ms-consistency-level";
    let seed = Seed::of(|it| it.consistency(ConsistencyLevel::Strong), |it| it);
    seed.container("/pk").upsert_item(&item(1)).send().unwrap();
    seed.wire.take();
    for (level, word) in [
        (ConsistencyLevel::Strong, "Strong"),
        (ConsistencyLevel::BoundedStaleness, "BoundedStaleness"),
        (ConsistencyLevel::Session, "Session"),
        (ConsistencyLevel::ConsistentPrefix, "ConsistentPrefix"),
        (ConsistencyLevel::Eventual, "Eventual"),
    ] {
        let by_client = seed.client(|it| it.consistency(level)).database("db").container("items");
        by_client.read_item("1", "a").send().unwrap();
        assert_eq!(header(&seed.wire.only(), name), word);
        let other = ConsistencyLevel::Eventual;
        by_client.read_item("1", "a").consistency(other).send().unwrap();
        assert_eq!(header(&seed.wire.only(), name), "Eventual", "the call's level wins");
        let plain = seed.client(|it| it).database("db").container("items");
        plain.read_item("1", "a").consistency(level).send().unwrap();
        assert_eq!(header(&seed.wire.only(), name), word);
        plain.read_item("1", "a").send().unwrap();
        assert_eq!(header(&seed.wire.only(), name), "", "nothing is sent that nobody asked for");
    }
}

#[test]
fn s27_query_metrics_are_asked_for_and_told() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    items.upsert_item(&item(1)).send().unwrap();
    seed.wire.take();
    let query = || items.query_items::<Value>("SELECT * FROM c").partition_key("a");
    let page = query().populate_query_metrics(true).pages().next().unwrap().unwrap();
    let asked = "x-ms-documentdb-populatequerymetrics";
    assert!(seed.wire.take().iter().any(|it| header(it, asked) == "True"));
    let text = page.headers()["x-ms-documentdb-query-metrics"].to_str().unwrap();
    assert!(text.split(';').all(|it| it.contains('=')), "{text}");
    assert_eq!(page.query_metrics().unwrap().output_item_count, 1);
    let page = query().pages().next().unwrap().unwrap();
    assert!(page.query_metrics().is_none());
    assert!(seed.wire.take().iter().all(|it| header(it, asked).is_empty()));
}

#[test]
fn s27_a_server_that_is_too_old_is_an_error_that_says_so() {
    let mock = cosmosdb::transport::Mock::new();
    let refusal =
        json!({ "code": "BadRequest", "message": "The input version '2020-07-15' is invalid" });
    mock.respond_json(400, &refusal);
    let client = cosmosdb::CosmosClient::builder("https://localhost:1/")
        .key("c2VjcmV0")
        .transport(mock)
        .build()
        .unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.status().unwrap(), 400);
    assert!(error.to_string().contains("2020-07-15"), "{error}");
}
