//! A change feed shared out among workers, which here are two in one process.
//!
//! Start more of them elsewhere, with the same name and the same lease container: they divide the work.

mod common;

use std::sync::mpsc;
use std::time::Duration;

use cosmosdb::{Container, ContainerProperties, ProcessorHandle};
use serde_json::{Value, json};

/// A worker that tells what it handled.
fn start(
    worker: &'static str,
    orders: &Container,
    leases: &Container,
    told: &mpsc::Sender<String>,
) -> cosmosdb::Result<ProcessorHandle> {
    let told = told.clone();
    orders
        .change_feed_processor::<Value>("mailer", leases)
        .worker(worker)
        .from_beginning()
        .lease_duration(Duration::from_secs(3))
        .poll_interval(Duration::from_millis(50))
        .handle(move |page| {
            for order in page.items() {
                told.send(format!("{worker} mails about order {}", order["id"]))?;
            }
            // Only now is the page noted as handled. An error instead would bring it back.
            Ok(())
        })
        .on_error(|error| eprintln!("{error}"))
        .start()
}

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("shop")?;
    let shop = client.database("shop");
    shop.create_container_if_not_exists(&ContainerProperties::new("orders", "/city"))?;
    shop.create_container_if_not_exists(&ContainerProperties::new("leases", "/id"))?;
    let (orders, leases) = (shop.container("orders"), shop.container("leases"));
    let write = |numbers: std::ops::Range<u32>| -> cosmosdb::Result<()> {
        for number in numbers {
            let order = json!({ "id": number.to_string(), "city": format!("city {}", number % 5) });
            orders.upsert_item(&order).send()?;
        }
        Ok(())
    };

    write(0..5)?;
    let (told, handled) = mpsc::channel();
    let one = start("w1", &orders, &leases, &told)?;
    let two = start("w2", &orders, &leases, &told)?;
    write(5..10)?;
    for line in handled.iter().take(10) {
        println!("{line}");
    }
    for worker in [&one, &two] {
        println!("{} has {} of the ranges", worker.worker(), worker.feed_ranges().len());
    }
    one.stop()?;
    two.stop()?;

    // Whoever runs next goes on there.
    write(10..13)?;
    let processor = orders.change_feed_processor::<Value>("mailer", &leases);
    println!("still to come: {}", processor.remaining()?);
    Ok(())
}
