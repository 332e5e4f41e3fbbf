//! How long items live, on a clock that the test moves.

use std::time::Duration;

use cosmosdb::models::TimeToLive;
use cosmosdb::{Container, ContainerProperties};
use serde_json::{Value, json};

use super::wire::{Seed, body};

fn container(seed: &Seed, ttl: Option<TimeToLive>) -> Container {
    let mut properties = ContainerProperties::new("items", "/pk");
    properties.default_ttl = ttl;
    seed.container_with(properties)
}

fn create(container: &Container, id: &str, ttl: Option<i64>) {
    let mut item = json!({ "id": id, "pk": "a" });
    if let Some(ttl) = ttl {
        item["ttl"] = json!(ttl);
    }
    container.create_item(&item).send().unwrap();
}

fn is_there(container: &Container, id: &str) -> bool {
    let read = container.read_item(id, "a").send();
    let by_query = container
        .query_items::<Value>("SELECT * FROM c WHERE c.id = @id")
        .param("@id", id)
        .into_iter()
        .count();
    assert_eq!(read.is_ok(), by_query == 1, "reads and queries agree");
    if let Err(error) = &read {
        assert!(error.is_not_found(), "{error}");
    }
    read.is_ok()
}

#[test]
fn s12_only_minus_one_and_positive_numbers_are_times() {
    let seed = Seed::new();
    let database = seed.client.database("db");
    let items = container(&seed, Some(TimeToLive::Seconds(5)));
    assert_eq!(
        items.read().send().unwrap().properties().unwrap().default_ttl,
        Some(TimeToLive::Seconds(5))
    );
    for (n, wrong) in [json!(0), json!(-10), json!(null), json!("5"), json!(2_147_483_648_i64)]
        .into_iter()
        .enumerate()
    {
        let item = json!({ "id": "wrong", "pk": "a", "ttl": wrong });
        let error = items.create_item(&item).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{wrong}: {error}");
        let mut properties = ContainerProperties::new(format!("w{n}"), "/pk");
        properties.other.insert("defaultTtl".into(), wrong.clone());
        let error = database.create_container(properties).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{wrong}: {error}");
    }
    seed.wire.take();
    let mut forever = ContainerProperties::new("forever", "/pk");
    forever.default_ttl = Some(TimeToLive::Forever);
    database.create_container(forever).send().unwrap();
    assert_eq!(body(&seed.wire.take()[0])["defaultTtl"], -1);
}

#[test]
fn s12_the_time_of_an_item_wins_over_the_containers() {
    let seed = Seed::new();
    let items = container(&seed, Some(TimeToLive::Seconds(5)));
    for (id, ttl) in [("default", None), ("never", Some(-1)), ("short", Some(2)), ("long", Some(8))]
    {
        create(&items, id, ttl);
    }
    for (seconds, alive) in [
        (1, &["default", "never", "short", "long"][..]),
        (3, &["default", "never", "long"]),
        (7, &["never", "long"]),
        (10, &["never"]),
        (100_000, &["never"]),
    ] {
        seed.clock.advance(Duration::from_secs(seconds) - seed.elapsed());
        for id in ["default", "never", "short", "long"] {
            assert_eq!(is_there(&items, id), alive.contains(&id), "{id} after {seconds} s");
        }
    }
}

#[test]
fn s12_a_container_whose_items_live_for_ever_heeds_their_own_times() {
    let seed = Seed::new();
    let items = container(&seed, Some(TimeToLive::Forever));
    for (id, ttl) in [("inherits", None), ("never", Some(-1)), ("short", Some(2))] {
        create(&items, id, ttl);
    }
    seed.clock.advance(Duration::from_secs(4));
    assert!(is_there(&items, "inherits") && is_there(&items, "never"));
    assert!(!is_there(&items, "short"));
}

#[test]
fn s12_without_a_default_nothing_expires() {
    let seed = Seed::new();
    let items = container(&seed, None);
    create(&items, "1", Some(5));
    seed.clock.advance(Duration::from_secs(7));
    assert!(is_there(&items, "1"));
}

#[test]
fn s12_a_write_starts_the_time_anew_and_an_expired_item_is_gone_for_good() {
    let seed = Seed::new();
    let items = container(&seed, Some(TimeToLive::Seconds(8)));
    create(&items, "1", None);
    seed.clock.advance(Duration::from_secs(10));
    assert!(items.delete_item("1", "a").send().unwrap_err().is_not_found());
    create(&items, "1", None);
    seed.clock.advance(Duration::from_secs(3));
    items.upsert_item(&json!({ "id": "1", "pk": "a", "again": true })).send().unwrap();
    seed.clock.advance(Duration::from_secs(7));
    assert!(is_there(&items, "1"));
    seed.clock.advance(Duration::from_secs(3));
    assert!(!is_there(&items, "1"));
    // Without a default, what is there stays.
    create(&items, "2", None);
    let mut properties = items.read().send().unwrap().properties().unwrap();
    properties.default_ttl = None;
    items.replace(&properties).send().unwrap();
    seed.clock.advance(Duration::from_secs(100));
    assert!(is_there(&items, "2"));
}
