//! Upserts one after the other, and then in bulk, against the same listener.

use std::error::Error;
use std::time::Instant;

use cosmosdb::{BulkOperation, Container};

use crate::data::{container, order};
use crate::report;

/// How many upserts are made one after the other.
const SINGLE: usize = 1000;

/// How many times as many a bulk has to bring in.
const LEAST_TIMES: f64 = 20.0;

pub fn run(endpoint: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let orders = container(endpoint)?;
    orders.upsert_item(&order(0)).send()?;
    let single = single(&orders)?;
    report("upserts one after the other", &format!("{single:.0}/s"));
    let bulk = bulk(&orders, count)?;
    report("  the same in bulk", &format!("{bulk:.0}/s"));
    report("  times as many", &format!("{:.1}", bulk / single));
    if bulk < LEAST_TIMES * single {
        return Err(format!("less than {LEAST_TIMES} times as many").into());
    }
    Ok(())
}

fn single(orders: &Container) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    for number in 0..SINGLE {
        orders.upsert_item(&order(number)).send()?;
    }
    Ok(SINGLE as f64 / start.elapsed().as_secs_f64())
}

fn bulk(orders: &Container, count: usize) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let operations = (0..count).map(|number| BulkOperation::upsert(&order(number)));
    let mut results = orders.bulk().send(operations)?;
    if let Some(failed) = results.find(|it| !it.is_success()) {
        return Err(format!("{failed:?}").into());
    }
    let seconds = start.elapsed().as_secs_f64();
    let totals = results.totals();
    let company = totals.operations as f64 / totals.requests as f64;
    report("  operations in a request", &format!("{company:.1}"));
    Ok(count as f64 / seconds)
}
