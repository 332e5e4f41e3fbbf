//! The two emulators: one that is slow, one that fails in all ways at once.

use std::error::Error;
use std::thread;
use std::time::Duration;

use cosmosdb::{ContainerProperties, Emulator, EmulatorOperation, EmulatorServer, FaultRule};

use crate::data::{CONTAINER, DATABASE, RANGES};

/// Answers everything after `delay`, for ever.
pub fn slow(delay: Duration) -> Result<(), Box<dyn Error>> {
    let (emulator, _server) = serve()?;
    emulator.fault(FaultRule::delay(delay));
    loop {
        thread::park();
    }
}

/// Of a hundred batches it throttles three, loses four in different ways, and splits or merges now and then.
pub fn opponent(seed: u64) -> Result<(), Box<dyn Error>> {
    let (emulator, _server) = serve()?;
    let rules = [
        FaultRule::throttle(Duration::from_millis(10)).probability(0.03, seed),
        FaultRule::dropped_before().probability(0.01, seed + 1),
        FaultRule::dropped_after().probability(0.01, seed + 2),
        FaultRule::truncated(100).probability(0.01, seed + 3),
        FaultRule::status(449, 0).probability(0.01, seed + 4),
    ];
    for rule in rules {
        emulator.fault(rule.operation(EmulatorOperation::Batch));
    }
    // The oldest range there is: its number is the turn.
    for range in 0.. {
        thread::sleep(Duration::from_millis(300));
        emulator.split(DATABASE, CONTAINER, &range.to_string());
    }
    Ok(())
}

/// Serves an account with the container, and prints the endpoint.
fn serve() -> Result<(Emulator, EmulatorServer), Box<dyn Error>> {
    let emulator = Emulator::builder().partitions(RANGES).build()?;
    let client = emulator.client();
    client.create_database(DATABASE).send()?;
    let properties = ContainerProperties::new(CONTAINER, "/city");
    client.database(DATABASE).create_container(properties).send()?;
    let server = emulator.serve("127.0.0.1:0")?;
    println!("{}", server.url());
    Ok((emulator, server))
}
