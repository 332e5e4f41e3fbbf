//! What becomes of each kind of operation when its connection breaks at each point of the exchange.
//!
//! A client cannot tell how far a request came that it has sent, so that only reads are repeated, and writes that may be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::transport::{ConnectionOptions, Transport};
use cosmosdb::{Container, ContainerProperties, CosmosClient, Emulator, EmulatorServer, Etag};
use serde_json::json;

use super::operation::{self, Kind};
use super::proxy::{Fault, Manner, Point, Proxy};

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Done,
    /// No answer, and nobody knows whether it happened.
    Unknown,
    /// This status, which may be about the operation's own work.
    RefusedInDoubt(u16),
}

use Ending::{Done, RefusedInDoubt, Unknown};

/// Attempts, ending, and how often the write is stored, when the request did not come through and when it did.
type Row = (Kind, Option<bool>, (usize, Ending, i64), (usize, Ending, i64));

#[rustfmt::skip]
const TABLE: [Row; 20] = [
    // kind, repeated in doubt, the service did not see it, it did and the answer was lost
    (Kind::Read,           None,        (2, Done, 0),    (2, Done, 0)),
    (Kind::Query,          None,        (2, Done, 0),    (2, Done, 0)),
    (Kind::ChangeFeed,     None,        (2, Done, 0),    (2, Done, 0)),
    (Kind::Create,         None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Upsert,         None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Replace,        None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::ReplaceIfMatch, None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Patch,          None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Delete,         None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Batch,          None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Execute,        None,        (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Create,         Some(false), (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Batch,          Some(false), (1, Unknown, 0), (1, Unknown, 1)),
    (Kind::Create,         Some(true),  (2, Done, 1),    (2, RefusedInDoubt(409), 1)),
    (Kind::Upsert,         Some(true),  (2, Done, 1),    (2, Done, 1)),
    (Kind::Replace,        Some(true),  (2, Done, 1),    (2, Done, 1)),
    (Kind::ReplaceIfMatch, Some(true),  (2, Done, 1),    (2, RefusedInDoubt(412), 1)),
    (Kind::Patch,          Some(true),  (2, Done, 1),    (2, Done, 2)),
    (Kind::Delete,         Some(true),  (2, Done, 1),    (2, RefusedInDoubt(404), 1)),
    (Kind::Batch,          Some(true),  (2, Done, 1),    (2, RefusedInDoubt(409), 1)),
];

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account that is served, and a client that no proxy stands before.
struct Bench {
    clock: VirtualClock,
    emulator: Emulator,
    server: EmulatorServer,
    direct: Container,
    /// Of all clients: what it costs to make one, in an unoptimized build, is most of the cost of a test here.
    transport: Arc<dyn Transport>,
}

impl Bench {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
        let server = emulator.serve("127.0.0.1:0").unwrap();
        let client = emulator.client();
        client.create_database("d").send().unwrap();
        let database = client.database("d");
        database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
        let direct = database.container("c");
        operation::prepare(&direct);
        Self {
            clock,
            emulator,
            server,
            direct,
            transport: Arc::new(ConnectionOptions::new().build().unwrap()),
        }
    }

    fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The container through the proxy, with a connection that was in use already.
    fn through(&self, proxy: &Proxy, patience: Duration) -> Container {
        let client = CosmosClient::builder(&proxy.url())
            .key(self.emulator.key())
            .clock(self.clock.clone())
            .shared_transport(Arc::clone(&self.transport))
            .request_timeout(patience)
            .build()
            .unwrap();
        let items = client.database("d").container("c");
        let warm_up = json!({ "id": "0", "pk": "other" });
        items.upsert_item(&warm_up).retry_writes(true).send().unwrap();
        items
    }

    fn seed(&self, key: &str) -> Etag {
        let seeded = self.direct.create_item(&json!({ "id": "1", "pk": key, "n": 0 })).send();
        seeded.unwrap().etag().unwrap()
    }

    fn check(&self, row: Row, point: Point, fault: Fault, patience: Duration) {
        let (kind, repeats, unseen, seen) = row;
        let lacks_body = point == Point::RequestBody && !kind.has_request_body()
            || point == Point::AnswerBody && !kind.has_answer_body();
        if lacks_body {
            return;
        }
        let key = format!("{kind:?} {repeats:?} {point:?} {fault:?}");
        let etag = self.seed(&key);
        let proxy = Proxy::start(self.addr(), Manner::Plain);
        let items = self.through(&proxy, patience);
        let before = proxy.count(kind.word());
        proxy.strike(kind.word(), point, fault);
        let outcome = kind.carry_out(&items, &key, &etag, repeats);
        let ending = match &outcome {
            Ok(()) => Done,
            Err(error) if !error.may_have_been_applied() => panic!("{key}: {error}"),
            Err(error) => error.status().map_or(Unknown, |it| RefusedInDoubt(it.as_u16())),
        };
        let attempts = proxy.count(kind.word()) - before;
        let expected = if point < Point::BeforeAnswer { unseen } else { seen };
        assert_eq!((attempts, ending, kind.stored(&self.direct, &key)), expected, "{key}");
    }
}

/// Each row in a thread of its own.
fn check_rows(rows: &[Row], check: impl Fn(Row) + Sync) {
    thread::scope(|scope| rows.iter().for_each(|row| drop(scope.spawn(|| check(*row)))));
}

#[test]
fn a_connection_that_is_closed_in_an_exchange_leaves_no_write_twice_and_none_untold() {
    let bench = Bench::new();
    check_rows(&TABLE, |row| {
        Point::ALL.iter().for_each(|point| bench.check(row, *point, Fault::Close, PATIENCE));
    });
}

#[test]
fn a_connection_that_is_reset_is_as_one_that_is_closed() {
    let bench = Bench::new();
    check_rows(&TABLE, |row| {
        Point::ALL.iter().for_each(|point| bench.check(row, *point, Fault::Reset, PATIENCE));
    });
}

/// Takes as long as the clients are patient, which must be long enough for a busy machine to answer the reads that are
/// repeated.
#[test]
fn an_exchange_that_stalls_ends_with_the_attempt_and_is_as_one_that_broke() {
    let bench = Bench::new();
    let patience = Duration::from_millis(1500);
    for_each_point(|point| {
        check_rows(&TABLE[..11], |row| bench.check(row, point, Fault::Stall, patience));
    });
}

fn for_each_point(check: impl Fn(Point) + Sync) {
    thread::scope(|scope| Point::ALL.iter().for_each(|it| drop(scope.spawn(|| check(*it)))));
}

/// The item is nearly as large as items can be.
#[test]
fn a_large_request_that_breaks_off_is_in_doubt_and_not_carried_out() {
    let bench = Bench::new();
    for fault in [Fault::Close, Fault::Reset] {
        let proxy = Proxy::start(bench.addr(), Manner::Plain);
        let items = bench.through(&proxy, PATIENCE);
        proxy.strike("create", Point::RequestBody, fault);
        let id = format!("{fault:?}");
        let large = json!({ "id": id, "pk": "a", "text": "x".repeat(1_900_000) });
        let error = items.create_item(&large).send().unwrap_err();
        assert!(error.may_have_been_applied(), "{error}");
        assert_eq!(proxy.count("create"), 1);
        assert!(bench.direct.read_item(&id, "a").send().unwrap_err().is_not_found());
    }
}

/// Nobody listens there any more.
#[test]
fn what_was_surely_not_sent_is_no_doubt_but_an_error() {
    let bench = Bench::new();
    let proxy = Proxy::start(bench.addr(), Manner::Plain);
    let items = bench.through(&proxy, PATIENCE);
    let etag = bench.seed("a");
    proxy.stop();
    for kind in Kind::ALL {
        let error = kind.carry_out(&items, "a", &etag, None).unwrap_err();
        assert!(!error.may_have_been_applied(), "{kind:?}: {error}");
        assert_eq!(error.diagnostics().unwrap().attempts().len(), 4, "{kind:?}: {error}");
        assert_eq!(kind.stored(&bench.direct, "a"), 0, "{kind:?}");
    }
}
