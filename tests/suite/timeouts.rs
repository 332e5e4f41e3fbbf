//! The time that a call is given reaches the transport, whatever kind of call it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::transport::{Request, Response, Transport, TransportError};
use cosmosdb::{Container, CosmosClient, Patch};
use serde_json::{Value, json};

/// Refuses everything, and notes how long it could have taken.
#[derive(Clone, Default)]
struct Impatient(Arc<Mutex<Vec<Duration>>>);

impl Transport for Impatient {
    fn send(&self, _: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.0.lock().unwrap().push(timeout);
        Ok(http::Response::builder().status(400).body(b"{}".to_vec()).unwrap())
    }
}

const CLIENTS: Duration = Duration::from_secs(12);
const CALLS: Duration = Duration::from_secs(7);

fn client() -> (CosmosClient, Impatient) {
    let transport = Impatient::default();
    let client = CosmosClient::builder("https://a.documents.test/")
        .key("c2VjcmV0")
        .transport(transport.clone())
        .clock(VirtualClock::new())
        .endpoint_discovery(false)
        .operation_timeout(CLIENTS)
        .build()
        .unwrap();
    (client, transport)
}

type Call = (&'static str, fn(&CosmosClient, Option<Duration>));

/// A call with a time of its own, if it is to have one.
macro_rules! call {
    ($name:literal, $client:ident => $call:expr, $end:ident) => {
        ($name, |$client, time| {
            let call = $call;
            let call = match time {
                Some(time) => call.timeout(time),
                None => call,
            };
            let _ = call.$end();
        })
    };
    ($name:literal, $client:ident => $call:expr, first page) => {
        ($name, |$client, time| {
            let call = $call;
            let call = match time {
                Some(time) => call.timeout(time),
                None => call,
            };
            let _ = call.pages().next();
        })
    };
}

fn items(client: &CosmosClient) -> Container {
    client.database("d").container("c")
}

fn calls() -> Vec<Call> {
    vec![
        call!("read a database", it => it.database("d").read(), send),
        call!("read a container", it => items(it).read(), send),
        call!("create", it => items(it).create_item(&json!({ "id": "1" })).partition_key("1"), send),
        call!("upsert", it => items(it).upsert_item(&json!({ "id": "1" })).partition_key("1"), send),
        call!("read", it => items(it).read_item("1", "1"), send),
        call!("patch", it => items(it).patch_item("1", "1", Patch::new().incr("/n", 1)), send),
        call!("delete", it => items(it).delete_item("1", "1"), send),
        call!("execute", it => items(it).scripts().stored_procedure("p").execute("1", ()), send),
        call!("batch", it => items(it).batch("1").create(&json!({ "id": "1" })), send),
        call!("list databases", it => it.databases(), first page),
        call!("query databases", it => it.query_databases("SELECT * FROM c"), first page),
        call!("list containers", it => it.database("d").containers(), first page),
        call!("query containers", it => it.database("d").query_containers("SELECT * FROM c"), first page),
        call!("list items", it => items(it).items::<Value>(), first page),
        call!("query a key", it => items(it).query_items::<Value>("SELECT * FROM c").partition_key("1"), first page),
        call!("query all", it => items(it).query_items::<Value>("SELECT * FROM c"), first page),
        call!("change feed", it => items(it).change_feed::<Value>().from_beginning(), first page),
        call!("list users", it => it.database("d").users(), first page),
        call!("list permissions", it => it.database("d").user("u").permissions(), first page),
        call!("list stored procedures", it => items(it).scripts().stored_procedures(), first page),
        call!("list triggers", it => items(it).scripts().triggers(), first page),
        call!("list functions", it => items(it).scripts().user_defined_functions(), first page),
        call!("list conflicts", it => items(it).conflicts(), first page),
    ]
}

#[test]
fn every_kind_of_call_and_of_listing_keeps_to_the_time_that_it_or_its_client_is_given() {
    for (name, call) in calls() {
        for (time, expected) in [(None, CLIENTS), (Some(CALLS), CALLS)] {
            let (client, transport) = client();
            call(&client, time);
            let noted = transport.0.lock().unwrap().clone();
            assert!(!noted.is_empty(), "{name}");
            assert!(noted.iter().all(|it| *it == expected), "{name}: {noted:?}");
        }
    }
}
