//! Items: create, read, replace under a condition, upsert, delete, list.

mod common;

use cosmosdb::{ContainerProperties, OptionalExt};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    shop.create_container_if_not_exists(&ContainerProperties::new("carts", "/user"))?;
    let carts = shop.container("carts");

    let created =
        carts.upsert_item(&json!({ "id": "cart-1", "user": "ana", "lines": 1 })).send()?;
    println!("created with status {} for {} RU", created.status(), created.request_charge());
    let seen = created.etag();

    // Somebody else changes the cart…
    carts.upsert_item(&json!({ "id": "cart-1", "user": "ana", "lines": 2 })).send()?;

    // …so that our change, made on the version that we saw, is refused instead of overwriting theirs.
    let mine = json!({ "id": "cart-1", "user": "ana", "lines": 7 });
    match carts.replace_item("cart-1", &mine).set(seen, cosmosdb::Operation::if_match).send() {
        Err(error) if error.is_precondition_failed() => println!("somebody was faster: {error}"),
        other => println!("unexpected: {other:?}"),
    }

    let cart: Value = carts.read_item("cart-1", "ana").send()?.item()?;
    println!("the cart has {} lines", cart["lines"]);
    let missing = carts.read_item("cart-2", "ana").send().optional()?;
    println!("cart-2 is {}", if missing.is_some() { "there" } else { "not there" });

    for cart in carts.items::<Value>() {
        println!("listed {}", cart?["id"]);
    }
    carts.delete_item("cart-1", "ana").send()?;
    println!("deleted");
    Ok(())
}
