//! Time to live: items that delete themselves.

use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::TimeToLive;
use cosmosdb::{ContainerProperties, Emulator};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    // An account in memory with a clock of our own, so that nobody has to wait.
    let clock = VirtualClock::new();
    let client = Emulator::builder().clock(clock.clone()).build()?.client();
    client.create_database("shop").send()?;
    let shop = client.database("shop");

    // Carts live for an hour after their last write, unless they say otherwise.
    let properties =
        ContainerProperties::new("carts", "/user").with_default_ttl(Duration::from_secs(3600));
    shop.create_container(properties).send()?;
    let carts = shop.container("carts");
    carts.create_item(&json!({ "id": "usual", "user": "ana" })).send()?;
    carts.create_item(&json!({ "id": "brief", "user": "ana", "ttl": 60 })).send()?;
    carts.create_item(&json!({ "id": "kept", "user": "ana", "ttl": -1 })).send()?;

    let ids = || -> cosmosdb::Result<Vec<String>> {
        carts.query_items("SELECT VALUE c.id FROM c").partition_key("ana").into_iter().collect()
    };
    println!("at first: {:?}", ids()?);
    clock.advance(Duration::from_secs(60));
    println!("after a minute: {:?}", ids()?);

    // Every write starts the time anew.
    clock.advance(Duration::from_secs(3000));
    carts.upsert_item(&json!({ "id": "usual", "user": "ana", "seen": true })).send()?;
    clock.advance(Duration::from_secs(3000));
    let seen: Value = carts.read_item("usual", "ana").send()?.item()?;
    println!("written again in time: {}", seen["seen"]);
    clock.advance(Duration::from_secs(600));
    println!("after its hour: {:?}", ids()?);

    // Without a default nothing expires, whatever the items say; with `Forever` only those that say so.
    let mut properties = carts.read().send()?.properties()?;
    properties.default_ttl = Some(TimeToLive::Forever);
    let replaced = carts.replace(&properties).send()?.properties()?;
    println!("the default is now {:?}", replaced.default_ttl);
    Ok(())
}
