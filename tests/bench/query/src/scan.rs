//! A scan of many small items, in a process of its own, so that its memory is the client's.

use std::error::Error;
use std::time::Instant;

use cosmosdb::CosmosClient;
use serde::Deserialize;

use crate::data::{DATABASE, KEY, LARGE, LARGE_ITEMS};
use crate::report;

#[derive(Deserialize)]
struct Row {
    k: usize,
}

pub fn run(endpoint: &str) -> Result<(), Box<dyn Error>> {
    let client = CosmosClient::new(endpoint, KEY)?;
    let container = client.database(DATABASE).container(LARGE);
    let before = peak_memory()?;
    let start = Instant::now();
    let (mut count, mut sum) = (0, 0);
    for row in container.query_items::<Row>("SELECT * FROM c") {
        count += 1;
        sum += row?.k;
    }
    if (count, sum) != (LARGE_ITEMS, LARGE_ITEMS * (LARGE_ITEMS - 1) / 2) {
        return Err(format!("{count} rows, sum {sum}").into());
    }
    let rate = LARGE_ITEMS as f64 / start.elapsed().as_secs_f64();
    report("scan of 1,000,000 items", &format!("{rate:.0} items/s"));
    report("  peak of resident memory", &megabytes(peak_memory()?));
    report("  of which before the scan", &megabytes(before));
    Ok(())
}

fn megabytes(kibibytes: f64) -> String {
    format!("{:.1} MB", kibibytes * 1024.0 / 1e6)
}

/// The process's peak so far, in KiB.
fn peak_memory() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let number = line.and_then(|it| it.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(number.parse()?)
}
