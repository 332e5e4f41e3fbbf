//! Users and permissions: a program with the key gives another one a token for part of the data.

use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::{PermissionMode, PermissionProperties};
use cosmosdb::{Container, ContainerProperties, CosmosClient, Emulator, PermissionToken};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    // An account in memory, with a clock of our own to see a token expire.
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build()?;
    let owner = emulator.client();
    owner.create_database("shop").send()?;
    let shop = owner.database("shop");
    shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    let orders = shop.container("orders");
    for (id, city) in [("1", "Lyon"), ("2", "Paris")] {
        orders.create_item(&json!({ "id": id, "city": city })).send()?;
    }

    // Ana may do everything with the orders of Lyon, and Bo may read all of them.
    let link = orders.link_by_names();
    let all_of_lyon =
        PermissionProperties::new("lyon", PermissionMode::All, &link).with_partition_key("Lyon")?;
    let reading = PermissionProperties::new("reading", PermissionMode::Read, &link);
    for (user, permission) in [("ana", all_of_lyon), ("bo", reading)] {
        shop.create_user(user).send()?;
        shop.user(user).create_permission(permission).send()?;
    }

    // Each answer about a permission has a token; a list has those of all. They are what the other programs get.
    let ana = with_tokens(&emulator, shop.user("ana").permissions())?;
    tell("ana reads Lyon", &ana.read_item("1", "Lyon").send());
    let paid = json!({ "id": "1", "city": "Lyon", "paid": true });
    tell("ana writes Lyon", &ana.upsert_item(&paid).partition_key("Lyon").send());
    tell("ana reads Paris", &ana.read_item("2", "Paris").send());

    let bo = with_tokens(&emulator, shop.user("bo").permissions())?;
    tell("bo reads Paris", &bo.read_item("2", "Paris").send());
    let count = "SELECT VALUE COUNT(1) FROM c";
    let counted: Vec<u64> = bo.query_items(count).into_iter().collect::<cosmosdb::Result<_>>()?;
    println!("bo counts: {counted:?}");
    tell("bo deletes from Paris", &bo.delete_item("2", "Paris").send());
    tell("bo reads the database", &bo.database().read().send());

    clock.advance(Duration::from_secs(3601));
    tell("bo reads Paris an hour later", &bo.read_item("2", "Paris").send());

    // With a closure that asks for tokens, a program goes on for as long as its user may.
    let issuer = shop.user("bo");
    let bo = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .resource_token_provider(move || {
            issuer.permissions().into_iter().collect::<cosmosdb::Result<Vec<_>>>()
        })
        .build()?;
    let bo = bo.database("shop").container("orders");
    let order: Value = bo.read_item("2", "Paris").send()?.item()?;
    println!("bo with a provider reads order {}", order["id"]);
    Ok(())
}

/// The orders, as a program sees them that has no key but these tokens.
fn with_tokens(
    emulator: &Emulator,
    permissions: impl IntoIterator<Item = cosmosdb::Result<PermissionProperties>>,
) -> cosmosdb::Result<Container> {
    let tokens: Vec<PermissionToken> = permissions
        .into_iter()
        .map(|permission| permission.map(PermissionToken::from))
        .collect::<cosmosdb::Result<_>>()?;
    let client = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .resource_tokens(tokens)
        .build()?;
    Ok(client.database("shop").container("orders"))
}

fn tell<T>(what: &str, outcome: &cosmosdb::Result<T>) {
    match outcome {
        Ok(_) => println!("{what}: yes"),
        Err(error) => println!("{what}: no, {error}"),
    }
}
