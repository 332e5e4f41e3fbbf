//! How many items a second the emulator's query engine goes through, asked by the client in process.

use std::error::Error;
use std::time::{Duration, Instant};

use cosmosdb::{Container, ContainerProperties, Emulator};
use serde_json::{Value, json};

use crate::report;

const ITEMS: usize = 100_000;
const ROUNDS: usize = 3;

/// Name, text, and the rows that it has.
const QUERIES: [(&str, &str, usize); 4] = [
    (
        "filter",
        "SELECT VALUE c.id FROM c WHERE c.city = 'city-7' AND c.lines[0].count >= 2 AND CONTAINS(c.note, 'x')",
        ITEMS / 20,
    ),
    ("projection", "SELECT c.id, c.total * 2 AS twice, UPPER(c.city) AS city FROM c", ITEMS),
    ("GROUP BY", "SELECT c.city, COUNT(1) AS n, SUM(c.total) AS sum FROM c GROUP BY c.city", 20),
    ("ORDER BY", "SELECT TOP 100 c.id FROM c ORDER BY c.total DESC", 100),
];

pub fn run() -> Result<(), Box<dyn Error>> {
    let container = fill()?;
    for (name, text, rows) in QUERIES {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let found = container.query_items::<Value>(text).max_item_count(-1).into_iter();
            let found = found.collect::<Result<Vec<_>, _>>()?.len();
            if found != rows {
                return Err(format!("{name}: {found} rows").into());
            }
            best = best.min(start.elapsed());
        }
        let rate = ITEMS as f64 / best.as_secs_f64();
        report(&format!("evaluator, {name}"), &format!("{rate:.0} items/s"));
    }
    Ok(())
}

fn fill() -> Result<Container, Box<dyn Error>> {
    let client = Emulator::new().client();
    client.create_database("bench").send()?;
    let database = client.database("bench");
    database.create_container(ContainerProperties::new("orders", "/city")).send()?;
    let container = database.container("orders");
    let start = Instant::now();
    for number in 0..ITEMS {
        let item = json!({
            "id": number.to_string(),
            "city": format!("city-{}", number % 20),
            "total": (number * 7919 % ITEMS) as f64 / 4.0,
            "lines": [{ "product": "p", "count": 2 }, { "product": "q", "count": 3 }],
            "note": "a box",
        });
        container.create_item(&item).send()?;
    }
    let rate = ITEMS as f64 / start.elapsed().as_secs_f64();
    report("emulator, create", &format!("{rate:.0} items/s"));
    Ok(container)
}
