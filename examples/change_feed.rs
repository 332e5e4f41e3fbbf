//! The change feed: everything so far, then only what is new, from a place that was stored.

mod common;

use std::time::Duration;

use cosmosdb::{ContainerProperties, StopHandle};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    shop.create_container_if_not_exists(&ContainerProperties::new("orders", "/city"))?;
    let orders = shop.container("orders");
    for (id, city) in [("1", "Lyon"), ("2", "Nice"), ("3", "Lyon")] {
        orders.upsert_item(&json!({ "id": id, "city": city, "state": "new" })).send()?;
    }

    println!("from the beginning, until nothing is new:");
    let mut pages = orders.change_feed::<Value>().from_beginning().max_item_count(2).pages();
    for page in &mut pages {
        let page = page?;
        if page.items().is_empty() {
            break;
        }
        println!("  {} changes for {} RU", page.items().len(), page.request_charge());
    }

    // The place is text: it can be stored, and it stays good when partitions are split or merged.
    let place = pages.continuation().unwrap_or_default().to_owned();
    orders.upsert_item(&json!({ "id": "2", "city": "Nice", "state": "paid" })).send()?;

    println!("from the stored place on:");
    let mut pages = orders.change_feed::<Value>().continue_from(place).pages();
    if let Some(page) = pages.next() {
        for order in page?.items() {
            println!("  order {} is {}", order["id"], order["state"]);
        }
    }

    println!("in envelopes, of one partition key:");
    let lyon = orders.change_feed::<Value>().envelopes().partition_key("Lyon").from_beginning();
    if let Some(page) = lyon.pages().next() {
        for change in page?.into_items() {
            println!("  number {:?} at {:?}", change.lsn, change.timestamp);
        }
    }

    println!("each feed range for itself, as several machines would:");
    for range in orders.feed_ranges()? {
        let feed = orders.change_feed::<Value>().feed_range(&range).from_beginning();
        let Some(page) = feed.pages().next() else { continue };
        println!("  {range}: {} changes", page?.items().len());
    }

    println!("waiting for changes, until somebody stops it:");
    let stop = StopHandle::new();
    let changes = orders.change_feed::<Value>().from_now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 10..15 {
                let order = json!({ "id": number.to_string(), "city": "Brest", "state": "new" });
                if let Err(error) = orders.upsert_item(&order).send() {
                    println!("  {error}");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            stop.stop();
        });
        for order in changes.wait(Duration::from_millis(10), &stop) {
            println!("  order {}", order?["id"]);
        }
        Ok(())
    })
}
