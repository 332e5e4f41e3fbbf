//! Patches: changes to parts of an item, without reading it first.

mod common;

use cosmosdb::{ContainerProperties, Patch};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    shop.create_container_if_not_exists(&ContainerProperties::new("orders", "/city"))?;
    let orders = shop.container("orders");
    let order = json!({
        "id": "42", "city": "Lyon", "status": "draft", "visits": 1, "lines": [{ "sku": "tea", "count": 2 }],
    });
    orders.upsert_item(&order).send()?;

    // Several changes at once: all or none of them.
    let patch = Patch::new()
        .set("/status", "placed")
        .incr("/visits", 1)
        .add("/lines/-", json!({ "sku": "cup", "count": 1 }))
        .incr("/lines/0/count", 3)
        .move_to("/status", "/state");
    let order: Value = orders.patch_item("42", "Lyon", patch).send()?.item()?;
    println!("patched: {} in state {}, lines {}", order["id"], order["state"], order["lines"]);

    // Only if the order is still as we think it is.
    let ship = Patch::new().set("/state", "shipped").condition("FROM c WHERE c.state = 'placed'");
    let response = orders.patch_item("42", "Lyon", &ship).content_response(false).send()?;
    println!("shipped for {} RU", response.request_charge());
    if let Err(error) = orders.patch_item("42", "Lyon", &ship).send() {
        println!("it cannot be shipped twice: {error}");
    }

    // A mistake is told before anything is sent.
    if let Err(error) = orders.patch_item("42", "Lyon", Patch::new().set("/id", "43")).send() {
        println!("refused: {error}");
    }
    Ok(())
}
