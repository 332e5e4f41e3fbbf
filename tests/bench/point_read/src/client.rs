//! The whole client doing the same work.

use std::error::Error;

use cosmosdb::CosmosClient;

use crate::work::{CITY, CONTAINER, DATABASE, Item, Work, item};

/// Any key: the server checks no signatures, but the client makes them.
const KEY: &str = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

/// Reads item `42` of `CITY`, or creates it, `work.count` times, and parses each answer into an `Item`.
pub fn run_client(work: &Work) -> Result<(), Box<dyn Error>> {
    let client = CosmosClient::new(work.endpoint, KEY)?;
    let orders = client.database(DATABASE).container(CONTAINER);
    let order = item();
    for _ in 0..work.count {
        let response = if work.create {
            orders.create_item(&order).partition_key(CITY).send()?
        } else {
            orders.read_item("42", CITY).send()?
        };
        let answered: Item = response.item()?;
        if answered != order {
            return Err("the answer is another item".into());
        }
    }
    Ok(())
}
