//! The container, and the items that are written to it.

use std::error::Error;

use cosmosdb::{Container, CosmosClient, Emulator};
use serde::Serialize;

pub const DATABASE: &str = "bench";
pub const CONTAINER: &str = "orders";
/// Partition key ranges of the container at the start.
pub const RANGES: usize = 10;
/// Partition key values among the items.
const KEYS: usize = 1000;

/// An item of 1 KB as JSON.
#[derive(Serialize)]
pub struct Order {
    id: String,
    city: String,
    number: usize,
    text: &'static str,
}

pub fn order(number: usize) -> Order {
    const TEXT: &str = match std::str::from_utf8(&[b'x'; 950]) {
        Ok(text) => text,
        Err(_) => "",
    };
    Order {
        id: number.to_string(),
        city: format!("city {}", number % KEYS),
        number,
        text: TEXT,
    }
}

pub fn container(endpoint: &str) -> Result<Container, Box<dyn Error>> {
    let client = CosmosClient::new(endpoint, Emulator::new().key())?;
    Ok(client.database(DATABASE).container(CONTAINER))
}
