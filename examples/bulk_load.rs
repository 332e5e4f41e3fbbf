//! Loads very many items, with a progress bar and totals: `cargo run --example bulk_load [-- COUNT]`.

mod common;

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use cosmosdb::{BulkOperation, BulkProgress, ContainerProperties};
use serde::Serialize;

const CITIES: [&str; 8] = ["Lyon", "Oslo", "Kyiv", "Lima", "Bern", "Riga", "Baku", "Doha"];

#[derive(Serialize)]
struct Reading {
    id: String,
    city: &'static str,
    celsius: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(20_000), |it| it.parse())?;
    let client = common::client()?;
    client.create_database_if_not_exists("weather")?;
    let weather = client.database("weather");
    weather.create_container_if_not_exists(&ContainerProperties::new("readings", "/city"))?;

    // The items are made as they are sent: no more than a few thousand are in memory.
    let readings = (0..count).map(|n| {
        BulkOperation::upsert(&Reading {
            id: n.to_string(),
            city: CITIES[n % CITIES.len()],
            celsius: (n % 400) as f64 / 10.0,
        })
    });
    let mut results = weather.container("readings").bulk().send(readings)?;
    let progress = results.progress();

    let failed = std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            let tick = Duration::from_millis(100);
            while matches!(is_done.recv_timeout(tick), Err(RecvTimeoutError::Timeout)) {
                draw(&progress, count);
            }
            draw(&progress, count);
        });
        let failed: Vec<_> = results.by_ref().filter(|it| !it.is_success()).collect();
        let _ = done.send(());
        failed
    });

    let totals = results.totals();
    println!(
        "\nloaded {} of {count} items in {:.2} s: {:.0} items/s in {} requests, {:.0} RU, throttled {} times",
        totals.operations - totals.failed,
        totals.elapsed.as_secs_f64(),
        totals.rate(),
        totals.requests,
        totals.request_charge,
        totals.throttled,
    );
    for result in failed.iter().take(10) {
        if let Some(error) = result.error() {
            println!("item {} failed: {error}", result.index());
        }
    }
    Ok(())
}

fn draw(progress: &BulkProgress, count: usize) {
    let totals = progress.totals();
    let done = usize::try_from(totals.operations).unwrap_or(count);
    let bar = "=".repeat(40 * done / count.max(1));
    print!(
        "\r[{bar:<40}] {done} of {count}, {:.0}/s, {:.0} RU ",
        totals.rate(),
        totals.request_charge
    );
    let _ = std::io::stdout().flush();
}
