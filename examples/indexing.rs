//! Indexing: what a container indexes, how a change of it is applied, and items that are left out.

mod common;

use cosmosdb::models::CompositePath;
use cosmosdb::{ContainerProperties, IndexingDirective, IndexingPolicy};
use serde_json::json;

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    let policy = IndexingPolicy::new().include("/*").exclude("/raw/*");
    let properties = ContainerProperties::new("indexed", "/city").with_indexing_policy(policy);
    shop.create_container_if_not_exists(&properties)?;
    let orders = shop.container("indexed");
    for number in 1..=5 {
        let order =
            json!({ "id": number.to_string(), "city": "Lyon", "year": 2020 + number, "raw": "…" });
        orders.upsert_item(&order).send()?;
    }

    // An item that nobody is to search for costs less to write.
    let archived = json!({ "id": "old", "city": "Lyon", "year": 1999 });
    orders.upsert_item(&archived).indexing_directive(IndexingDirective::Exclude).send()?;
    let text = "SELECT VALUE c.id FROM c WHERE c.year < 2022";
    let found = orders.query_items::<String>(text).partition_key("Lyon");
    println!("found by the index: {:?}", found.into_iter().collect::<cosmosdb::Result<Vec<_>>>()?);
    println!("still read by its id: {}", orders.read_item("old", "Lyon").send()?.status());

    // An index over two properties, for an order of both. The service applies it while the container is in use.
    let mut properties = orders.read().send()?.properties()?;
    let composite = [CompositePath::ascending("/city"), CompositePath::descending("/year")];
    properties.indexing_policy =
        Some(properties.indexing_policy.unwrap_or_default().composite(composite));
    orders.replace(&properties).send()?;
    let read = orders.read().populate_quota_info(true).send()?;
    println!("applied: {}%", read.index_transformation_progress().unwrap_or(100));

    let text = "SELECT VALUE c.id FROM c ORDER BY c.city, c.year DESC";
    let mut pages = orders.query_items::<String>(text).populate_index_metrics(true).pages();
    if let Some(page) = pages.next().transpose()? {
        println!("in order: {:?}, for {} RU", page.items(), page.request_charge());
        println!("by these indexes: {}", page.index_metrics().unwrap_or_default());
    }
    Ok(())
}
