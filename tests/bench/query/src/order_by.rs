//! ORDER BY over all ranges, all at once and one after the other.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cosmosdb::transport::ConnectionOptions;
use cosmosdb::{Container, CosmosClient};
use serde::Deserialize;

use crate::counted::{Counted, Counts};
use crate::data::{DATABASE, KEY, RANGES, SORTED, SORTED_ITEMS};
use crate::report;

#[derive(Deserialize)]
struct Row {
    k: usize,
}

/// As many as the service gives to a page by itself.
const PAGE: i32 = 100;
/// Taken in turn, of which the best counts: what else the machine does is no business of ours.
const ROUNDS: usize = 7;
const CAP: usize = 1000;
const DEFAULT_CAP: usize = 10_000;

pub fn run(endpoint: &str) -> Result<(), Box<dyn Error>> {
    let counts = Arc::new(Counts::default());
    let transport =
        Counted { inner: ConnectionOptions::new().build()?, counts: Arc::clone(&counts) };
    let client = CosmosClient::builder(endpoint).key(KEY).transport(transport).build()?;
    let container = client.database(DATABASE).container(SORTED);
    let ways = [(1, DEFAULT_CAP), (RANGES, DEFAULT_CAP), (RANGES, CAP)];
    let mut best = [(Duration::MAX, 0); 3];
    for _ in 0..ROUNDS {
        for ((ranges, cap), best) in ways.iter().zip(&mut best) {
            let time = query(&container, *ranges, *cap, &counts)?;
            *best = (best.0.min(time), best.1.max(counts.take_peak()));
        }
    }
    for ((ranges, cap), (time, peak)) in ways.iter().zip(&best) {
        let what = format!("ORDER BY, {ranges} at once, {cap} buffered");
        report(&what, &format!("{:.1} ms", time.as_secs_f64() * 1000.0));
        report("  peak of rows in the client", &peak.to_string());
    }
    let ratio = best[0].0.as_secs_f64() / best[1].0.as_secs_f64();
    report("  times faster at 16 than at 1", &format!("{ratio:.1}"));
    Ok(())
}

fn query(
    container: &Container,
    ranges: usize,
    cap: usize,
    counts: &Counts,
) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let rows = container
        .query_items::<Row>("SELECT * FROM c ORDER BY c.k")
        .max_item_count(PAGE)
        .max_concurrency(ranges)
        .max_buffered_items(cap);
    let mut expected = 0;
    for row in rows {
        if row?.k != expected {
            return Err(format!("row {expected} is another").into());
        }
        counts.read_one();
        expected += 1;
    }
    if expected != SORTED_ITEMS {
        return Err(format!("{expected} rows").into());
    }
    Ok(start.elapsed())
}
