//! An account in three regions: where calls go, what happens when a region is lost, and how to see it afterwards.

use std::time::Duration;

use cosmosdb::{ContainerProperties, CosmosClient, Emulator, HedgingOptions};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let account = Emulator::builder().regions(["East US", "West US", "North Europe"]).build()?;
    let client = CosmosClient::builder(account.endpoint())
        .key(account.key())
        .shared_transport(account.transport())
        // Reads go to the first of these that can be reached; writes go to the account's write region.
        .preferred_regions(["West US", "North Europe", "East US"])
        // A read that has no answer after this time is asked of the next region as well.
        .hedging(HedgingOptions::new().threshold(Duration::from_millis(500)))
        .build()?;

    client.create_database("shop").send()?;
    let shop = client.database("shop");
    shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    let orders = shop.container("orders");

    let written =
        orders.upsert_item(&json!({ "id": "42", "city": "Lyon", "total": 12.5 })).send()?;
    let read = orders.read_item("42", "Lyon").send()?;
    println!(
        "written in {:?}, read in {:?}",
        written.diagnostics().regions(),
        read.diagnostics().regions()
    );

    // A call of its own may avoid a region.
    let read = orders.read_item("42", "Lyon").excluded_regions(["West US"]).send()?;
    println!("without West US, read in {:?}", read.diagnostics().regions());

    // The region that reads prefer falls behind. The session still sees what it wrote: another region answers.
    account.pause_replication("West US")?;
    orders.upsert_item(&json!({ "id": "42", "city": "Lyon", "total": 99 })).send()?;
    let read = orders.read_item("42", "Lyon").send()?;
    println!("total {}; {}", read.item::<Value>()?["total"], read.diagnostics());
    account.resume_replication("West US")?;

    // It goes away altogether: reads come from the next one.
    account.region_offline("West US")?;
    let read = orders.read_item("42", "Lyon").send()?;
    println!("while West US is down: {}", read.diagnostics());
    account.region_online("West US")?;

    // The write region moves: the client notices at its next write, and that write succeeds.
    account.fail_over("North Europe")?;
    let written = orders.upsert_item(&json!({ "id": "43", "city": "Lyon" })).send()?;
    println!("after the failover: {}", written.diagnostics());
    Ok(())
}
