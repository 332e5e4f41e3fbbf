//! Hierarchical partition keys: whole keys for items, prefixes for queries and change feeds.

mod common;

use cosmosdb::ContainerProperties;
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("saas")?;
    let saas = client.database("saas");
    // The first value alone may outgrow a partition: the levels below it are then spread over several.
    let properties = ContainerProperties::new("events", ["/tenant", "/user", "/session"]);
    saas.create_container_if_not_exists(&properties)?;
    let events = saas.container("events");

    for (id, tenant, user, session) in [
        ("1", "acme", "ana", 1),
        ("2", "acme", "ana", 2),
        ("3", "acme", "bo", 1),
        ("4", "zoo", "ana", 1),
    ] {
        let event = json!({ "id": id, "tenant": tenant, "user": user, "session": session });
        events.upsert_item(&event).send()?;
    }

    // An item is addressed by its whole key…
    let event: Value = events.read_item("3", ("acme", "bo", 1)).send()?.item()?;
    println!("event {} is of user {}", event["id"], event["user"]);

    // …and a part of it is an error that costs no request.
    if let Err(error) = events.read_item("3", ("acme", "bo")).send() {
        println!("refused: {error}");
    }

    for (what, query) in [
        ("acme", events.query_items::<String>("SELECT VALUE c.id FROM c").partition_key("acme")),
        (
            "ana at acme",
            events.query_items("SELECT VALUE c.id FROM c").partition_key(("acme", "ana")),
        ),
    ] {
        let mut ids = query.into_iter().collect::<cosmosdb::Result<Vec<_>>>()?;
        ids.sort();
        println!("events of {what}: {ids:?}");
    }

    let feed = events.change_feed::<Value>().partition_key("acme").from_beginning();
    if let Some(page) = feed.pages().next() {
        println!("changes of acme on the first page: {}", page?.items().len());
    }

    let (tenant, user) = (events.feed_range_of("acme")?, events.feed_range_of(("acme", "ana"))?);
    println!("the range of ana lies in that of acme: {}", user.is_subset_of(&tenant));
    Ok(())
}
