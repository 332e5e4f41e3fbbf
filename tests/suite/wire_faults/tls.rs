//! The same over HTTPS, where a handshake that breaks is sure to have sent nothing.

use std::sync::Arc;
use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::{Container, ContainerProperties, CosmosClient, Emulator, EmulatorServer};
use serde_json::json;

use super::operation::Kind;
use super::proxy::Fault;
use super::relay::{Relay, Stage};

struct Bench {
    server: EmulatorServer,
    direct: Container,
    emulator: Emulator,
    clock: VirtualClock,
}

impl Bench {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
        let server = emulator.serve_tls("127.0.0.1:0").unwrap();
        let client = emulator.client();
        client.create_database("d").send().unwrap();
        let database = client.database("d");
        database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
        Self { server, direct: database.container("c"), emulator, clock }
    }

    /// The container through the relay, without a connection so far.
    fn through(&self, relay: &Relay, patience: Duration) -> Container {
        let client = CosmosClient::builder(&relay.url())
            .key(self.emulator.key())
            .clock(self.clock.clone())
            .request_timeout(patience)
            .root_certificate(self.server.certificate_pem().unwrap())
            .build()
            .unwrap();
        client.database("d").container("c")
    }
}

const PATIENT: Duration = Duration::from_secs(30);

/// Where it breaks, how, and what it comes to: for a read whether it is done, for a write whether it is done, in doubt,
/// and stored.
#[rustfmt::skip]
const TABLE: [(Stage, Fault, (bool, bool, i64)); 6] = [
    (Stage::Handshake,    Fault::Close, (true,  false, 1)),
    (Stage::Request,      Fault::Close, (false, true,  0)),
    (Stage::BeforeAnswer, Fault::Close, (false, true,  1)),
    (Stage::Answer,       Fault::Close, (false, true,  1)),
    (Stage::BeforeAnswer, Fault::Stall, (false, true,  1)),
    (Stage::Answer,       Fault::Stall, (false, true,  1)),
];

#[test]
fn an_exchange_over_tls_that_breaks_ends_as_one_without() {
    let bench = Arc::new(Bench::new());
    std::thread::scope(|scope| {
        for (row, (stage, fault, expected)) in TABLE.into_iter().enumerate() {
            for kind in [Kind::Read, Kind::Create, Kind::Patch] {
                let bench = Arc::clone(&bench);
                scope.spawn(move || {
                    let key = format!("{row} {kind:?}");
                    bench.check(stage, fault, kind, &key, expected);
                });
            }
        }
    });
}

impl Bench {
    fn check(
        &self,
        stage: Stage,
        fault: Fault,
        kind: Kind,
        key: &str,
        expected: (bool, bool, i64),
    ) {
        let seeded = self.direct.create_item(&json!({ "id": "1", "pk": key, "n": 0 })).send();
        let etag = seeded.unwrap().etag().unwrap();
        let relay = Relay::start(self.server.addr());
        let patience = if fault == Fault::Stall { Duration::from_secs(2) } else { PATIENT };
        let items = self.through(&relay, patience);
        if stage != Stage::Handshake {
            // What is known of the container, and a connection.
            items.upsert_item(&json!({ "id": "0", "pk": "other" })).send().unwrap();
        }
        relay.strike(stage, fault);
        let outcome = kind.carry_out(&items, key, &etag, None);
        if kind.is_read() {
            outcome.unwrap_or_else(|error| panic!("{key} {stage:?}: {error}"));
            return;
        }
        let in_doubt = outcome.as_ref().is_err_and(cosmosdb::Error::may_have_been_applied);
        let told = (outcome.is_ok(), in_doubt, kind.stored(&self.direct, key));
        assert_eq!(told, expected, "{key} {stage:?} {fault:?}: {outcome:?}");
    }
}

#[test]
fn idle_connections_that_the_server_closed_are_not_used_for_writes() {
    let bench = Bench::new();
    let relay = Relay::start(bench.server.addr());
    let items = bench.through(&relay, PATIENT);
    for round in 0..3 {
        let item = json!({ "id": round.to_string(), "pk": "a" });
        let written = items.create_item(&item).partition_key("a").send().unwrap();
        assert_eq!(written.diagnostics().attempts().len(), 1);
        relay.close_idle();
        items.read_item(&round.to_string(), "a").send().unwrap();
        relay.close_idle();
    }
    assert!(relay.accepted() >= 6, "{} connections", relay.accepted());
}
