//! `bulk server DELAY` is an emulator on a port whose answers take DELAY milliseconds; `bulk opponent SEED` is one that
//! throttles, drops connections and splits its partitions. `bulk rate ENDPOINT COUNT` and `bulk load ENDPOINT COUNT`
//! write to them. `../bulk.sh` runs them all.

mod data;
mod load;
mod memory;
mod rate;
mod server;

use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", delay] => server::slow(Duration::from_millis(delay.parse()?)),
        ["opponent", seed] => server::opponent(seed.parse()?),
        ["rate", endpoint, count] => rate::run(endpoint, count.parse()?),
        ["load", endpoint, count] => load::run(endpoint, count.parse()?),
        _ => Err(USAGE.into()),
    }
}

const USAGE: &str =
    "usage: bulk server DELAY | opponent SEED | rate ENDPOINT COUNT | load ENDPOINT COUNT";

/// A line of the table.
fn report(what: &str, figure: &str) {
    println!("{what:<44} {figure:>16}");
}
