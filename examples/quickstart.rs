//! The first five minutes: write an item, read it, query.
//!
//! Runs on an account in memory; with `COSMOS_CONNECTION_STRING` set, on that account.

mod common;

use cosmosdb::ContainerProperties;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order {
    id: String,
    city: String,
    total: f64,
}

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    shop.create_container_if_not_exists(&ContainerProperties::new("orders", "/city"))?;
    let orders = shop.container("orders");

    for (id, city, total) in [("42", "Lyon", 12.5), ("43", "Nice", 99.0), ("44", "Lyon", 7.0)] {
        let order = Order { id: id.into(), city: city.into(), total };
        let response = orders.upsert_item(&order).send()?;
        println!("wrote order {id}: {} RU", response.request_charge());
    }

    let order: Order = orders.read_item("42", "Lyon").send()?.item()?;
    println!("read order {}: {} for {}", order.id, order.total, order.city);

    println!("orders of 10 or more, the largest first:");
    for order in orders
        .query_items::<Order>("SELECT * FROM c WHERE c.total >= @min ORDER BY c.total DESC")
        .param("@min", 10)
    {
        let order = order?;
        println!("  {} {} {}", order.id, order.city, order.total);
    }
    Ok(())
}
