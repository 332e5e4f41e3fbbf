//! `query server DELAY PAGE` answers queries as a gateway does, each page after DELAY milliseconds and with PAGE items
//! where the client names no number; `query order-by ENDPOINT` and `query scan ENDPOINT` ask it, `query evaluate` asks
//! the emulator. `../query.sh` runs them all.

mod counted;
mod data;
mod evaluate;
mod order_by;
mod scan;
mod server;

use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", delay, page] => {
            server::run(Duration::from_millis(delay.parse()?), page.parse()?)
        }
        ["order-by", endpoint] => order_by::run(endpoint),
        ["scan", endpoint] => scan::run(endpoint),
        ["evaluate"] => evaluate::run(),
        _ => Err(USAGE.into()),
    }
}

const USAGE: &str = "usage: query server DELAY PAGE | order-by ENDPOINT | scan ENDPOINT | evaluate";

/// A line of the table.
fn report(what: &str, figure: &str) {
    println!("{what:<44} {figure:>16}");
}
