//! Time to live, on a clock that the tests move.

use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::TimeToLive;
use cosmosdb::{Container, ContainerProperties, CosmosClient, Emulator, EmulatorServer};
use serde_json::{Value, json};

/// A container whose default is this, on an account with a clock of its own.
struct Timed {
    container: Container,
    clock: VirtualClock,
    _server: Option<EmulatorServer>,
}

fn emulator(partitions: usize) -> (Emulator, VirtualClock) {
    let clock = VirtualClock::new();
    (Emulator::builder().partitions(partitions).clock(clock.clone()).build().unwrap(), clock)
}

impl Timed {
    fn in_process(ttl: Option<TimeToLive>) -> Self {
        let (emulator, clock) = emulator(7);
        Self { container: container(&emulator.client(), ttl), clock, _server: None }
    }

    fn over_http(ttl: Option<TimeToLive>) -> Self {
        let (emulator, clock) = emulator(1);
        let server = emulator.serve("127.0.0.1:0").unwrap();
        let builder = CosmosClient::builder(server.url()).key(emulator.key());
        let client = builder.clock(clock.clone()).build().unwrap();
        Self { container: container(&client, ttl), clock, _server: Some(server) }
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn put(&self, id: &str, ttl: Value) {
        let mut item = json!({ "id": id, "pk": id });
        if !ttl.is_null() {
            item["ttl"] = ttl;
        }
        self.container.upsert_item(&item).send().unwrap();
    }

    /// The items that are there, asked for in three ways that agree.
    fn ids(&self) -> Vec<String> {
        let query = self.container.query_items("SELECT VALUE c.id FROM c ORDER BY c.id");
        let found: Vec<String> = query.into_iter().collect::<Result<_, _>>().unwrap();
        for id in ["1", "2", "3"] {
            let read = self.container.read_item(id, id).send();
            assert_eq!(read.is_ok(), found.iter().any(|it| it == id), "{id}");
            assert!(read.is_ok() || read.is_err_and(|it| it.is_not_found()));
        }
        assert_eq!(self.container.items::<Value>().into_iter().count(), found.len());
        found
    }
}

fn container(client: &CosmosClient, ttl: Option<TimeToLive>) -> Container {
    client.create_database("d").send().unwrap();
    let mut properties = ContainerProperties::new("items", "/pk");
    properties.default_ttl = ttl;
    client.database("d").create_container(properties).send().unwrap();
    client.database("d").container("items")
}

macro_rules! timed {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[test] fn $name() { super::$name(super::Timed::in_process); })*
        }
        mod over_http {
            $(#[test] fn $name() { super::$name(super::Timed::over_http); })*
        }
    };
}

type Setup = fn(Option<TimeToLive>) -> Timed;

timed! {
    items_expire_after_the_default_of_the_container,
    the_time_of_an_item_is_its_own,
    items_stay_where_the_container_has_no_default,
    only_items_with_a_time_expire_where_the_default_is_forever,
    a_write_starts_the_time_anew,
    an_expired_id_and_its_unique_place_are_free_again,
    a_default_that_is_changed_counts_for_what_is_there,
    times_that_are_none_are_refused,
}

fn items_expire_after_the_default_of_the_container(setup: Setup) {
    let timed = setup(Some(TimeToLive::Seconds(5)));
    timed.put("1", Value::Null);
    timed.wait(3);
    timed.put("2", Value::Null);
    timed.wait(1);
    assert_eq!(timed.ids(), ["1", "2"]);
    timed.wait(1);
    assert_eq!(timed.ids(), ["2"]);
    timed.wait(3);
    assert!(timed.ids().is_empty());
    assert!(timed.container.delete_item("1", "1").send().unwrap_err().is_not_found());
    let item = json!({ "id": "1", "pk": "1" });
    assert!(timed.container.replace_item("1", &item).send().unwrap_err().is_not_found());
}

fn the_time_of_an_item_is_its_own(setup: Setup) {
    let timed = setup(Some(TimeToLive::Seconds(5)));
    timed.put("1", json!(-1));
    timed.put("2", json!(2));
    timed.put("3", json!(60));
    timed.wait(2);
    assert_eq!(timed.ids(), ["1", "3"]);
    timed.wait(58);
    assert_eq!(timed.ids(), ["1"]);
}

fn items_stay_where_the_container_has_no_default(setup: Setup) {
    let timed = setup(None);
    timed.put("1", json!(1));
    timed.put("2", Value::Null);
    timed.wait(100_000);
    assert_eq!(timed.ids(), ["1", "2"]);
}

fn only_items_with_a_time_expire_where_the_default_is_forever(setup: Setup) {
    let timed = setup(Some(TimeToLive::Forever));
    timed.put("1", Value::Null);
    timed.put("2", json!(3));
    timed.wait(3);
    assert_eq!(timed.ids(), ["1"]);
}

fn a_write_starts_the_time_anew(setup: Setup) {
    let timed = setup(Some(TimeToLive::Seconds(5)));
    timed.put("1", Value::Null);
    timed.wait(4);
    timed.put("1", Value::Null);
    timed.wait(4);
    assert_eq!(timed.ids(), ["1"]);
    timed.wait(1);
    assert!(timed.ids().is_empty());
}

fn an_expired_id_and_its_unique_place_are_free_again(setup: Setup) {
    let timed = setup(Some(TimeToLive::Seconds(5)));
    let item = json!({ "id": "1", "pk": "1" });
    timed.container.create_item(&item).send().unwrap();
    assert!(timed.container.create_item(&item).send().unwrap_err().is_conflict());
    timed.wait(5);
    assert_eq!(timed.container.create_item(&item).send().unwrap().status(), 201);
    timed.wait(5);
    assert_eq!(timed.container.upsert_item(&item).send().unwrap().status(), 201);
}

fn a_default_that_is_changed_counts_for_what_is_there(setup: Setup) {
    let timed = setup(None);
    timed.put("1", Value::Null);
    timed.wait(60);
    let mut properties = timed.container.read().send().unwrap().properties().unwrap();
    properties.default_ttl = Some(TimeToLive::Seconds(100));
    timed.container.replace(&properties).send().unwrap();
    assert_eq!(timed.ids(), ["1"]);
    timed.wait(40);
    assert!(timed.ids().is_empty());
}

fn times_that_are_none_are_refused(setup: Setup) {
    let timed = setup(Some(TimeToLive::Forever));
    for ttl in [json!(0), json!(-10), json!("5"), json!(1.5), json!(2_147_483_648_i64)] {
        let item = json!({ "id": "1", "pk": "1", "ttl": ttl });
        let error = timed.container.create_item(&item).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{ttl}: {error}");
    }
    let mut properties = ContainerProperties::new("other", "/pk");
    properties.default_ttl = Some(TimeToLive::Seconds(0));
    let error = timed.container.database().create_container(properties).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
}
