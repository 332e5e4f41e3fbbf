//! Very many creates against an opponent, and whether it has what was acknowledged, once, and nothing that was refused.

use std::error::Error;

use cosmosdb::{BulkOperation, BulkResult, BulkTotals, Container};

use crate::data::{container, order};
use crate::memory::{megabytes, peak};
use crate::report;

/// What a result says of its item.
#[derive(Clone, Copy, PartialEq)]
enum Claim {
    /// There was no result.
    None,
    Written,
    Refused,
    Unknown,
}

pub fn run(endpoint: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let orders = container(endpoint)?;
    let before = peak()?;
    let (claims, totals) = load(&orders, count)?;
    let after = peak()?;
    check(&orders, &claims)?;

    let of = |claim: Claim| claims.iter().filter(|it| **it == claim).count().to_string();
    report("creates of 1 KB in bulk, under faults", &format!("{:.0}/s", totals.rate()));
    report("  acknowledged, and there once", &of(Claim::Written));
    report("  refused, and not there", &of(Claim::Refused));
    report("  answer lost", &of(Claim::Unknown));
    report("  sent again", &totals.retried.to_string());
    report("  of which throttled", &totals.throttled.to_string());
    report("  peak of resident memory", &megabytes(after));
    report("  of which before the load", &megabytes(before));
    match (after - before) * 1024.0 / 1e6 {
        above if above < 64.0 => Ok(()),
        above => Err(format!("{above:.1} MB are too many").into()),
    }
}

fn load(orders: &Container, count: usize) -> Result<(Vec<Claim>, BulkTotals), Box<dyn Error>> {
    let mut claims = vec![Claim::None; count];
    let operations = (0..count).map(|number| BulkOperation::create(&order(number)));
    let mut results = orders.bulk().send(operations)?;
    for result in &mut results {
        let claim = claims.get_mut(result.index()).ok_or("a result of no operation")?;
        if *claim != Claim::None {
            return Err(format!("a second result: {result:?}").into());
        }
        *claim = claim_of(&result)?;
    }
    Ok((claims, results.totals()))
}

fn claim_of(result: &BulkResult) -> Result<Claim, Box<dyn Error>> {
    match result.error() {
        None => Ok(Claim::Written),
        // Somebody has created it before, and nobody but the bulk writes here.
        Some(error) if error.is_conflict() => Err(format!("sent twice: {error}").into()),
        Some(error) if error.may_have_been_applied() => Ok(Claim::Unknown),
        Some(_) => Ok(Claim::Refused),
    }
}

/// Compares the claims with what is stored.
fn check(orders: &Container, claims: &[Claim]) -> Result<(), Box<dyn Error>> {
    let mut stored = vec![0_u32; claims.len()];
    for number in orders.query_items::<usize>("SELECT VALUE c.number FROM c") {
        *stored.get_mut(number?).ok_or("an item that nobody wrote")? += 1;
    }
    for (number, (claim, times)) in claims.iter().zip(stored).enumerate() {
        let holds = match claim {
            Claim::None => false,
            Claim::Written => times == 1,
            Claim::Refused => times == 0,
            Claim::Unknown => times <= 1,
        };
        if !holds {
            return Err(format!("item {number} is there {times} times").into());
        }
    }
    Ok(())
}
