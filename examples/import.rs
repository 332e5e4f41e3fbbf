//! Loads a file of real data into a container: `cargo run --example import -- FILE [DATABASE CONTAINER [KEY]]`.
//!
//! FILE holds a JSON array, or one JSON object on each line. Without a file a few rows of its own are loaded.
//! Rows without an `id` get their number as one. Eight threads share the work.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use cosmosdb::{Container, ContainerProperties};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

const THREADS: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (file, database, container, key) = match arguments[..] {
        [] => (None, "import", "rows", "/id"),
        [file] => (Some(file), "import", "rows", "/id"),
        [file, database, container] => (Some(file), database, container, "/id"),
        [file, database, container, key] => (Some(file), database, container, key),
        _ => return Err("usage: import FILE [DATABASE CONTAINER [KEY]]".into()),
    };
    let rows = match file {
        Some(file) => parse(&std::fs::read_to_string(file)?)?,
        None => (0..500).map(|n| Row::from_iter([("n".to_owned(), json!(n))])).collect(),
    };
    let rows: Vec<Row> =
        rows.into_iter().enumerate().map(|(number, row)| with_id(number, row)).collect();

    let client = common::client()?;
    client.create_database_if_not_exists(database)?;
    let target = client.database(database);
    target.create_container_if_not_exists(&ContainerProperties::new(container, key))?;
    load(&target.container(container), &rows)?;

    let count = target
        .container(container)
        .items::<Value>()
        .into_iter()
        .try_fold(0, |n, it| it.map(|_| n + 1))?;
    println!("the container now holds {count} items");
    Ok(())
}

/// A JSON array, or a JSON object on each line.
fn parse(text: &str) -> Result<Vec<Row>, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text);
    }
    text.lines().filter(|it| !it.trim().is_empty()).map(serde_json::from_str).collect()
}

fn with_id(number: usize, mut row: Row) -> Row {
    match row.get("id") {
        Some(Value::String(_)) => {}
        Some(id) => {
            let text = id.to_string();
            row.insert("id".into(), text.into());
        }
        None => {
            row.insert("id".into(), (number + 1).to_string().into());
        }
    }
    row
}

/// What the threads have come to.
#[derive(Default)]
struct Totals {
    charge: Mutex<f64>,
    next: AtomicUsize,
    done: AtomicUsize,
}

fn load(container: &Container, rows: &[Row]) -> cosmosdb::Result<()> {
    let totals = Totals::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| work(container, rows, &totals))).collect();
        workers.into_iter().try_for_each(|it| it.join().unwrap_or(Ok(())))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let charge = *totals.charge.lock().unwrap_or_else(PoisonError::into_inner);
    let done = totals.done.load(Ordering::Relaxed);
    println!(
        "\rloaded {done} items in {seconds:.2} s: {charge:.0} RU, {:.0} items/s",
        done as f64 / seconds
    );
    Ok(())
}

fn work(container: &Container, rows: &[Row], totals: &Totals) -> cosmosdb::Result<()> {
    while let Some(row) = rows.get(totals.next.fetch_add(1, Ordering::Relaxed)) {
        let response = container.upsert_item(row).content_response(false).send()?;
        *totals.charge.lock().unwrap_or_else(PoisonError::into_inner) += response.request_charge();
        let done = totals.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(100) {
            let bar = "=".repeat(40 * done / rows.len());
            print!("\r[{bar:<40}] {done} of {}", rows.len());
            let _ = std::io::stdout().flush();
        }
    }
    Ok(())
}
